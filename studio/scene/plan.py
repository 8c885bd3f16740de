"""Plans: a scene as numbered lines of text, one object a line, in the order of the model's slots; and reading them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from studio.scene.edits import named, place
from studio.scene.layout import overlap
from studio.scene.places import COLUMNS, ROWS, SIZE_RANGES, SIZES, cell_center, column_of, row_of, size_word
from studio.scene.scene import COLORS, NATURAL, Scene, Thing
from studio.scene.tokens import LINES, NUMBERS

_LINE = re.compile(r"#\d+ (.+?)(?= #\d+ |$)")


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


def read_plan(text: str) -> tuple[Thing, ...]:
    """The things of a plan at their cells' centres; lines that are not of `plan_text`'s form are passed over."""
    things: list[Thing] = []
    for line in _LINE.findall(" ".join(text.split())):
        words = line.split()
        if len(words) < 5:
            continue
        row, column, size = words[-3:]
        color = words[0] if words[0] in COLORS and len(words) > 5 else NATURAL
        noun = " ".join(words[color != NATURAL : -4])
        if row in ROWS and column in COLUMNS and size in SIZES:
            x, y = cell_center(COLUMNS.index(column)), cell_center(ROWS.index(row))
            things.append(Thing(noun, color, x, y, sum(SIZE_RANGES[size]) / 2))
    return tuple(things)


def is_crowded(text: str, canvas: Scene, room: float = 0.8) -> bool:
    """Whether a plan puts things so near each other that one would hide much of another."""
    things = read_plan(text)
    return any(overlap(a, b, canvas, room) for k, a in enumerate(things) for b in things[:k])
