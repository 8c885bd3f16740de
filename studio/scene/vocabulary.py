"""The nouns of the scene world: the 80 GenEval classes, their plurals and synonyms, and the drawing of each.

The words stand in `assets/artwork/nouns.json`; their order there is the model's vocabulary order.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType

ARTWORK = Path(__file__).resolve().parents[2] / "assets" / "artwork"


@dataclass(frozen=True)
class Noun:
    """One kind of object.

    `synonyms` are further (singular, plural) pairs; `artwork` is a file below `assets/artwork`; `source` is
    "own" or the OpenMoji code point; `looks` is the colour a person would call the natural drawing, or None;
    `keeps` are paints of the drawing that recolouring leaves alone (the apple's leaf, the lamps of a traffic light).
    """

    name: str
    plural: str
    synonyms: tuple[tuple[str, str], ...]
    artwork: str
    source: str
    looks: str | None
    keeps: tuple[str, ...] = ()


@cache
def nouns() -> tuple[Noun, ...]:
    """All nouns in vocabulary order."""
    rows = json.loads((ARTWORK / "nouns.json").read_text(encoding="utf-8"))
    return tuple(
        Noun(
            row["noun"],
            row["plural"],
            tuple((one, many) for one, many in row["synonyms"]),
            row["artwork"],
            row["source"],
            row["looks"],
            tuple(row["keeps"]),
        )
        for row in rows
    )


@cache
def surfaces() -> Mapping[str, tuple[str, bool]]:
    """Every lower-case word or phrase that names a noun, with the noun's name and whether the form is plural.

    Where singular and plural are spelled alike (sheep, skis, scissors) the entry says singular.
    """
    found: dict[str, tuple[str, bool]] = {}
    for noun in nouns():
        for one, many in ((noun.name, noun.plural), *noun.synonyms):
            found.setdefault(one, (noun.name, False))
            found.setdefault(many, (noun.name, True))
    return MappingProxyType(found)


@cache
def _by_name() -> Mapping[str, Noun]:
    return {noun.name: noun for noun in nouns()}


def noun_named(text: str) -> Noun | None:
    """The noun that this word or phrase names, singular or plural, in any case and spacing; else None."""
    entry = surfaces().get(" ".join(text.lower().split()))
    return None if entry is None else _by_name()[entry[0]]


def nearest(word: str, n: int = 3) -> tuple[str, ...]:
    """Up to `n` known surface forms spelled most like `word`, best first, at most one per noun."""
    plain = " ".join(word.lower().split())
    found: dict[str, str] = {}
    for form in difflib.get_close_matches(plain, surfaces(), n=4 * n, cutoff=0.55):
        found.setdefault(surfaces()[form][0], form)
    return tuple(found.values())[:n]
