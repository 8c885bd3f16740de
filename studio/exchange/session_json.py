"""A session as JSON, schema r3-session/1 (described field by field in README.md beside this file)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime

from studio import __version__
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
    best_node,
    turn_of,
)
from studio.errors import BadInput
from studio.exchange.fields import Fields, complaint

SCHEMA = "r3-session/1"
MAX_NODES = 10_000

_FILE = re.compile(r"(?:[\w-]+/)?[\w-]+\.png")


def to_json(
    session: Session, files: Sequence[str | None], *, session_id: str, title: str, created: datetime
) -> dict[str, object]:
    """The session as values that `json.dumps` takes; `files` names each node's picture, None where it is missing.

    `session_id` is empty for a session that was never in a library. `created` must know its time zone.
    """
    return {
        "schema": SCHEMA,
        "app": {"name": "R3 Studio", "version": __version__},
        "id": session_id,
        "title": title,
        "created": created.astimezone(UTC).isoformat(timespec="seconds"),
        "brief": asdict(session.brief),
        "backend": asdict(session.backend),
        "plan": asdict(session.plan) if session.plan else None,
        "nodes": [_node_to_json(session, index, file) for index, file in enumerate(files)],
        "head": session.head,
        "best": best_node(session),
        "last": len(session.nodes) - 1 if session.nodes else None,
        "decision": asdict(session.decision) if session.decision else None,
        "stop": session.stop,
        "problem": session.problem,
    }


def _node_to_json(session: Session, index: int, file: str | None) -> dict[str, object]:
    node = session.nodes[index]
    return {
        "index": index,
        "parent": node.parent,
        "turn": turn_of(session, index),
        "picture": {"sha256": node.picture, "file": file},
        "seed": node.seed,
        "seconds": node.seconds,
        "score": node.score,
        "edit": asdict(node.edit) if node.edit else None,
        "reflections": [asdict(reflection) for reflection in node.reflections],
    }


def from_json(data: object) -> Session:
    """The session that `to_json` wrote. Raises BadInput, naming the field, for anything else."""
    if isinstance(data, dict) and (schema := data.get("schema")) != SCHEMA:
        raise BadInput(
            f"The session's schema is {str(schema)[:40]!r}, this studio reads {SCHEMA!r}. "
            "Choose a session that R3 Studio exported, or update the studio."
        )
    top = Fields.open(
        data,
        "session",
        "schema app id title created brief backend plan nodes head best last decision stop problem",
    )
    Fields.open(top.value["app"], "app", "name version").texts("name", "version")
    top.texts("id", "title")
    top.moment("created")
    nodes = tuple(_node(value, index) for index, value in enumerate(top.array("nodes", MAX_NODES)))
    session = Session(
        brief=_brief(top.value["brief"]),
        backend=Identity(**Fields.open(top.value["backend"], "backend", "name revision device dtype").all_texts()),
        plan=top.optional("plan", _plan),
        nodes=nodes,
        head=top.index("head", len(nodes)),
        decision=top.optional("decision", _decision),
        stop=None if top.value["stop"] is None else top.option("stop", StopReason),
        problem=top.text("problem"),
    )
    top.index("best", len(nodes))
    if top.value["last"] != (len(nodes) - 1 if nodes else None):
        raise top.wrong("last", f"the index of the last of {len(nodes)} nodes")
    for index, value in enumerate(top.array("nodes", MAX_NODES)):
        if value["turn"] != turn_of(session, index):
            raise BadInput(complaint(f"nodes[{index}].turn", f"{turn_of(session, index)}, the edits since the draft"))
    return session


def _brief(value: object) -> Brief:
    at = Fields.open(value, "brief", "text width height seed turn_limit mode")
    whole = {key: at.whole(key) for key in ("width", "height", "seed", "turn_limit")}
    return Brief(text=at.text("text"), mode=at.option("mode", Mode), **whole)


def _plan(value: object) -> Plan:
    at = Fields.open(value, "plan", "text author seconds")
    return Plan(at.text("text"), at.option("author", Author), at.number("seconds"))


def _decision(value: object) -> Decision:
    at = Fields.open(value, "decision", "choice text author")
    return Decision(at.option("choice", Choice), at.text("text"), at.option("author", Author))


def _node(value: object, index: int) -> Node:
    where = f"nodes[{index}]"
    at = Fields.open(value, where, "index parent turn picture seed seconds score edit reflections")
    if at.whole("index") != index:
        raise at.wrong("index", f"{index}, its place in the list")
    parent = at.index("parent", index)
    if (parent is None) != (at.value["edit"] is None):
        raise at.wrong("edit", "null for a draft and an object for a node with a parent")
    score = None if at.value["score"] is None else at.number("score")
    if score is not None and score > 1:
        raise at.wrong("score", "null or a number from 0 to 1")
    return Node(
        picture=_picture(at.value["picture"], f"{where}.picture"),
        seed=at.seed(),
        parent=parent,
        edit=at.optional("edit", lambda edit: _edit(edit, f"{where}.edit")),
        reflections=tuple(
            _reflection(said, f"{where}.reflections[{i}]") for i, said in enumerate(at.array("reflections", MAX_NODES))
        ),
        seconds=at.number("seconds"),
        score=score,
    )


def _picture(value: object, where: str) -> str:
    at = Fields.open(value, where, "sha256 file")
    if at.value["file"] is not None and not _FILE.fullmatch(at.text("file")):
        raise at.wrong("file", "null or the name of a PNG file beside or one folder below session.json")
    if not re.fullmatch("[0-9a-f]{64}", at.text("sha256")):
        raise at.wrong("sha256", "64 digits from 0-9 and a-f")
    return at.text("sha256")


def _edit(value: object, where: str) -> Edit:
    at = Fields.open(value, where, "text author proposed")
    return Edit(at.text("text"), at.option("author", Author), at.text_or_none("proposed"))


def _reflection(value: object, where: str) -> Reflection:
    at = Fields.open(value, where, "critique edit seed seconds")
    return Reflection(at.text("critique"), at.text_or_none("edit"), at.seed(), at.number("seconds"))
