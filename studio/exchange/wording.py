"""Words that the page, the report and the transcript share."""

from __future__ import annotations

import re

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


def version_name(index: int) -> str:
    """What a version is called, on the page and in an export; the draft is V0."""
    return f"V{index}"


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
