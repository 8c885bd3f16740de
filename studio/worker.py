"""Runs sessions outside the page: one thread, one job at a time, first come first served.

Every finished phase is in the library before the next begins. Closing a page loses nothing, and a process that dies
loses at most the phase under way: its session is simply one whose next phase is pending.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from statistics import median
from typing import Literal

from studio.backends.protocol import Backend
from studio.domain import Decision, Phase, Session, StopReason, Waiting, next_phase, resume, turn_of
from studio.errors import BackendError, Cancelled, Conflict, StudioError
from studio.loop import Outcome, advance, ended
from studio.store.library import Library, Stored

State = Literal["queued", "loading", "running", "cancelling"]

log = logging.getLogger(__name__)

_REMEMBERED = 15  # phases of a kind that the estimate looks back on
_ATTEMPTS = 5  # at changing a session that others change at the same moment


@dataclass(frozen=True)
class Status:
    """A job as the page shows it.

    `position` is its place in the queue from 1, and 0 once it runs. `turn` is that of the version being made or
    looked at (the draft is 0). `done` of `total` are model steps of this phase. `eta_seconds` is what is left of the
    phase by the median of its kind in this process, before any such by its own pace, None where neither is known.
    """

    session_id: str
    state: State
    position: int
    phase: Phase | None = None
    turn: int = 0
    done: int = 0
    total: int = 0
    eta_seconds: float | None = None


@dataclass
class _Job:
    """The running job; changed only under the worker's lock."""

    session_id: str
    phase: Phase | None = None
    turn: int = 0
    done: int = 0
    total: int = 0
    began: float = 0.0
    cancelled: bool = False
    wanted_again: bool = False

    @property
    def state(self) -> State:
        return "cancelling" if self.cancelled else "loading" if self.phase is None else "running"


