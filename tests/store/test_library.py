import errno
import os
import sqlite3
import stat
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

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
    Picture,
    Plan,
    Reflection,
    Session,
    StopReason,
)
from studio.errors import BadInput, Conflict, LibraryError
from studio.store.library import Library

ONE, TWO, THREE = (Picture(f"picture {i}".encode()) for i in range(3))
PLAIN = Session(Brief("two red balls"), Identity("scripted"))
WEIRD = "Ünïcødé ☂ 🐘 “quotes” 'single' \x00 %_\\ \r\n\ttail"
RICH = Session(
    brief=Brief(WEIRD, 640, 480, 2**32 - 1, 12, Mode.STEP),
    backend=Identity("bagel", "a1b2", "cuda:1", "bfloat16"),
    plan=Plan("x" * 200_000 + WEIRD, Author.PERSON, 0.1 + 0.2),
    nodes=(
        Node(
            ONE.sha256,
            7,
            reflections=(Reflection(WEIRD, "add", 1, 1e-9), Reflection("", None, 2**32 - 1)),
            seconds=3.5,
            score=0.0,
        ),
        Node(TWO.sha256, 8, 0, Edit(WEIRD, Author.PERSON, None), (Reflection("c", "", 3),), score=None),
        Node(ONE.sha256, 9, 0, Edit("add", Author.MODEL, "add"), score=1.0),
        Node(THREE.sha256, 9, 1, Edit("more", Author.PERSON, "less")),
    ),
    head=1,
    decision=Decision(Choice.OVERRIDE, WEIRD),
    stop=StopReason.ERROR,
    problem=WEIRD,
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "my library #1 100% ü?"


@pytest.fixture
def library(folder: Path):
    opened = Library(folder)
    yield opened
    opened.close()


def test_everything_of_a_session_comes_back_as_it_went_in(library: Library, folder: Path) -> None:
    stored = library.create(RICH, pictures=(ONE, TWO, THREE))
    library.close()
    again = Library(folder)
    assert again.load(stored.id) == stored
    assert again.load(stored.id).session == RICH
    assert [again.picture(n.picture) for n in RICH.nodes] == [ONE, TWO, ONE, THREE]
    again.close()


def test_every_stop_and_decision_comes_back(library: Library) -> None:
    for stop in (None, *StopReason):
        for decision in (None, *(Decision(c, "words", a) for c in Choice for a in Author)):
            session = replace(PLAIN, stop=stop, decision=decision)
            assert library.load(library.create(session).id).session == session


def test_saving_counts_revisions_and_keeps_versions_critiques_and_scores(library: Library) -> None:
    stored = library.create(PLAIN)
    drawn = replace(PLAIN, plan=Plan("p"), nodes=(Node(ONE.sha256, 1),), head=0)
    stored = library.save(stored.id, drawn, revision=1, picture=ONE)
    judged = replace(drawn.nodes[0], reflections=(Reflection("c", "e", 1),), score=0.25)
    seen = replace(drawn, nodes=(judged,))
    stored = library.save(stored.id, seen, revision=stored.revision)
    assert (stored.revision, stored.session) == (3, seen)
    assert library.load(stored.id) == stored


def test_of_two_writers_with_one_revision_the_second_gets_a_conflict_and_the_firsts_data_stay(
    library: Library, folder: Path
) -> None:
    other = Library(folder)  # as another process would open it
    stored = library.create(PLAIN)
    first = library.save(stored.id, replace(PLAIN, plan=Plan("first")), revision=1)
    with pytest.raises(Conflict, match="has changed"):
        other.save(stored.id, replace(PLAIN, plan=Plan("second")), revision=1)
    assert other.load(stored.id) == first
    other.close()


def test_of_many_threads_with_one_revision_exactly_one_wins(library: Library) -> None:
    stored = library.create(PLAIN)
    start, results = threading.Barrier(8), []

    def write(name: str) -> None:
        start.wait()
        try:
            results.append(library.save(stored.id, replace(PLAIN, plan=Plan(name)), revision=1).session)
        except Conflict:
            results.append(None)

    threads = [threading.Thread(target=write, args=(str(i),)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    won = [session for session in results if session is not None]
    assert len(results) == 8
    assert won == [library.load(stored.id).session]


def test_versions_are_never_removed(library: Library) -> None:
    stored = library.create(RICH, pictures=(ONE, TWO, THREE))
    with pytest.raises(LibraryError, match="never removed"):
        library.save(stored.id, replace(RICH, nodes=RICH.nodes[:1], head=0), revision=1)
    assert library.load(stored.id) == stored


def test_no_row_names_a_picture_that_was_not_handed_over(library: Library) -> None:
    with pytest.raises(LibraryError, match="not handed over"):
        library.create(RICH, pictures=(ONE, TWO))
    assert library.recent() == ()


def test_a_missing_session_is_said_to_be_missing(library: Library) -> None:
    for act in (library.load, lambda i: library.save(i, PLAIN, revision=1), lambda i: library.rename(i, "t")):
        with pytest.raises(LibraryError, match="no session “nowhere”"):
            act("nowhere")


def test_a_broken_character_is_refused_with_a_reason(library: Library) -> None:
    with pytest.raises(BadInput, match="broken character"):
        library.create(replace(PLAIN, brief=Brief("half \ud83d")))


def test_times_are_utc_and_move_on_saving_only(library: Library) -> None:
    before = datetime.now(UTC)
    stored = library.create(PLAIN)
    assert before <= stored.created == stored.updated <= datetime.now(UTC)
    assert stored.created.tzinfo is UTC
    saved = library.save(stored.id, PLAIN, revision=1)
    assert saved.updated > saved.created == stored.created
    library.rename(stored.id, "another")
    renamed = library.load(stored.id)
    assert (renamed.title, renamed.revision, renamed.updated) == ("another", 2, saved.updated)


@pytest.mark.parametrize(
    ("brief", "title"),
    [
        ("  two\n red   balls ", "two red balls"),
        ("word " * 30, "word " * 10 + "word…"),
        ("x" * 90, "x" * 59 + "…"),
    ],
)
def test_the_title_is_the_briefs_beginning(library: Library, brief: str, title: str) -> None:
    assert library.create(replace(PLAIN, brief=Brief(brief))).title == title
    assert library.create(PLAIN, "given").title == "given"


def test_an_empty_title_is_refused(library: Library) -> None:
    with pytest.raises(BadInput, match="title is empty"):
        library.rename(library.create(PLAIN).id, "  ")


def test_ids_are_short_and_safe_in_addresses(library: Library) -> None:
    ids = {library.create(PLAIN).id for _ in range(20)}
    assert len(ids) == 20
    assert all(len(i) == 12 and i.isalnum() and i.isascii() for i in ids)


def test_the_list_is_newest_first_and_says_what_it_shows(library: Library) -> None:
    old, new = library.create(PLAIN, "old"), library.create(RICH, "new", (ONE, TWO, THREE))
    assert [s.title for s in library.recent()] == ["new", "old"]
    assert library.recent()[1].thumbnail is None
    newest = library.save(old.id, PLAIN, revision=1)
    first, second = library.recent()
    assert (first.id, first.updated, first.versions, first.stop) == (old.id, newest.updated, 0, None)
    assert (second.id, second.versions, second.thumbnail) == (new.id, 4, THREE.sha256)
    assert second.stop is StopReason.ERROR
    assert [s.id for s in library.recent(limit=1)] == [old.id]


@pytest.mark.parametrize(
    ("search", "found"),
    [("BALLS two", 1), ("ärger", 1), ("ÄRGER card", 1), ("100%", 1), ("%", 1), ("_", 0), ("balls card", 0), (" ", 2)],
)
def test_the_search_finds_every_word_whatever_its_case_and_signs_mean_themselves(
    library: Library, search: str, found: int
) -> None:
    library.create(PLAIN)
    library.create(replace(PLAIN, brief=Brief("a 100% card")), "Ärger")
    assert len(library.recent(search=search)) == found


def test_a_deleted_picture_is_named_and_its_session_still_opens_and_goes_on(library: Library) -> None:
    stored = library.create(RICH, pictures=(ONE, TWO, THREE))
    library.picture_path(ONE.sha256).unlink()
    with pytest.raises(LibraryError, match=r"is missing\. Put the file back from a backup"):
        library.picture(ONE.sha256)
    assert library.load(stored.id) == stored
    assert library.save(stored.id, replace(RICH, stop=None), revision=1).revision == 2
    assert len(library.recent()) == 1


def test_a_damaged_picture_is_told_and_healed_by_writing_it_again(library: Library) -> None:
    library.add_picture(ONE)
    library.picture_path(ONE.sha256).write_bytes(ONE.png[:-1])
    with pytest.raises(LibraryError, match="is damaged"):
        library.picture(ONE.sha256)
    library.add_picture(ONE)
    assert library.picture(ONE.sha256) == ONE


@pytest.mark.parametrize("name", ["", "../../etc/passwd", "a" * 63, "A" * 64, "a" * 64 + "\n"])
def test_only_a_hash_names_a_picture(library: Library, name: str) -> None:
    with pytest.raises(LibraryError, match="names no picture"):
        library.picture(name)


def test_pictures_lie_where_they_are_said_to(library: Library, folder: Path) -> None:
    library.add_picture(ONE)
    path = folder / "images" / ONE.sha256[:2] / f"{ONE.sha256}.png"
    assert library.picture_path(ONE.sha256) == path
    assert path.read_bytes() == ONE.png
    assert library.images == folder / "images"


def test_a_disk_that_fills_up_under_a_picture_loses_nothing(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    stored = library.create(PLAIN)
    drawn = replace(PLAIN, plan=Plan("p"), nodes=(Node(ONE.sha256, 1),), head=0)

    def full(handle: int) -> None:
        if stat.S_ISREG(os.fstat(handle).st_mode):
            full_at.append(len([path for path in library.images.rglob("*") if path.is_file()]))
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    full_at: list[int] = []

    with monkeypatch.context() as disk:
        disk.setattr(os, "fsync", full)
        with pytest.raises(LibraryError, match="is full; what was stored is safe"):
            library.save(stored.id, drawn, revision=1, picture=ONE)
    assert full_at == [1]  # half a file was there, and
    assert library.load(stored.id) == stored
    assert [path for path in library.images.rglob("*") if path.is_file()] == []
    assert library.save(stored.id, drawn, revision=1, picture=ONE).session == drawn


def test_a_database_that_may_not_grow_loses_nothing(library: Library) -> None:
    stored = library.create(PLAIN)
    with library._engine.connect() as connection:  # SQLite's own word for a full disk
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(LibraryError, match="The disk is full; what was stored is safe"):
        library.save(stored.id, replace(PLAIN, plan=Plan("long " * 100_000)), revision=1)
    assert library.load(stored.id) == stored
    assert library.save(stored.id, replace(PLAIN, stop=StopReason.CANCELLED), revision=1).revision == 2


def test_a_failure_between_picture_and_rows_leaves_the_last_committed_state(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored = library.create(RICH, pictures=(ONE, TWO, THREE))

    def fail(*_: Any) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr("studio.store.library._write_history", fail)
    with pytest.raises(sqlite3.OperationalError):
        library.save(stored.id, replace(RICH, head=3, stop=None), revision=1)
    assert library.load(stored.id) == stored


def test_opening_removes_abandoned_unfinished_files_and_nothing_else(library: Library, folder: Path) -> None:
    library.add_picture(ONE)
    home = library.picture_path(ONE.sha256).parent
    ours, young = home / f".{ONE.sha256}.0123abcd.part", home / f".{ONE.sha256}.0123abce.part"
    foreign = [home / ".notes.part", home / f"{ONE.sha256}.0123abcd.part", home / "holiday.png", folder / ours.name]
    for path in (ours, young, *foreign):
        path.write_bytes(b"half")
    an_hour_ago = time.time() - 3600
    for path in (ours, *foreign):
        os.utime(path, (an_hour_ago, an_hour_ago))
    Library(folder).close()
    assert not ours.exists()
    assert all(path.exists() for path in (young, *foreign))
    assert library.picture(ONE.sha256) == ONE
