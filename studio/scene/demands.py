"""What a brief demands of a scene, in GenEval's terms, and reading it from GenEval's metadata."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from studio.errors import BadInput
from studio.scene.scene import COLORS

REGIONS = ("left", "right", "top", "bottom")
RELATIONS = ("left of", "right of", "above", "below")
OPPOSITE = {"left of": "right of", "right of": "left of", "above": "below", "below": "above"}
_REGION_WORDS = {
    "left": "left",
    "left side": "left",
    "left half": "left",
    "right": "right",
    "right side": "right",
    "right half": "right",
    "top": "top",
    "upper": "top",
    "above": "top",
    "top half": "top",
    "upper half": "top",
    "bottom": "bottom",
    "lower": "bottom",
    "below": "bottom",
    "bottom half": "bottom",
    "lower half": "bottom",
}
_SIZE_WORDS = {"larger": "larger", "bigger": "larger", "large": "larger", "big": "larger", "larger than": "larger"} | {
    "smaller": "smaller",
    "small": "smaller",
    "smaller than": "smaller",
}
_RELATION_WORDS = {r: r for r in RELATIONS} | {
    "left": "left of",
    "to the left of": "left of",
    "right": "right of",
    "to the right of": "right of",
    "over": "above",
    "under": "below",
    "beneath": "below",
}


@dataclass(frozen=True)
class Item:
    """So many things of one noun, perhaps of one colour, in one half, or in a relation to another item.

    `relation` is (one of RELATIONS, index of the other item); `size` is ("larger" | "smaller", index of the
    other item, or None for every other item).
    """

    noun: str
    count: int = 1
    color: str | None = None
    region: str | None = None
    relation: tuple[str, int] | None = None
    size: tuple[str, int | None] | None = None


@dataclass(frozen=True)
class Demands:
    """All items of a brief; whatever no item asks for must not be there."""

    items: tuple[Item, ...]


def from_metadata(row: Mapping[str, Any]) -> Demands:
    """Demands of one line of a GenEval-format file: `include` with class, count, color, region, size, position.

    `exclude` needs no item of its own: counts are exact and things that nobody asked for are failures anyway.
    Raises BadInput naming the field that cannot be read.
    """
    include = row.get("include")
    if not isinstance(include, list) or not include:
        raise BadInput("A prompt's “include” is no list of objects. Use GenEval's format, one JSON object a line.")
    return Demands(tuple(_item(entry, len(include)) for entry in include))


def _item(entry: Any, among: int) -> Item:
    if not isinstance(entry, dict) or not isinstance(entry.get("class"), str):
        raise BadInput("An entry of “include” has no “class”. Use GenEval's format.")
    count = entry.get("count", 1)
    if not isinstance(count, int) or count < 1:
        raise BadInput(f"The count of “{entry['class']}” is {count!r}. Use a whole number from 1.")
    color = entry.get("color")
    color = "gray" if color == "grey" else color
    if color is not None and color not in COLORS:
        raise BadInput(f"The colour “{color}” is none of {', '.join(COLORS)}.")
    region = entry.get("region")
    relation, size = entry.get("position"), entry.get("size")
    # GenEval writes a relation as ["left of", 0]; a bare word is a half of the canvas.
    if isinstance(relation, str) and region is None:
        region, relation = relation, None
    if region is not None and region not in _REGION_WORDS:
        raise BadInput(f"The region “{region}” is none of {', '.join(REGIONS)}.")
    return Item(
        entry["class"],
        count,
        color,
        _REGION_WORDS[region] if region is not None else None,
        _pair(relation, _RELATION_WORDS, among, "position") if relation is not None else None,
        _sized(size, among) if size is not None else None,
    )


def _pair(value: Any, words: Mapping[str, str], among: int, field: str) -> tuple[str, int]:
    if not (isinstance(value, list) and len(value) == 2 and value[0] in words and isinstance(value[1], int)):
        raise BadInput(f"The {field} {value!r} is no pair of a relation and an index, such as [“left of”, 0].")
    if not 0 <= value[1] < among:
        raise BadInput(f"The {field} {value!r} points to an object that is not in “include”.")
    return words[value[0]], value[1]


def _sized(value: Any, among: int) -> tuple[str, int | None]:
    if isinstance(value, str) and value in _SIZE_WORDS:
        return _SIZE_WORDS[value], None
    return _pair(value, _SIZE_WORDS, among, "size")
