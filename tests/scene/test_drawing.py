"""What a drawn scene must be: the same every time, readable back, and told apart in noun and colour."""

import io
import json
import xml.etree.ElementTree as ET
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from studio.errors import BadInput
from studio.scene.artwork import PAINTS, fragment
from studio.scene.drawing import pixels, read_scene, render, scene_from_json, scene_to_json, to_svg
from studio.scene.scene import COLORS, MAX_THINGS, NATURAL, Scene, Thing
from studio.scene.scene_file import CREDIT, with_scene
from studio.scene.vocabulary import nouns

NAMES = [noun.name for noun in nouns()]
SCENE = Scene(
    (Thing("dog", "red", 0.2, 0.3, 0.4), Thing("car", NATURAL, 0.71234, 0.6, 0.25), Thing("sheep", "white", 1, 0, 0.1)),
    640,
    400,
    "yellow",
)


def alone(noun: str, color: str, side: int = 20) -> np.ndarray:
    return pixels(Scene((Thing(noun, color, 0.5, 0.5, 1.0),), 64, 64), side).astype(int)


def picture(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)


def test_the_same_scene_gives_the_same_bytes():
    assert render(SCENE) == render(SCENE)
    assert to_svg(SCENE) == to_svg(SCENE)
    with ThreadPoolExecutor(4) as pool:
        drawn = list(pool.map(lambda _: pixels(SCENE, 96).tobytes(), range(16)))
    assert set(drawn) == {pixels(SCENE, 96).tobytes()}


def test_every_noun_differs_from_every_other_at_twenty_pixels_natural_and_in_one_colour():
    for color in (NATURAL, "blue"):
        seen = {name: alone(name, color) for name in NAMES}
        for i, one in enumerate(NAMES):
            for other in NAMES[i + 1 :]:
                difference = np.abs(seen[one] - seen[other]).max(axis=-1)
                assert (difference > 40).mean() > 0.08, (one, other, color)


def test_every_colour_of_every_noun_is_nearest_to_its_own_paint():
    for name in NAMES:
        seen = {color: alone(name, color, 42) for color in COLORS}
        for color, drawn in seen.items():
            change = np.abs(drawn - seen["green" if color == "red" else "red"]).max(axis=-1)
            plain = change >= np.median(change[change > 60])  # away from the outlines, which mix with the paint
            paint = np.median(drawn[plain], axis=0)
            nearest = min(PAINTS, key=lambda c: float(np.square(paint - PAINTS[c]).sum()))
            assert nearest == color, (name, color, paint)


def test_the_colours_of_every_noun_are_told_apart_at_twenty_pixels():
    for name in NAMES:
        seen = [alone(name, color) for color in COLORS]
        for i, one in enumerate(seen):
            for j, other in enumerate(seen[:i]):
                clear = (np.abs(one - other).max(axis=-1) > 30).sum()
                assert clear >= 20, (name, COLORS[i], COLORS[j], clear)


def test_paints_of_the_eleven_colours_are_far_apart():
    paints = [np.array(PAINTS[color]) for color in COLORS]
    for i, one in enumerate(paints):
        for other in paints[i + 1 :]:
            assert np.linalg.norm(one - other) > 70
    level = [sum(PAINTS[color]) for color in ("black", "gray", "white")]
    assert level == sorted(level)


def test_recolouring_keeps_lines_shade_and_kept_paints():
    red = fragment("apple", "red")
    assert 'stroke="#000"' in red
    assert "#b1cc33" in red.lower()  # the leaf
    assert "#ea5a47" not in red.lower()  # the natural red
    fills = {part.split('"')[0] for part in red.lower().split('fill="')[1:]} - {"none", "#b1cc33"}
    assert len(fills) >= 2


def test_glyphs_bring_no_ids_or_references_into_a_document():
    for name in NAMES:
        root = ET.fromstring(fragment(name, NATURAL))
        for element in root.iter():
            assert not {"id", "class", "style", "href"} & set(element.attrib), name
            assert not any("url(" in value for value in element.attrib.values()), name


def test_things_are_drawn_back_to_front_where_they_stand():
    apple, mouse = Thing("apple", "red", 0.25, 0.5, 0.5), Thing("apple", "blue", 0.25, 0.5, 0.5)
    blue_in_front = pixels(Scene((apple, mouse), 100, 100), 96)[48, 24]
    red_in_front = pixels(Scene((mouse, apple), 100, 100), 96)[48, 24]
    assert blue_in_front[2] > blue_in_front[0]
    assert red_in_front[0] > red_in_front[2]
    right_half = pixels(Scene((apple,), 100, 100), 96)[:, 50:]
    assert (right_half == 255).all()


def test_the_fast_pixels_are_the_rendered_picture_made_small():
    large = Image.open(io.BytesIO(render(SCENE, 768, 768))).convert("RGB").resize((96, 96), Image.Resampling.BOX)
    difference = np.abs(np.asarray(large).astype(int) - pixels(SCENE, 96))
    assert difference.mean() < 1.0
    assert (difference > 64).mean() < 0.001
    assert pixels(SCENE, 96).shape == (96, 96, 3)
    assert np.abs(picture(render(SCENE, 300, 300)) - pixels(SCENE, 300)).max() == 0


