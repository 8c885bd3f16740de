"""The few kinds of error the studio knows. Every message names the cause and ends with what to do."""

from __future__ import annotations


class StudioError(Exception):
    """Anything that is shown to a person as it stands; nothing stored is lost by it."""


class BadInput(StudioError):
    """A person's or a file's value cannot be used (empty brief, wrong seed, foreign ZIP …)."""


class Conflict(StudioError):
    """The session has moved on since the page read it, or a job is running on it."""


class LibraryError(StudioError):
    """The library cannot be opened, read or written (newer schema, missing picture, full disk …)."""


class BackendError(StudioError):
    """A model step failed; the finished phases stay."""


class UnparseableText(BackendError):
    """The model's text does not have the form that the phase needs."""


class Cancelled(Exception):  # an order that was obeyed, not an error to be shown
    """Raised by the step callback inside a backend, at the first model step after a cancel."""
