"""The critique that a perfect critic writes: a running tally of what is seen, then one edit (or a stop).

Every step is small: restate the demands, go through the things in reading order giving each its demand and the
running count, compare numbers, check places, and copy the faulty thing into the edit.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from studio.prompts import STOP_SENTENCE
from studio.scene.demands import Demands, Item
from studio.scene.edits import SceneEdit, Verb, apply, named, place, sentence, sizes_in
from studio.scene.judge import SIZE_RATIO, Failure, assign, failures, in_region, looks_like, related
from studio.scene.layout import free_cells
from studio.scene.places import COLUMNS, ROWS, SIZE_RANGES, SIZES, column_of, reading_order, row_of, size_word
from studio.scene.scene import Scene, Thing
from studio.scene.tokens import LABELS, NUMBERS
from studio.scene.vocabulary import noun_named


@dataclass(frozen=True)
class Critique:
    """What the critic writes, and its edit as a value over `scene` (things in reading order); None is a stop."""

    scene: Scene
    text: str
    edit: SceneEdit | None

    @property
    def answer(self) -> str:
        """What follows the thought."""
        return STOP_SENTENCE if self.edit is None else sentence(self.scene, self.edit).capitalize() + "."


def criticise(scene: Scene, demands: Demands, rng: random.Random) -> Critique:
    """The right critique of a scene; `rng` chooses among equally good places for a missing thing."""
    scene = replace(scene, things=tuple(scene.things[i] for i in reading_order(scene.things)))
    owner = assign(scene, demands)
    wrong = failures(scene, demands)
    parts = [_restated(demands), _seen(scene, demands, owner), _checked(scene, demands, owner, wrong)]
    text = " ; ".join(part for part in parts if part)
    return Critique(scene, text, _edit(scene, demands, owner, wrong, rng) if wrong else None)


def count_phrase(count: int, noun: str, color: str | None) -> str:
    """“three red cups”."""
    known = noun_named(noun)
    plural = known.plural if known is not None and count > 1 else noun
    return f"{NUMBERS[count]} {named(plural, color)}"


def _restated(demands: Demands) -> str:
    lines = [f"{LABELS[i]} {count_phrase(item.count, item.noun, item.color)}" for i, item in enumerate(demands.items)]
    return " ; ".join(lines)


def _seen(scene: Scene, demands: Demands, owner: Sequence[int | None]) -> str:
    counts = [0] * len(demands.items)
    lines = []
    for thing, who in zip(scene.things, owner, strict=True):
        # The place comes first: what lies there is then a look at one spot of the picture.
        spot = f"{place(column_of(thing), row_of(thing))} {size_word(thing)}"
        said = f"{spot} {looks_like(thing)} {thing.noun}"
        if who is not None:
            counts[who] += 1
            lines.append(f"{said} {_label(who, demands.items[who])} {NUMBERS[counts[who]]}")
            continue
        same = [i for i, item in enumerate(demands.items) if item.noun == thing.noun]
        fits = [i for i in same if demands.items[i].color in (None, looks_like(thing))]
        if fits:
            lines.append(f"{said} {_label(fits[0], demands.items[fits[0]])} extra")
        elif same:
            short = [i for i in same if owner.count(i) < demands.items[i].count]
            i = (short or same)[0]  # the one that the edit will serve
            lines.append(f"{said} {_label(i, demands.items[i])} wrong")
        else:
            lines.append(f"{said} none extra")
    return "seen " + (" ; ".join(lines) if lines else "none")


def _label(index: int, item: Item) -> str:
    return LABELS[index] + (f" wants {item.color}" if item.color else "")


def _checked(scene: Scene, demands: Demands, owner: Sequence[int | None], wrong: Sequence[Failure]) -> str:
    groups = [[t for t, o in zip(scene.things, owner, strict=True) if o == i] for i in range(len(demands.items))]
    faults = {(f.kind, f.item) for f in wrong}
    lines = []
    for i, (item, group) in enumerate(zip(demands.items, groups, strict=True)):
        short = item.count - len(group)
        verdict = f"missing {NUMBERS[short]}" if short else "ok"
        lines.append(f"{LABELS[i]} {NUMBERS[item.count]} has {NUMBERS[len(group)]} {verdict}")
    for i, item in enumerate(demands.items):
        if item.region:
            verdict = "wrong" if ("region", i) in faults else "ok"
            lines.append(f"{LABELS[i]} {item.region} : {_edge(groups[i], item.region)} {verdict}")
        if item.relation:
            word, j = item.relation
            near, far = _sides(word)
            verdict = "wrong" if ("position", i) in faults else "ok"
            lines.append(f"{LABELS[i]} {word} {LABELS[j]} : {_edge(groups[i], near)} {_edge(groups[j], far)} {verdict}")
        if item.size:
            word, target = item.size
            verdict = "wrong" if ("size", i) in faults else "ok"
            others = [target] if target is not None else [j for j in range(len(groups)) if j != i]
            lines.append(_size_line(i, word, others, groups) + f" {verdict}")
    return " ; ".join(lines)


def _sides(word: str) -> tuple[str, str]:
    return {
        "left of": ("left", "right"),
        "right of": ("right", "left"),
        "above": ("top", "bottom"),
        "below": ("bottom", "top"),
    }[word]


def _edge(group: Sequence[Thing], side: str) -> str:
    """The place word of the thing in a group that lies farthest from `side`: the one that decides."""
    if not group:
        return "none"
    index = column_of if side in ("left", "right") else row_of
    words = COLUMNS if side in ("left", "right") else ROWS
    reached = [index(t) for t in group]
    return words[max(reached) if side in ("left", "top") else min(reached)]


def _size_line(i: int, word: str, others: Sequence[int], groups: Sequence[Sequence[Thing]]) -> str:
    def extreme(things: Sequence[Thing], *, largest: bool) -> str:
        ranks = [SIZES.index(size_word(t)) for t in things]
        return SIZES[max(ranks) if largest else min(ranks)] if ranks else "none"

    mine = extreme(groups[i], largest=word == "smaller")
    theirs = extreme([t for j in others for t in groups[j]], largest=word == "larger")
    labels = " ".join(LABELS[j] for j in others)
    return f"{LABELS[i]} {word} {labels} : {mine} {theirs}"


def _edit(
    scene: Scene, demands: Demands, owner: Sequence[int | None], wrong: Sequence[Failure], rng: random.Random
) -> SceneEdit:
    """The edit for the first fault: things that nobody counts, then missing things, then places, then sizes."""
    short = [i for i, item in enumerate(demands.items) if owner.count(i) < item.count]
    for k, (thing, who) in enumerate(zip(scene.things, owner, strict=True)):
        if who is not None:
            continue
        same = [i for i in short if demands.items[i].noun == thing.noun]
        if same and demands.items[same[0]].color:
            return SceneEdit(Verb.RECOLOR, k, color=demands.items[same[0]].color)
        if short:
            item = demands.items[short[0]]
            return SceneEdit(Verb.REPLACE, k, noun=item.noun, color=item.color)
        return SceneEdit(Verb.REMOVE, k)
    if short:
        return _addition(scene, demands, short[0], owner, rng)
    return _rearrangement(scene, demands, owner, wrong)


def _addition(scene: Scene, demands: Demands, i: int, owner: Sequence[int | None], rng: random.Random) -> SceneEdit:
    item = demands.items[i]
    mates = [size_word(t) for t, o in zip(scene.things, owner, strict=True) if o == i]
    sizes = [mates[0]] if mates else [sizes_in(scene), "small", "medium", "large"]
    best: list[SceneEdit] = []
    least = None
    for size in dict.fromkeys(sizes if not mates else [*sizes, "small"]):
        for cell in free_cells(scene, sum(SIZE_RANGES[size]) / 2):
            edit = SceneEdit(Verb.ADD, noun=item.noun, color=item.color, cell=cell, size=size)
            left = len(failures(apply(scene, edit), demands))
            if least is None or left < least:
                best, least = [], left
            if left == least:
                best.append(edit)
        if best and item.size is None and all(o.size is None for o in demands.items):
            break  # the preferred size has room
    if best:
        first = best[0].size
        return rng.choice([e for e in best if e.size == first])
    size, cell = "small", (rng.randrange(5), rng.randrange(5))
    return SceneEdit(Verb.ADD, noun=item.noun, color=item.color, cell=cell, size=size)


def _rearrangement(scene: Scene, demands: Demands, owner: Sequence[int | None], wrong: Sequence[Failure]) -> SceneEdit:
    fault = wrong[0]
    assert fault.item is not None
    item = demands.items[fault.item]
    mine = [k for k, o in enumerate(owner) if o == fault.item]
    if fault.kind == "size":
        target = item.size[1] if item.size else None
        theirs = [k for k, o in enumerate(owner) if o is not None and (o == target or target is None)]
        every = [(k, s) for k in dict.fromkeys([*mine, *theirs]) for s in SIZES]
        edits = [SceneEdit(Verb.RESIZE, k, size=s) for k, s in every if s != size_word(scene.things[k])]
        return _least_failing(scene, demands, edits, lambda e: 0.0)
    offenders = _offenders(scene, demands, item, mine, owner, fault.kind)
    edits = [
        SceneEdit(Verb.RESIZE, k, size="small") for k in offenders if scene.things[k].size > SIZE_RANGES["small"][1]
    ]
    for k in offenders:
        here = (column_of(scene.things[k]), row_of(scene.things[k]))
        rest = replace(scene, things=(*scene.things[:k], *scene.things[k + 1 :]))
        edits += [SceneEdit(Verb.MOVE, k, cell=c) for c in free_cells(rest, scene.things[k].size) if c != here]
        edits += [SceneEdit(Verb.SWAP, k, other=j) for j in offenders if j != k and owner[j] != owner[k]]
    if not edits:  # nowhere to go: make room
        edits = [SceneEdit(Verb.REMOVE, k) for k in offenders]
    return _least_failing(scene, demands, edits, lambda e: _effort(scene, e))


def _effort(scene: Scene, edit: SceneEdit) -> float:
    """The nearer move is the better one, a swap is worse than a short move, and a change of size the last resort."""
    if edit.cell is None or edit.target is None:
        return 2.5 if edit.verb is Verb.SWAP else 20.0
    thing = scene.things[edit.target]
    return abs(edit.cell[0] - column_of(thing)) + 1.01 * abs(edit.cell[1] - row_of(thing))


def _offenders(
    scene: Scene, demands: Demands, item: Item, mine: Sequence[int], owner: Sequence[int | None], kind: str
) -> list[int]:
    """Things to try moving: those of the item that break its place, and for a relation the other side's too."""
    if item.region and kind == "region":
        placed = [(k, demands.items[o].region) for k, o in enumerate(owner) if o is not None]
        out = [k for k, r in placed if r is not None and not in_region(scene.things[k], r, scene)]
        return out or [k for k, r in placed if r is not None]
    if item.relation:
        word, j = item.relation
        theirs = [k for k, o in enumerate(owner) if o == j]
        a_b = [(a, b) for a in mine for b in theirs if not related(scene.things[a], word, scene.things[b], scene)]
        return list(dict.fromkeys([*(a for a, _ in a_b), *(b for _, b in a_b)])) or list(mine)
    return list(mine)


