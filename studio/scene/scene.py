"""Scene values: a canvas and up to 16 coloured objects on it."""

from __future__ import annotations

from dataclasses import dataclass

NATURAL = "natural"
COLORS = ("red", "orange", "yellow", "green", "blue", "purple", "pink", "brown", "black", "white", "gray")
MAX_THINGS = 16


@dataclass(frozen=True)
class Thing:
    """One object. `x`, `y` are its centre as a share of the canvas' width and height (0, 0 is top left);
    `size` is the side of its square box as a share of the canvas' shorter side. `color` is NATURAL or one of COLORS.
    """

    noun: str
    color: str
    x: float
    y: float
    size: float


@dataclass(frozen=True)
class Scene:
    """A canvas in pixels and its objects, back to front; `background` is one of COLORS."""

    things: tuple[Thing, ...] = ()
    width: int = 512
    height: int = 512
    background: str = "white"
