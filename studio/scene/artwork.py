"""Glyphs and their recolouring: one file of `assets/artwork` in, an SVG fragment in a 72 × 72 box out.

A glyph keeps its flat fills in the groups `color` and `color-foreground` (`skin`, `hair` for people), its black
strokes in `line`, and what must never change colour (a lit lamp, a face) in `detail`.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from functools import lru_cache
from statistics import median
from xml.sax.saxutils import quoteattr

from studio.errors import BadInput
from studio.scene.scene import COLORS, NATURAL
from studio.scene.vocabulary import ARTWORK, Noun, noun_named

BOX = 72  # side of a glyph's view box, in its own units

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
    "orange": (0.28, 0.12),
    "yellow": (0.45, 0.14),
    "brown": (0.14, 0.30),
    "pink": (0.40, 0.12),
    "black": (0.14, 0.40),
    "white": (1.0, 0.12),
    "gray": (0.16, 0.20),
}
USUAL_SHIFT = (0.28, 0.28)

SHAPES = ("path", "circle", "ellipse", "rect", "line", "polyline", "polygon")
PAINTED_GROUPS = ("color", "color-foreground")
BODY_GROUPS = ("hair", "skin", "skin-shadow")
# Presentation attributes with their SVG initial value and the value that a fragment's outer group sets.
STYLE = {
    "fill": ("#000000", "none"),
    "stroke": ("none", "none"),
    "stroke-width": ("1", "2"),
    "stroke-linecap": ("butt", "round"),
    "stroke-linejoin": ("miter", "round"),
    "stroke-miterlimit": ("4", "4"),
    "fill-rule": ("nonzero", "nonzero"),
    "opacity": ("1", "1"),
    "fill-opacity": ("1", "1"),
    "stroke-opacity": ("1", "1"),
}
FRAME = (
    '<g fill="none" stroke="none" stroke-width="2" stroke-linecap="round" stroke-linejoin="round" '
    'stroke-miterlimit="4">{}</g>'
)
NAMED = {"black": "#000000", "white": "#ffffff"}

Paint = tuple[int, int, int]


@dataclass(frozen=True)
class Shape:
    """One shape with its effective style, its geometry and the name of the top-level group that it lies in."""

    tag: str
    geometry: tuple[tuple[str, str], ...]
    style: tuple[tuple[str, str], ...]
    group: str


def _number(paint: str) -> Paint:
    text = NAMED.get(paint, paint).lstrip("#")
    text = "".join(2 * digit for digit in text) if len(text) == 3 else text
    return int(text[0:2], 16), int(text[2:4], 16), int(text[4:6], 16)


def _lightness(paint: str) -> float:
    """Perceived lightness (CIE L*), 0 black to 1 white."""
    linear = [c / 3294.6 if c <= 10 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in _number(paint)]
    y = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return (1.16 * y ** (1 / 3) - 0.16) if y > 0.008856 else 9.033 * y


def _rules(root: ET.Element) -> dict[str, dict[str, str]]:
    """The class rules of a glyph's <style> elements, by class name."""
    rules: dict[str, dict[str, str]] = {}
    for element in root.iter():
        if element.tag.endswith("}style"):
            for names, body in re.findall(r"([^{}]+)\{([^}]*)\}", element.text or ""):
                for name in names.split(","):
                    rules.setdefault(name.strip().lstrip("."), {}).update(_declarations(body))
    return rules


def _declarations(text: str) -> dict[str, str]:
    pairs = (part.split(":", 1) for part in text.split(";") if ":" in part)
    return {name.strip(): value.strip() for name, value in pairs}


