import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from studio.domain import (
    Author,
    Brief,
    Choice,
    Decision,
    Edit,
    Mode,
    Phase,
    Reflection,
    Session,
    StopReason,
    Waiting,
    decide,
    next_phase,
    path_to_root,
)
from studio.errors import BackendError, Conflict, LibraryError
from studio.store.library import Library, Stored
from studio.worker import Status, Worker, merged
from tests.scripted import EDITS, Gate, ScriptedBackend

ROOT = Path(__file__).parent.parent
LONG = 20.0  # seconds that no test should come near


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    opened = Library(tmp_path / "library")
    yield opened
    opened.close()


@contextmanager
def working(library: Library, backend: ScriptedBackend) -> Iterator[Worker]:
    worker = Worker(library, lambda: backend)
    worker.start()
    try:
        yield worker
    finally:
        if backend.gate is not None:
            backend.gate.open.set()
        worker.close(LONG)


def new(library: Library, mode: Mode = Mode.AUTO, seed: int = 5) -> str:
    session = Session(Brief("three balloons", 64, 64, seed, mode=mode), ScriptedBackend().identity)
    return library.create(session).id


def run(worker: Worker, library: Library, session_id: str) -> Session:
    worker.submit(session_id)
    assert worker.wait(session_id, LONG)
    return library.load(session_id).session


def history(session: Session) -> object:
    """All of a session but how long its phases took."""
    nodes = tuple(
        replace(n, seconds=0.0, reflections=tuple(replace(r, seconds=0.0) for r in n.reflections))
        for n in session.nodes
    )
    plan = session.plan and replace(session.plan, seconds=0.0)
    return replace(session, nodes=nodes, plan=plan)


def test_a_session_runs_to_its_end_in_the_background(library: Library) -> None:
    with working(library, ScriptedBackend()) as worker:
        session = run(worker, library, new(library))
        assert session.stop is StopReason.SATISFIED
        assert [n.edit and n.edit.text for n in session.nodes] == [None, *EDITS]
        for node in session.nodes:
            assert library.picture(node.picture).sha256 == node.picture


def test_every_finished_phase_is_stored_before_the_next_begins(library: Library) -> None:
    seen: list[tuple[int, int, int]] = []

    class Watching(ScriptedBackend):
        def _work(self, phase, step):
            session = library.load(session_id).session
            said = sum(len(n.reflections) for n in session.nodes)
            seen.append((int(session.plan is not None), len(session.nodes), said))
            for node in session.nodes:
                library.picture(node.picture)
            super()._work(phase, step)

    session_id = new(library)
    with working(library, Watching()) as worker:
        run(worker, library, session_id)
    assert seen == [(0, 0, 0), (1, 0, 0), (1, 1, 0), (1, 1, 1), (1, 2, 1), (1, 2, 2), (1, 3, 2)]


def test_jobs_run_first_come_first_served_and_show_their_place(library: Library) -> None:
    gate = Gate(Phase.DRAFT)
    with working(library, ScriptedBackend(gate=gate)) as worker:
        one, two, three = new(library), new(library, seed=6), new(library, seed=7)
        for session_id in (one, two, three, two):  # the second submit of `two` adds nothing
            worker.submit(session_id)
        assert gate.reached.wait(LONG)
        assert worker.queue_length() == 2
        assert worker.status(two) == Status(two, "queued", 1)
        assert worker.status(three) == Status(three, "queued", 2)
        gate.open.set()
        assert worker.wait(three, LONG)
        assert [worker.status(i) for i in (one, two, three)] == [None] * 3
        assert [s.id for s in library.recent()] == [three, two, one]
        assert all(s.stop is StopReason.SATISFIED for s in library.recent())


def test_progress_tells_phase_turn_and_steps(library: Library) -> None:
    gate = Gate(Phase.REFINE, at=2, skip=1)
    with working(library, ScriptedBackend(gate=gate, steps=5)) as worker:
        session_id = new(library)
        worker.submit(session_id)
        assert gate.reached.wait(LONG)
        status = worker.status(session_id)
        assert status is not None
        assert (status.state, status.position, status.phase, status.turn) == ("running", 0, Phase.REFINE, 2)
        assert (status.done, status.total) == (2, 5)
        assert status.eta_seconds is not None
        assert status.eta_seconds >= 0


