"""The built-in model's notation said in words."""

import random

import pytest

from studio.exchange.tally import Line, critique_lines, plan_lines
from studio.scene import faults, grammar
from studio.scene.critique import criticise
from studio.scene.layout import arrange
from studio.scene.plan import plan_text
from studio.scene.scene import Scene


def scenes():
    """Laid-out briefs, right and spoilt, with their demands."""
    for seed in range(60):
        rng = random.Random(seed)
        _, demands = grammar.random_brief(rng)
        scene = arrange(demands, rng, Scene())
        if scene is None:
            continue
        yield scene, demands
        if spoilt := faults.spoil(scene, demands, rng):
            yield spoilt[0], demands


def test_a_cross_stands_exactly_where_the_critic_wants_an_edit():
    seen = set()
    for scene, demands in scenes():
        critique = criticise(scene, demands, random.Random(0))
        wrong = [line for line in critique_lines(critique.text) if line.verdict is False]
        assert bool(wrong) == (critique.edit is not None), critique.text
        seen.add(critique.edit is not None)
    assert seen == {True, False}


def test_every_demand_gets_a_verdict_and_no_mark_of_the_notation_is_left():
    for scene, demands in scenes():
        lines = critique_lines(criticise(scene, demands, random.Random(0)).text)
        assert sum(line.verdict is not None for line in lines) >= len(demands.items)
        for line in lines:
            assert not any(mark in line.text for mark in (" ; ", "(1)", "#", "seen ", " wants ")), line
        assert sum(line.aside for line in lines) <= len(scene.things)


def test_a_plan_lists_each_thing_with_its_place():
    for scene, _ in scenes():
        nouns = [thing.noun for thing in scene.things]
        lines = plan_lines(plan_text(scene, [nouns.index(noun) for noun in nouns]))
        if len(scene.things) > 1:
            assert len(lines) == len(scene.things)
            assert all(where for _, where in lines)
            assert all(what.endswith(thing.noun) for thing, (what, _) in zip(scene.things, lines, strict=True))


def test_prose_is_left_as_it_is():
    prose = "No cup is missing here; it looks ok, and nothing is wrong."
    assert critique_lines(prose) == (Line(prose),)
    assert plan_lines("A quiet street; a red door.") == ()


@pytest.mark.parametrize(
    ("line", "verdict"),
    [("brown bench: ok", True), ("✓ brown bench", True), ("balloons: missing one", False), ("a bench, extra", False),
     ("- ✗ bench", False), ("the bench is not wrong at all here", None), ("the ok sign is red", None)],
)  # fmt: skip
def test_other_models_lines_count_by_their_sign_or_last_word(line: str, verdict: bool | None):
    assert critique_lines(f"{line}\nthe sky") == (Line(line.lstrip("-✓✗ "), verdict), Line("the sky"))


def test_a_thing_in_its_own_colour_is_named_without_one():
    lines = critique_lines("(1) one cow ; seen top left small natural cow (1) one ; (1) one has one ok")
    assert lines == (Line("one cow", True), Line("cow (top left, small)", aside=True))


def test_an_empty_critique_has_no_lines():
    assert critique_lines("  ") == ()
