"""Glyphs: one SVG file of `assets/artwork` as a flat list of styled shapes, and such shapes as SVG again.

A glyph keeps its flat fills in the groups `color` and `color-foreground` (`skin`, `hair` for people), its black
strokes in `line`, and what must never change colour (a screen, a lit lamp) in `detail`.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from xml.sax.saxutils import quoteattr

from studio.errors import BadInput
from studio.scene.vocabulary import ARTWORK, Noun

BOX = 72  # side of a glyph's view box, in its own units

SHAPES = ("path", "circle", "ellipse", "rect", "line", "polyline", "polygon")
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


@dataclass(frozen=True)
class Shape:
    """One shape with its effective style, its geometry and the name of the top-level group that it lies in."""

    tag: str
    geometry: tuple[tuple[str, str], ...]
    style: tuple[tuple[str, str], ...]
    group: str


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


def _markup(shape: Shape) -> str:
    style = [(key, value) for key, value in shape.style if value != STYLE[key][1]]
    if dict(shape.style)["stroke"] == "none":
        style = [(key, value) for key, value in style if not key.startswith("stroke")]
    attributes = "".join(f" {key}={quoteattr(value)}" for key, value in (*style, *shape.geometry))
    return f"<{shape.tag}{attributes}/>"


def markup(drawn: Iterable[Shape]) -> str:
    """The shapes as an SVG group in a 72 × 72 box. It has no ids, so that many can stand in one document."""
    return FRAME.format("".join(map(_markup, drawn)))
