"""Scenes that meet demands: sizes, cells of the place grid, and a little jitter."""

from __future__ import annotations

import math
import random
from dataclasses import replace

from studio.scene.demands import OPPOSITE, Demands, Item
from studio.scene.judge import in_region, is_right, related
from studio.scene.places import GRID, SIZE_RANGES, SIZES, cell_center, column_of, extents, reading_order, row_of
from studio.scene.scene import COLORS, MAX_THINGS, NATURAL, Scene, Thing
from studio.scene.vocabulary import noun_named

JITTER = 0.04
"""Drafts sit this close to their cell's centre, so that their place words are certain."""

_HALF = {"left of": "left", "right of": "right", "above": "top", "below": "bottom"}

ROOM = 0.9
"""Neighbours' centres are at least this share of touching apart, along one axis."""

LATTICE = 0.02
"""Positions and sizes are multiples of this, so that what an edit leaves alone stays exactly as it is."""


def snap(value: float) -> float:
    """The nearest multiple of LATTICE."""
    return round(round(value / LATTICE) * LATTICE, 4)


def arrange(
    demands: Demands,
    rng: random.Random,
    canvas: Scene,
    *,
    jitter: float = JITTER,
    halves: bool = True,
    room: float = ROOM,
) -> Scene | None:
    """A random scene on `canvas` that meets the demands, item by item in reading order; None if none was found.

    Colours that nobody asked for stay natural. With `halves` the two sides of a relation also keep to their halves of
    the canvas, which nobody can mistake. Less `room` lets boxes overlap, as they do when a model draws.
    """
    if sum(item.count for item in demands.items) > MAX_THINGS:
        return None
    sides = _sides(demands) if halves else [item.region for item in demands.items]
    for attempt in range(30):
        sizes = _size_words(demands, rng, smaller=attempt >= 12)
        scene = _place_all(demands, sides, sizes, rng, replace(canvas, things=()), jitter, room)
        if scene is not None and is_right(scene, demands):
            return _in_order(scene, demands)
    return None


def free_cells(scene: Scene, size: float) -> list[tuple[int, int]]:
    """Cells (column, row) in whose centre a thing of that size would overlap nothing, best first by no order."""
    cells = []
    for column in range(GRID):
        for row in range(GRID):
            probe = fit(Thing("", NATURAL, cell_center(column), cell_center(row), size), scene)
            inside = column_of(probe) == column and row_of(probe) == row
            if inside and not any(overlap(probe, t, scene) for t in scene.things):
                cells.append((column, row))
    return cells


def fit(thing: Thing, scene: Scene) -> Thing:
    """The thing moved so that its box lies within the canvas."""
    width, height = extents(thing, scene)
    return replace(thing, x=_within(thing.x, width / 2), y=_within(thing.y, height / 2))


def _within(center: float, half: float) -> float:
    """The multiple of LATTICE nearest to a centre at which the box lies inside."""
    least = math.ceil(half / LATTICE - 1e-9) * LATTICE
    return round(min(max(snap(center), least), 1 - least), 4) if least <= 0.5 else 0.5


def overlap(a: Thing, b: Thing, scene: Scene, room: float = ROOM) -> bool:
    """Whether two boxes are nearer than `room` of touching along both axes, or share a cell."""
    (aw, ah), (bw, bh) = extents(a, scene), extents(b, scene)
    near = abs(a.x - b.x) < room * (aw + bw) / 2 and abs(a.y - b.y) < room * (ah + bh) / 2
    return near or (column_of(a), row_of(a)) == (column_of(b), row_of(b))


def random_color(rng: random.Random, noun: str, *, but: str | None = None) -> str:
    """A colour that can be told from `but`; NATURAL only where a noun has no colour of its own to confuse it with."""
    known = noun_named(noun)
    choices = [c for c in COLORS if c != but]
    if but is not None and not (known and known.looks == but):
        choices += [NATURAL] * 3
    return rng.choice(choices)


def _size_words(demands: Demands, rng: random.Random, *, smaller: bool) -> list[str]:
    """One size word per item, honouring larger and smaller."""
    total = sum(item.count for item in demands.items)
    if total <= 2 and not smaller:
        base = rng.choice(("medium", "medium", "large", "small"))
    elif total <= 5 and not smaller:
        base = rng.choice(("medium", "small"))
    else:
        base = "small"
    words = [base] * len(demands.items)
    if total <= 3 and not smaller and rng.random() < 0.5:
        words = [rng.choice(SIZES[:2] if total == 3 else SIZES) for _ in words]
    said = {item.size[0] for item in demands.items if item.size}
    if said:
        low, high = rng.choice((("small", "medium"), ("small", "large"), ("medium", "large")))
        low, high = ("small", "medium") if total > 3 or smaller else (low, high)
        middle = high if said == {"smaller"} else low
        if len(said) == 2 and any(item.size is None for item in demands.items):
            low, middle, high = SIZES
        words = [{"larger": high, "smaller": low}[i.size[0]] if i.size else middle for i in demands.items]
    return words


def _sides(demands: Demands) -> list[str | None]:
    """The half that each item keeps to: its region's, or its side of a relation."""
    sides = [item.region for item in demands.items]
    for i, item in enumerate(demands.items):
        if item.relation is not None:
            word, j = item.relation
            sides[i] = sides[i] or _HALF[word]
            sides[j] = sides[j] or _HALF[OPPOSITE[word]]
    return sides


def _place_all(
    demands: Demands,
    sides: list[str | None],
    sizes: list[str],
    rng: random.Random,
    scene: Scene,
    jitter: float,
    room: float,
) -> Scene | None:
    groups: list[list[Thing]] = []
    for i, item in enumerate(demands.items):
        groups.append([])
        for _ in range(item.count):
            for _ in range(24):
                thing = _candidate(item, sizes[i], scene, rng, jitter)
                inside = sides[i] is None or in_region(thing, sides[i] or "", scene)
                clear = not any(overlap(thing, t, scene, room) for t in scene.things)
                if inside and clear and _relations_hold(i, thing, demands, groups, scene):
                    break
            else:
                return None
            groups[i].append(thing)
            scene = replace(scene, things=(*scene.things, thing))
    return scene


def _candidate(item: Item, size: str, scene: Scene, rng: random.Random, jitter: float) -> Thing:
    side = snap(rng.uniform(*SIZE_RANGES[size]))
    x = cell_center(rng.randrange(GRID)) + rng.uniform(-jitter, jitter)
    y = cell_center(rng.randrange(GRID)) + rng.uniform(-jitter, jitter)
    return fit(Thing(item.noun, item.color or NATURAL, x, y, side), scene)


def _relations_hold(i: int, thing: Thing, demands: Demands, groups: list[list[Thing]], scene: Scene) -> bool:
    for j, group in enumerate(groups):
        for a, b, word in ((i, j, demands.items[i].relation), (j, i, demands.items[j].relation)):
            if a != b and word is not None and word[1] == b:
                mine = word[0] if a == i else OPPOSITE[word[0]]
                if not all(related(thing, mine, t, scene) for t in group):
                    return False
    return True


def _in_order(scene: Scene, demands: Demands) -> Scene:
    """Items in the brief's order, each item's things in reading order: the order of plan lines and slots."""
    things: list[Thing] = []
    start = 0
    for item in demands.items:
        group = scene.things[start : start + item.count]
        things += [group[k] for k in reading_order(group)]
        start += item.count
    return replace(scene, things=tuple(things))
