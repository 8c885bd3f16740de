"""What a browser tab sees: a place in the library, and everything that is shown of it at this moment."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qs, urlencode

from studio.domain import Phase, Session, StopReason, Waiting, next_phase
from studio.store.library import Library
from studio.ui import filmstrip, view
from studio.worker import Status, Worker

LISTED = 60


@dataclass(frozen=True)
class Desk:
    """What the handlers work with: the library, the worker, and the folder that exports are written to."""

    library: Library
    worker: Worker
    exports: Path

    def address(self, sha256: str) -> str:
        """Where the page fetches a picture, as the stored file itself."""
        return view.file_address(str(self.library.picture_path(sha256).resolve()))


@dataclass(frozen=True)
class Place:
    """What a tab looks at. `node` None follows the version that the loop works on."""

    session: str | None = None
    node: int | None = None

    @property
    def query(self) -> str:
        """The deep link's query, as it stands in the address bar."""
        fields = {"session": self.session, "node": self.node}
        return urlencode({key: value for key, value in fields.items() if value is not None})


@dataclass(frozen=True)
class Controls:
    """Which buttons can be used, and what the one for going on is called ("" where there is nothing to go on with)."""

    cancel: bool = False
    resume: str = ""
    accept: bool = False
    override: bool = False
    rewrite: bool = False
    stop: bool = False
    export: bool = False


@dataclass(frozen=True)
class Screen:
    """Everything that is shown of a place, as HTML or text; `revision` is what a decision is checked against."""

    place: Place
    revision: int
    busy: bool
    title: str
    head: str
    library: str
    picture: str
    progress: str
    versions: str
    thoughts: str
    proposal: str
    controls: Controls


def place_of(query: str) -> Place:
    """The place that a deep link names; whatever it does not understand it leaves out."""
    fields = parse_qs(query.lstrip("?"))
    session = fields.get("session", [""])[0]
    node = fields.get("node", [""])[0]
    if not session:
        return Place()
    return Place(session, int(node) if node.isascii() and node.isdigit() else None)


def look(desk: Desk, place: Place, search: str = "") -> Screen:
    """The present state of a place. Raises LibraryError when its session is not in the library."""
    stored = desk.library.load(place.session) if place.session else None
    status = desk.worker.status(stored.id) if stored else None
    items = desk.library.recent(LISTED, search)
    running = frozenset(item.id for item in items if desk.worker.status(item.id) is not None)
    listed = view.library(items, place.session, running, desk.address, datetime.now(UTC), search)
    if stored is None:
        return Screen(
            Place(), 0, False, "", view.head(desk.worker.queue_length(), ""), listed, view.welcome(),
            view.progress(None, None), "", view.no_thoughts(), view.proposal(None, None), Controls(),
        )  # fmt: skip
    session, index = stored.session, shown(stored.session, place)
    if status is None and (problem := desk.worker.problem(stored.id)):
        session = replace(session, stop=StopReason.ERROR, problem=problem)
    return Screen(
        place=Place(stored.id, place.node if index == place.node else None),
        revision=stored.revision,
        busy=status is not None,
        title=stored.title,
        head=view.head(desk.worker.queue_length(), session.backend.name),
        library=listed,
        picture=view.picture(session, index, desk.address, status is not None),
        progress=view.progress(session, status),
        versions=filmstrip.strip(session, index, desk.address),
        thoughts=view.thoughts(session, index),
        proposal=view.proposal(session, index),
        controls=controls(session, index, status),
    )


def shown(session: Session, place: Place) -> int | None:
    """The version that a place shows: the chosen one, else the one that the loop works on."""
    if place.node is not None and place.node < len(session.nodes):
        return place.node
    return session.head


def controls(session: Session, index: int | None, status: Status | None) -> Controls:
    """Which buttons make sense; while a job runs only cancelling does."""
    if status is not None:
        return Controls(cancel=status.state != "cancelling", export=bool(session.nodes))
    following = next_phase(session)
    pending = isinstance(following, Phase)
    failed = session.stop in (StopReason.CANCELLED, StopReason.ERROR, StopReason.UNPARSEABLE_CRITIQUE)
    go_on = "Resume" if pending or session.stop is StopReason.CANCELLED else "Try again" if failed else ""
    reflection = session.nodes[index].reflection if index is not None else None
    return Controls(
        resume=go_on,
        accept=reflection is not None and reflection.edit is not None,
        override=index is not None,
        rewrite=index is not None,
        stop=following is Waiting.DECISION,
        export=bool(session.nodes),
    )
