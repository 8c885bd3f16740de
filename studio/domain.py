"""Frozen values of the studio and the pure rules over them. Identity belongs to the store.

A session's history is a tree: `Session.nodes` is append-only, and a node's index in it is its name.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, replace
from enum import Enum

from studio.errors import BadInput

MAX_BRIEF_CHARS = 2000
MAX_EDIT_CHARS = 500
MAX_TURNS = 12
MAX_SEED = 2**32 - 1
SIDES = range(64, 2049)


class Mode(str, Enum):
    """Auto runs until the model stops; Step waits for a person at every edit."""

    AUTO = "auto"
    STEP = "step"


class Phase(str, Enum):
    """One model step of the loop, finished and stored as a whole."""

    REASON = "reason"
    DRAFT = "draft"
    REFLECT = "reflect"
    REFINE = "refine"


class StopReason(str, Enum):
    """Why a run ended; always recorded (method §1)."""

    SATISFIED = "satisfied"
    TURN_LIMIT = "turn_limit"
    UNPARSEABLE_CRITIQUE = "unparseable_critique"
    REPEATED_EDIT = "repeated_edit"
    CANCELLED = "cancelled"
    STOPPED_BY_USER = "stopped_by_user"
    ERROR = "error"


class Choice(str, Enum):
    """What a person does with a proposed edit."""

    ACCEPT = "accept"
    OVERRIDE = "override"
    REWRITE = "rewrite"
    STOP = "stop"


class Author(str, Enum):
    """Whose words an edit carries."""

    MODEL = "model"
    PERSON = "person"


@dataclass(frozen=True)
class Picture:
    """A PNG file's bytes; whatever a backend needs to know of it travels in its text chunks."""

    png: bytes

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.png).hexdigest()


@dataclass(frozen=True)
class Brief:
    """What a person asks for. `seed` is resolved before the run; sides are pixels."""

    text: str
    width: int = 512
    height: int = 512
    seed: int = 0
    turn_limit: int = 4
    mode: Mode = Mode.AUTO

    def __post_init__(self) -> None:
        if not self.text.strip():
            raise BadInput("The brief is empty. Say what the picture should show.")
        if len(self.text) > MAX_BRIEF_CHARS:
            raise BadInput(
                f"The brief has {len(self.text):,} characters; at most {MAX_BRIEF_CHARS:,} are read. Shorten it."
            )
        if not 1 <= self.turn_limit <= MAX_TURNS:
            raise BadInput(f"The turn limit is {self.turn_limit}. Choose a number from 1 to {MAX_TURNS}.")
        if not 0 <= self.seed <= MAX_SEED:
            raise BadInput(f"The seed is {self.seed}. Choose a whole number from 0 to {MAX_SEED}, or leave it empty.")
        if self.width not in SIDES or self.height not in SIDES:
            raise BadInput(
                f"The size is {self.width} × {self.height}. Choose sides from {SIDES.start} to {SIDES.stop - 1} pixels."
            )


@dataclass(frozen=True)
class Plan:
    """The thought that the draft follows. `text` is what was inside the think block."""

    text: str
    author: Author = Author.MODEL
    seconds: float = 0.0


@dataclass(frozen=True)
class Reflection:
    """A critique of one picture; `edit` is None where nothing is left to edit."""

    critique: str
    edit: str | None
    seed: int
    seconds: float = 0.0


@dataclass(frozen=True)
class Edit:
    """The edge to a node: the words carried out, whose they are, and what the model had proposed."""

    text: str
    author: Author
    proposed: str | None = None


@dataclass(frozen=True)
class Decision:
    """A decision on the head's proposed edit, waiting to be carried out."""

    choice: Choice
    text: str = ""
    author: Author = Author.PERSON

    def __post_init__(self) -> None:
        if self.choice is Choice.OVERRIDE:
            if not self.text.strip():
                raise BadInput("Your edit is empty. Write what should change, or accept the model's edit.")
            if len(self.text) > MAX_EDIT_CHARS:
                raise BadInput(
                    f"Your edit has {len(self.text):,} characters; at most {MAX_EDIT_CHARS} are read. Shorten it."
                )


@dataclass(frozen=True)
class Node:
    """One version: a picture (named by its SHA-256), how it came to be, and what was said of it.

    `reflections` grows when a person asks for another critique; the last one counts.
    `score` is a judge's score in [0, 1], None where there is no judge.
    """

    picture: str
    seed: int
    parent: int | None = None
    edit: Edit | None = None
    reflections: tuple[Reflection, ...] = ()
    seconds: float = 0.0
    score: float | None = None

    @property
    def reflection(self) -> Reflection | None:
        return self.reflections[-1] if self.reflections else None