def _walk(
    element: ET.Element, inherited: dict[str, str], rules: dict[str, dict[str, str]], group: str, out: list[Shape]
) -> None:
    own = {name: value for name, value in element.attrib.items() if name in STYLE}
    for name in element.get("class", "").split():
        own |= rules.get(name, {})
    own |= _declarations(element.get("style", ""))
    style = inherited | {name: value for name, value in own.items() if name in STYLE and value != "inherit"}
    tag = element.tag.rpartition("}")[2]
    if tag in SHAPES:
        skipped = {*STYLE, "class", "style", "id"}
        geometry = tuple((k, v) for k, v in element.attrib.items() if k not in skipped and not k.startswith("{"))
        out.append(Shape(tag, geometry, tuple(style.items()), group))
    elif tag in ("svg", "g"):
        if element.get("transform") is not None:
            raise BadInput("A glyph has a transformed group. Apply the transform to its shapes and save it again.")
        for child in element:
            _walk(child, style, rules, group or child.get("id", "-"), out)


@lru_cache(maxsize=256)
def shapes(noun: Noun) -> tuple[Shape, ...]:
    """The noun's glyph as a flat list of shapes, back to front."""
    try:
        root = ET.fromstring((ARTWORK / noun.artwork).read_text(encoding="utf-8"))
    except (OSError, ET.ParseError) as error:
        raise BadInput(
            f"The drawing of “{noun.name}” cannot be read ({error}). Restore assets/artwork/{noun.artwork}."
        ) from error
    out: list[Shape] = []
    for child in root:
        _walk(child, {name: initial for name, (initial, _) in STYLE.items()}, _rules(root), child.get("id", "-"), out)
    return tuple(out)


def _shift(color: str, by: float) -> str:
    """The paint called `color`, moved towards white (by > 0) or black (by < 0); a full range of L* is 1."""
    lighter, darker = SHIFTS.get(color, USUAL_SHIFT)
    share = min(by, lighter) if by > 0 else min(-by, darker)
    goal = 255 if by > 0 else 0
    return "#" + "".join(f"{round(c + (goal - c) * share):02x}" for c in PAINTS[color])


def _recolored(all_shapes: tuple[Shape, ...], color: str) -> tuple[Shape, ...]:
    def paints(groups: tuple[str, ...]) -> list[str]:
        styles = (dict(shape.style) for shape in all_shapes if shape.group in groups)
        return [style[key] for style in styles for key in ("fill", "stroke") if style[key] != "none"]

    groups = PAINTED_GROUPS if paints(PAINTED_GROUPS) else PAINTED_GROUPS + BODY_GROUPS
    middle = median(map(_lightness, paints(groups)))
    out = []
    for shape in all_shapes:
        style = dict(shape.style)
        if shape.group in groups:
            for key in ("fill", "stroke"):
                if style[key] != "none":
                    style[key] = _shift(color, _lightness(style[key]) - middle)
        out.append(Shape(shape.tag, shape.geometry, tuple(style.items()), shape.group))
    return tuple(out)


@lru_cache(maxsize=2048)
def fragment(name: str, color: str) -> str:
    """The glyph of the noun called `name` in this colour (NATURAL or one of COLORS), as SVG in a 72 × 72 box.

    It has no ids, so that many can stand in one document. Raises BadInput for an unknown noun or colour.
    """
    noun = noun_named(name)
    if noun is None or noun.name != name:
        raise BadInput(f"“{name}” is not one of the nouns. Use a name from assets/artwork/nouns.json.")
    if color != NATURAL and color not in COLORS:
        raise BadInput(f"“{color}” is not a colour. Use {NATURAL} or one of: {', '.join(COLORS)}.")
    drawn = shapes(noun) if color == NATURAL else _recolored(shapes(noun), color)
    parts = []
    for shape in drawn:
        style = [(key, value) for key, value in shape.style if value != STYLE[key][1]]
        if dict(shape.style)["stroke"] == "none":
            style = [(key, value) for key, value in style if not key.startswith("stroke")]
        attributes = "".join(f" {key}={quoteattr(value)}" for key, value in (*style, *shape.geometry))
        parts.append(f"<{shape.tag}{attributes}/>")
    return FRAME.format("".join(parts))
