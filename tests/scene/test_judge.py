"""The judge is strict, and says why."""

from __future__ import annotations

import pytest

from studio.errors import BadInput
from studio.scene.demands import Demands, Item, from_metadata
from studio.scene.judge import failures, is_right
from studio.scene.scene import Scene, Thing


def scene(*things: Thing) -> Scene:
    return Scene(things)


def thing(noun: str, x: float = 0.5, y: float = 0.5, size: float = 0.2, color: str = "natural") -> Thing:
    return Thing(noun, color, x, y, size)


def kinds(found: Scene, *items: Item) -> set[str]:
    return {f.kind for f in failures(found, Demands(items))}


def test_the_right_picture_has_no_failures() -> None:
    assert is_right(scene(thing("dog", 0.2), thing("cat", 0.8)), Demands((Item("dog"), Item("cat"))))


def test_counts_are_exact() -> None:
    two = Item("dog", 2)
    assert kinds(scene(thing("dog", 0.2)), two) == {"count"}
    assert not kinds(scene(thing("dog", 0.2), thing("dog", 0.8)), two)
    assert kinds(scene(thing("dog", 0.1), thing("dog", 0.5), thing("dog", 0.9)), two) == {"count"}


def test_a_thing_that_nobody_asked_for_is_a_failure() -> None:
    found = failures(scene(thing("dog", 0.2), thing("cat", 0.8)), Demands((Item("dog"),)))
    assert [(f.kind, f.thing) for f in found] == [("unasked", 1)]
    assert "cat" in found[0].reason


def test_a_colour_must_be_the_one_asked_for() -> None:
    red = Item("dog", color="red")
    assert kinds(scene(thing("dog", color="green")), red) == {"color", "count"}
    assert not kinds(scene(thing("dog", color="red")), red)


def test_a_natural_banana_is_yellow_and_a_natural_dog_is_not_red() -> None:
    assert not kinds(scene(thing("banana")), Item("banana", color="yellow"))
    assert kinds(scene(thing("dog")), Item("dog", color="red"))


def test_colours_go_to_the_demand_that_names_them() -> None:
    both = scene(thing("dog", 0.2, color="red"), thing("dog", 0.8, color="blue"))
    assert not kinds(both, Item("dog", 1), Item("dog", 1, "red"))


@pytest.mark.parametrize(
    ("word", "x", "y"), [("left of", 0.2, 0.5), ("right of", 0.8, 0.5), ("above", 0.5, 0.2), ("below", 0.5, 0.8)]
)
def test_relations_need_a_clear_margin(word: str, x: float, y: float) -> None:
    items = (Item("cat"), Item("dog", relation=(word, 0)))
    assert not kinds(scene(thing("cat"), thing("dog", x, y)), *items)
    assert kinds(scene(thing("cat"), thing("dog", 1 - x, 1 - y)), *items) == {"position"}
    near = scene(thing("cat"), thing("dog", 0.5 + (x - 0.5) / 4, 0.5 + (y - 0.5) / 4))
    assert kinds(near, *items) == {"position"}


def test_every_thing_of_a_group_stands_in_the_relation() -> None:
    items = (Item("cat"), Item("dog", 2, relation=("left of", 0)))
    assert kinds(scene(thing("cat"), thing("dog", 0.1), thing("dog", 0.9)), *items) == {"position"}


def test_all_things_of_a_region_lie_in_that_half() -> None:
    left = Item("dog", 2, region="left")
    assert not kinds(scene(thing("dog", 0.1), thing("dog", 0.35)), left)
    assert kinds(scene(thing("dog", 0.1), thing("dog", 0.6)), left) == {"region"}
    assert kinds(scene(thing("dog", 0.1), thing("dog", 0.48, size=0.4)), left) == {"region"}


def test_opposite_halves_are_clear_of_each_other() -> None:
    items = (Item("dog", region="left"), Item("cat", region="right"))
    assert not kinds(scene(thing("dog", 0.2), thing("cat", 0.8)), *items)
    overlapping = scene(thing("dog", 0.42, size=0.198), thing("cat", 0.585, size=0.2))
    assert kinds(overlapping, *items) == {"region"}


