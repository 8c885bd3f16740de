"""What a brief demands of a scene, in GenEval's terms, and reading it from GenEval's metadata."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from studio.errors import BadInput
from studio.scene.scene import COLORS
from studio.scene.vocabulary import noun_named

REGIONS = ("left", "right", "top", "bottom")
RELATIONS = ("left of", "right of", "above", "below")
OPPOSITE = {"left of": "right of", "right of": "left of", "above": "below", "below": "above"}
_REGION_WORDS = {
    "left": "left",
    "right": "right",
    "top": "top",
    "upper": "top",
    "above": "top",
    "bottom": "bottom",
    "lower": "bottom",
    "below": "bottom",
}
_SIZE_WORDS = {
    "larger": "larger",
    "bigger": "larger",
    "large": "larger",
    "big": "larger",
    "smaller": "smaller",
    "small": "smaller",
}
_RELATION_WORDS = {
    "left of": "left of",
    "left": "left of",
    "right of": "right of",
    "right": "right of",
    "above": "above",
    "over": "above",
    "on top of": "above",
    "below": "below",
    "under": "below",
    "underneath": "below",
    "beneath": "below",
}
_PADDING = re.compile(r"^(?:(?:to|on|in|at) )?(?:the )?|(?: (?:side|half|part|than))$")
"""What may stand around a word: “on the left side”, “to the left of”, “larger than”."""


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

    `exclude` needs no item of its own: counts are exact and things that nobody asked for are failures anyway. A class
    or colour that this world does not have is kept as it is: no picture can meet it, and the judge says so. Raises
    BadInput naming the field that cannot be read.
    """
    include = row.get("include")
    if not isinstance(include, list) or not include:
        raise BadInput("“include” is no list of objects. Use GenEval's format, one JSON object a line.")
    return Demands(tuple(_item(entry, index, len(include)) for index, entry in enumerate(include)))


def _item(entry: Any, index: int, among: int) -> Item:
    if not isinstance(entry, dict) or not isinstance(entry.get("class"), str):
        raise BadInput("An entry of “include” has no “class”. Use GenEval's format.")
    name = " ".join(entry["class"].replace("_", " ").split()).lower()
    known = noun_named(name)
    relation, region = entry.get("position"), entry.get("region")
    if isinstance(relation, str) and region is None:  # a bare word is a half of the canvas, not a relation
        relation, region = None, relation
    return Item(
        known.name if known is not None else name,
        _count(entry.get("count"), name),
        _color(entry.get("color")),
        None if region is None else _word(region, _REGION_WORDS, "region"),
        None if relation is None else _pair(relation, _RELATION_WORDS, index, among, "position"),
        _size(entry.get("size"), index, among),
    )


def _count(value: Any, name: str) -> int:
    if value is None:
        return 1
    if isinstance(value, bool) or not str(value).isdigit() or int(value) < 1:
        raise BadInput(f"The count of “{name}” is {value!r}. Use a whole number from 1.")
    return int(value)


def _color(value: Any) -> str | None:
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    if not isinstance(value, str):
        raise BadInput(f"The color {value!r} is no word. Use one of {', '.join(COLORS)}.")
    return {"grey": "gray"}.get(value.strip().lower(), value.strip().lower())


def _word(value: Any, words: Mapping[str, str], field: str) -> str:
    text = _PADDING.sub("", value.strip().lower()) if isinstance(value, str) else ""
    if text not in words:
        raise BadInput(f"The {field} {value!r} is not known. Use one of {', '.join(dict.fromkeys(words.values()))}.")
    return words[text]


def _pair(value: Any, words: Mapping[str, str], index: int, among: int, field: str) -> tuple[str, int]:
    if not (isinstance(value, list) and len(value) == 2 and type(value[1]) is int):
        raise BadInput(f"The {field} {value!r} is no pair of a word and an index, such as [“left of”, 0].")
    if not 0 <= value[1] < among or value[1] == index:
        raise BadInput(f"The {field} {value!r} points to no other object of “include”.")
    return _word(value[0], words, field), value[1]


def _size(value: Any, index: int, among: int) -> tuple[str, int | None] | None:
    if value is None:
        return None
    if isinstance(value, str):
        return _word(value, _SIZE_WORDS, "size"), None
    return _pair(value, _SIZE_WORDS, index, among, "size")
