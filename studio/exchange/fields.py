"""Strict reading of session.json: every complaint is a BadInput that names the field."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import TypeVar

from studio.domain import MAX_SEED
from studio.errors import BadInput

_MOST = 1e9  # seconds and scores; also keeps integers that no float holds away from float()

T = TypeVar("T")
E = TypeVar("E", bound=Enum)


def complaint(where: str, wanted: str) -> str:
    """The sentence for a field that is not what it must be."""
    return f"session.json: {where} must be {wanted}. Export the session again."


@dataclass(frozen=True)
class Fields:
    """A JSON object and where it stands, so that every complaint names its field."""

    value: dict[str, object]
    where: str

    @classmethod
    def open(cls, value: object, where: str, keys: str) -> Fields:
        if not isinstance(value, dict):
            raise BadInput(complaint(where, "an object"))
        wanted, has = set(keys.split()), set(value)
        if wanted != has:
            names = ", ".join(sorted(str(key)[:40] for key in wanted ^ has))
            raise BadInput(complaint(where, f"an object with exactly the fields {keys}; missing or unknown: {names}"))
        return cls(value, where)

    def wrong(self, key: str, wanted: str) -> BadInput:
        return BadInput(complaint(f"{self.where}.{key}" if self.where != "session" else key, wanted))

    def text(self, key: str) -> str:
        value = self.value[key]
        if not isinstance(value, str) or any("\ud800" <= char <= "\udfff" for char in value):
            raise self.wrong(key, "a text")  # half a surrogate pair could not be written to any file
        return value

    def texts(self, *keys: str) -> dict[str, str]:
        return {key: self.text(key) for key in keys}

    def all_texts(self) -> dict[str, str]:
        return self.texts(*self.value)

    def text_or_none(self, key: str) -> str | None:
        return None if self.value[key] is None else self.text(key)

    def whole(self, key: str) -> int:
        value = self.value[key]
        if not isinstance(value, int) or isinstance(value, bool):
            raise self.wrong(key, "a whole number")
        return value

    def seed(self) -> int:
        if not 0 <= (seed := self.whole("seed")) <= MAX_SEED:
            raise self.wrong("seed", f"a whole number from 0 to {MAX_SEED}")
        return seed

    def number(self, key: str) -> float:
        value = self.value[key]
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= _MOST:
            raise self.wrong(key, "a number from 0 to a billion")
        return float(value)

    def index(self, key: str, end: int) -> int | None:
        if self.value[key] is None:
            return None
        if not 0 <= (index := self.whole(key)) < end:
            raise self.wrong(key, f"null or the index of a node before {end}")
        return index

    def option(self, key: str, kind: type[E]) -> E:
        try:
            return kind(self.value[key])
        except ValueError:
            raise self.wrong(key, "one of " + ", ".join(repr(member.value) for member in kind)) from None

    def optional(self, key: str, read: Callable[[object], T]) -> T | None:
        return None if self.value[key] is None else read(self.value[key])

    def array(self, key: str, most: int) -> list[dict[str, object]]:
        value = self.value[key]
        if not isinstance(value, list) or len(value) > most:
            raise self.wrong(key, f"a list of at most {most:,}")
        return value

    def moment(self, key: str) -> datetime:
        try:
            moment = datetime.fromisoformat(self.text(key))
        except ValueError:
            moment = None
        if moment is None or moment.tzinfo is None:
            raise self.wrong(key, "a date and time with its zone, such as 2026-01-31T12:00:00+00:00")
        return moment
