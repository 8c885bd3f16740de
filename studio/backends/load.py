"""Backends by the name that the command line and the page use."""

from __future__ import annotations

from studio.backends.protocol import Backend
from studio.errors import BadInput

BACKENDS = ("mini",)


def load_backend(name: str) -> Backend:
    """Load a backend; this is where torch is first imported. BadInput for a name that is none of BACKENDS."""
    if name == "mini":
        from studio.backends.mini import MiniBackend

        return MiniBackend.load()
    raise BadInput(f"There is no backend “{name}”. Choose one of: {', '.join(BACKENDS)}.")
