"""What the page's events do, without a browser."""

import json
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote

import pytest

from studio.domain import Author, Brief, Choice, Edit, Mode, Phase, StopReason
from studio.errors import BadInput, Conflict, LibraryError
from studio.store.library import Library
from studio.ui import handlers
from studio.ui.handlers import Doubt, Form, Size
from studio.ui.screen import Controls, Desk, Place, look, place_of
from studio.worker import Worker
from tests.scripted import EDITS, Gate, ScriptedBackend

STEP = Form("two balloons", seed="5", mode=Mode.STEP.value)


@pytest.fixture
def backend() -> ScriptedBackend:
    return ScriptedBackend(unknown=("zeppelin",))


@pytest.fixture
def desk(tmp_path: Path, backend: ScriptedBackend) -> Iterator[Desk]:
    library = Library(tmp_path / "library")
    worker = Worker(library, lambda: backend)
    worker.start()
    yield Desk(library, worker, tmp_path / "exports")
    worker.close()
    library.close()


def begun(desk: Desk, form: Form = STEP) -> Place:
    place = handlers.begin(desk, form)
    assert isinstance(place, Place)
    settle(desk, place)
    return place


def settle(desk: Desk, place: Place) -> None:
    assert place.session
    assert desk.worker.wait(place.session, 30)


def revision(desk: Desk, place: Place) -> int:
    return look(desk, place).revision


def test_a_run_is_stored_with_its_seed_and_waits_for_a_decision(desk: Desk):
    place = begun(desk)
    screen = look(desk, place)
    stored = desk.library.load(place.session or "")
    assert stored.session.brief == Brief("two balloons", seed=5, mode=Mode.STEP)
    assert (screen.busy, screen.controls.accept, screen.controls.stop) == (False, True, True)
    assert EDITS[0] in screen.proposal
    assert f"file={desk.library.picture_path(stored.session.nodes[0].picture)}" in unquote(screen.picture)


def test_an_empty_seed_becomes_a_number_that_is_shown(desk: Desk):
    place = begun(desk, replace(STEP, seed=""))
    seed = desk.library.load(place.session or "").session.brief.seed
    assert f"seed {seed} " in look(desk, place).picture


@pytest.mark.parametrize(
    ("form", "told"),
    [
        (Form("  "), "empty"),
        (Form("a cup", seed="x"), "whole number"),
        (Form("a cup", seed="-1"), "seed is -1"),
        (Form("a cup", turns=0), "turn limit is 0"),
        (Form("a cup", turns=2.5), "no whole number"),
        (Form("a cup", turns=None), "no whole number"),
        (Form("a cup", size="9:1"), "not offered"),
    ],
)
def test_wrong_fields_are_refused_and_store_nothing(desk: Desk, form: Form, told: str):
    with pytest.raises(BadInput, match=told):
        handlers.begin(desk, form)
    assert desk.library.recent() == ()


def test_unknown_words_are_asked_about_once(desk: Desk):
    form = replace(STEP, text="a zeppelin")
    doubt = handlers.begin(desk, form)
    assert doubt == Doubt(("zeppelin",))
    assert "“zeppelin”" in doubt.message
    assert desk.library.recent() == ()
    assert isinstance(handlers.begin(desk, form, anyway=True), Place)


def test_a_sessions_form_makes_the_same_brief_again():
    for size in Size:
        brief = Brief("a cup", size.value[1], size.value[2], 3, 2, Mode.STEP)
        assert replace(handlers.brief_of(handlers.form_of(brief)), seed=3) == brief
    assert handlers.form_of(Brief("a cup", 100, 100)).size == ""


def test_an_override_is_the_persons_edit_on_the_shown_version(desk: Desk):
    place = begun(desk)
    handlers.choose(desk, place, revision(desk, place), Choice.ACCEPT)
    settle(desk, place)
    early = Place(place.session, 0)
    assert handlers.choose(desk, early, revision(desk, early), Choice.OVERRIDE, " Add a kite. ") == Place(place.session)
    settle(desk, place)
    node = desk.library.load(place.session or "").session.nodes[2]
    assert (node.parent, node.edit) == (0, Edit("Add a kite.", Author.PERSON, EDITS[0]))


def test_a_stop_ends_the_run_where_the_loop_stands_whatever_is_looked_at(desk: Desk):
    place = begun(desk)
    handlers.choose(desk, place, revision(desk, place), Choice.ACCEPT)
    settle(desk, place)
    handlers.choose(desk, Place(place.session, 0), revision(desk, place), Choice.STOP)
    settle(desk, place)
    session = desk.library.load(place.session or "").session
    assert (session.stop, session.head) == (StopReason.STOPPED_BY_USER, 1)