def test_the_estimate_is_unknown_until_something_was_measured(library: Library) -> None:
    gate = Gate(Phase.REASON)
    with working(library, ScriptedBackend(gate=gate)) as worker:
        session_id = new(library)
        worker.submit(session_id)
        assert gate.reached.wait(LONG)
        status = worker.status(session_id)
        assert status is not None
        assert status.eta_seconds is None


def test_loading_the_model_is_a_state_of_its_own_and_happens_once(library: Library) -> None:
    may_load, loads, threads = threading.Event(), [], []

    def load() -> ScriptedBackend:
        loads.append(1)
        threads.append(threading.current_thread().name)
        assert may_load.wait(LONG)
        return ScriptedBackend()

    worker = Worker(library, load)
    session_id, other = new(library), new(library)
    worker.submit(session_id)  # before start: it waits
    assert worker.status(session_id) == Status(session_id, "queued", 1)
    worker.start()
    asked = threading.Thread(target=worker.backend)
    asked.start()
    while (status := worker.status(session_id)) is None or status.state == "queued":
        assert not worker.wait(session_id, 0.01)
    assert status.state == "loading"
    may_load.set()
    asked.join(LONG)
    assert worker.wait(session_id, LONG)
    run(worker, library, other)
    assert worker.backend().unknown_words("a b") == ()
    assert loads == [1]
    assert threads == ["studio-worker"]
    worker.close(LONG)


def test_the_backend_can_be_asked_for_without_a_job(library: Library) -> None:
    with working(library, ScriptedBackend(unknown=("unicorn",))) as worker:
        assert worker.backend().unknown_words("a Unicorn, red") == ("Unicorn,",)


def test_a_model_that_does_not_load_is_told_and_tried_again_later(
    library: Library, caplog: pytest.LogCaptureFixture
) -> None:
    attempts: list[Callable[[], ScriptedBackend]] = [lambda: {}["weights"], lambda: {}["weights"], ScriptedBackend]
    worker = Worker(library, lambda: attempts.pop(0)())
    session_id = new(library)
    failed = run(started(worker), library, session_id)
    assert failed.stop is StopReason.ERROR
    assert "could not be loaded (KeyError: 'weights')" in failed.problem
    with pytest.raises(BackendError, match="could not be loaded"):
        worker.backend()
    assert run(worker, library, session_id).stop is StopReason.SATISFIED
    worker.close(LONG)


def started(worker: Worker) -> Worker:
    worker.start()
    return worker


def test_a_cancel_is_acknowledged_at_once_and_takes_effect_at_the_next_step(library: Library) -> None:
    gate = Gate(Phase.REFINE, at=1, skip=1)
    backend = ScriptedBackend(gate=gate, steps=50)
    with working(library, backend) as worker:
        session_id = new(library)
        worker.submit(session_id)
        assert gate.reached.wait(LONG)
        worker.cancel(session_id)
        status = worker.status(session_id)
        assert status is not None
        assert (status.state, status.done) == ("cancelling", 1)
        gate.open.set()
        assert worker.wait(session_id, LONG)
        session = library.load(session_id).session
        assert session.stop is StopReason.CANCELLED
        assert len(session.nodes) == 2  # the draft and the first refinement stay
        assert backend.refined_with == [EDITS[0]]  # the second never finished
        assert run(worker, library, session_id).stop is StopReason.SATISFIED  # and can be gone on with


def test_a_queued_job_is_cancelled_without_having_run(library: Library) -> None:
    gate = Gate(Phase.DRAFT)
    with working(library, ScriptedBackend(gate=gate)) as worker:
        running, queued = new(library), new(library)
        worker.submit(running)
        worker.submit(queued)
        assert gate.reached.wait(LONG)
        worker.cancel(queued)
        assert worker.status(queued) is None
        assert worker.queue_length() == 0
        session = library.load(queued).session
        assert (session.stop, session.plan) == (StopReason.CANCELLED, None)
        gate.open.set()
        assert worker.wait(running, LONG)
        assert library.load(running).session.stop is StopReason.SATISFIED


