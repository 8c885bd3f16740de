"""The library: every session with its whole history, and every picture, in one folder.

`<folder>/library.sqlite3` holds the sessions, `<folder>/images/` the pictures. A picture is on the disk before any
row names it, and rows change in one transaction, so a process that dies leaves the last finished phase intact.
Safe to use from several threads; several processes may share a folder, and revisions keep them from overwriting
each other. A picture whose row was never written stays as a file that nothing names; it does no harm.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Connection, func, insert, select, update
from sqlalchemy.dialects.sqlite import insert as insert_or_update
from sqlalchemy.exc import SQLAlchemyError

from studio.domain import Picture, Session, StopReason
from studio.errors import BadInput, Conflict, LibraryError
from studio.store import pictures, rows, schema
from studio.store.tables import nodes, reflections, sessions

DATABASE = "library.sqlite3"
TITLE_CHARS = 60
_ID_ALPHABET, _ID_CHARS = "abcdefghijkmnpqrstuvwxyz23456789", 12  # 60 bits; nothing that reads like something else


@dataclass(frozen=True)
class Stored:
    """A session as it lies in the library; times are UTC, `revision` counts its saves from 1."""

    id: str
    revision: int
    title: str
    created: datetime
    updated: datetime
    session: Session


@dataclass(frozen=True)
class Summary:
    """What a list of sessions shows; `thumbnail` is the SHA-256 of the last version's picture."""

    id: str
    title: str
    updated: datetime
    versions: int
    thumbnail: str | None
    stop: StopReason | None


class Library:
    """Opens the library in `folder`, or makes one where `create` allows it.

    Raises LibraryError when the folder holds something else, a newer schema, or cannot be written.
    """

    def __init__(self, folder: Path, *, create: bool = True) -> None:
        self._folder = folder
        database = folder / DATABASE
        try:
            if database.exists():
                schema.check(database)
            elif not create:
                raise LibraryError(f"There is no library in {folder}. Check --library, or let the studio make one.")
            self.images.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise pictures.refusal(folder, error) from error
        with self._explained():
            self._engine = schema.connect(database)
        pictures.sweep(self.images)

    @property
    def images(self) -> Path:
        """The folder that holds nothing but pictures."""
        return self._folder / "images"

    def close(self) -> None:
        """Let go of the database file."""
        self._engine.dispose()

    def create(self, session: Session, title: str | None = None, pictures: Iterable[Picture] = ()) -> Stored:
        """Store a new session; `title` is the brief's beginning where none is given.

        A session that already has versions (an import) brings their pictures with it.
        """
        for picture in pictures:
            self.add_picture(picture)
        session_id = "".join(secrets.choice(_ID_ALPHABET) for _ in range(_ID_CHARS))
        now = datetime.now(UTC)
        named = (title or "").strip() or _title_of(session.brief.text)
        head = {"id": session_id, "revision": 1, "title": named, "created": now, "updated": now}
        self._check_pictures(session, known=0)
        with self._transaction(write=True) as connection:
            connection.execute(insert(sessions).values(**head, **rows.session_row(session)))
            _write_history(connection, session_id, session)
        return Stored(session_id, 1, named, now, now, session)

    def load(self, session_id: str) -> Stored:
        """The session as last stored. Raises LibraryError when there is none of that name."""
        with self._transaction() as connection:
            return _read(connection, session_id)

    def save(self, session_id: str, session: Session, *, revision: int, picture: Picture | None = None) -> Stored:
        """Store the next state of a session, and first the picture that belongs to it.

        Raises Conflict, and changes nothing, unless `revision` is the stored one.
        """
        if picture is not None:
            self.add_picture(picture)
        with self._transaction(write=True) as connection:
            now = datetime.now(UTC)
            values = {**rows.session_row(session), "revision": revision + 1, "updated": now}
            same = (sessions.c.id == session_id) & (sessions.c.revision == revision)
            if connection.execute(update(sessions).where(same).values(values)).rowcount == 0:
                _read(connection, session_id)  # a missing session is another error
                raise Conflict("This session has changed since it was read. Look at its present state and try again.")
            known = connection.scalar(select(func.count()).where(nodes.c.session_id == session_id)) or 0
            if known > len(session.nodes):
                raise LibraryError(
                    f"The library holds {known} versions of this session, and only {len(session.nodes)} are left; "
                    "versions are never removed. Open the session anew."
                )
            self._check_pictures(session, known)
            _write_history(connection, session_id, session)
            return _read(connection, session_id)

    def rename(self, session_id: str, title: str) -> None:
        """Give a session another title; its revision and its place in the list stay."""
        if not title.strip():
            raise BadInput("The title is empty. Write one, or keep the old.")
        with self._transaction(write=True) as connection:
            named = update(sessions).where(sessions.c.id == session_id).values(title=title.strip())
            if connection.execute(named).rowcount == 0:
                raise _missing(session_id)

    def recent(self, limit: int = 50, search: str = "") -> tuple[Summary, ...]:
        """The sessions last changed, newest first; every word of `search` stands in the title or the brief."""
        count = select(func.count()).where(nodes.c.session_id == sessions.c.id).scalar_subquery()
        last = (
            select(nodes.c.picture)
            .where(nodes.c.session_id == sessions.c.id)
            .order_by(nodes.c.index.desc())
            .limit(1)
            .scalar_subquery()
        )
        columns = (sessions.c.id, sessions.c.title, sessions.c.updated, count, last, sessions.c.stop)
        query = select(*columns).order_by(sessions.c.updated.desc(), sessions.c.id).limit(limit)
        text = func.casefold(sessions.c.title + "\n" + sessions.c.brief_text)
        for word in search.casefold().split():
            query = query.where(func.instr(text, word) > 0)
        with self._transaction() as connection:
            found = connection.execute(query).all()
        return tuple(Summary(*row[:5], None if row[5] is None else StopReason(row[5])) for row in found)

    def picture(self, sha256: str) -> Picture:
        """A stored picture. Raises LibraryError when its file is missing or damaged; all else stays usable."""
        return pictures.read(self.images, sha256)

    def picture_path(self, sha256: str) -> Path:
        """Where a picture's file lies, whether or not it is there."""
        return pictures.path_of(self.images, sha256)

    def add_picture(self, picture: Picture) -> None:
        """Store a picture ahead of the session that names it."""
        pictures.write(self.images, picture)

    def _check_pictures(self, session: Session, known: int) -> None:
        # Only new versions: one whose file was lost later must not keep its session from going on.
        for node in session.nodes[known:]:
            if not self.picture_path(node.picture).is_file():
                raise LibraryError(f"The picture {node.picture[:12]}… of a new version was not handed over. Try again.")

    @contextmanager
    def _transaction(self, *, write: bool = False) -> Iterator[Connection]:
        with (
            self._explained(),
            self._engine.connect().execution_options(immediate=write) as connection,
            connection.begin(),
        ):
            yield connection

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except SQLAlchemyError as error:
            raise _explain(self._folder, error) from error
        except UnicodeEncodeError as error:
            raise BadInput("The text holds a broken character (half of a pair). Remove it and try again.") from error


