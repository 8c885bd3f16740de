"""The R3 loop: from a session's state to its next phase. Knows no torch, page or database."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from studio import prompts
from studio.backends.protocol import Backend, Step
from studio.domain import (
    Author,
    Choice,
    Edit,
    Node,
    Phase,
    Picture,
    Plan,
    Reflection,
    Session,
    StopReason,
    Waiting,
    next_phase,
    turn_of,
)
from studio.errors import BackendError, UnparseableText

PictureOf = Callable[[str], Picture]
"""Fetches a stored picture by its SHA-256."""


@dataclass(frozen=True)
class Outcome:
    """A session one phase further on, and the picture that the phase made, if it made one."""

    session: Session
    picture: Picture | None = None


def advance(session: Session, backend: Backend, picture_of: PictureOf, step: Step) -> Outcome | None:
    """Do the next phase; None when the loop waits for a person or has ended and recorded why.

    Raises BackendError, or Cancelled from `step`; the session passed in is then still the truth.
    """
    phase = next_phase(session)
    if isinstance(phase, Waiting) or session.stop is not None:
        return None
    if isinstance(phase, StopReason):
        return Outcome(ended(session, phase))
    began = time.perf_counter()
    if phase is Phase.REASON:
        text = _plan(session, backend, step)
        return Outcome(replace(session, plan=Plan(text, seconds=time.perf_counter() - began)))
    if phase is Phase.DRAFT:
        return _draft(session, backend, step)
    if phase is Phase.REFLECT:
        return _reflect(session, backend, picture_of, step)
    return _refine(session, backend, picture_of, step)


def ended(session: Session, reason: StopReason) -> Session:
    """The session with why it ended; nothing needs a model for that."""
    return replace(session, stop=reason, decision=None)


def seed_for(session: Session, turn: int, attempt: int = 0) -> int:
    """The seed of a turn: the brief's own for the draft, distinct and reproducible after it."""
    return int((session.brief.seed + 7919 * turn + 104_729 * attempt) % 2**32)


def _plan(session: Session, backend: Backend, step: Step) -> str:
    try:
        return prompts.parse_thought(backend.reason(session.brief, seed=session.brief.seed, step=step))
    except UnparseableText:  # one retry with another seed; a second failure is shown
        raw = backend.reason(session.brief, seed=seed_for(session, 0, attempt=1), step=step)
        return prompts.parse_thought(raw)


def _draft(session: Session, backend: Backend, step: Step) -> Outcome:
    assert session.plan is not None
    began = time.perf_counter()
    picture = backend.draft(session.brief, session.plan.text, seed=session.brief.seed, step=step)
    node = Node(picture.sha256, session.brief.seed, seconds=time.perf_counter() - began)
    return Outcome(replace(session, nodes=(*session.nodes, node), head=len(session.nodes)), picture)


def _reflect(session: Session, backend: Backend, picture_of: PictureOf, step: Step) -> Outcome:
    assert session.head is not None
    head = session.nodes[session.head]
    picture = picture_of(head.picture)
    avoid = tuple(r.edit for r in head.reflections if r.edit is not None)
    began, reply = time.perf_counter(), None
    for retry in range(2):  # a cut-off critique is retried once with more tokens (method §1)
        seed = seed_for(session, turn_of(session, session.head), attempt=len(head.reflections) + retry)
        raw = backend.reflect(session.brief, picture, seed=seed, step=step, avoid=avoid, retry=retry)
        try:
            reply = prompts.parse_edit(raw)
            break
        except UnparseableText as error:
            problem = str(error)
    if reply is None:
        return Outcome(replace(session, stop=StopReason.UNPARSEABLE_CRITIQUE, problem=problem, decision=None))
    said = Reflection(reply.critique, reply.edit, seed, time.perf_counter() - began)
    nodes = list(session.nodes)
    nodes[session.head] = replace(head, reflections=(*head.reflections, said))
    return Outcome(replace(session, nodes=tuple(nodes), decision=None))


def _refine(session: Session, backend: Backend, picture_of: PictureOf, step: Step) -> Outcome:
    assert session.head is not None
    edit = edit_to_carry_out(session)
    seed = seed_for(session, turn_of(session, session.head) + 1)
    began = time.perf_counter()
    picture = backend.refine(picture_of(session.nodes[session.head].picture), edit.text, seed=seed, step=step)
    node = Node(picture.sha256, seed, parent=session.head, edit=edit, seconds=time.perf_counter() - began)
    grown = replace(session, nodes=(*session.nodes, node), head=len(session.nodes), decision=None)
    return Outcome(grown, picture)


def edit_to_carry_out(session: Session) -> Edit:
    """The edit of the pending decision, or the model's own where nobody was asked."""
    assert session.head is not None
    reflection = session.nodes[session.head].reflection
    proposed = reflection.edit if reflection else None
    if session.decision is not None and session.decision.choice is Choice.OVERRIDE:
        return Edit(session.decision.text.strip(), Author.PERSON, proposed)
    if proposed is None:
        raise BackendError("There is no edit to carry out. Write one, or ask for another critique.")
    return Edit(proposed, Author.MODEL, proposed)