def test_things_at_and_beyond_the_edge_are_cut_off_without_an_error():
    outside = Scene((Thing("cat", "red", -2.0, 0.5, 0.3), Thing("cat", "red", 0.5, 0.5, 0.0005)), 64, 64)
    assert (pixels(outside, 96) == 255).all()
    half = pixels(Scene((Thing("backpack", "red", 0.0, 0.5, 0.6),), 64, 64), 96)
    assert (half[:, 40:] == 255).all()
    assert (half[:, :20] != 255).any()


def test_a_picture_has_the_size_that_was_asked_for():
    assert picture(render(SCENE)).shape == (400, 640, 3)
    assert picture(render(SCENE, width=320)).shape == (200, 320, 3)
    assert picture(render(SCENE, height=100)).shape == (100, 160, 3)
    assert picture(render(SCENE, 50, 70)).shape == (70, 50, 3)
    with pytest.raises(BadInput):
        render(SCENE, 100_000)


def test_a_scene_survives_the_trip_through_a_png_to_four_digits():
    back = read_scene(render(SCENE, 80))
    assert back is not None
    assert back == scene_from_json(scene_to_json(SCENE))
    assert back.things[1].x == 0.7123
    assert (back.width, back.height, back.background) == (640, 400, "yellow")
    full = Scene(tuple(Thing("tennis racket", "purple", 0.1234, 0.5678, 0.9999) for _ in range(MAX_THINGS)))
    assert read_scene(render(full, 32)) == full


def test_a_picture_without_a_scene_reads_as_none():
    plain = io.BytesIO()
    Image.new("RGB", (4, 4)).save(plain, "PNG")
    assert read_scene(plain.getvalue()) is None
    assert read_scene(b"\xff\xd8\xff\xe0 a photograph") is None
    assert read_scene(b"") is None


def test_a_damaged_scene_in_a_png_is_refused():
    png = render(SCENE, 32)
    at = png.index(b'"noun"')
    with pytest.raises(BadInput, match="damaged"):
        read_scene(png[:at] + b"x" + png[at + 1 :])
    with pytest.raises(BadInput, match="damaged"):
        read_scene(png[: at + 20])


GOOD = {"noun": "dog", "color": "red", "x": 0.5, "y": 0.5, "size": 0.2}


@pytest.mark.parametrize(
    "change",
    [
        {"width": 0},
        {"width": 1e9},
        {"height": True},
        {"background": "mauve"},
        {"background": ["white"]},
        {"things": {}},
        {"things": [GOOD] * (MAX_THINGS + 1)},
        {"things": [GOOD | {"noun": "dragon"}]},
        {"things": [GOOD | {"noun": "puppies"}]},
        {"things": [GOOD | {"color": "mauve"}]},
        {"things": [GOOD | {"x": 1.2}]},
        {"things": [GOOD | {"y": "0.5"}]},
        {"things": [GOOD | {"y": float("nan")}]},
        {"things": [GOOD | {"size": 0}]},
        {"things": [GOOD | {"size": None}]},
        {"things": [GOOD | {"onclick": "x"}]},
        {"things": ["dog"]},
        {"extra": 1},
    ],
)
def test_a_scene_with_any_field_out_of_its_range_is_refused(change):
    value = json.loads(scene_to_json(SCENE))
    assert scene_from_json(json.dumps(value)) == scene_from_json(scene_to_json(SCENE))
    with pytest.raises(BadInput):
        scene_from_json(json.dumps(value | change))


@pytest.mark.parametrize("text", ["", "null", "[]", "{", "[" * 5000, " " * 20_000, '{"things": []}'])
def test_text_that_is_no_scene_is_refused(text):
    with pytest.raises(BadInput):
        scene_from_json(text)


def test_an_invalid_scene_is_not_drawn():
    for thing in (Thing("dragon", "red", 0.5, 0.5, 0.2), Thing("dog", "mauve", 0.5, 0.5, 0.2)):
        with pytest.raises(BadInput):
            pixels(Scene((thing,)), 96)
        with pytest.raises(BadInput):
            render(Scene((thing,)))
    with pytest.raises(BadInput):
        to_svg(Scene((Thing("dog", "red", float("nan"), 0.5, 0.2),)))
    with pytest.raises(BadInput):
        pixels(Scene(background="mauve"), 96)


def test_png_and_svg_carry_the_credit():
    chunks = Image.open(io.BytesIO(render(SCENE, 32))).text
    assert chunks["Copyright"] == CREDIT
    assert chunks["r3-scene"] == scene_to_json(SCENE)
    assert CREDIT in to_svg(SCENE)
    ET.fromstring(to_svg(SCENE))


def test_the_chunks_leave_the_picture_as_it_was():
    plain = io.BytesIO()
    Image.new("RGB", (5, 3), "#123456").save(plain, "PNG")
    marked = with_scene(plain.getvalue(), SCENE)
    assert (picture(marked) == picture(plain.getvalue())).all()
    assert read_scene(marked) == scene_from_json(scene_to_json(SCENE))
