import os
import shutil
import sqlite3
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from studio.domain import Brief, Identity, Session
from studio.errors import LibraryError
from studio.store.library import DATABASE, Library
from studio.store.tables import metadata

SESSION = Session(Brief("a ball"), Identity("scripted"))


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def newer(folder: Path) -> Path:
    """A library as a later version would leave it."""
    library = Library(folder)
    library.create(SESSION)
    library.close()
    with closing(sqlite3.connect(folder / DATABASE)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    return folder


def test_the_migrations_lead_to_the_tables_that_the_code_uses(tmp_path: Path) -> None:
    library = Library(tmp_path)
    with library._engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
        assert connection.exec_driver_sql("PRAGMA foreign_key_check").all() == []
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2  # FULL
        tables = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'table'").scalars().all()
        keys = {t: connection.exec_driver_sql(f"PRAGMA foreign_key_list({t})").all() for t in tables}
    library.close()
    assert {t: len(rows) for t, rows in keys.items() if rows} == {"nodes": 3, "reflections": 2}


def test_a_library_opens_again_and_is_not_migrated_twice(tmp_path: Path) -> None:
    library = Library(tmp_path)
    stored = library.create(SESSION)
    library.close()
    before = contents(tmp_path)
    again = Library(tmp_path, create=False)
    assert again.load(stored.id) == stored
    again.close()
    assert contents(tmp_path) == before


def test_studios_that_open_a_new_library_at_the_same_moment_all_succeed(tmp_path: Path) -> None:
    start, opened = threading.Barrier(6), []

    def work() -> None:
        start.wait()
        library = Library(tmp_path)
        opened.append(library.create(SESSION).id)
        library.close()

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    library = Library(tmp_path)
    assert len(opened) == 6
    assert {s.id for s in library.recent()} == set(opened)
    library.close()


def test_a_newer_library_is_refused_and_not_a_byte_of_it_changes(tmp_path: Path) -> None:
    before = contents(newer(tmp_path))
    with pytest.raises(LibraryError, match=r"newer R3 Studio \(schema 9999\); nothing in it was changed") as caught:
        Library(tmp_path)
    assert "Update R3 Studio" in str(caught.value)
    assert contents(tmp_path) == before


def test_a_newer_librarys_unfinished_log_is_left_to_the_newer_studio(tmp_path: Path) -> None:
    alive, killed = newer(tmp_path / "alive"), tmp_path / "killed"
    with closing(sqlite3.connect(alive / DATABASE)) as writer:
        writer.execute("UPDATE sessions SET title = 'newer'")
        writer.commit()
        shutil.copytree(alive, killed)  # its last words are in the log, and nobody is there to fold them in
    before = contents(killed)
    with pytest.raises(LibraryError, match="newer"):
        Library(killed)
    after = contents(killed)
    assert after[DATABASE] == before[DATABASE]
    assert after[f"{DATABASE}-wal"] == before[f"{DATABASE}-wal"] != b""


def test_without_leave_to_create_nothing_is_made(tmp_path: Path) -> None:
    with pytest.raises(LibraryError, match="There is no library"):
        Library(tmp_path / "none", create=False)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "data", [b"not a database at all, but long enough to be looked at " * 40, b"SQLite format 3\0"]
)
def test_a_file_that_is_no_database_is_refused_and_left(tmp_path: Path, data: bytes) -> None:
    (tmp_path / DATABASE).write_bytes(data)
    with pytest.raises(LibraryError, match="cannot be opened as a library"):
        Library(tmp_path)
    assert contents(tmp_path) == {DATABASE: data}


def test_another_programs_database_is_refused_and_left(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / DATABASE)) as connection, connection:
        connection.execute("CREATE TABLE recipes (name TEXT)")
    before = contents(tmp_path)
    with pytest.raises(LibraryError, match="no library"):
        Library(tmp_path)
    assert contents(tmp_path) == before


def test_an_empty_file_left_by_an_interrupted_creation_becomes_a_library(tmp_path: Path) -> None:
    (tmp_path / DATABASE).touch()
    library = Library(tmp_path)
    assert library.recent() == ()
    library.close()


def test_a_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(LibraryError, match="choose another folder"):
        Library(tmp_path / "file")
    assert (tmp_path / "file").read_text() == "mine"


def test_a_failed_migration_leaves_the_old_schema(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    from alembic.operations import Operations

    create = Operations.create_table
    made: list[str] = []

    def create_some(self: Operations, name: str, *rest: object, **more: object) -> object:
        if made:
            fail()
        made.append(name)
        return create(self, name, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(Operations, "create_table", create_some)
    with pytest.raises(sqlite3.OperationalError):
        Library(tmp_path)
    monkeypatch.undo()
    assert made == ["sessions"]
    with closing(sqlite3.connect(tmp_path / DATABASE)) as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == []
    Library(tmp_path).close()


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX permissions")
@pytest.mark.parametrize("there_already", [False, True])
def test_a_folder_that_may_not_be_written_is_told(tmp_path: Path, there_already: bool) -> None:
    if there_already:
        Library(tmp_path).close()
    before = contents(tmp_path)
    for path in (tmp_path, *tmp_path.rglob("*")):
        path.chmod(0o555 if path.is_dir() else 0o444)
    said = _refusal_as_an_ordinary_person(tmp_path)
    tmp_path.chmod(0o755)
    assert "choose another folder with --library" in said.lower()
    assert contents(tmp_path) == before


def _refusal_as_an_ordinary_person(folder: Path) -> str:
    """What opening says to one whom permissions bind; the superuser steps down in a child process for it."""
    out, into = os.pipe()
    child = os.fork()
    if child == 0:
        said = "it opened"
        try:
            if os.geteuid() == 0:
                os.chdir(folder)
                os.setgid(65534)
                os.setuid(65534)
                folder = Path(".")
            Library(folder).close()
        except LibraryError as error:
            said = str(error)
        except BaseException as error:
            said = f"unexpected {error!r}"
        finally:
            os.write(into, said.encode())
            os._exit(0)
    os.close(into)
    os.waitpid(child, 0)
    with os.fdopen(out) as pipe:
        return pipe.read()
