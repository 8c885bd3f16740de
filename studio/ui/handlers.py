"""What the page's events do: values in, values out. Knows no gradio; work goes to the worker, never done here."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from studio.domain import Brief, Choice, Decision, Mode, Session, decide, seed_from_text
from studio.errors import BadInput, Conflict
from studio.exchange.archive import write_zip
from studio.store.library import Stored
from studio.ui import view
from studio.ui.screen import Desk, Place, shown


class Size(Enum):
    """The picture sizes offered, as (label, width, height)."""

    SQUARE = ("1:1 · 512 × 512", 512, 512)
    LANDSCAPE = ("4:3 · 640 × 480", 640, 480)
    PORTRAIT = ("3:4 · 480 × 640", 480, 640)
    SQUARE_768 = ("1:1 · 768 × 768", 768, 768)
    SQUARE_1024 = ("1:1 · 1024 × 1024", 1024, 1024)


@dataclass(frozen=True)
class Form:
    """The brief's fields as typed."""

    text: str = ""
    size: str = Size.SQUARE.value[0]
    seed: str = ""
    turns: float | None = 4
    mode: str = Mode.AUTO.value


@dataclass(frozen=True)
class Doubt:
    """Words that the model does not know; the person goes on anyway or edits."""

    words: tuple[str, ...]

    @property
    def message(self) -> str:
        words = ", ".join(f"“{word}”" for word in self.words)
        return f"The built-in model does not know: {words}. It would ignore {'it' if len(self.words) == 1 else 'them'}."


def begin(desk: Desk, form: Form, *, anyway: bool = False) -> Place | Doubt:
    """Make a session of the brief and submit it. Raises BadInput; a Doubt is asked once, unless `anyway`."""
    brief = brief_of(form)
    backend = desk.worker.backend()
    unknown = () if anyway else backend.unknown_words(brief.text)
    if unknown:
        return Doubt(tuple(unknown))
    stored = desk.library.create(Session(brief, backend.identity))
    desk.worker.submit(stored.id)
    return Place(stored.id)


def brief_of(form: Form) -> Brief:
    """The brief that the fields mean, with its seed resolved. Raises BadInput."""
    size = next((s.value for s in Size if s.value[0] == form.size), None)
    if size is None:
        raise BadInput(f"The size “{form.size}” is not offered. Choose one from the list.")
    if form.turns is None or form.turns != int(form.turns):
        raise BadInput("The turn limit is no whole number. Choose one from 1 to 12.")
    return Brief(form.text.strip(), size[1], size[2], seed_from_text(form.seed or ""), int(form.turns), Mode(form.mode))


def form_of(brief: Brief) -> Form:
    """The fields for making a session's brief again; the seed is left empty for another picture.

    The size is left empty where it is none of those offered.
    """
    size = next((s.value[0] for s in Size if s.value[1:] == (brief.width, brief.height)), "")
    return Form(brief.text, size, "", brief.turn_limit, brief.mode.value)


def choose(
    desk: Desk, place: Place, revision: int, choice: Choice, words: str = "", *, anyway: bool = False
) -> Place | Doubt:
    """Record a decision on the shown version and submit the session.

    Raises BadInput, and Conflict when the session has moved on since `revision` was shown.
    """
    stored = _opened(desk, place)
    if stored.revision != revision or desk.worker.status(stored.id) is not None:
        raise Conflict("This session has moved on in another tab. Its present state is shown; decide again.")
    session = stored.session
    # A stop belongs to the edit that the loop waits with, wherever the person looks.
    index = session.head if choice is Choice.STOP else shown(session, place)
    if index is None:
        raise BadInput("There is no version yet. Wait for the draft.")
    decision = Decision(choice, words.strip())
    if choice is Choice.OVERRIDE and not anyway:
        unknown = desk.worker.backend().unknown_words(decision.text)
        if unknown:
            return Doubt(tuple(unknown))
    try:
        desk.library.save(stored.id, decide(session, index, decision), revision=revision)
    except Conflict as error:
        raise Conflict("This session has moved on in another tab. Its present state is shown; decide again.") from error
    desk.worker.submit(stored.id)
    return Place(stored.id)


def cancel(desk: Desk, place: Place) -> None:
    """Ask for the end of the session's job."""
    if place.session:
        desk.worker.cancel(place.session)


def resume(desk: Desk, place: Place) -> Place:
    """Go on with an interrupted session from its last finished phase."""
    stored = _opened(desk, place)
    desk.worker.submit(stored.id)
    return Place(stored.id)


def rename(desk: Desk, place: Place, title: str) -> None:
    """Give the session another title."""
    stored = _opened(desk, place)
    if title.strip() != stored.title:
        desk.library.rename(stored.id, title)


def proposed(desk: Desk, place: Place) -> str:
    """The model's edit for the shown version, to start one's own from; "" where there is none."""
    session = _opened(desk, place).session
    index = shown(session, place)
    reflection = session.nodes[index].reflection if index is not None else None
    return (reflection.edit or "") if reflection is not None else ""


def export(desk: Desk, place: Place) -> str:
    """Write the session's ZIP and give the address to fetch it from."""
    stored = _opened(desk, place)
    folder = desk.exports / stored.id
    path = write_zip(
        stored.session, desk.library.picture, folder,
        session_id=stored.id, title=stored.title, created=stored.created,
    )  # fmt: skip
    return view.file_address(str(path.resolve()))


def _opened(desk: Desk, place: Place) -> Stored:
    if place.session is None:
        raise BadInput("No session is open. Write a brief and run it, or choose a session.")
    return desk.library.load(place.session)
