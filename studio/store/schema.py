"""Opening the database: what it is, whether it is ours, bringing it up to date, and how connections behave."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry

from studio.errors import LibraryError

BUSY_SECONDS = 10.0
_MIGRATIONS = Path(__file__).parent / "migrations"


def check(database: Path) -> None:
    """Raise LibraryError unless an existing file is a library that this version can open. Writes nothing.

    The look is through a read-only connection, which cannot even fold a newer studio's log into the file.
    OSError passes.
    """
    try:
        with closing(sqlite3.connect(_read_only(database), uri=True)) as connection:
            names = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            if not names:
                return  # an empty file: creating the library was interrupted before its first transaction
            if "alembic_version" not in names:
                raise LibraryError(f"{database} is a database, but no library. Choose another folder with --library.")
            found = [revision for (revision,) in connection.execute("SELECT version_num FROM alembic_version")]
    except sqlite3.OperationalError as error:
        raise LibraryError(
            f"The library in {database.parent} cannot be opened ({error}). Give yourself the right to read and write "
            "there, or choose another folder with --library."
        ) from error
    except sqlite3.DatabaseError as error:
        raise LibraryError(
            f"{database} cannot be opened as a library ({error}). "
            "Choose another folder with --library, or put the file back from a backup."
        ) from error
    known = {script.revision for script in _scripts().walk_revisions()}
    if not known.issuperset(found):
        raise LibraryError(
            f"The library in {database.parent} was made by a newer R3 Studio (schema {', '.join(found)}); "
            "nothing in it was changed. Update R3 Studio, or choose another folder with --library."
        )


def _read_only(database: Path) -> str:
    # Of a database with a write-ahead log, closed properly so that the log is gone, a reader would leave an empty log
    # behind; told that nobody writes to the file, it leaves nothing. Bytes 18 and 19 are 2 for such a database.
    with database.open("rb") as file:
        logged = file.read(20)[18:] == b"\2\2"
    closed = logged and not database.with_name(database.name + "-wal").exists()
    return f"{database.resolve().as_uri()}?mode=ro" + ("&immutable=1" if closed else "")


def connect(database: Path) -> Engine:
    """An engine on the library's database, brought up to date in one transaction."""
    engine = create_engine(URL.create("sqlite", database=str(database)), connect_args={"timeout": BUSY_SECONDS})
    event.listen(engine, "connect", _set_up)
    event.listen(engine, "begin", _begin)
    try:
        with engine.connect().execution_options(immediate=True) as connection, connection.begin():
            _migrate(connection)
    except BaseException:
        engine.dispose()
        raise
    return engine


def _scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(_config())


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def _migrate(connection: Connection) -> None:
    # Inside an immediate transaction: of two studios opening at once, the second waits and finds it done.
    if MigrationContext.configure(connection).get_current_revision() == _scripts().get_current_head():
        return
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _set_up(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # transactions begin in `_begin`, so that they hold schema changes too
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA foreign_keys = ON")
    # FULL, not NORMAL: a phase takes seconds and a sync milliseconds, and "stored" has to outlive a power cut.
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.close()
    connection.create_function("casefold", 1, str.casefold, deterministic=True)


def _begin(connection: Connection) -> None:
    # A writer takes the lock at once and waits for it; a reader that turned writer later would fail instead.
    writes = connection.get_execution_options().get("immediate", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
