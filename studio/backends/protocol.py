"""The seam between the loop and whatever draws and sees."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from studio.domain import Brief, Identity, Picture

Step = Callable[[int, int], None]
"""Called by a backend after every model step with (done, total); raises Cancelled to end the phase."""


class Backend(Protocol):
    """Runs the four phases. Same arguments, same seed: same result.

    Every method may raise BackendError (shown to the person) and lets Cancelled from `step` pass.
    """

    @property
    def identity(self) -> Identity:
        """What is recorded with every session."""
        ...

    def unknown_words(self, text: str) -> tuple[str, ...]:
        """Words of a brief or an edit that this model does not know, in their order; () if it knows all."""
        ...

    def reason(self, brief: Brief, *, seed: int, step: Step) -> str:
        """The raw text of a plan: `<think>plan</think>`."""
        ...

    def draft(self, brief: Brief, plan: str, *, seed: int, step: Step) -> Picture:
        """The first picture, from brief and plan (the text inside the think block)."""
        ...

    def reflect(
        self, brief: Brief, picture: Picture, *, seed: int, step: Step, avoid: Sequence[str] = (), retry: int = 0
    ) -> str:
        """The raw critique and edit, `<think>critique</think>edit`, from the picture's pixels alone.

        `avoid` holds edits that the person does not want again; `retry` > 0 grants more tokens.
        """
        ...

    def refine(self, picture: Picture, edit: str, *, seed: int, step: Step) -> Picture:
        """The picture with the edit carried out; the brief is not read (method §1)."""
        ...
