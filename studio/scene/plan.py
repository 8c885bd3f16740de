"""Plans: a scene as numbered lines of text, one object a line, in the order of the model's slots."""

from __future__ import annotations

from collections.abc import Sequence

from studio.scene.edits import named, place
from studio.scene.places import column_of, row_of, size_word
from studio.scene.scene import Scene
from studio.scene.tokens import LINES, NUMBERS


def plan_text(scene: Scene, items: Sequence[int]) -> str:
    """“#1 red cup one top left small #2 red cup two …”.

    `items[k]` says which demand thing k serves; within a demand the things are counted up, so that the last number
    of each demand can be held against the brief.
    """
    lines = []
    for k, thing in enumerate(scene.things):
        counted = NUMBERS[list(items[: k + 1]).count(items[k])]
        spot = f"{place(column_of(thing), row_of(thing))} {size_word(thing)}"
        lines.append(f"{LINES[k]} {named(thing.noun, thing.color)} {counted} {spot}")
    return " ".join(lines)
