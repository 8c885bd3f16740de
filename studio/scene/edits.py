"""Edits of a scene as values, what they do to it, and saying them in the model's own words."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

from studio.scene.judge import looks_like
from studio.scene.layout import fit, snap
from studio.scene.places import COLUMNS, ROWS, SIZE_RANGES, SIZES, cell_center, column_of, row_of, size_word
from studio.scene.scene import MAX_THINGS, NATURAL, Scene, Thing


class Verb(str, Enum):
    """What an edit does to one thing."""

    ADD = "add"
    REMOVE = "remove"
    RECOLOR = "recolor"
    REPLACE = "replace"
    MOVE = "move"
    SWAP = "swap"
    RESIZE = "resize"


@dataclass(frozen=True)
class SceneEdit:
    """One change. `target` is the index of the thing that is changed (None for ADD), `other` that of the thing that
    it changes places with (SWAP).

    `noun`, `color`, `cell` (column, row) and `size` (a size word) give what it becomes, where the verb needs them.
    """

    verb: Verb
    target: int | None = None
    noun: str = ""
    color: str | None = None
    cell: tuple[int, int] | None = None
    size: str | None = None
    other: int | None = None


def apply(scene: Scene, edit: SceneEdit) -> Scene:
    """The scene with the edit carried out; everything else stays as and where it is."""
    things = list(scene.things)
    if edit.verb is Verb.ADD:
        if len(things) < MAX_THINGS:
            things.append(_new_thing(scene, edit))
        return replace(scene, things=tuple(things))
    assert edit.target is not None
    old = things[edit.target]
    if edit.verb is Verb.REMOVE:
        del things[edit.target]
    elif edit.verb is Verb.RECOLOR:
        things[edit.target] = replace(old, color=edit.color or NATURAL)
    elif edit.verb is Verb.REPLACE:
        things[edit.target] = replace(old, noun=edit.noun, color=edit.color or NATURAL)
    elif edit.verb is Verb.MOVE:
        assert edit.cell is not None
        x, y = (cell_center(k) for k in edit.cell)
        # A word such as “left” keeps the other coordinate as it is.
        x, y = (old.x if column_of(old) == edit.cell[0] else x), (old.y if row_of(old) == edit.cell[1] else y)
        things[edit.target] = fit(replace(old, x=x, y=y), scene)
    elif edit.verb is Verb.SWAP:
        assert edit.other is not None
        things[edit.target] = fit(replace(old, x=things[edit.other].x, y=things[edit.other].y), scene)
        things[edit.other] = fit(replace(things[edit.other], x=old.x, y=old.y), scene)
    else:
        assert edit.size is not None
        things[edit.target] = fit(replace(old, size=_middle(edit.size)), scene)
    return replace(scene, things=tuple(things))


def _middle(size: str) -> float:
    return snap(sum(SIZE_RANGES[size]) / 2)


def _new_thing(scene: Scene, edit: SceneEdit) -> Thing:
    assert edit.cell is not None
    assert edit.size is not None
    x, y = (cell_center(k) for k in edit.cell)
    return fit(Thing(edit.noun, edit.color or NATURAL, x, y, _middle(edit.size)), scene)


def article(phrase: str) -> str:
    """`phrase` with a or an."""
    return f"{'an' if phrase[0] in 'aeiou' else 'a'} {phrase}"


def named(noun: str, color: str | None) -> str:
    """“red cup”, or just “cup” where no colour is to be said."""
    return noun if color in (None, NATURAL) else f"{color} {noun}"


def place(column: int, row: int) -> str:
    """“top far-left”."""
    return f"{ROWS[row]} {COLUMNS[column]}"


def reference(thing: Thing) -> str:
    """“the red cup at the top left”: how the model points to a thing that it sees."""
    return f"the {named(thing.noun, looks_like(thing))} at the {place(column_of(thing), row_of(thing))}"


def sentence(scene: Scene, edit: SceneEdit) -> str:
    """The edit in the model's own words, lower case, without a final stop."""
    new = named(edit.noun, edit.color)
    if edit.verb is Verb.ADD:
        assert edit.cell is not None
        assert edit.size is not None
        return f"add {article(f'{edit.size} {new}')} at the {place(*edit.cell)}"
    assert edit.target is not None
    old = scene.things[edit.target]
    if edit.verb is Verb.REMOVE:
        return f"remove {reference(old)}"
    if edit.verb is Verb.RECOLOR:
        return f"make {reference(old)} {edit.color}"
    if edit.verb is Verb.REPLACE:
        return f"replace {reference(old)} with {article(new)}"
    if edit.verb is Verb.SWAP:
        assert edit.other is not None
        return f"swap {reference(old)} with {reference(scene.things[edit.other])}"
    if edit.verb is Verb.MOVE:
        assert edit.cell is not None
        return f"move {reference(old)} to the {place(*edit.cell)}"
    return f"make {reference(old)} {edit.size}"


def sizes_in(scene: Scene) -> str:
    """The size word that a newcomer should have: that of the smallest thing there, medium on an empty canvas."""
    if not scene.things:
        return "medium"
    return min((size_word(t) for t in scene.things), key=SIZES.index)