class Worker:
    """Works on the sessions of one library with one backend, which is loaded on the worker's thread when needed."""

    def __init__(self, library: Library, load_backend: Callable[[], Backend]) -> None:
        self._library = library
        self._load_backend = load_backend
        self._changed = threading.Condition()  # guards everything below
        self._thread: threading.Thread | None = None
        self._queue: deque[str] = deque()
        self._running: _Job | None = None
        self._backend: Future[Backend] = Future()
        self._backend_wanted = False
        self._problems: dict[str, str] = {}
        self._seconds: dict[Phase, deque[float]] = {phase: deque(maxlen=_REMEMBERED) for phase in Phase}
        self._closing = False

    def start(self) -> None:
        """Begin to work; does nothing when already begun."""
        with self._changed:
            if self._thread is None and not self._closing:
                self._thread = threading.Thread(target=self._work, name="studio-worker", daemon=True)
                self._thread.start()

    def close(self, timeout: float = 5.0) -> None:
        """End at the next model step, waiting at most `timeout` seconds; sessions stay ready to be gone on with."""
        with self._changed:
            self._closing = True
            self._queue.clear()
            self._changed.notify_all()
            thread = self._thread
            if thread is None and not self._backend.done():
                self._backend.set_exception(_closed())
        if thread is not None:
            thread.join(timeout)

    def submit(self, session_id: str) -> None:
        """Run a session until it waits for a person or ends; a second submit while it is under way adds nothing.

        What was interrupted (cancel, error) goes on from its last finished phase.
        """
        with self._changed:
            if self._closing:
                raise _closed()
            self._problems.pop(session_id, None)
            if self._running is not None and self._running.session_id == session_id and not self._running.cancelled:
                self._running.wanted_again = True  # counts if a decision came in behind the job's back
            elif session_id not in self._queue:
                self._queue.append(session_id)
            self._changed.notify_all()

    def cancel(self, session_id: str) -> None:
        """Take a queued job out at once, or end the running one at its next model step; finished phases stay.

        Either way the session's stop becomes CANCELLED, unless no model step was left to cancel.
        """
        with self._changed:
            queued = session_id in self._queue
            if queued:
                self._queue.remove(session_id)
            if self._running is not None and self._running.session_id == session_id:
                self._running.cancelled, self._running.wanted_again, queued = True, False, False
            self._changed.notify_all()
        if queued:
            self._change(session_id, lambda s: replace(s, stop=StopReason.CANCELLED) if s.stop is None else s)

    def status(self, session_id: str) -> Status | None:
        """What a session's job is doing; None when it is neither queued nor running."""
        with self._changed:
            job = self._running
            if job is not None and job.session_id == session_id:
                return Status(session_id, job.state, 0, job.phase, job.turn, job.done, job.total, self._eta(job))
            if session_id in self._queue:
                return Status(session_id, "queued", self._queue.index(session_id) + 1)
            return None

    def queue_length(self) -> int:
        """How many jobs wait; the running one is not counted."""
        with self._changed:
            return len(self._queue)

    def problem(self, session_id: str) -> str | None:
        """Why the last job of a session ended where the library could not be told so (disk full, missing session)."""
        with self._changed:
            return self._problems.get(session_id)

    def wait(self, session_id: str, timeout: float | None = None) -> bool:
        """Block until a session is neither queued nor running; False after `timeout` seconds."""
        with self._changed:
            return self._changed.wait_for(lambda: self.status(session_id) is None, timeout)

    def backend(self) -> Backend:
        """The backend, loaded by the worker's thread if it is not yet. Raises BackendError when that fails."""
        self.start()
        with self._changed:
            wanted = self._wanted_backend()
            self._backend_wanted = not wanted.done()
            self._changed.notify_all()
        return wanted.result()

    # ---- on the worker's thread ----

    def _work(self) -> None:
        while self._wait_for_work():
            job = self._running
            if job is None:
                with suppress(StudioError):  # whoever asked for the backend gets the error
                    self._loaded()
                continue
            seen = self._run(job)
            while self._once_more(job):
                if self._revision(job.session_id) != seen:
                    seen = self._run(job)
        with self._changed:
            if not self._backend.done():
                self._backend.set_exception(_closed())

    def _wait_for_work(self) -> bool:
        with self._changed:
            self._changed.wait_for(lambda: self._closing or self._queue or self._backend_wanted)
            if not self._closing and self._queue:
                self._running = _Job(self._queue.popleft())
            return not self._closing

    def _once_more(self, job: _Job) -> bool:
        # Under one lock with the end of the job: a submit is either seen here or finds the job gone and is queued.
        with self._changed:
            again, job.wanted_again = job.wanted_again and not self._closing, False
            if not again:
                self._running = None
                self._changed.notify_all()
            return again

    def _run(self, job: _Job) -> int | None:
        """Advance a session as far as it goes; its revision then, None where somebody has steered it elsewhere."""
        try:
            stored = self._change(job.session_id, resume)
            while (outcome := self._next(job, stored.session)) is not None:
                kept = self._keep(stored, outcome)
                if kept is None:
                    self._obey(job)  # a cancel counts for what the person steered to, too
                    return None
                stored = kept
            return stored.revision
        except Cancelled:
            return None if self._closing else self._stop(job.session_id, StopReason.CANCELLED)
        except StudioError as error:
            log.warning("Session %s ended: %s", job.session_id, error)
            return self._stop(job.session_id, StopReason.ERROR, str(error))
        except Exception as error:  # a model can fail in any way, and the next job must still be done
            log.exception("Session %s ended by an unexpected error", job.session_id)
            cause = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
            told = f"The model step failed ({cause}). The finished versions are kept; look at the log and resume."
            return self._stop(job.session_id, StopReason.ERROR, told)

    def _next(self, job: _Job, session: Session) -> Outcome | None:
        phase = next_phase(session)
        if isinstance(phase, Waiting) or session.stop is not None:
            return None
        if isinstance(phase, StopReason):
            return Outcome(ended(session, phase))  # no model has to be loaded for that
        backend = self._loaded()
        with self._changed:
            job.phase, job.turn, job.done, job.total = phase, _turn(session, phase), 0, 0
            job.began = time.monotonic()
            self._obey(job)
        outcome = advance(session, backend, self._library.picture, partial(self._step, job))
        with self._changed:
            self._seconds[phase].append(time.monotonic() - job.began)
        return outcome

    def _step(self, job: _Job, done: int, total: int) -> None:
        with self._changed:
            job.done, job.total = done, total
            self._obey(job)

    def _obey(self, job: _Job) -> None:
        if job.cancelled or self._closing:
            raise Cancelled

    def _keep(self, stored: Stored, outcome: Outcome) -> Stored | None:
        """Store a finished phase; None where somebody has steered the session elsewhere meanwhile (see `merged`)."""
        try:
            return self._library.save(stored.id, outcome.session, revision=stored.revision, picture=outcome.picture)
        except Conflict:
            steered = False

        def merge(present: Session) -> Session:
            nonlocal steered
            steered = _course(present) != _course(stored.session)
            return merged(stored.session, outcome.session, present)

        kept = self._change(stored.id, merge)
        return None if steered else kept

    def _stop(self, session_id: str, reason: StopReason, problem: str = "") -> int | None:
        """Record an interruption; a pending decision stays, so that a resumed session carries it out."""
        try:
            return self._change(session_id, lambda s: replace(s, stop=reason, problem=problem)).revision
        except StudioError as error:
            log.error("Session %s: %s is not recorded: %s", session_id, reason.value, error)
            with self._changed:
                self._problems[session_id] = problem or str(error)
            return None

    def _change(self, session_id: str, change: Callable[[Session], Session]) -> Stored:
        """Apply `change` to the present state of a session, whoever else is changing it."""
        for attempt in range(_ATTEMPTS):
            stored = self._library.load(session_id)
            session = change(stored.session)
            if session == stored.session:
                break
            try:
                return self._library.save(session_id, session, revision=stored.revision)
            except Conflict:
                if attempt == _ATTEMPTS - 1:
                    raise
        return stored

    def _revision(self, session_id: str) -> int | None:
        try:
            return self._library.load(session_id).revision
        except StudioError:
            return None

    def _wanted_backend(self) -> Future[Backend]:
        if self._backend.done() and self._backend.exception() is not None and not self._closing:
            self._backend = Future()  # what failed once may work now: a file put in place, memory freed
        return self._backend

    def _loaded(self) -> Backend:
        with self._changed:
            self._backend_wanted = False
            backend = self._wanted_backend()
        if not backend.done():
            try:
                backend.set_result(self._load_backend())
            except StudioError as error:
                backend.set_exception(error)
            except Exception as error:  # the same as in `_run`: whatever it is, it is told and not fatal
                log.exception("The model could not be loaded")
                cause = f"{type(error).__name__}: {error}"
                told = f"The model could not be loaded ({cause}). Look at the log, then check --backend and its files."
                backend.set_exception(BackendError(told))
        return backend.result()

    def _eta(self, job: _Job) -> float | None:
        if job.phase is None:
            return None
        spent = time.monotonic() - job.began
        if past := self._seconds[job.phase]:
            return max(0.0, median(past) - spent)
        return spent / job.done * (job.total - job.done) if job.done else None


