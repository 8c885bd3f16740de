"""Wrong scenes for training and measuring a critic: a right one with one or a few things spoiled."""

from __future__ import annotations

import random
from dataclasses import replace

from studio.scene.demands import Demands
from studio.scene.edits import SceneEdit, Verb, apply
from studio.scene.judge import assign, is_right, looks_like
from studio.scene.layout import fit, free_cells, random_color
from studio.scene.places import SIZES, cell_center, size_word
from studio.scene.scene import MAX_THINGS, Scene
from studio.scene.vocabulary import nouns

FAULTS = {"missing": 1.0, "extra": 1.0, "unasked": 0.7, "color": 2.0, "noun": 2.0, "position": 3.0, "size": 2.0}
"""Kind of fault → weight. Those that not every scene can have weigh more, so that all kinds are met as often."""


def spoil(scene: Scene, demands: Demands, rng: random.Random, *, kind: str | None = None) -> tuple[Scene, str] | None:
    """The scene with one fault of `kind` (a random possible one when None), and its kind.

    None when that kind cannot spoil this scene.
    """
    kinds = [kind] if kind is not None else sorted(FAULTS, key=lambda k: -(rng.random() ** (1 / FAULTS[k])))
    for name in kinds:
        for _ in range(4):
            spoiled = _FAULT[name](scene, demands, rng)
            if spoiled is not None and not is_right(spoiled, demands):
                return spoiled, name
    return None


def _missing(scene: Scene, demands: Demands, rng: random.Random) -> Scene | None:
    if not scene.things:
        return None
    return apply(scene, SceneEdit(Verb.REMOVE, rng.randrange(len(scene.things))))


def _added(scene: Scene, noun: str, color: str | None, rng: random.Random) -> Scene | None:
    size = rng.choice([size_word(t) for t in scene.things] or ["medium"])
    side = {"small": 0.18, "medium": 0.3, "large": 0.46}[size]
    cells = free_cells(scene, side) or free_cells(scene, 0.18)
    if not cells or len(scene.things) >= MAX_THINGS:
        return None
    size = size if free_cells(scene, side) else "small"
    return apply(scene, SceneEdit(Verb.ADD, noun=noun, color=color, cell=rng.choice(cells), size=size))


def _extra(scene: Scene, demands: Demands, rng: random.Random) -> Scene | None:
    if not scene.things:
        return None
    twin = rng.choice(scene.things)
    return _added(scene, twin.noun, twin.color, rng)


def _unasked(scene: Scene, demands: Demands, rng: random.Random) -> Scene | None:
    asked = {item.noun for item in demands.items}
    noun = rng.choice([n.name for n in nouns() if n.name not in asked])
    return _added(scene, noun, random_color(rng, noun, but="none") if rng.random() < 0.4 else None, rng)


def _color(scene: Scene, demands: Demands, rng: random.Random) -> Scene | None:
    owner = assign(scene, demands)
    colored = [k for k, o in enumerate(owner) if o is not None and demands.items[o].color]
    if not colored:
        return None
    k = rng.choice(colored)
    thing = scene.things[k]
    color = random_color(rng, thing.noun, but=looks_like(thing))
    return apply(scene, SceneEdit(Verb.RECOLOR, k, color=color))


def _noun(scene: Scene, demands: Demands, rng: random.Random) -> Scene | None:
    if not scene.things:
        return None
    k = rng.randrange(len(scene.things))
    noun = rng.choice([n.name for n in nouns() if n.name != scene.things[k].noun])
    return apply(scene, SceneEdit(Verb.REPLACE, k, noun=noun, color=scene.things[k].color))


def _position(scene: Scene, demands: Demands, rng: random.Random) -> Scene | None:
    """Mirror the scene, swap two things, or move one."""
    if not scene.things:
        return None
    style = rng.random()
    things = list(scene.things)
    if style < 0.3:
        across = rng.random() < 0.5
        things = [replace(t, x=round(1 - t.x, 4)) if across else replace(t, y=round(1 - t.y, 4)) for t in things]
    elif style < 0.65 and len(things) > 1:
        a, b = rng.sample(range(len(things)), 2)
        one, two = things[a], things[b]
        things[a], things[b] = fit(replace(one, x=two.x, y=two.y), scene), fit(replace(two, x=one.x, y=one.y), scene)
    else:
        k = rng.randrange(len(things))
        rest = replace(scene, things=tuple(things[:k] + things[k + 1 :]))
        cells = free_cells(rest, things[k].size)
        if not cells:
            return None
        column, row = rng.choice(cells)
        things[k] = fit(replace(things[k], x=cell_center(column), y=cell_center(row)), scene)
    return replace(scene, things=tuple(things))


def _size(scene: Scene, demands: Demands, rng: random.Random) -> Scene | None:
    if not scene.things:
        return None
    k = rng.randrange(len(scene.things))
    size = rng.choice([s for s in SIZES if s != size_word(scene.things[k])])
    return apply(scene, SceneEdit(Verb.RESIZE, k, size=size))


_FAULT = {
    "missing": _missing,
    "extra": _extra,
    "unasked": _unasked,
    "color": _color,
    "noun": _noun,
    "position": _position,
    "size": _size,
}


def roughen(scene: Scene, rng: random.Random, amount: float) -> Scene:
    """Every thing moved by up to `amount`, as a model's own drawing does, still within the canvas."""
    moved = [
        fit(replace(t, x=t.x + rng.uniform(-amount, amount), y=t.y + rng.uniform(-amount, amount)), scene)
        for t in scene.things
    ]
    return replace(scene, things=tuple(moved))