@dataclass(frozen=True)
class Identity:
    """Which model made a session, for reproducing it."""

    name: str
    revision: str = ""
    device: str = "cpu"
    dtype: str = "float32"


@dataclass(frozen=True)
class Session:
    """A brief and everything that was made of it. `head` is the version that the loop works on."""

    brief: Brief
    backend: Identity
    plan: Plan | None = None
    nodes: tuple[Node, ...] = ()
    head: int | None = None
    decision: Decision | None = None
    stop: StopReason | None = None
    problem: str = ""


class Waiting(Enum):
    """The loop waits for a person."""

    DECISION = "decision"


Next = Phase | StopReason | Waiting


def seed_from_text(text: str) -> int:
    """The seed that a form field means; empty means a fresh one, which is then shown."""
    if not text.strip():
        return secrets.randbelow(MAX_SEED + 1)
    try:
        return int(text.strip())
    except ValueError:
        raise BadInput(f"The seed “{text.strip()[:40]}” is no whole number. Use digits, or leave it empty.") from None


def path_to_root(session: Session, index: int) -> tuple[int, ...]:
    """Node indices from the draft to `index`, both included."""
    path: list[int] = []
    at: int | None = index
    while at is not None:
        path.append(at)
        at = session.nodes[at].parent
    return tuple(reversed(path))


def turn_of(session: Session, index: int) -> int:
    """How many refinements led to a node; the draft is turn 0."""
    return len(path_to_root(session, index)) - 1


def best_node(session: Session) -> int | None:
    """The best version, which need not be the last: by judge's score, else by the model's own verdict.

    Ties go to the later version, because each edit was wanted.
    """
    if not session.nodes:
        return None

    def worth(index: int) -> tuple[float, bool, int]:
        node = session.nodes[index]
        satisfied = node.reflection is not None and node.reflection.edit is None
        return (-1.0 if node.score is None else node.score, satisfied, index)

    return max(range(len(session.nodes)), key=worth)


def repeats(session: Session, index: int, edit: str) -> bool:
    """Whether `edit` was already carried out on the way to `index`; repeating it would go in a circle."""
    wanted = " ".join(edit.lower().split())
    on_path = (session.nodes[i].edit for i in path_to_root(session, index))
    return any(e is not None and " ".join(e.text.lower().split()) == wanted for e in on_path)


def next_phase(session: Session) -> Next:
    """What the loop does next with a session that is not running."""
    if session.stop is not None:
        return session.stop
    if session.plan is None:
        return Phase.REASON
    if session.head is None:
        return Phase.DRAFT
    head = session.nodes[session.head]
    if session.decision is not None:
        return _after_decision(session.decision)
    if head.reflection is None:
        return Phase.REFLECT
    if head.reflection.edit is None:
        return StopReason.SATISFIED
    if turn_of(session, session.head) >= session.brief.turn_limit:
        return StopReason.TURN_LIMIT
    if session.brief.mode is Mode.STEP:
        return Waiting.DECISION
    if repeats(session, session.head, head.reflection.edit):
        return StopReason.REPEATED_EDIT
    return Phase.REFINE


def _after_decision(decision: Decision) -> Next:
    if decision.choice is Choice.STOP:
        return StopReason.STOPPED_BY_USER
    return Phase.REFLECT if decision.choice is Choice.REWRITE else Phase.REFINE


def decide(session: Session, index: int, decision: Decision) -> Session:
    """Record a person's decision on version `index`, which becomes the head (deciding elsewhere branches).

    A run that had ended goes on from here. Raises BadInput when there is no edit to accept.
    """
    if not 0 <= index < len(session.nodes):
        raise BadInput("That version is not in this session. Choose one from the filmstrip.")
    reflection = session.nodes[index].reflection
    if decision.choice is Choice.ACCEPT and (reflection is None or reflection.edit is None):
        raise BadInput("The model proposes no edit here. Write your own, or ask for another critique.")
    return replace(session, head=index, decision=decision, stop=None, problem="")


def resume(session: Session) -> Session:
    """Clear an interruption (cancel, error) so that the loop goes on from the last finished phase."""
    if session.stop in (StopReason.CANCELLED, StopReason.ERROR, StopReason.UNPARSEABLE_CRITIQUE):
        return replace(session, stop=None, problem="")
    return session
