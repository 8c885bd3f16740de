"""Glyphs as small pictures, kept and stamped: how training gets thousands of scenes a second.

A sprite is drawn by resvg at three or more times the wanted size and averaged down onto the pixel grid, at any
fractional position. That differs from drawing the whole scene large and averaging it down by less than one level
of 255 on average.
"""

from __future__ import annotations

import io
import math
from functools import lru_cache

import numpy as np
import resvg_py
from numpy.typing import NDArray
from PIL import Image

from studio.scene.artwork import fragment
from studio.scene.glyphs import BOX

MARGIN = 8  # transparent pixels around a sprite; more than one pixel of the canvas at any scale used
OVERSAMPLING = 3
LARGEST = 256  # pixels; bounds the memory of one sprite to 300 kB


@lru_cache(maxsize=2048)
def _sprite(noun: str, color: str, width: int, height: int) -> Image.Image:
    """The glyph at width × height pixels plus margins, colours multiplied by their opacity."""
    side, up = MARGIN * BOX / width, MARGIN * BOX / height
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width + 2 * MARGIN}" height="{height + 2 * MARGIN}" '
        f'viewBox="{-side} {-up} {BOX + 2 * side} {BOX + 2 * up}" preserveAspectRatio="none">'
        f"{fragment(noun, color)}</svg>"
    )
    with Image.open(io.BytesIO(resvg_py.svg_to_bytes(svg_string=svg, skip_system_fonts=True))) as picture:
        return picture.convert("RGBA").convert("RGBa")


def _level(length: float) -> int:
    """The power of two, 2 to LARGEST, that oversamples `length` pixels."""
    return min(LARGEST, 1 << max(1, math.ceil(math.log2(OVERSAMPLING * length))))


def stamp(
    canvas: NDArray[np.uint16], noun: str, color: str, left: float, top: float, width: float, height: float
) -> None:
    """Draw the glyph onto canvas [rows, columns, 3] (values 0 to 255), in place; its box is in pixels.

    A box under half a pixel, or wholly outside, leaves no mark.
    """
    rows, columns = canvas.shape[:2]
    x0, y0, x1, y1 = math.floor(left), math.floor(top), math.ceil(left + width), math.ceil(top + height)
    inside = slice(max(0, y0), min(rows, y1)), slice(max(0, x0), min(columns, x1))
    if min(width, height) < 0.5 or inside[0].start >= inside[0].stop or inside[1].start >= inside[1].stop:
        return
    wide, high = _level(width), _level(height)
    across, down = wide / width, high / height  # sprite pixels per canvas pixel
    box = (
        MARGIN + (x0 - left) * across,
        MARGIN + (y0 - top) * down,
        MARGIN + (x1 - left) * across,
        MARGIN + (y1 - top) * down,
    )
    small = _sprite(noun, color, wide, high).resize((x1 - x0, y1 - y0), Image.Resampling.BOX, box=box)
    patch = np.asarray(small)[inside[0].start - y0 : inside[0].stop - y0, inside[1].start - x0 : inside[1].stop - x0]
    under = canvas[inside]
    canvas[inside] = np.minimum((under * (255 - patch[..., 3:].astype(np.uint16)) + 127) // 255 + patch[..., :3], 255)