def test_larger_means_a_ratio_of_at_least_1_3() -> None:
    items = (Item("dog"), Item("cat", size=("larger", 0)))
    assert not kinds(scene(thing("dog", 0.2, size=0.2), thing("cat", 0.7, size=0.26)), *items)
    assert kinds(scene(thing("dog", 0.2, size=0.2), thing("cat", 0.7, size=0.25)), *items) == {"size"}


def test_positions_count_in_shares_of_each_side() -> None:
    wide = Scene((thing("cat", 0.5, size=0.2), thing("dog", 0.36, size=0.2)), width=1024, height=512)
    assert is_right(wide, Demands((Item("cat"), Item("dog", relation=("left of", 0)))))


def test_geneval_metadata_is_read() -> None:
    row = {
        "include": [
            {"class": "teddy bear", "count": 1, "color": "grey", "region": "left", "size": "larger"},
            {"class": "dog", "count": 2, "position": ["right of", 0]},
        ],
        "exclude": [{"class": "dog", "count": 3}],
    }
    one, two = from_metadata(row).items
    assert one == Item("teddy bear", 1, "gray", "left", None, ("larger", None))
    assert two == Item("dog", 2, None, None, ("right of", 0), None)


@pytest.mark.parametrize(
    ("row", "cause"),
    [
        ({}, "“include” is no list"),
        ({"include": []}, "“include” is no list"),
        ({"include": ["dog"]}, "no “class”"),
        ({"include": [{"class": "dog", "count": 0}]}, "count of “dog” is 0"),
        ({"include": [{"class": "dog", "count": True}]}, "count of “dog” is True"),
        ({"include": [{"class": "dog", "color": 3}]}, "color 3 is no word"),
        ({"include": [{"class": "dog", "position": ["beside", 1]}, {"class": "cat"}]}, "'beside'|“beside”|position"),
        ({"include": [{"class": "dog", "position": [["left of"], 1]}, {"class": "cat"}]}, "position"),
        ({"include": [{"class": "dog", "position": ["left of", 4]}]}, "points to no other object"),
        ({"include": [{"class": "dog", "position": ["left of", 0]}]}, "points to no other object"),
        ({"include": [{"class": "dog", "region": "nowhere"}]}, "region 'nowhere'"),
        ({"include": [{"class": "dog", "region": ["left"]}]}, "region"),
        ({"include": [{"class": "dog", "size": "huge-ish"}]}, "size 'huge-ish'"),
    ],
)
def test_unreadable_metadata_is_refused_with_the_cause(row: dict[str, object], cause: str) -> None:
    with pytest.raises(BadInput, match=cause):
        from_metadata(row)


@pytest.mark.parametrize(
    ("entry", "item"),
    [
        ({"class": "sofa"}, Item("couch")),
        ({"class": "Wine_Glass", "count": "2"}, Item("wine glass", 2)),
        ({"class": "dog", "count": None, "color": None}, Item("dog")),
        ({"class": "dog", "region": "the left side"}, Item("dog", region="left")),
        ({"class": "dog", "region": "upper part"}, Item("dog", region="top")),
        ({"class": "dog", "position": "below"}, Item("dog", region="bottom")),
        ({"class": "dog", "position": ["to the left of", 1]}, Item("dog", relation=("left of", 1))),
        ({"class": "dog", "size": ["bigger than", 1]}, Item("dog", size=("larger", 1))),
        ({"class": "dog", "size": "Smaller"}, Item("dog", size=("smaller", None))),
    ],
)
def test_metadata_is_read_in_the_ways_that_people_write_it(entry: dict[str, object], item: Item) -> None:
    assert from_metadata({"include": [entry, {"class": "cat"}]}).items[0] == item


def test_what_this_world_does_not_have_is_never_met() -> None:
    for entry in ({"class": "unicorn"}, {"class": "dog", "color": "mauve"}):
        demands = from_metadata({"include": [entry]})
        assert failures(scene(thing("dog")), demands)


def test_the_verdict_does_not_depend_on_what_was_drawn_first() -> None:
    items = Demands((Item("dog"), Item("dog", region="left")))
    one, two = thing("dog", 0.2), thing("dog", 0.8)
    assert is_right(scene(one, two), items)
    assert is_right(scene(two, one), items)
