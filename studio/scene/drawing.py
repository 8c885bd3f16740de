"""From a scene to a picture: SVG at any size, PNG by resvg, and plain pixels for training."""

from __future__ import annotations

import io

import numpy as np
import resvg_py
from numpy.typing import NDArray
from PIL import Image

from studio.errors import BadInput
from studio.scene.artwork import fragment
from studio.scene.glyphs import BOX
from studio.scene.scene import Scene
from studio.scene.scene_file import (
    CREDIT,
    MAX_SIDE,
    check_scene,
    read_scene,
    scene_from_json,
    scene_to_json,
    with_scene,
)
from studio.scene.sprites import stamp

__all__ = ["BACKGROUNDS", "pixels", "read_scene", "render", "scene_from_json", "scene_to_json", "to_svg"]

# Soft tints, so that an object of the same colour still stands out; plain white for white.
BACKGROUNDS = {
    "red": "#eea79f",
    "orange": "#fbd0a0",
    "yellow": "#fdf2b0",
    "green": "#c9e6b6",
    "blue": "#bcdcf6",
    "purple": "#d8c5ec",
    "pink": "#fad7e7",
    "brown": "#cfb293",
    "black": "#4d4d4d",
    "white": "#ffffff",
    "gray": "#cdcdcd",
}
SPRITES_UP_TO = 128  # pixels; above, drawing directly is as true and needs no memory


def _check_background(scene: Scene) -> None:
    if scene.background not in BACKGROUNDS:
        raise BadInput(f"“{scene.background}” is not a background. Use one of: {', '.join(BACKGROUNDS)}.")


def _number(value: float) -> str:
    return f"{value:.3f}".rstrip("0").rstrip(".")


def _document(scene: Scene, width: int, height: int, extra: str = "") -> str:
    """The SVG text of the scene, stretched to width × height pixels; `extra` stands before the drawing."""
    _check_background(scene)
    side = min(scene.width, scene.height)
    parts = []
    for thing in scene.things:
        box = thing.size * side
        left, top = thing.x * scene.width - box / 2, thing.y * scene.height - box / 2
        place = f"translate({_number(left)} {_number(top)}) scale({box / BOX:.5f})"
        parts.append(f'<g transform="{place}">{fragment(thing.noun, thing.color)}</g>')
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {scene.width} {scene.height}" preserveAspectRatio="none">{extra}'
        f'<rect width="{scene.width}" height="{scene.height}" fill="{BACKGROUNDS[scene.background]}"/>'
        f"{''.join(parts)}</svg>"
    )


def _rendered(svg: str) -> bytes:
    # Fonts are never needed: looking for the system's would take longer than the drawing.
    return resvg_py.svg_to_bytes(svg_string=svg, skip_system_fonts=True)


def to_svg(scene: Scene) -> str:
    """A standalone SVG document of the scene, its objects back to front. Raises BadInput for an invalid scene."""
    check_scene(scene)
    return _document(scene, scene.width, scene.height, f"<metadata>{CREDIT}</metadata>") + "\n"


def _size(scene: Scene, width: int | None, height: int | None) -> tuple[int, int]:
    if width is None:
        width = scene.width if height is None else max(1, round(height * scene.width / scene.height))
    if height is None:
        height = max(1, round(width * scene.height / scene.width))
    if not (1 <= width <= MAX_SIDE and 1 <= height <= MAX_SIDE):
        raise BadInput(f"A picture of {width} × {height} pixels cannot be drawn. Ask for 1 to {MAX_SIDE}.")
    return width, height


def render(scene: Scene, width: int | None = None, height: int | None = None) -> bytes:
    """The scene as PNG bytes, which carry the scene itself and the artwork's credit as text.

    Sizes are pixels; one alone keeps the scene's proportions, both stretch it. The same scene gives the same
    bytes. Raises BadInput for an invalid scene or size.
    """
    check_scene(scene)
    across, down = _size(scene, width, height)
    return with_scene(_rendered(_document(scene, across, down)), scene)


def pixels(scene: Scene, side: int) -> NDArray[np.uint8]:
    """The same picture squashed to a square, [side, side, 3], red green blue; the fast path for training.

    It is what drawing large and averaging down gives: for small sides that is truer, and ten times faster, than
    drawing small, where thin lines lose weight. The scene's numbers are taken as they are; an unknown noun or
    colour raises BadInput.
    """
    _check_background(scene)
    tint = BACKGROUNDS[scene.background]
    if side > SPRITES_UP_TO:
        with Image.open(io.BytesIO(_rendered(_document(scene, side, side)))) as picture:
            return np.asarray(picture.convert("RGB"))
    canvas = np.empty((side, side, 3), np.uint16)
    canvas[:] = [int(tint[i : i + 2], 16) for i in (1, 3, 5)]
    short = min(scene.width, scene.height)
    for thing in scene.things:
        width, height = thing.size * short / scene.width * side, thing.size * short / scene.height * side
        stamp(canvas, thing.noun, thing.color, thing.x * side - width / 2, thing.y * side - height / 2, width, height)
    return canvas.astype(np.uint8)