def _write_history(connection: Connection, session_id: str, session: Session) -> None:
    """Add new versions and critiques; known ones are written over, for a score may have come in since."""
    for table, values in (
        (nodes, rows.node_rows(session_id, session)),
        (reflections, rows.reflection_rows(session_id, session)),
    ):
        if values:
            statement = insert_or_update(table)
            fresh = {c.name: statement.excluded[c.name] for c in table.columns if not c.primary_key}
            keys = [c.name for c in table.primary_key.columns]
            connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=fresh), values)


def _read(connection: Connection, session_id: str) -> Stored:
    row = connection.execute(select(sessions).where(sessions.c.id == session_id)).mappings().one_or_none()
    if row is None:
        raise _missing(session_id)
    versions = select(nodes).where(nodes.c.session_id == session_id).order_by(nodes.c.index)
    said = select(reflections).where(reflections.c.session_id == session_id)
    said = said.order_by(reflections.c.node, reflections.c.attempt)
    try:
        session = rows.session_of(row, connection.execute(versions).mappings(), connection.execute(said).mappings())
    except (ValueError, BadInput) as error:
        raise LibraryError(
            f"The session “{row['title']}” holds a value that is not understood ({error}). "
            "Open another session, or put the library back from a backup."
        ) from error
    return Stored(row["id"], row["revision"], row["title"], row["created"], row["updated"], session)


def _missing(session_id: str) -> LibraryError:
    return LibraryError(f"There is no session “{session_id[:40]}” in this library. Choose one from the list.")


def _title_of(brief: str) -> str:
    text = " ".join(brief.split())
    if len(text) <= TITLE_CHARS:
        return text
    cut = text[: TITLE_CHARS - 1]
    return (cut.rsplit(" ", 1)[0] if " " in cut else cut) + "…"


def _explain(folder: Path, error: SQLAlchemyError) -> LibraryError:
    cause = str(getattr(error, "orig", None) or error)
    if "is full" in cause:
        advice = "The disk is full; what was stored is safe. Free some space and resume."
    elif "locked" in cause:
        advice = "Another program is writing to it. Wait a moment and try again."
    elif "readonly" in cause or "unable to open" in cause:
        advice = "It cannot be written. Give yourself the right to, or choose another folder with --library."
    else:
        advice = "What was stored before is safe. Try again, or put the library back from a backup."
    return LibraryError(f"The library in {folder} refused ({cause}). {advice}")
