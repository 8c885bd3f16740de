"""The strict judge: what is wrong with a scene that is to meet demands, with a reason for every failure."""

from __future__ import annotations

from dataclasses import dataclass

from studio.scene.demands import Demands, Item
from studio.scene.places import extents, reading_order
from studio.scene.scene import NATURAL, Scene, Thing
from studio.scene.vocabulary import noun_named

SIZE_RATIO = 1.3
SLACK = 0.1
"""Share of a box's extent that may reach over a border that it should be clear of."""


@dataclass(frozen=True)
class Failure:
    """One demand that is not met: its kind, the item's index (None: nobody asked), the thing's index if one is to
    blame, and a sentence."""

    kind: str
    item: int | None
    thing: int | None
    reason: str


def looks_like(thing: Thing) -> str:
    """The colour that a thing shows; a natural banana looks yellow, a natural cow just natural."""
    if thing.color != NATURAL:
        return thing.color
    noun = noun_named(thing.noun)
    return noun.looks if noun is not None and noun.looks else NATURAL


def assign(scene: Scene, demands: Demands) -> tuple[int | None, ...]:
    """For each thing the index of the item that counts it, None if no item does; first in reading order, first counted.

    So the verdict does not depend on what was drawn first.
    """
    left = [item.count for item in demands.items]
    owner: list[int | None] = [None] * len(scene.things)
    for index in reading_order(scene.things):
        thing = scene.things[index]
        fits = [
            i
            for i, item in enumerate(demands.items)
            if left[i] > 0 and item.noun == thing.noun and item.color in (None, looks_like(thing))
        ]
        # A demand for this very colour, and then for this half, has the first claim on it.
        fits.sort(key=lambda i: _claim(thing, demands.items[i], scene))
        if fits:
            owner[index] = fits[0]
            left[fits[0]] -= 1
    return tuple(owner)


def failures(scene: Scene, demands: Demands) -> tuple[Failure, ...]:
    """Everything that keeps a scene from meeting the demands; empty means right."""
    owner = assign(scene, demands)
    groups = [[t for t, o in zip(scene.things, owner, strict=True) if o == i] for i in range(len(demands.items))]
    found = [*_unowned(scene, demands, owner), *_missing(demands, groups)]
    for i, item in enumerate(demands.items):
        if item.region and not all(in_region(t, item.region, scene) for t in groups[i]):
            found.append(Failure("region", i, None, f"not every {item.noun} lies in the {item.region} half"))
        if item.region:
            found += _not_clear(i, item, demands, groups, scene)
        if item.relation:
            word, other = item.relation
            if not all(related(a, word, b, scene) for a in groups[i] for b in groups[other] if a is not b):
                found.append(Failure("position", i, None, f"{item.noun} is not {word} {demands.items[other].noun}"))
        if item.size:
            word, target = item.size
            if not _sized(i, word, target, demands, groups):
                found.append(Failure("size", i, None, f"{item.noun} is not clearly {word}"))
    return tuple(found)


def is_right(scene: Scene, demands: Demands) -> bool:
    """Whether a scene meets every demand."""
    return not failures(scene, demands)


def in_region(thing: Thing, region: str, scene: Scene) -> bool:
    """Whether a thing lies in a half of the canvas, but for a SLACK of its box."""
    width, height = extents(thing, scene)
    center, extent = (thing.x, width) if region in ("left", "right") else (thing.y, height)
    near_zero = region in ("left", "top")
    return (center if near_zero else 1 - center) + extent / 2 <= 0.5 + SLACK * extent


def related(a: Thing, word: str, b: Thing, scene: Scene) -> bool:
    """Whether `a` is left of, right of, above or below `b`, their boxes clear of each other along that axis."""
    (aw, ah), (bw, bh) = extents(a, scene), extents(b, scene)
    if word in ("left of", "right of"):
        distance, reach = (b.x - a.x), (aw + bw) / 2
    else:
        distance, reach = (b.y - a.y), (ah + bh) / 2
    if word in ("right of", "below"):
        distance = -distance
    return distance >= reach * (1 - SLACK)


def _claim(thing: Thing, item: Item, scene: Scene) -> tuple[bool, bool, bool]:
    """Lower is stronger."""
    elsewhere = item.region is not None and not in_region(thing, item.region, scene)
    return item.color is None, elsewhere, item.region is None


def _unowned(scene: Scene, demands: Demands, owner: tuple[int | None, ...]) -> list[Failure]:
    found = []
    for index, (thing, who) in enumerate(zip(scene.things, owner, strict=True)):
        if who is not None:
            continue
        same = [i for i, item in enumerate(demands.items) if item.noun == thing.noun]
        short = [i for i in same if owner.count(i) < demands.items[i].count]
        if short:
            wanted = demands.items[short[0]].color
            reason = f"a {thing.noun} is {looks_like(thing)}, not {wanted}"
            found.append(Failure("color", short[0], index, reason))
        elif same:
            found.append(Failure("count", same[0], index, f"one {thing.noun} too many"))
        else:
            found.append(Failure("unasked", None, index, f"nobody asked for a {thing.noun}"))
    return found


def _missing(demands: Demands, groups: list[list[Thing]]) -> list[Failure]:
    return [
        Failure("count", i, None, f"{len(group)} of {item.count} {item.color or ''} {item.noun}".replace("  ", " "))
        for i, (item, group) in enumerate(zip(demands.items, groups, strict=True))
        if len(group) < item.count
    ]


def _not_clear(i: int, item: Item, demands: Demands, groups: list[list[Thing]], scene: Scene) -> list[Failure]:
    """Two classes in opposite halves must also be clear of each other."""
    opposite = {"left": "right", "right": "left", "top": "bottom", "bottom": "top"}[item.region or ""]
    word = {"left": "left of", "right": "right of", "top": "above", "bottom": "below"}[item.region or ""]
    for j, other in enumerate(demands.items):
        opposed = j > i and other.region == opposite
        if opposed and not all(related(a, word, b, scene) for a in groups[i] for b in groups[j]):
            return [Failure("region", i, None, f"{item.noun} and {other.noun} overlap across the middle")]
    return []


def _sized(i: int, word: str, target: int | None, demands: Demands, groups: list[list[Thing]]) -> bool:
    others = [target] if target is not None else [j for j in range(len(groups)) if j != i]
    for j in others:
        other = demands.items[j].size
        if target is None and other is not None and other[0] == word:
            continue
        big, small = (groups[i], groups[j]) if word == "larger" else (groups[j], groups[i])
        if not all(a.size >= SIZE_RATIO * b.size for a in big for b in small):
            return False
    return True
