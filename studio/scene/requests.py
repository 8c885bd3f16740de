"""How people ask for an edit: many phrasings of one change, for training a refiner that understands them."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from studio.scene.edits import SceneEdit, Verb, apply, article, named, place, sentence, sizes_in
from studio.scene.judge import in_region, looks_like, related
from studio.scene.layout import free_cells, random_color
from studio.scene.places import COLUMNS, ROWS, SIZE_RANGES, SIZES, column_of, row_of, size_word
from studio.scene.scene import MAX_THINGS, Scene, Thing
from studio.scene.tokens import NUMBERS
from studio.scene.vocabulary import noun_named, nouns

_HALVES = {"left": "on the left", "right": "on the right", "top": "at the top", "bottom": "at the bottom"}


@dataclass(frozen=True)
class Request:
    """A sentence and the changes that carry it out, one after the other (none removes and adds at once)."""

    text: str
    edits: tuple[SceneEdit, ...]


def random_request(scene: Scene, rng: random.Random) -> Request | None:
    """A random edit of a scene, said in the model's words or in a person's; None if the scene allows none."""
    verbs = [Verb.ADD] * (len(scene.things) < MAX_THINGS) * 3
    if scene.things:
        verbs += [Verb.REMOVE] * 3 + [Verb.RECOLOR] * 3 + [Verb.REPLACE] * 2 + [Verb.MOVE] * 3 + [Verb.RESIZE]
    if len(scene.things) > 1:
        verbs.append(Verb.SWAP)
    verb = rng.choice(verbs)
    if verb is Verb.ADD:
        return _add(scene, rng)
    k = rng.randrange(len(scene.things))
    thing = scene.things[k]
    if verb is Verb.REMOVE:
        edit = SceneEdit(verb, k)
        how = rng.choice(("remove", "delete", "erase", "take away", "get rid of", "remove", "drop"))
        return _either(scene, edit, f"{how} {refer(scene, k, rng)}", rng)
    if verb is Verb.RECOLOR:
        return _recolor(scene, k, rng)
    if verb is Verb.REPLACE:
        noun = rng.choice([n.name for n in nouns() if n.name != thing.noun])
        color = random_color(rng, noun, but="none") if rng.random() < 0.6 else None
        edit = SceneEdit(verb, k, noun=noun, color=color)
        new = article(named(noun, color))
        how = rng.choice(("replace {} with {}", "swap {} for {}", "change {} to {}", "turn {} into {}"))
        return _either(scene, edit, how.format(refer(scene, k, rng), new), rng)
    if verb is Verb.SWAP:
        other = rng.choice([i for i in range(len(scene.things)) if i != k])
        how = rng.choice(("swap {} with {}", "swap {} and {}"))
        free = how.format(refer(scene, k, rng), refer(scene, other, rng))
        return _either(scene, SceneEdit(verb, k, other=other), free, rng)
    return _resize(scene, k, rng) if verb is Verb.RESIZE else _move(scene, k, rng)


def refer(scene: Scene, k: int, rng: random.Random) -> str:
    """A way to point to thing k that fits no other thing of the scene."""
    thing = scene.things[k]
    color = looks_like(thing)
    full = f"the {named(_word(thing.noun, rng), color)} at the {_spot((column_of(thing), row_of(thing)), rng)}"
    ways = [full]
    if _only(scene, k, lambda t: t.noun == thing.noun):
        ways += [f"the {_word(thing.noun, rng)}"] * 3
    if _only(scene, k, lambda t: (t.noun, looks_like(t)) == (thing.noun, color)):
        ways += [f"the {named(_word(thing.noun, rng), color)}"] * 2
    for region, words in _HALVES.items():
        fits = partial(_same_noun_in, thing.noun, region, scene)
        if fits(thing) and _only(scene, k, fits):
            ways.append(f"the {_word(thing.noun, rng)} {words}")
    return rng.choice(ways)


def _spot(cell: tuple[int, int], rng: random.Random) -> str:
    """A place, now and then the other way round, as people say it."""
    return place(*cell) if rng.random() < 0.7 else f"{COLUMNS[cell[0]]} {ROWS[cell[1]]}"


def _word(noun: str, rng: random.Random) -> str:
    known = noun_named(noun)
    if known is not None and known.synonyms and rng.random() < 0.15:
        return rng.choice(known.synonyms)[0]
    return noun


def _same_noun_in(noun: str, region: str, scene: Scene, thing: Thing) -> bool:
    return thing.noun == noun and in_region(thing, region, scene)


def _only(scene: Scene, k: int, fits: Callable[[Thing], bool]) -> bool:
    return not any(fits(t) for i, t in enumerate(scene.things) if i != k)


def _either(scene: Scene, edit: SceneEdit, free: str, rng: random.Random) -> Request:
    text = sentence(scene, edit) if rng.random() < 0.5 else free
    if rng.random() < 0.1:
        text = rng.choice(("please {}", "just {}", "now {}", "{} please", "{} now")).format(text)
    text = text.capitalize() if rng.random() < 0.7 else text
    return Request(text + ("." if rng.random() < 0.7 else ""), (edit,))


def _recolor(scene: Scene, k: int, rng: random.Random) -> Request:
    thing = scene.things[k]
    color = random_color(rng, thing.noun, but=looks_like(thing))
    while color == "natural":
        color = random_color(rng, thing.noun, but=looks_like(thing))
    same = [i for i, t in enumerate(scene.things) if t.noun == thing.noun]
    if len(same) > 1 and rng.random() < 0.4:
        known = noun_named(thing.noun)
        plural = known.plural if known is not None else thing.noun
        how = rng.choice(
            ("make all the {} {}", "paint the {} {}", "make both {} {}" if len(same) == 2 else "color all {} {}")
        )
        return Request(how.format(plural, color), tuple(SceneEdit(Verb.RECOLOR, i, color=color) for i in same))
    how = rng.choice(("make {} {}", "paint {} {}", "color {} {}", "turn {} {}", "change {} to {}", "recolor {} to {}"))
    edit = SceneEdit(Verb.RECOLOR, k, color=color)
    return _either(scene, edit, how.format(refer(scene, k, rng), color), rng)


def _resize(scene: Scene, k: int, rng: random.Random) -> Request | None:
    now = SIZES.index(size_word(scene.things[k]))
    then = rng.choice([i for i in range(len(SIZES)) if i != now])
    edit = SceneEdit(Verb.RESIZE, k, size=SIZES[then])
    said = SIZES[then]
    if abs(then - now) == 1 and rng.random() < 0.7:
        said = rng.choice(("bigger", "larger")) if then > now else "smaller"
    return _either(scene, edit, f"make {refer(scene, k, rng)} {said}", rng)


def _move(scene: Scene, k: int, rng: random.Random) -> Request | None:
    thing = scene.things[k]
    rest = Scene(scene.things[:k] + scene.things[k + 1 :], scene.width, scene.height)
    cells = [c for c in free_cells(rest, thing.size) if c != (column_of(thing), row_of(thing))]
    if not cells:
        return None
    how = rng.choice(
        ("move {} to the {}", "put {} at the {}", "shift {} to the {}", "place {} in the {}", "bring {} to the {}")
    )
    style = rng.random()
    if style < 0.35 and rest.things:
        return _move_beside(scene, k, cells, rng)
    if style < 0.6:
        halves = {"left": (0, 1), "right": (3, 4), "top": (0, 1), "bottom": (3, 4)}
        half = rng.choice(list(halves))
        axis = 0 if half in ("left", "right") else 1
        inside = [c for c in cells if c[axis] in halves[half]]
        if inside and not in_region(thing, half, scene):
            cell = min(inside, key=lambda c: _distance(c, thing))
            if not in_region(apply(scene, SceneEdit(Verb.MOVE, k, cell=cell)).things[k], half, scene):
                return None
            return Request(how.format(refer(scene, k, rng), half), (SceneEdit(Verb.MOVE, k, cell=cell),))
    edit = SceneEdit(Verb.MOVE, k, cell=rng.choice(cells))
    return _either(scene, edit, how.format(refer(scene, k, rng), _spot(edit.cell or (0, 0), rng)), rng)


def _move_beside(scene: Scene, k: int, cells: list[tuple[int, int]], rng: random.Random) -> Request | None:
    anchor = rng.choice([i for i in range(len(scene.things)) if i != k])
    word = rng.choice(("left of", "right of", "above", "below"))
    said = {"left of": "to the left of", "right of": "to the right of"}.get(word, word)
    good = []
    for cell in cells:
        moved = apply(scene, SceneEdit(Verb.MOVE, k, cell=cell)).things[k]
        if related(moved, word, scene.things[anchor], scene):
            good.append(cell)
    if not good:
        return None
    cell = min(good, key=lambda c: _distance(c, scene.things[k]))
    text = f"move {refer(scene, k, rng)} {said} {refer(scene, anchor, rng)}"
    return Request(text, (SceneEdit(Verb.MOVE, k, cell=cell),))


def _distance(cell: tuple[int, int], thing: Thing) -> float:
    return abs(cell[0] - column_of(thing)) + 1.01 * abs(cell[1] - row_of(thing))


def _add(scene: Scene, rng: random.Random) -> Request | None:
    noun = rng.choice(nouns()).name
    color = random_color(rng, noun, but="none") if rng.random() < 0.6 else None
    size = rng.choice((*SIZES, sizes_in(scene), sizes_in(scene)))
    cells = free_cells(scene, sum(SIZE_RANGES[size]) / 2)
    if not cells:
        return None
    cell = rng.choice(cells)
    edit = SceneEdit(Verb.ADD, noun=noun, color=color, cell=cell, size=size)
    if size != sizes_in(scene):  # a size that is not the usual one has to be said
        return _either(scene, edit, sentence(scene, edit), rng)
    how = rng.choice(("add {}", "put {}", "place {}", "add {}", "draw {}"))
    thing = named(_word(noun, rng), color)
    if rng.random() < 0.15:
        more = rng.randint(2, 3)
        if len(cells) >= 8 and len(scene.things) + more <= MAX_THINGS:
            known = noun_named(noun)
            plural = named(known.plural if known is not None else noun, color)
            return _several(scene, how.format(f"{NUMBERS[more]} {plural}"), edit, more, rng)
    where = rng.choice((f" at the {_spot(cell, rng)}", f" in the {_spot(cell, rng)}", ""))
    if not where and rng.random() < 0.5:
        where = f" {_half_of(cell)}"
    return _either(scene, edit, how.format(article(thing)) + where.rstrip(), rng)


def _half_of(cell: tuple[int, int]) -> str:
    if cell[0] != 2:
        return _HALVES["left" if cell[0] < 2 else "right"]
    return _HALVES["top" if cell[1] < 2 else "bottom"] if cell[1] != 2 else "in the center"


def _several(scene: Scene, text: str, edit: SceneEdit, more: int, rng: random.Random) -> Request | None:
    edits: list[SceneEdit] = []
    for _ in range(more):
        cells = free_cells(scene, sum(SIZE_RANGES[edit.size or "small"]) / 2)
        if not cells:
            return None
        edits.append(SceneEdit(Verb.ADD, noun=edit.noun, color=edit.color, cell=rng.choice(cells), size=edit.size))
        scene = apply(scene, edits[-1])
    return Request(text, tuple(edits))
