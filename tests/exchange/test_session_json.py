import copy
import json
from datetime import datetime, timedelta, timezone

import pytest

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
from studio.errors import BadInput
from studio.exchange.session_json import SCHEMA, from_json, to_json

CREATED = datetime(2026, 1, 31, 13, 0, tzinfo=timezone(timedelta(hours=1)))
SHA = ["0" * 64, "1" * 64, "2" * 64]
FULL = Session(
    brief=Brief("zwei rote Äpfel 🍎 & <b>", 640, 512, seed=2**32 - 1, turn_limit=12, mode=Mode.STEP),
    backend=Identity("mini", "abc", "cuda", "bfloat16"),
    plan=Plan("#1 red apple\n#2 red apple", Author.PERSON, 0.25),
    nodes=(
        Node(
            SHA[0],
            7,
            reflections=(Reflection("first", "Add an apple.", 7, 0.5), Reflection("second", None, 8)),
            seconds=1.5,
            score=0.0,
        ),
        Node(SHA[1], 8, parent=0, edit=Edit("Make it red.", Author.PERSON, "Add an apple."), score=1.0),
        Node(SHA[2], 9, parent=0, edit=Edit("Add an apple.", Author.MODEL, None)),
    ),
    head=2,
    decision=Decision(Choice.OVERRIDE, "Make it larger."),
    stop=StopReason.ERROR,
    problem="It failed.",
)


def as_read(session: Session) -> dict:
    files = [f"pictures/{i}.png" if i != 1 else None for i in range(len(session.nodes))]
    written = to_json(session, files, session_id="abc", title="Apples", created=CREATED)
    return json.loads(json.dumps(written, allow_nan=False))


@pytest.mark.parametrize("session", [FULL, Session(Brief("a"), Identity("mini"))], ids=["everything", "only a brief"])
def test_a_session_comes_back_as_it_was_written(session):
    assert from_json(as_read(session)) == session


def test_what_is_derived_is_written_beside_what_is_stored():
    data = as_read(FULL)
    assert (data["schema"], data["created"]) == (SCHEMA, "2026-01-31T12:00:00+00:00")
    assert (data["best"], data["last"], data["head"]) == (1, 2, 2)
    assert [node["turn"] for node in data["nodes"]] == [0, 1, 1]
    assert [node["picture"]["file"] for node in data["nodes"]] == ["pictures/0.png", None, "pictures/2.png"]
    assert data["nodes"][0]["score"] == 0.0
    assert data["nodes"][2]["score"] is None


SPOILT = [
    ("schema", "r3-session/2", "r3-session/2"),
    ("brief.text", "  ", "brief is empty"),
    ("brief.seed", 1.5, "brief.seed"),
    ("brief.seed", True, "brief.seed"),
    ("brief.seed", -1, "seed is -1"),
    ("brief.width", 10**30, "size"),
    ("brief.mode", ["auto"], "brief.mode"),
    ("brief.text", "\ud800", "brief.text"),
    ("backend", {"name": "mini"}, "backend"),
    ("plan.author", "robot", "plan.author"),
    ("plan.seconds", -1, "plan.seconds"),
    ("plan.seconds", 10**400, "plan.seconds"),
    ("nodes", {}, "nodes"),
    ("nodes.0", 3, "nodes[0]"),
    ("nodes.0.index", 1, "nodes[0].index"),
    ("nodes.0.seed", 2**32, "nodes[0].seed"),
    ("nodes.0.score", 1.01, "nodes[0].score"),
    ("nodes.0.score", float("nan"), "nodes[0].score"),
    ("nodes.0.picture.sha256", "A" * 64, "nodes[0].picture.sha256"),
    ("nodes.0.picture.file", "../../etc/x.png", "nodes[0].picture.file"),
    ("nodes.0.picture.file", "/x.png", "nodes[0].picture.file"),
    ("nodes.0.reflections.1.critique", None, "nodes[0].reflections[1].critique"),
    ("nodes.1.parent", 1, "nodes[1].parent"),
    ("nodes.1.parent", None, "nodes[1].edit"),
    ("nodes.1.edit", None, "nodes[1].edit"),
    ("nodes.1.edit.author", "", "nodes[1].edit.author"),
    ("nodes.1.turn", 2, "nodes[1].turn"),
    ("head", 3, "head"),
    ("best", -1, "best"),
    ("last", 0, "last"),
    ("decision.text", "", "edit is empty"),
    ("stop", "tired", "stop"),
    ("created", "yesterday", "created"),
    ("created", "2026-01-31T12:00:00", "created"),
    ("app.version", 1, "app.version"),
    ("extra", 1, "extra"),
    ("brief.extra", 1, "extra"),
]


@pytest.mark.parametrize(("path", "value", "named"), SPOILT, ids=[f"{p}={str(v)[:12]!a}" for p, v, _ in SPOILT])
def test_every_spoilt_field_is_refused_by_its_name(path, value, named):
    data = as_read(FULL)
    *way, last = (int(part) if part.isdigit() else part for part in path.split("."))
    place = data
    for part in way:
        place = place[part]
    place[last] = value
    with pytest.raises(BadInput) as refused:
        from_json(data)
    assert named in str(refused.value)


def test_a_missing_field_is_refused_by_its_name():
    whole = as_read(FULL)
    for way in ((), ("brief",), ("nodes", 0), ("nodes", 0, "picture"), ("nodes", 1, "edit"), ("app",)):
        for field in _at(whole, way):
            data = copy.deepcopy(whole)
            del _at(data, way)[field]
            with pytest.raises(BadInput, match=field):
                from_json(data)


@pytest.mark.parametrize("data", [None, [], "session", 3, {}])
def test_something_else_is_refused(data):
    with pytest.raises(BadInput):
        from_json(data)


def _at(data, way):
    for part in way:
        data = data[part]
    return data
