import json
import re
import zipfile
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

import pytest

from studio.domain import Brief, Choice, Decision, Mode, Picture, Session, StopReason, decide
from studio.errors import LibraryError
from studio.exchange.archive import write_atomically, write_zip
from studio.exchange.lineage import Version, lines
from studio.exchange.session_json import from_json
from studio.loop import advance
from tests.scripted import EDITS, ScriptedBackend

ABOUT = {"session_id": "k3j9x2abcdef", "title": "Balloons", "created": datetime(2026, 1, 31, 12, 0, 1, tzinfo=UTC)}
EVIL = '</p><script>alert(1)</script>"&'


@pytest.fixture(scope="module")
def made():
    """A session with a branch, a person's edit and a set-aside critique, and its pictures."""
    backend, pictures = ScriptedBackend(), {}

    def go(session):
        while outcome := advance(session, backend, pictures.__getitem__, lambda done, total: None):
            session = outcome.session
            if outcome.picture:
                pictures[outcome.picture.sha256] = outcome.picture
        return session

    session = go(Session(Brief(f"two balloons {EVIL}", 96, 64, seed=5, mode=Mode.AUTO), backend.identity))
    session = go(decide(session, 0, Decision(Choice.OVERRIDE, f"Mine {EVIL}")))
    return go(decide(session, 1, Decision(Choice.REWRITE))), pictures


def read(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


class Page(HTMLParser):
    """What a browser would see: tags with attributes, and the text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data


def test_the_zip_holds_the_session_its_pictures_byte_for_byte_and_a_report(made, tmp_path):
    session, pictures = made
    path = write_zip(session, pictures.__getitem__, tmp_path / "new", **ABOUT)
    assert path == tmp_path / "new" / "balloons-k3j9x2ab.zip"
    files = read(path)
    data = json.loads(files.pop("session.json"))
    assert from_json(data) == session
    names = [node["picture"]["file"] for node in data["nodes"]]
    assert names == [f"pictures/{i:02d}-{node.picture[:8]}.png" for i, node in enumerate(session.nodes)]
    assert [files.pop(name) for name in names] == [pictures[node.picture].png for node in session.nodes]
    assert "OpenMoji" in files.pop("CREDITS.txt").decode()
    assert set(files) == {"report.html"}
    assert list((tmp_path / "new").iterdir()) == [path]


def test_the_same_session_gives_the_same_bytes(made, tmp_path):
    session, pictures = made
    one, two = (write_zip(session, pictures.__getitem__, tmp_path / name, **ABOUT).read_bytes() for name in "ab")
    assert one == two


@pytest.mark.parametrize("how", ["missing", "damaged"])
def test_a_lost_picture_is_named_and_the_rest_is_exported(made, tmp_path, how):
    session, pictures = made
    lost = session.nodes[1].picture

    def picture_of(sha):
        if sha != lost:
            return pictures[sha]
        if how == "missing":
            raise LibraryError("The picture is missing.")
        return Picture(pictures[sha].png[:-1])

    files = read(write_zip(session, picture_of, tmp_path, **ABOUT))
    data = json.loads(files["session.json"])
    gone = [node["picture"]["file"] is None for node in data["nodes"]]
    assert gone == [node.picture == lost for node in session.nodes]
    assert from_json(data) == session
    assert sum(name.endswith(".png") for name in files) == len(session.nodes) - 1
    page = Page(files["report.html"].decode())
    assert "The picture of V1 was missing or damaged" in page.text
    assert lost in page.text


def test_the_report_is_self_contained_and_shows_everything_that_was_said(made, tmp_path):
    session, pictures = made
    page = Page(read(write_zip(session, pictures.__getitem__, tmp_path, **ABOUT))["report.html"].decode())
    images = [attributes["src"] for tag, attributes in page.tags if tag == "img"]
    assert len(set(images)) == len(session.nodes)
    assert all(source.startswith("data:image/png;base64,") for source in images)
    assert not [tag for tag, attributes in page.tags if tag in ("link", "iframe", "object") or "srcset" in attributes]
    text = " ".join(page.text.split())
    said = [session.plan.text, "OpenMoji", f"Seed {session.brief.seed}", "set aside"]
    said += [node.edit.text for node in session.nodes if node.edit]
    said += [r.critique for node in session.nodes for r in node.reflections]
    said += [f"Seed {node.seed}" for node in session.nodes]
    assert [words for words in said if " ".join(words.split()) not in text] == []
    assert f"The model had proposed: {EDITS[0]}" in text


def test_words_never_become_markup(made, tmp_path):
    session, pictures = made
    session = replace(session, problem=EVIL, stop=StopReason.ERROR)
    page = Page(
        read(write_zip(session, pictures.__getitem__, tmp_path, **{**ABOUT, "title": EVIL}))["report.html"].decode()
    )
    assert "script" not in {tag for tag, _ in page.tags}
    assert page.text.count("alert(1)") >= 5


@pytest.mark.parametrize("phases", [0, 1, 2])
def test_an_unfinished_session_can_be_exported(made, tmp_path, phases):
    session, pictures = made
    nodes = session.nodes[:1] if phases == 2 else ()
    young = Session(session.brief, session.backend, session.plan if phases else None, nodes, 0 if nodes else None)
    files = read(write_zip(young, pictures.__getitem__, tmp_path, **ABOUT))
    assert from_json(json.loads(files["session.json"])) == young
    assert "Not finished" in files["report.html"].decode()


def test_titles_make_safe_file_names(made, tmp_path):
    session, pictures = made
    for title, begins in (("../../up", "up-"), ("!", "session-"), ("日本", "日本-"), ("a" * 500, "a" * 40 + "-")):
        path = write_zip(session, pictures.__getitem__, tmp_path, **{**ABOUT, "title": title})
        assert path.parent == tmp_path
        assert path.name.startswith(begins)


def test_a_file_is_replaced_in_full_or_not_at_all(tmp_path):
    path = write_atomically(tmp_path / "a.txt", b"one")
    assert write_atomically(path, b"two").read_bytes() == b"two"
    (tmp_path / "folder.txt").mkdir()
    with pytest.raises(LibraryError, match=re.escape("folder.txt cannot be written")):
        write_atomically(tmp_path / "folder.txt", b"three")
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["a.txt", "folder.txt"]


def test_lines_follow_the_best_version_and_branches_leave_them(made):
    session, _ = made
    for line in lines(session):
        assert [session.nodes[v.index].parent for v in line[1:]] == [v.index for v in line[:-1]]

    def indices(line: tuple[Version, ...]) -> list[int]:
        return [i for v in line for i in (v.index, *(j for branch in v.branches for j in indices(branch)))]

    assert sorted(i for line in lines(session) for i in indices(line)) == list(range(len(session.nodes)))
    scored = replace(session, nodes=tuple(replace(n, score=float(i == 2)) for i, n in enumerate(session.nodes)))
    assert 2 in [version.index for version in lines(scored)[0]]