def test_a_run_asked_for_while_the_cancel_takes_effect_comes_after_it(library: Library) -> None:
    gate = Gate(Phase.DRAFT)
    with working(library, ScriptedBackend(gate=gate)) as worker:
        session_id = new(library)
        worker.submit(session_id)
        assert gate.reached.wait(LONG)
        worker.cancel(session_id)
        worker.submit(session_id)
        gate.open.set()
        assert worker.wait(session_id, LONG)
        assert library.load(session_id).session.stop is StopReason.SATISFIED


def test_cancelling_what_does_not_run_changes_nothing(library: Library) -> None:
    with working(library, ScriptedBackend()) as worker:
        session_id = new(library)
        ended = run(worker, library, session_id)
        worker.cancel(session_id)
        assert library.load(session_id).session == ended


def test_a_pending_decision_survives_a_cancel_and_is_then_carried_out(library: Library) -> None:
    gate = Gate(Phase.REFINE)
    with working(library, ScriptedBackend(gate=gate)) as worker:
        session_id = new(library, Mode.STEP)
        run(worker, library, session_id)
        say(library, session_id, 0, Decision(Choice.OVERRIDE, "Add a cat."))
        worker.submit(session_id)
        assert gate.reached.wait(LONG)
        worker.cancel(session_id)
        gate.open.set()
        assert worker.wait(session_id, LONG)
        assert library.load(session_id).session.stop is StopReason.CANCELLED
        session = run(worker, library, session_id)
        assert session.nodes[1].edit == Edit("Add a cat.", Author.PERSON, EDITS[0])


def say(library: Library, session_id: str, index: int, decision: Decision) -> Stored:
    stored = library.load(session_id)
    return library.save(session_id, decide(stored.session, index, decision), revision=stored.revision)


def test_a_failing_model_step_is_recorded_with_its_reason_and_can_be_resumed(library: Library) -> None:
    backend = ScriptedBackend(fail_in=Phase.REFINE)
    with working(library, backend) as worker:
        session_id = new(library)
        session = run(worker, library, session_id)
        assert (session.stop, session.problem) == (StopReason.ERROR, "The script says fail. Try another seed.")
        assert len(session.nodes) == 1
        assert worker.problem(session_id) is None
        backend.fail_in = None
        session = run(worker, library, session_id)
        assert (session.stop, session.problem) == (StopReason.SATISFIED, "")


def test_an_unexpected_error_is_logged_with_its_traceback_and_the_next_job_runs(
    library: Library, caplog: pytest.LogCaptureFixture
) -> None:
    backend = ScriptedBackend(fail_in=Phase.DRAFT, error=ZeroDivisionError("in the sampler"))
    with working(library, backend) as worker, caplog.at_level(logging.ERROR):
        session = run(worker, library, new(library))
        assert session.stop is StopReason.ERROR
        assert "(ZeroDivisionError: in the sampler)" in session.problem
        assert "in _work" in caplog.text
        backend.fail_in = None
        assert run(worker, library, new(library)).stop is StopReason.SATISFIED


def test_a_lost_picture_ends_the_job_with_its_name_and_nothing_else_is_lost(library: Library) -> None:
    with working(library, ScriptedBackend()) as worker:
        session_id = new(library, Mode.STEP)
        waiting = run(worker, library, session_id)
        library.picture_path(waiting.nodes[0].picture).unlink()
        say(library, session_id, 0, Decision(Choice.ACCEPT))
        session = run(worker, library, session_id)
        assert session.stop is StopReason.ERROR
        assert waiting.nodes[0].picture in session.problem
        assert session.nodes == waiting.nodes