def test_asking_for_another_edit_keeps_the_version(desk: Desk, backend: ScriptedBackend):
    place = begun(desk)
    handlers.choose(desk, place, revision(desk, place), Choice.REWRITE)
    settle(desk, place)
    assert backend.avoided[-1] == (EDITS[0],)
    screen = look(desk, place)
    assert "another way (1)" in screen.proposal
    assert "attempt 2" in screen.proposal


def test_a_decision_on_an_older_state_is_a_conflict_and_changes_nothing(desk: Desk):
    place = begun(desk)
    old = revision(desk, place)
    handlers.choose(desk, place, old, Choice.ACCEPT)
    settle(desk, place)
    before = desk.library.load(place.session or "")
    with pytest.raises(Conflict, match="another tab"):
        handlers.choose(desk, place, old, Choice.OVERRIDE, "Add a kite.")
    assert desk.library.load(place.session or "") == before


def test_an_empty_or_unknown_override_is_not_carried_out(desk: Desk):
    place = begun(desk)
    now = revision(desk, place)
    with pytest.raises(BadInput, match="empty"):
        handlers.choose(desk, place, now, Choice.OVERRIDE, "  ")
    assert handlers.choose(desk, place, now, Choice.OVERRIDE, "Add a zeppelin") == Doubt(("zeppelin",))
    assert revision(desk, place) == now


def test_while_a_job_runs_only_cancel_can_be_pressed(desk: Desk, backend: ScriptedBackend):
    gate = backend.gate = Gate(Phase.REFLECT)
    place = handlers.begin(desk, STEP)
    assert isinstance(place, Place)
    assert gate.reached.wait(30)
    running = look(desk, place)
    assert running.busy
    assert running.controls == Controls(cancel=True, export=True)
    with pytest.raises(Conflict):
        handlers.choose(desk, place, running.revision, Choice.REWRITE)
    handlers.cancel(desk, place)
    assert "Cancelling" in look(desk, place).progress
    assert not look(desk, place).controls.cancel
    gate.open.set()
    settle(desk, place)
    ended = look(desk, place)
    assert "Cancelled" in ended.progress
    assert ended.controls.resume == "Resume"
    backend.gate = None
    handlers.resume(desk, place)
    settle(desk, place)
    assert look(desk, place).controls.stop


def test_an_error_is_said_with_its_cause_and_can_be_tried_again(desk: Desk, backend: ScriptedBackend):
    backend.fail_in = Phase.REFLECT
    place = begun(desk)
    screen = look(desk, place)
    assert "The script says fail." in screen.progress
    assert screen.controls.resume == "Try again"
    assert 'data-node="0"' in screen.versions


def test_an_export_holds_the_session_and_its_pictures(desk: Desk):
    place = begun(desk, replace(STEP, mode=Mode.AUTO.value))
    path = unquote(handlers.export(desk, place).removeprefix("gradio_api/file="))
    assert Path(path).is_relative_to(desk.exports)
    with zipfile.ZipFile(path) as archive:
        assert sum(name.endswith(".png") for name in archive.namelist()) == 3
        assert json.loads(archive.read("session.json"))


def test_a_title_can_be_changed_but_not_emptied(desk: Desk):
    place = begun(desk)
    handlers.rename(desk, place, "Kites")
    assert look(desk, place).title == "Kites"
    with pytest.raises(BadInput):
        handlers.rename(desk, place, " ")


def test_the_models_words_can_be_started_from(desk: Desk):
    assert handlers.proposed(desk, begun(desk)) == EDITS[0]


@pytest.mark.parametrize(
    ("query", "place"),
    [
        ("session=abc&node=3", Place("abc", 3)),
        ("?session=abc", Place("abc")),
        ("session=abc&node=-1", Place("abc")),
        ("session=abc&node=²", Place("abc")),
        ("node=3", Place()),
        ("", Place()),
    ],
)
def test_a_deep_link_names_a_place(query: str, place: Place):
    assert place_of(query) == place
    assert place_of(place.query) == place


def test_a_link_to_a_version_that_is_not_there_follows_the_loop(desk: Desk):
    place = begun(desk)
    assert look(desk, replace(place, node=99)).place == place


def test_a_missing_session_is_an_error_with_a_way_out(desk: Desk):
    with pytest.raises(LibraryError):
        look(desk, Place("nosuchsession"))
    with pytest.raises(BadInput, match="No session is open"):
        handlers.choose(desk, Place(), 0, Choice.ACCEPT)
