"""Domain values to table rows and back, column by column, so that a forgotten field fails a type check."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from sqlalchemy import RowMapping

from studio.domain import (
    Author,
    Brief,
    Choice,
    Decision,
    Edit,
    Identity,
    Mode,
    Node,
    Plan,
    Reflection,
    Session,
    StopReason,
)


def session_row(session: Session) -> dict[str, Any]:
    """The columns of `sessions` that a session fills (not id, revision, title and times)."""
    brief, backend, plan, decision = session.brief, session.backend, session.plan, session.decision
    return {
        "brief_text": brief.text,
        "width": brief.width,
        "height": brief.height,
        "seed": brief.seed,
        "turn_limit": brief.turn_limit,
        "mode": brief.mode.value,
        "backend_name": backend.name,
        "backend_revision": backend.revision,
        "backend_device": backend.device,
        "backend_dtype": backend.dtype,
        "plan_text": plan.text if plan else None,
        "plan_author": plan.author.value if plan else None,
        "plan_seconds": plan.seconds if plan else None,
        "head": session.head,
        "decision_choice": decision.choice.value if decision else None,
        "decision_text": decision.text if decision else None,
        "decision_author": decision.author.value if decision else None,
        "stop": session.stop.value if session.stop else None,
        "problem": session.problem,
    }


def node_rows(session_id: str, session: Session) -> list[dict[str, Any]]:
    """A row of `nodes` per version, parents before their children."""
    return [
        {
            "session_id": session_id,
            "index": index,
            "parent": node.parent,
            "picture": node.picture,
            "seed": node.seed,
            "edit_text": node.edit.text if node.edit else None,
            "edit_author": node.edit.author.value if node.edit else None,
            "edit_proposed": node.edit.proposed if node.edit else None,
            "seconds": node.seconds,
            "score": node.score,
        }
        for index, node in enumerate(session.nodes)
    ]


def reflection_rows(session_id: str, session: Session) -> list[dict[str, Any]]:
    """A row of `reflections` per critique."""
    return [
        {
            "session_id": session_id,
            "node": index,
            "attempt": attempt,
            "critique": said.critique,
            "edit": said.edit,
            "seed": said.seed,
            "seconds": said.seconds,
        }
        for index, node in enumerate(session.nodes)
        for attempt, said in enumerate(node.reflections)
    ]


def session_of(row: RowMapping, node_rows: Iterable[RowMapping], reflection_rows: Iterable[RowMapping]) -> Session:
    """The session of these rows; nodes and reflections in their order.

    Raises ValueError or BadInput where a row holds a value that this version does not know.
    """
    said: defaultdict[int, list[Reflection]] = defaultdict(list)
    for r in reflection_rows:
        said[r["node"]].append(Reflection(r["critique"], r["edit"], r["seed"], r["seconds"]))
    return Session(
        brief=Brief(row["brief_text"], row["width"], row["height"], row["seed"], row["turn_limit"], Mode(row["mode"])),
        backend=Identity(row["backend_name"], row["backend_revision"], row["backend_device"], row["backend_dtype"]),
        plan=None
        if row["plan_text"] is None
        else Plan(row["plan_text"], Author(row["plan_author"]), row["plan_seconds"]),
        nodes=tuple(_node(n, tuple(said[n["index"]])) for n in node_rows),
        head=row["head"],
        decision=None
        if row["decision_choice"] is None
        else Decision(Choice(row["decision_choice"]), row["decision_text"], Author(row["decision_author"])),
        stop=None if row["stop"] is None else StopReason(row["stop"]),
        problem=row["problem"],
    )


def _node(row: RowMapping, said: tuple[Reflection, ...]) -> Node:
    edit = None
    if row["edit_text"] is not None:
        edit = Edit(row["edit_text"], Author(row["edit_author"]), row["edit_proposed"])
    return Node(row["picture"], row["seed"], row["parent"], edit, said, row["seconds"], row["score"])
