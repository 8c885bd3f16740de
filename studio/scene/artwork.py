"""Recolouring: the glyph of a noun in one of eleven colours, its light and shade kept."""

from __future__ import annotations

import io
from collections.abc import Callable, Collection
from dataclasses import replace
from functools import lru_cache

import numpy as np
import resvg_py
from PIL import Image

from studio.errors import BadInput
from studio.scene.glyphs import BOX, Shape, markup, shapes
from studio.scene.scene import COLORS, NATURAL
from studio.scene.vocabulary import noun_named

PAINTS = {
    "red": (0xD9, 0x2B, 0x2B),
    "orange": (0xF6, 0x8A, 0x1E),
    "yellow": (0xFB, 0xE1, 0x2F),
    "green": (0x4F, 0xA2, 0x3A),
    "blue": (0x2F, 0x7F, 0xD8),
    "purple": (0x89, 0x44, 0xB8),
    "pink": (0xFF, 0x9F, 0xC6),
    "brown": (0x7D, 0x4E, 0x27),
    "black": (0x3A, 0x3A, 0x3A),
    "white": (0xFA, 0xFA, 0xFA),
    "gray": (0x9C, 0x9C, 0x9C),
}
# How far light and shade may move a paint towards white and towards black. Further, and a light red
# would be called pink, a dark orange brown, a light gray white.
SHIFTS = {
    "red": (0.12, 0.28),
    "orange": (0.14, 0.12),
    "yellow": (0.45, 0.14),
    "brown": (0.14, 0.30),
    "pink": (0.40, 0.12),
    "black": (0.14, 0.40),
    "white": (1.0, 0.12),
    "gray": (0.16, 0.20),
}
USUAL_SHIFT = (0.18, 0.28)

PAINTED_GROUPS = ("color", "color-foreground")
BODY_GROUPS = ("hair", "skin", "skin-shadow")
NAMED = {"black": "#000000", "white": "#ffffff"}


def _number(paint: str) -> tuple[int, int, int]:
    text = NAMED.get(paint, paint).lstrip("#")
    text = "".join(2 * digit for digit in text) if len(text) == 3 else text
    return int(text[0:2], 16), int(text[2:4], 16), int(text[4:6], 16)


def _lightness(paint: str) -> float:
    """Perceived lightness (CIE L*), 0 black to 1 white."""
    linear = [c / 3294.6 if c <= 10 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in _number(paint)]
    y = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return (1.16 * y ** (1 / 3) - 0.16) if y > 0.008856 else 9.033 * y


def _shift(color: str, by: float) -> str:
    """The paint called `color`, moved towards white (by > 0) or black (by < 0); a full range of L* is 1."""
    lighter, darker = SHIFTS.get(color, USUAL_SHIFT)
    share = min(by, lighter) if by > 0 else min(-by, darker)
    goal = 255 if by > 0 else 0
    return "#" + "".join(f"{round(c + (goal - c) * share):02x}" for c in PAINTS[color])


def _painted(shape: Shape, paint: Callable[[str], str]) -> Shape:
    """The shape with `paint` applied to its fill and its stroke, where it has them."""
    style = tuple(
        (key, paint(value) if key in ("fill", "stroke") and value != "none" else value) for key, value in shape.style
    )
    return replace(shape, style=style)


def _paints(shape: Shape) -> list[str]:
    return [value for key, value in shape.style if key in ("fill", "stroke") and value != "none"]


def _main_lightness(painted: list[Shape]) -> float:
    """The lightness that is seen on the largest area: it becomes the plain colour, the others its light and shade."""
    levels = sorted({_lightness(paint) for shape in painted for paint in _paints(shape)})
    # Draw each level as its own number in the green channel, without smoothing, and count pixels.
    marked = markup(_painted(s, lambda paint: f"#00{levels.index(_lightness(paint)) + 1:02x}00") for s in painted)
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {BOX} {BOX}">{marked}</svg>'
    png = resvg_py.svg_to_bytes(svg_string=svg, skip_system_fonts=True, shape_rendering="crisp_edges")
    with Image.open(io.BytesIO(png)) as picture:
        seen = np.bincount(np.asarray(picture.convert("RGB"))[..., 1].ravel(), minlength=len(levels) + 1)[1:]
    return levels[int(seen.argmax())]


def _recolored(drawn: tuple[Shape, ...], color: str, keeps: Collection[str]) -> tuple[Shape, ...]:
    groups: tuple[str, ...] = PAINTED_GROUPS
    if not any(shape.group in groups for shape in drawn):
        groups = BODY_GROUPS
    free = [shape.group in groups and not any(p.lower() in keeps for p in _paints(shape)) for shape in drawn]
    middle = _main_lightness([shape for shape, changes in zip(drawn, free, strict=True) if changes])

    def paint(old: str) -> str:
        return _shift(color, _lightness(old) - middle)

    return tuple(_painted(shape, paint) if changes else shape for shape, changes in zip(drawn, free, strict=True))


@lru_cache(maxsize=2048)
def fragment(name: str, color: str) -> str:
    """The glyph of the noun called `name` in this colour (NATURAL or one of COLORS), as SVG in a 72 × 72 box.

    Raises BadInput for an unknown noun or colour.
    """
    noun = noun_named(name)
    if noun is None or noun.name != name:
        raise BadInput(f"“{name}” is not one of the nouns. Use a name from assets/artwork/nouns.json.")
    if color != NATURAL and color not in COLORS:
        raise BadInput(f"“{color}” is not a colour. Use {NATURAL} or one of: {', '.join(COLORS)}.")
    drawn = shapes(noun)
    return markup(drawn if color == NATURAL else _recolored(drawn, color, noun.keeps))