def test_a_full_disk_ends_the_job_keeps_the_reason_and_loses_nothing(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> Stored:
        raise LibraryError("The disk is full; what was stored is safe. Free some space and resume.")

    gate = Gate(Phase.REFINE)
    with working(library, ScriptedBackend(gate=gate)) as worker:
        session_id = new(library)
        worker.submit(session_id)
        assert gate.reached.wait(LONG)
        before = library.load(session_id)
        with monkeypatch.context() as disk:
            disk.setattr(library, "save", full)
            gate.open.set()
            assert worker.wait(session_id, LONG)
        assert "Free some space" in (worker.problem(session_id) or "")
        assert library.load(session_id) == before
        assert run(worker, library, session_id).stop is StopReason.SATISFIED
        assert worker.problem(session_id) is None


def test_a_job_for_a_missing_session_tells_why(library: Library) -> None:
    with working(library, ScriptedBackend()) as worker:
        worker.submit("nowhere")
        assert worker.wait("nowhere", LONG)
        assert "no session “nowhere”" in (worker.problem("nowhere") or "")


def test_a_decision_made_while_a_phase_runs_stands_and_what_the_phase_made_is_kept_beside_it(
    library: Library,
) -> None:
    gate = Gate(Phase.REFINE)
    backend = ScriptedBackend(gate=gate)
    with working(library, backend) as worker:
        session_id = new(library)
        worker.submit(session_id)
        assert gate.reached.wait(LONG)
        say(library, session_id, 0, Decision(Choice.OVERRIDE, "Add a cat."))
        gate.open.set()
        assert worker.wait(session_id, LONG)
        session = library.load(session_id).session
        assert [n.edit and n.edit.text for n in session.nodes] == [None, EDITS[0]]
        assert (session.head, session.stop) == (0, None)
        assert session.decision == Decision(Choice.OVERRIDE, "Add a cat.")
        session = run(worker, library, session_id)
        assert session.nodes[2].edit == Edit("Add a cat.", Author.PERSON, EDITS[0])
        assert path_to_root(session, 2) == (0, 2)


def test_a_decision_submitted_while_the_job_is_ending_is_not_overlooked(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page decides and submits after the worker's last look at the session, before the job is gone."""
    session_id, save, done = new(library, Mode.STEP), library.save, []

    def save_and_be_overtaken(*args: object, **more: object) -> Stored:
        stored = save(*args, **more)  # type: ignore[arg-type]
        if next_phase(stored.session) is Waiting.DECISION and not done:
            done.append(1)
            save(session_id, decide(stored.session, 0, Decision(Choice.ACCEPT)), revision=stored.revision)
            worker.submit(session_id)
        return stored

    monkeypatch.setattr(library, "save", save_and_be_overtaken)
    with working(library, ScriptedBackend()) as worker:
        session = run(worker, library, session_id)
        assert len(session.nodes) == 2
        assert next_phase(session) is Waiting.DECISION


def test_submitting_twice_does_not_repeat_a_failed_run(library: Library) -> None:
    gate = Gate(Phase.DRAFT)
    backend = ScriptedBackend(gate=gate, fail_in=Phase.DRAFT)
    with working(library, backend) as worker:
        session_id = new(library)
        worker.submit(session_id)
        assert gate.reached.wait(LONG)
        worker.submit(session_id)
        gate.open.set()
        assert worker.wait(session_id, LONG)
        assert backend.calls.count(Phase.DRAFT) == 1
        assert library.load(session_id).session.stop is StopReason.ERROR


def test_switching_to_step_while_a_phase_runs_is_taken_over_and_the_job_goes_on(library: Library) -> None:
    gate = Gate(Phase.DRAFT)
    with working(library, ScriptedBackend(gate=gate)) as worker:
        session_id = new(library)
        worker.submit(session_id)
        assert gate.reached.wait(LONG)
        stored = library.load(session_id)
        stepwise = replace(stored.session, brief=replace(stored.session.brief, mode=Mode.STEP))
        library.save(session_id, stepwise, revision=stored.revision)
        gate.open.set()
        assert worker.wait(session_id, LONG)
        session = library.load(session_id).session
        assert session.brief.mode is Mode.STEP
        assert next_phase(session) is Waiting.DECISION
        assert len(session.nodes) == 1


def finished_session(library: Library) -> Session:
    with working(library, ScriptedBackend()) as worker:
        return run(worker, library, new(library))


def test_merging_drops_a_version_that_another_worker_made_too(library: Library) -> None:
    session = finished_session(library)
    base = replace(session, nodes=session.nodes[:2], head=1, stop=None)
    mine = replace(session, nodes=session.nodes[:3], head=2, stop=None)
    assert merged(base, mine, session) == session


def test_merging_adds_no_critique_under_a_decision_on_that_picture(library: Library) -> None:
    session = finished_session(library)
    base = replace(session, head=0, stop=None)
    again = replace(base.nodes[0], reflections=(*base.nodes[0].reflections, Reflection("c", "Something else.", 1)))
    finished = replace(base, nodes=(again, *base.nodes[1:]))
    accepted = decide(base, 0, Decision(Choice.ACCEPT))
    assert merged(base, finished, accepted) == accepted
    elsewhere = decide(base, 1, Decision(Choice.ACCEPT))
    assert merged(base, finished, elsewhere) == replace(elsewhere, nodes=finished.nodes)


def test_two_workers_on_one_library_bring_a_session_to_the_same_history(library: Library, tmp_path: Path) -> None:
    expected = history(finished_session(library))
    other = Library(tmp_path / "library")
    session_id = new(library)
    with working(library, ScriptedBackend()) as one, working(other, ScriptedBackend()) as two:
        one.submit(session_id)
        two.submit(session_id)
        assert one.wait(session_id, LONG)
        assert two.wait(session_id, LONG)
        assert history(run(one, library, session_id)) == expected
    other.close()


def test_closing_ends_at_the_next_step_and_leaves_sessions_to_be_gone_on_with(library: Library) -> None:
    gate = Gate(Phase.DRAFT, at=1)
    backend = ScriptedBackend(gate=gate)
    worker = started(Worker(library, lambda: backend))
    running, queued = new(library), new(library)
    worker.submit(running)
    worker.submit(queued)
    assert gate.reached.wait(LONG)
    worker.close(0.0)
    gate.open.set()
    worker.close(LONG)
    session = library.load(running).session
    assert (session.stop, next_phase(session)) == (None, Phase.DRAFT)
    assert next_phase(library.load(queued).session) is Phase.REASON
    with pytest.raises(BackendError, match="closing"):
        worker.submit(running)
    with working(library, ScriptedBackend()) as again:
        assert run(again, library, running).stop is StopReason.SATISFIED


def test_a_worker_that_never_started_can_be_closed(library: Library) -> None:
    worker = Worker(library, ScriptedBackend)
    worker.close()
    with pytest.raises(BackendError, match="closing"):
        worker.backend()


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")
@pytest.mark.parametrize("point", ["refine", "picture", "rows"])
def test_a_killed_studio_loses_nothing_but_the_phase_under_way(tmp_path: Path, point: str) -> None:
    folder = tmp_path / "library"
    undisturbed, library = Library(tmp_path / "undisturbed"), Library(folder)
    expected = finished_session(undisturbed)
    session_id = new(library)
    undisturbed.close()
    library.close()
    command = [sys.executable, "-m", "tests.doomed", str(folder), session_id, point]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "standing still\n"
        child.send_signal(signal.SIGKILL)
        assert child.wait(LONG) == -signal.SIGKILL
    unfinished = list(folder.glob("images/*/.*"))
    assert len(unfinished) == (1 if point == "picture" else 0)
    for path in unfinished:
        os.utime(path, (time.time() - 120,) * 2)

    library = Library(folder)
    assert list(folder.glob("images/*/.*")) == []
    assert_every_picture_is_whole(library, folder)
    interrupted = library.load(session_id).session
    cut = replace(expected, nodes=expected.nodes[:2], head=1, stop=None)
    assert history(interrupted) == history(cut)
    assert next_phase(interrupted) is Phase.REFINE
    with working(library, ScriptedBackend()) as worker:
        assert history(run(worker, library, session_id)) == history(expected)
    library.close()


def assert_every_picture_is_whole(library: Library, folder: Path) -> None:
    for path in folder.glob("images/*/*"):
        assert library.picture(path.stem).sha256 == path.stem


def test_conflicts_without_end_are_told(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    def conflict(*_: object, **__: object) -> Stored:
        raise Conflict("This session has changed since it was read. Look at its present state and try again.")

    with working(library, ScriptedBackend()) as worker:
        session_id = new(library)
        monkeypatch.setattr(library, "save", conflict)
        worker.submit(session_id)
        assert worker.wait(session_id, LONG)
        assert "has changed" in (worker.problem(session_id) or "")