def merged(base: Session, finished: Session, present: Session) -> Session:
    """What becomes of a phase that finished on `base` while somebody else made `present` of it.

    The rule: nothing that was made is lost, and the person's word stands. A new version is appended to the tree, and
    is dropped only where another worker has made the same one. Whoever changed head, decision or stop meanwhile did so
    after the phase had its orders: theirs stay, the phase's version is a side branch, and the job ends, for they submit
    what they want next. A critique is not added under a decision on its picture, for it would change what was decided.
    Any other change (say, Auto to Step) is taken over, and the job goes on.
    """
    steered = _course(present) != _course(base)
    nodes, head = list(present.nodes), finished.head
    for index, before in enumerate(base.nodes):
        said = finished.nodes[index].reflections[len(before.reflections) :]
        decided = steered and present.decision is not None and present.head == index
        if said and not decided and nodes[index].reflections == before.reflections:
            nodes[index] = replace(nodes[index], reflections=(*before.reflections, *said))
    for node in finished.nodes[len(base.nodes) :]:
        made = [(other.picture, other.parent) for other in nodes]
        if (node.picture, node.parent) not in made:
            made.append((node.picture, node.parent))
            nodes.append(node)
        head = made.index((node.picture, node.parent))
    course = present if steered else replace(finished, head=head)
    return replace(
        present,
        plan=present.plan or finished.plan,
        nodes=tuple(nodes),
        head=course.head,
        decision=course.decision,
        stop=course.stop,
        problem=course.problem,
    )


def _course(session: Session) -> tuple[int | None, Decision | None, StopReason | None]:
    return session.head, session.decision, session.stop


def _turn(session: Session, phase: Phase) -> int:
    if session.head is None:
        return 0
    return turn_of(session, session.head) + (phase is Phase.REFINE)


def _closed() -> BackendError:
    return BackendError("The studio is closing. Start it again; every finished version is in the library.")
