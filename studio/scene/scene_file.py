"""Scenes as JSON, and the PNG text chunks that carry a scene and the artwork's credit with a picture."""

from __future__ import annotations

import json
import math
import struct
import zlib
from collections.abc import Iterator
from typing import Any

from studio.errors import BadInput
from studio.scene.scene import COLORS, MAX_THINGS, NATURAL, Scene, Thing
from studio.scene.vocabulary import noun_named

CREDIT = "Artwork: OpenMoji (openmoji.org), CC BY-SA 4.0"
KEYWORD = "r3-scene"
MAX_TEXT = 16_384  # bytes; a full scene takes about 1,500
MIN_SIDE, MAX_SIDE = 16, 4096
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
WHAT_TO_DO = "Use the picture without its scene, or export it again from the studio."


def scene_to_json(scene: Scene) -> str:
    """The scene in one canonical line: sorted keys, numbers rounded to four digits."""
    things = [
        {"noun": t.noun, "color": t.color, "x": round(t.x, 4), "y": round(t.y, 4), "size": round(t.size, 4)}
        for t in scene.things
    ]
    value = {"width": scene.width, "height": scene.height, "background": scene.background, "things": things}
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def scene_from_json(text: str) -> Scene:
    """The inverse of `scene_to_json`. Raises BadInput for anything but a complete, valid scene."""
    if len(text) > MAX_TEXT:
        raise BadInput(f"The scene is longer than {MAX_TEXT} characters. {WHAT_TO_DO}")
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadInput(f"The scene is not valid JSON. {WHAT_TO_DO}") from error
    fields = _fields(value, "scene", ("width", "height", "background", "things"))
    things = fields["things"]
    if not isinstance(things, list) or len(things) > MAX_THINGS:
        raise BadInput(f"The scene's things must be a list of at most {MAX_THINGS}. {WHAT_TO_DO}")
    return Scene(
        tuple(_thing(thing) for thing in things),
        _side(fields["width"], "width"),
        _side(fields["height"], "height"),
        _choice(fields["background"], "background", COLORS),
    )


def _thing(value: object) -> Thing:
    fields = _fields(value, "thing", ("noun", "color", "x", "y", "size"))
    noun = noun_named(fields["noun"]) if isinstance(fields["noun"], str) else None
    if noun is None or noun.name != fields["noun"]:
        raise BadInput(f"The scene has an unknown noun. {WHAT_TO_DO}")
    size = _share(fields["size"], "size")
    if size == 0:
        raise BadInput(f"The scene's size must be above 0. {WHAT_TO_DO}")
    color = _choice(fields["color"], "color", (NATURAL, *COLORS))
    return Thing(noun.name, color, _share(fields["x"], "x"), _share(fields["y"], "y"), size)


def _fields(value: object, what: str, names: tuple[str, ...]) -> dict[str, Any]:
    if not isinstance(value, dict) or set(value) != set(names):
        raise BadInput(f"A {what} must have exactly these fields: {', '.join(names)}. {WHAT_TO_DO}")
    return value


def _share(value: object, what: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise BadInput(f"The scene's {what} must be a number from 0 to 1. {WHAT_TO_DO}")
    return float(value)


def _side(value: object, what: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not MIN_SIDE <= value <= MAX_SIDE:
        raise BadInput(f"The scene's {what} must be {MIN_SIDE} to {MAX_SIDE} whole pixels. {WHAT_TO_DO}")
    return value


def _choice(value: object, what: str, allowed: tuple[str, ...]) -> str:
    if not isinstance(value, str) or value not in allowed:
        raise BadInput(f"The scene's {what} must be one of: {', '.join(allowed)}. {WHAT_TO_DO}")
    return value


def check_scene(scene: Scene) -> None:
    """Raise BadInput if a scene made in memory could not be read back from its own file."""
    numbers = [n for t in scene.things for n in (t.x, t.y, t.size)]
    if not all(math.isfinite(n) for n in numbers):
        raise BadInput("The scene has a number that is not finite. Place its objects again.")
    scene_from_json(scene_to_json(scene))


def _text_chunk(keyword: str, text: str) -> bytes:
    body = b"iTXt" + keyword.encode("latin-1") + b"\0\0\0\0\0" + text.encode("utf-8")
    return struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))


def with_scene(png: bytes, scene: Scene) -> bytes:
    """The PNG with the scene and the artwork's credit as iTXt chunks right after its header."""
    head = len(PNG_SIGNATURE) + 25  # IHDR: length 4, type 4, data 13, checksum 4
    texts = _text_chunk(KEYWORD, scene_to_json(scene)) + _text_chunk("Copyright", CREDIT)
    return png[:head] + texts + png[head:]


def _chunks(png: bytes) -> Iterator[tuple[bytes, bytes, bool]]:
    """Type, data and soundness of each chunk; ends early where the file is cut off."""
    at = len(PNG_SIGNATURE)
    while at + 12 <= len(png):
        (length,) = struct.unpack(">I", png[at : at + 4])
        body, check = png[at + 4 : at + 8 + length], png[at + 8 + length : at + 12 + length]
        yield body[:4], body[4:], check == struct.pack(">I", zlib.crc32(body))
        at += 12 + length


def read_scene(png: bytes) -> Scene | None:
    """The scene that a PNG carries; None where the file is no PNG or carries none.

    Raises BadInput for a scene that is damaged, too long, or has a value out of its range.
    """
    if not png.startswith(PNG_SIGNATURE):
        return None
    for kind, data, sound in _chunks(png):
        if kind != b"iTXt" or not data.startswith(KEYWORD.encode() + b"\0"):
            continue
        parts = data[len(KEYWORD) + 3 :].split(b"\0", 2)
        flags = data[len(KEYWORD) + 1 : len(KEYWORD) + 3]
        if not sound or flags != b"\0\0" or len(parts) != 3 or len(parts[2]) > MAX_TEXT:
            raise BadInput(f"The scene inside this picture is damaged. {WHAT_TO_DO}")
        try:
            return scene_from_json(parts[2].decode("utf-8"))
        except UnicodeDecodeError as error:
            raise BadInput(f"The scene inside this picture is damaged. {WHAT_TO_DO}") from error
    return None
