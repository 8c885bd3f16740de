"""What is shown of domain values."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from studio.domain import (
    Author,
    Brief,
    Edit,
    Identity,
    Mode,
    Node,
    Phase,
    Plan,
    Reflection,
    Session,
    StopReason,
)
from studio.store.library import Summary
from studio.ui import filmstrip, view, wording
from studio.worker import Status

HOSTILE = "<img src=x onerror=hurt()>\"'& ${hurt} {{brief}}"
NOW = datetime.now(UTC)


def address(sha256: str) -> str:
    return f"files/{sha256}.png"


def grown(*parents: int | None, text: str = "Add a cup.", author: Author = Author.MODEL) -> Session:
    """A session whose version i has the given parent."""
    edits = [None if parent is None else Edit(f"{text} {i}", author) for i, parent in enumerate(parents)]
    said = (Reflection("c", "e", 1),)
    nodes = tuple(Node(f"{i:064x}", i, parent, edits[i], said) for i, parent in enumerate(parents))
    return Session(Brief("a cup", mode=Mode.STEP), Identity("mini"), Plan("a plan"), nodes, head=len(nodes) - 1)


def test_nothing_that_people_or_models_write_becomes_markup():
    node = Node(
        "0" * 64, 1, 0, Edit(HOSTILE, Author.PERSON, HOSTILE), (Reflection(f"{HOSTILE}: ok\n{HOSTILE}", HOSTILE, 1),)
    )
    root = Node("1" * 64, 1)
    nodes = (root, node)
    session = Session(Brief(HOSTILE), Identity(HOSTILE), Plan(HOSTILE), nodes, 1, None, StopReason.ERROR, HOSTILE)
    summary = Summary(HOSTILE, HOSTILE, NOW, 1, HOSTILE, None)
    shown = [
        view.thoughts(session, 1), view.proposal(session, 1), view.picture(session, 1, lambda _: HOSTILE, False),
        view.progress(session, None), view.head(1, HOSTILE), view.notice(HOSTILE, "error"),
        view.library([summary], None, frozenset(), lambda _: HOSTILE, NOW), filmstrip.strip(session, 1, address),
        view.library([], None, frozenset(), address, NOW, HOSTILE),
    ]  # fmt: skip
    for html in shown:
        assert "&lt;img src=x" in html or html is shown[2]
        assert "<img src=x" not in html
        assert "\"'&" not in html


def test_a_persons_words_and_the_models_are_told_apart_by_icon_and_word():
    person, model = view.who(Author.PERSON), view.who(Author.MODEL)
    assert "You" in person
    assert "Model" in model
    assert person.split("</svg>")[0] != model.split("</svg>")[0]
    session = grown(None, 0, author=Author.PERSON)
    assert "Your edit: Add a cup. 1" in filmstrip.strip(session, 1, address)


def test_verdicts_are_said_in_words_beside_their_signs():
    html = view.critique(Reflection("cup: ok\nbench: missing", None, 1))
    assert html.count("Right: ") == html.count("Wrong: ") == 1


def test_a_branch_gets_a_lane_of_its_own_and_no_two_versions_share_a_place():
    session = grown(None, 0, 1, 0, 3, 1, 0)
    places = filmstrip.places(session)
    assert len(set(places)) == len(places)
    assert [p.column for p in places] == [0, 1, 2, 1, 2, 2, 1]
    assert places[0].lane == places[1].lane == places[2].lane == 0
    assert places[3].lane == places[4].lane
    assert len({places[i].lane for i in (2, 5, 3, 6)}) == 4


def test_best_and_last_are_marked_apart():
    session = grown(None, 0, 1)
    best = replace(session.nodes[1], reflections=(Reflection("fine", None, 1),))
    judged = replace(session, nodes=(session.nodes[0], best, session.nodes[2]))
    cards = filmstrip.strip(judged, 0, address).split("<button")
    assert "V1, best, from V0" in cards[2]
    assert "V2, last, from V1" in cards[3]
    assert 'aria-pressed="true"' in cards[1]


@pytest.mark.parametrize("stop", list(StopReason))
def test_every_stop_is_said_in_words(stop: StopReason):
    said = wording.standing(replace(grown(None), stop=stop))
    assert said[0].isupper()
    assert stop.value not in said or stop in (StopReason.CANCELLED, StopReason.ERROR)
    assert wording.STOP_LABELS[stop]


def test_what_a_session_waits_for_is_said():
    assert "Your turn" in wording.standing(grown(None))
    assert "Interrupted before drafting" in wording.standing(replace(grown(), head=None))


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (Status("s", "queued", 3), "Queued: 2 before this one"),
        (Status("s", "queued", 1), "Queued: next in line"),
        (Status("s", "loading", 0), "Loading the model …"),
        (Status("s", "running", 0, Phase.REFINE, 2, 7, 8, 0.21), "Refining 7/8 · turn 2 of 4 · about 0.2 s"),
        (Status("s", "running", 0, Phase.REASON), "Planning"),
        (Status("s", "running", 0, Phase.REFLECT, 5, 0, 0, 130.0), "Reflecting · turn 5 of 5 · about 2 min"),
        (Status("s", "cancelling", 0, Phase.DRAFT), "Cancelling … what is finished is kept"),
    ],
)
def test_progress_names_phase_turn_steps_and_time(status: Status, said: str):
    assert wording.doing(status, 4) == said


def test_the_library_groups_by_day_and_says_what_runs():
    old, new = NOW - timedelta(days=40), NOW
    items = [
        Summary("one", "One", new, 0, None, None),
        Summary("two", "Two", new, 1, "a" * 64, StopReason.TURN_LIMIT),
        Summary("three", "Three", old, 3, "b" * 64, None),
    ]
    html = view.library(items, "two", frozenset({"one"}), address, NOW)
    assert html.count("<h2>") == 2
    assert "<h2>Today</h2>" in html
    assert "no version yet · running" in html
    assert "1 version · turn limit" in html
    assert html.count('aria-current="true"') == 1


def test_a_files_address_is_quoted_and_relative():
    assert view.file_address("/a b/ü#?.png") == "gradio_api/file=/a%20b/%C3%BC%23%3F.png"
