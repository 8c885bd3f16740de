from dataclasses import replace

import pytest

from studio.domain import (
    Author,
    Brief,
    Choice,
    Decision,
    Edit,
    Identity,
    Node,
    Reflection,
    Session,
    StopReason,
    best_node,
    decide,
    path_to_root,
    repeats,
    resume,
    seed_from_text,
    turn_of,
)
from studio.errors import BadInput

DONE = Reflection("all there", None, 1)
OPEN = Reflection("too few", "Add a ball.", 1)


def node(parent: int | None, edit: str = "", said: Reflection | None = None, score: float | None = None) -> Node:
    made_by = Edit(edit, Author.MODEL, edit) if edit else None
    return Node("0" * 64, 1, parent, made_by, (said,) if said else (), score=score)


def session(*nodes: Node, **changes: object) -> Session:
    made = Session(Brief("a ball"), Identity("scripted"), nodes=nodes, head=len(nodes) - 1 if nodes else None)
    return replace(made, **changes)  # type: ignore[arg-type]


TREE = session(node(None, said=OPEN), node(0, "Add a ball."), node(1, "Make it red."), node(0, "Add a dog."))


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"text": " \n\t"}, "The brief is empty. Say what the picture should show."),
        ({"text": "x" * 100_000}, "The brief has 100,000 characters; at most 2,000 are read. Shorten it."),
        ({"turn_limit": 0}, "The turn limit is 0. Choose a number from 1 to 12."),
        ({"turn_limit": 13}, "The turn limit is 13. Choose a number from 1 to 12."),
        ({"seed": -1}, "The seed is -1. Choose a whole number from 0 to 4294967295, or leave it empty."),
        ({"seed": 2**32}, "The seed is 4294967296. Choose a whole number"),
        ({"width": 63}, "The size is 63 × 512. Choose sides from 64 to 2048 pixels."),
        ({"height": 2049}, "The size is 512 × 2049. Choose sides"),
    ],
)
def test_a_brief_that_cannot_be_used_says_why_and_what_to_do(values: dict[str, object], said: str) -> None:
    with pytest.raises(BadInput) as caught:
        Brief(**{"text": "a ball", **values})  # type: ignore[arg-type]
    assert said in str(caught.value)


def test_briefs_at_the_limits_are_accepted() -> None:
    assert Brief("x" * 2000, 64, 2048, 2**32 - 1, 12).turn_limit == 12


def test_a_seed_that_is_no_number_is_refused_and_an_empty_one_is_drawn() -> None:
    with pytest.raises(BadInput, match="“12b” is no whole number"):
        seed_from_text(" 12b ")
    assert seed_from_text(" 4711 ") == 4711
    drawn = {seed_from_text("") for _ in range(8)}
    assert len(drawn) > 1
    assert all(0 <= seed < 2**32 for seed in drawn)


@pytest.mark.parametrize(("text", "said"), [("  ", "empty"), ("x" * 501, "501 characters")])
def test_a_persons_edit_is_neither_empty_nor_endless(text: str, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        Decision(Choice.OVERRIDE, text)


def test_the_path_to_the_root_and_the_turn_follow_the_parents() -> None:
    assert path_to_root(TREE, 2) == (0, 1, 2)
    assert path_to_root(TREE, 3) == (0, 3)
    assert [turn_of(TREE, i) for i in range(4)] == [0, 1, 2, 1]


def test_an_edit_repeats_only_on_its_own_path_and_whatever_its_case() -> None:
    assert repeats(TREE, 2, "add  A ball.")
    assert not repeats(TREE, 3, "Add a ball.")


def test_best_is_the_highest_score_and_not_the_last() -> None:
    scored = session(node(None, score=0.2), node(0, "a", score=0.9), node(1, "b", DONE, score=0.5))
    assert best_node(scored) == 1


def test_not_scored_is_not_zero() -> None:
    assert best_node(session(node(None, score=0.0), node(0, "a"))) == 0


def test_without_a_judge_best_is_the_satisfied_version_and_else_the_latest() -> None:
    assert best_node(session(node(None), node(0, "a", DONE), node(1, "b", OPEN))) == 1
    assert best_node(session(node(None), node(0, "a"), node(1, "b"))) == 2
    assert best_node(session()) is None


def test_deciding_on_an_earlier_version_makes_it_the_head_and_takes_an_ended_run_up_again() -> None:
    ended = replace(TREE, stop=StopReason.TURN_LIMIT)
    decided = decide(ended, 0, Decision(Choice.OVERRIDE, "Add a cat."))
    assert (decided.head, decided.stop, decided.nodes) == (0, None, TREE.nodes)


@pytest.mark.parametrize("index", [-1, 4])
def test_a_version_that_is_not_there_cannot_be_decided_on(index: int) -> None:
    with pytest.raises(BadInput, match="filmstrip"):
        decide(TREE, index, Decision(Choice.STOP))


@pytest.mark.parametrize("said", [None, DONE])
def test_only_a_proposed_edit_can_be_accepted(said: Reflection | None) -> None:
    with pytest.raises(BadInput, match="proposes no edit"):
        decide(session(node(None, said=said)), 0, Decision(Choice.ACCEPT))


@pytest.mark.parametrize("stop", list(StopReason))
def test_resuming_clears_interruptions_and_nothing_else(stop: StopReason) -> None:
    interrupted = {StopReason.CANCELLED, StopReason.ERROR, StopReason.UNPARSEABLE_CRITIQUE}
    stopped = replace(TREE, stop=stop, problem="because")
    assert resume(stopped) == (replace(TREE, problem="") if stop in interrupted else stopped)
