"""The scene world's language: what is said can be read back, drawn, judged and mended."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest

from studio.prompts import is_well_formed, parse_edit
from studio.scene.critique import criticise
from studio.scene.demands import Demands, Item
from studio.scene.edits import SceneEdit, Verb, apply, sentence
from studio.scene.faults import FAULTS, roughen, spoil
from studio.scene.grammar import KINDS, random_brief, random_demands, say
from studio.scene.judge import assign, failures, is_right
from studio.scene.layout import LATTICE, arrange, snap
from studio.scene.places import column_of, row_of, size_word
from studio.scene.plan import is_crowded, plan_text, read_plan
from studio.scene.requests import random_request
from studio.scene.scene import Scene, Thing
from studio.scene.tokens import LABELS, LINES, SPECIAL, Tokenizer, vocabulary

TOKENIZER = Tokenizer(vocabulary())


def some(n: int, seed: int = 0) -> list[tuple[str, Demands, Scene]]:
    rng, found = random.Random(seed), list[tuple[str, Demands, Scene]]()
    while len(found) < n:
        text, demands = random_brief(rng)
        scene = arrange(demands, rng, Scene())
        if scene is not None:
            found.append((text, demands, scene))
    return found


def test_the_tokenizer_knows_every_word_of_the_grammar() -> None:
    assert not {word for text, _, _ in some(300) for word in TOKENIZER.unknown(text)}


def test_plans_and_critiques_survive_the_tokenizer() -> None:
    rng = random.Random(1)
    for _, demands, scene in some(80):
        owners = [o or 0 for o in assign(scene, demands)]
        critique = criticise(scene, demands, rng)
        for text in (plan_text(scene, owners), critique.text):
            assert TOKENIZER.decode(TOKENIZER.encode(text)) == text


def test_every_word_that_counts_as_known_is_used_somewhere() -> None:
    rng, used = random.Random(0), set[str]()
    for text, demands, scene in some(1500, seed=21):
        texts = [text, plan_text(scene, [o or 0 for o in assign(scene, demands)])]
        request = random_request(scene, rng)
        spoiled = spoil(scene, demands, rng)
        critiques = [criticise(s, demands, rng) for s in (scene, *([spoiled[0]] if spoiled else []))]
        texts += [request.text if request else "", *(f"{c.text} {c.answer}" for c in critiques)]
        used |= {TOKENIZER.words[i] for t in texts for i in TOKENIZER.encode(t)}
    rare = {*SPECIAL, *LINES, *LABELS, "twelve", "eleven"}
    assert set(TOKENIZER.words) - used - rare == set()


def test_unknown_words_are_named_once_in_their_order() -> None:
    assert TOKENIZER.unknown("a Dragon beside three red cups and a dragon, 99 knights") == (
        "dragon",
        "beside",
        "99",
        "knights",
    )


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("Two SOFAS", ["two", "couch", "<s>"]),
        ("3 wine-glasses", ["three", "wine glass", "<s>"]),
        ("an orange orange", ["a", "orange", "orange"]),
        ("far left", ["far-left"]),
        ("<think> #3 red dog </think>", ["<think>", "#3", "red", "dog", "</think>"]),
    ],
)
def test_surface_forms_become_tokens(text: str, tokens: list[str]) -> None:
    assert [TOKENIZER.words[i] for i in TOKENIZER.encode(text)] == tokens


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_brief_can_be_said_and_laid_out(kind: str) -> None:
    rng = random.Random(kind)
    laid_out = 0
    for _ in range(30):
        demands = random_demands(rng, kind)
        assert say(demands, rng)
        scene = arrange(demands, rng, Scene(width=640, height=480))
        laid_out += scene is not None
        assert scene is None or is_right(scene, demands)
    assert laid_out >= 25


def test_layouts_lie_on_the_lattice_and_share_no_cell() -> None:
    for _, _, scene in some(60):
        cells = [(column_of(t), row_of(t)) for t in scene.things]
        assert len(set(cells)) == len(cells)
        assert all(snap(t.size) == t.size for t in scene.things)
        assert all(abs(t.x / LATTICE - round(t.x / LATTICE)) < 1e-6 or t.x in (snap(t.x),) for t in scene.things)


def test_a_right_scene_gets_a_stop_and_a_spoiled_one_an_edit() -> None:
    rng = random.Random(2)
    for _, demands, scene in some(120, seed=5):
        stop = criticise(scene, demands, rng)
        assert stop.edit is None
        assert parse_edit(f"<think>{stop.text}</think>{stop.answer}").edit is None
        spoiled = spoil(scene, demands, rng)
        if spoiled is not None:
            critique = criticise(spoiled[0], demands, rng)
            assert critique.edit is not None
            assert is_well_formed(f"<think>{critique.text}</think>{critique.answer}", has_answer=True)


@pytest.mark.parametrize("fault", FAULTS)
def test_following_the_critic_mends_most_pictures_in_a_few_turns(fault: str) -> None:
    rng, tried, mended = random.Random(fault), 0, 0
    for _, demands, scene in some(250, seed=11):
        spoiled = spoil(scene, demands, rng, kind=fault)
        if spoiled is None:
            continue
        now, tried = spoiled[0], tried + 1
        for _ in range(4):
            critique = criticise(now, demands, rng)
            if critique.edit is None:
                break
            now = apply(critique.scene, critique.edit)
        mended += is_right(now, demands)
    assert tried >= 10
    assert mended / tried >= 0.85


def test_the_tally_names_what_is_missing_extra_and_wrong() -> None:
    demands = Demands((Item("cup", 2, "red"), Item("fork")))
    scene = Scene(
        (
            Thing("cup", "red", 0.1, 0.1, 0.18),
            Thing("cup", "green", 0.5, 0.1, 0.18),
            Thing("spoon", "natural", 0.9, 0.1, 0.18),
        )
    )
    said = criticise(scene, demands, random.Random(0))
    assert said.text.startswith("(1) two red cups ; (2) one fork ; seen top far-left small red cup (1) wants red one ;")
    assert "top center small green cup (1) wants red wrong" in said.text
    assert "none extra" in said.text
    assert "(1) two has one missing one ; (2) one has zero missing one" in said.text
    assert said.answer == "Make the green cup at the top center red."


def test_an_edit_changes_what_it_names_and_nothing_else() -> None:
    a, b = Thing("cup", "red", 0.1, 0.1, 0.18), Thing("fork", "natural", 0.5, 0.5, 0.18)
    scene = Scene((a, b))
    assert apply(scene, SceneEdit(Verb.REMOVE, 0)).things == (b,)
    assert apply(scene, SceneEdit(Verb.RECOLOR, 0, color="blue")).things[1] == b
    moved = apply(scene, SceneEdit(Verb.MOVE, 1, cell=(4, 2))).things
    assert moved[0] == a
    assert (column_of(moved[1]), moved[1].y) == (4, b.y)
    assert size_word(apply(scene, SceneEdit(Verb.RESIZE, 1, size="large")).things[1]) == "large"
    added = SceneEdit(Verb.ADD, noun="dog", color="pink", cell=(4, 4), size="small")
    assert apply(scene, added).things[:2] == (a, b)
    assert sentence(scene, added) == "add a small pink dog at the bottom far-right"


def test_requests_use_known_words_and_change_the_scene() -> None:
    rng, verbs = random.Random(4), set[Verb]()
    for _, _, scene in some(300, seed=3):
        request = random_request(scene, rng)
        if request is not None:
            assert not TOKENIZER.unknown(request.text)
            after = scene
            for edit in request.edits:
                after = apply(after, edit)
                verbs.add(edit.verb)
            assert after != scene
    assert verbs == set(Verb)


def test_roughening_moves_things_a_little_and_keeps_them_inside() -> None:
    rng = random.Random(0)
    for _, _, scene in some(20):
        rough = roughen(scene, rng, 0.05)
        for before, after in zip(scene.things, rough.things, strict=True):
            assert abs(before.x - after.x) <= 0.07
            assert after.size / 2 - LATTICE <= after.x <= 1 - after.size / 2 + LATTICE


def test_a_plan_is_read_back_and_a_crowded_one_is_told_from_a_roomy_one() -> None:
    for _, demands, scene in some(60, seed=8):
        text = plan_text(scene, [o or 0 for o in assign(scene, demands)])
        said = [(t.noun, t.color, column_of(t), row_of(t), size_word(t)) for t in read_plan(text)]
        assert said == [(t.noun, t.color, column_of(t), row_of(t), size_word(t)) for t in scene.things]
    roomy = "#1 red wine glass one top left medium #2 dog one lower left medium"
    assert not is_crowded(roomy, Scene())
    assert is_crowded(roomy.replace("lower", "upper"), Scene())
    assert read_plan("a plan in prose, #1 of many") == ()


def test_plan_lines_count_up_within_each_demand() -> None:
    demands = Demands((Item("dog", 3), Item("cat")))
    scene = arrange(demands, random.Random(0), Scene())
    assert scene is not None
    text = plan_text(scene, [o or 0 for o in assign(scene, demands)])
    starts = [text.index(f"dog {word}") for word in ("one", "two", "three")]
    assert all(a < b for a, b in pairwise(starts))
    assert "cat one" in text
    assert not failures(scene, demands)