def violations(scene: Scene, demands: Demands) -> float:
    """How wrong a scene is: the judge's failures, and a tenth for every missing thing and every pair out of place or
    size, so that one step of several counts."""
    owner = assign(scene, demands)
    broken = 0
    for i, item in enumerate(demands.items):
        mine = [t for t, o in zip(scene.things, owner, strict=True) if o == i]
        broken += item.count - len(mine)
        if item.region:
            broken += sum(not in_region(t, item.region, scene) for t in mine)
        if item.relation:
            word, j = item.relation
            theirs = [t for t, o in zip(scene.things, owner, strict=True) if o == j]
            broken += sum(not related(a, word, b, scene) for a in mine for b in theirs)
        if item.size and item.size[1] is not None:
            other = [t for t, o in zip(scene.things, owner, strict=True) if o == item.size[1]]
            pairs = [(a, b) if item.size[0] == "larger" else (b, a) for a in mine for b in other]
            broken += sum(big.size < SIZE_RATIO * small.size for big, small in pairs)
    return len(failures(scene, demands)) + 0.1 * broken


def _least_failing(
    scene: Scene, demands: Demands, edits: Sequence[SceneEdit], cost: Callable[[SceneEdit], float]
) -> SceneEdit:
    return min(edits, key=lambda e: (violations(apply(scene, e), demands), cost(e)))
