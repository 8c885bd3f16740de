"""Words that the report and the transcript share."""

from __future__ import annotations

import re
from dataclasses import dataclass

from studio.domain import Author, Session, StopReason

AUTHORS = {Author.MODEL: "Model", Author.PERSON: "Designer"}
_ENDINGS = {
    StopReason.SATISFIED: "The model found nothing left to edit",
    StopReason.TURN_LIMIT: "The turn limit was reached",
    StopReason.UNPARSEABLE_CRITIQUE: "The critique could not be read",
    StopReason.REPEATED_EDIT: "The model asked for an edit that was already made",
    StopReason.CANCELLED: "Cancelled; finished phases were kept",
    StopReason.STOPPED_BY_USER: "Stopped by the designer",
    StopReason.ERROR: "An error ended the run",
}
# Only a list has verdicts, one piece a line or between spaced semicolons: in prose an “ok” says nothing.
_BREAK = re.compile(r"\s+;\s+|\s*\n\s*")
_MET = re.compile(r"\b(?:ok|met|satisfied)\b|[✓✔]", re.IGNORECASE)
_UNMET = re.compile(
    r"\b(?:missing|extra|wrong|unmet|violated|(?:not|un)\s+(?:ok|met|satisfied)|too (?:many|few))\b|[✗✘]",
    re.IGNORECASE,
)
_THING = re.compile(r"\s*(?=#\d+\s)")
_BULLET = re.compile(r"^\s*(?:[-*•✓✔✗✘]\s*)+")


@dataclass(frozen=True)
class Remark:
    """One piece of a critique; `met` is None where it is no verdict."""

    text: str
    met: bool | None


def remarks(critique: str) -> tuple[Remark, ...]:
    """A critique piece by piece, each with its verdict; one piece without a verdict for prose."""
    pieces = [piece.strip() for piece in _BREAK.split(critique) if piece.strip()]
    if len(pieces) < 2:
        return tuple(Remark(piece, None) for piece in pieces)
    return tuple(Remark(_BULLET.sub("", piece), _verdict(piece)) for piece in pieces)


def _verdict(piece: str) -> bool | None:
    if _UNMET.search(piece):
        return False
    return True if _MET.search(piece) else None


def plan_pieces(plan: str) -> tuple[str, ...]:
    """A plan thing by thing (“#1 … #2 …”, lines, or spaced semicolons); one piece for prose."""
    pieces = [piece.strip() for part in _BREAK.split(plan) for piece in _THING.split(part)]
    return tuple(piece for piece in pieces if piece)


def version_name(index: int) -> str:
    """What a version is called, on the page and in an export; the draft is V1."""
    return f"V{index + 1}"


def ending(session: Session) -> str:
    """Why the run ended, in a sentence without its full stop."""
    return _ENDINGS[session.stop] if session.stop else "Not finished"


def duration(seconds: float) -> str:
    """Seconds as a person reads them: `0.24 s`, `3.4 s`, `2 min 5 s`."""
    if seconds < 0.01:
        return "under 0.01 s"
    if seconds < 60:
        return f"{seconds:.2f} s" if seconds < 1 else f"{seconds:.1f} s"
    return f"{int(seconds) // 60} min {int(seconds) % 60} s"


def slug(text: str, most: int = 40) -> str:
    """A text as part of a file name: letters and digits joined by `-`, cut at a word; may be empty."""
    words, name = re.findall(r"[^\W_]+", text.lower()), ""
    for word in words:
        if len(name) + len(word) >= most:
            break
        name = f"{name}-{word}" if name else word
    return name or "".join(words)[:most]
