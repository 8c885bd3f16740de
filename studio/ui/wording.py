"""How the page says things: phases, stop reasons, times. Plain text; whoever puts it into HTML escapes it."""

from __future__ import annotations

from datetime import datetime

from studio.domain import Mode, Phase, Session, StopReason, Waiting, next_phase
from studio.worker import Status

PHASES = {
    Phase.REASON: "Planning",
    Phase.DRAFT: "Drafting",
    Phase.REFLECT: "Reflecting",
    Phase.REFINE: "Refining",
}
STOPS = {
    StopReason.SATISFIED: "Finished: the model sees nothing left to edit.",
    StopReason.TURN_LIMIT: "Stopped at the turn limit. Accept the last edit to go on.",
    StopReason.UNPARSEABLE_CRITIQUE: "Stopped: the critique could not be read.",
    StopReason.REPEATED_EDIT: "Stopped: the model asked for an edit that it had already made.",
    StopReason.CANCELLED: "Cancelled. Everything that was finished is kept.",
    StopReason.STOPPED_BY_USER: "Stopped by you.",
    StopReason.ERROR: "Stopped by an error.",
}
STOP_LABELS = {
    StopReason.SATISFIED: "finished",
    StopReason.TURN_LIMIT: "turn limit",
    StopReason.UNPARSEABLE_CRITIQUE: "unreadable critique",
    StopReason.REPEATED_EDIT: "repeated edit",
    StopReason.CANCELLED: "cancelled",
    StopReason.STOPPED_BY_USER: "stopped",
    StopReason.ERROR: "error",
}
MODES = {Mode.AUTO: "Auto", Mode.STEP: "Step"}


def doing(status: Status, turn_limit: int) -> str:
    """What the worker does with a session, in one line."""
    if status.state == "queued":
        before = status.position - 1
        return f"Queued: {before} before this one" if before > 0 else "Queued: next in line"
    if status.state == "loading":
        return "Loading the model …"
    if status.state == "cancelling":
        return "Cancelling … what is finished is kept"
    parts = []
    if status.phase is not None:
        steps = f" {status.done}/{status.total}" if status.total else ""
        parts.append(PHASES[status.phase] + steps)
    if status.turn:
        parts.append(f"turn {status.turn} of {max(turn_limit, status.turn)}")
    if status.eta_seconds is not None:
        parts.append(f"about {duration(status.eta_seconds)}")
    return " · ".join(parts) or "Starting …"


def standing(session: Session) -> str:
    """Where a session stands that nobody works on: why it ended, or what it waits for."""
    following = next_phase(session)
    if session.stop is not None:
        said = STOPS[session.stop]
        return f"{said} {session.problem}".strip()
    if following is Waiting.DECISION:
        return "Your turn: accept the edit, write your own, ask for another, or stop."
    if isinstance(following, Phase):
        return f"Interrupted before {PHASES[following].lower()}. Resume goes on from there."
    return STOPS[following] if isinstance(following, StopReason) else ""


def duration(seconds: float) -> str:
    """Seconds as a person would say them."""
    if seconds < 1:
        return f"{max(seconds, 0.1):.1f} s"
    if seconds < 90:
        return f"{round(seconds)} s"
    return f"{round(seconds / 60)} min"


def day_of(moment: datetime, now: datetime) -> str:
    """The heading under which the library lists a moment; both are aware, days are the server's local ones."""
    days = (now.astimezone().date() - moment.astimezone().date()).days
    if days <= 0:
        return "Today"
    return "Yesterday" if days == 1 else moment.astimezone().strftime("%d %B %Y").lstrip("0")
