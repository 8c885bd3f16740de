"""From the page's events to the handlers, and from a screen back to the components."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gradio as gr

from studio.domain import Choice
from studio.errors import StudioError
from studio.ui import handlers, view
from studio.ui.handlers import Doubt, Form
from studio.ui.screen import Desk, Place, Screen, look, place_of

Updates = dict[Any, Any]


@dataclass(frozen=True)
class Page:
    """The components that events read or change."""

    link: gr.Textbox
    seen: gr.Textbox
    asked: gr.Textbox
    download: gr.Textbox
    timer: gr.Timer
    title: gr.Textbox
    head: gr.HTML
    export: gr.Button
    new: gr.Button
    search: gr.Textbox
    library: gr.HTML
    text: gr.Textbox
    size: gr.Dropdown
    seed: gr.Textbox
    turns: gr.Number
    mode: gr.Radio
    run: gr.Button
    picture: gr.HTML
    progress: gr.HTML
    cancel: gr.Button
    resume: gr.Button
    versions: gr.HTML
    thoughts: gr.HTML
    proposal: gr.HTML
    own: gr.Textbox
    copy: gr.Button
    accept: gr.Button
    override: gr.Button
    rewrite: gr.Button
    stop: gr.Button
    notice: gr.Column
    message: gr.HTML
    anyway: gr.Button
    edit: gr.Button
    dismiss: gr.Button

    @property
    def form(self) -> list[Any]:
        return [self.text, self.size, self.seed, self.turns, self.mode]

    @property
    def display(self) -> list[Any]:
        """What follows the session's state by itself while a job runs."""
        return [
            self.seen, self.timer, self.head, self.library, self.picture, self.progress, self.versions,
            self.thoughts, self.proposal, self.cancel, self.resume,
            self.accept, self.override, self.rewrite, self.stop, self.export, self.copy,
        ]  # fmt: skip

    @property
    def everything(self) -> list[Any]:
        return [
            *self.display, *self.bar, *self.form, self.link, self.title, self.own, self.run,
        ]  # fmt: skip

    @property
    def bar(self) -> list[Any]:
        """The message bar."""
        return [self.notice, self.message, self.anyway, self.edit, self.asked]


@dataclass(frozen=True)
class Events:
    """What every event changes on the page. `query` is the tab's deep link, `seen` the revision that it shows."""

    page: Page
    desk: Desk

    # ---- what happens ----

    def open(self, query: str, search: str) -> Updates:
        """Show a place and put its brief into the fields."""
        updates = self._state(place_of(query), search, self.say())
        session = place_of(updates[self.page.link]).session
        if session is None:
            return updates
        return {**updates, **self._fields(handlers.form_of(self.desk.library.load(session).session.brief))}

    def tick(self, query: str, search: str, seen: str) -> Updates:
        """Follow a running job. One more look after its end: an answer that was late may have shown an older state."""
        try:
            return self._display(look(self.desk, place_of(query), search), keep_ticking=seen.endswith("busy"))
        except StudioError as error:
            return {**self.say(str(error)), self.page.timer: gr.Timer(active=False)}

    def starting(self) -> Updates:
        """Acknowledge at once; the model may have to be loaded before its words are known."""
        return {self.page.run: gr.Button("Starting …", interactive=False)}

    def run(self, query: str, search: str, *fields: Any, anyway: bool = False) -> Updates:
        """Run the brief in the fields."""
        form = Form(*fields)
        return self._do(query, search, lambda _: handlers.begin(self.desk, form, anyway=anyway), asked="run")

    def started(self) -> Updates:
        """The run button as it was, whatever came of it."""
        return {self.page.run: gr.Button("Run", interactive=True)}

    def accept(self, query: str, search: str, seen: str) -> Updates:
        return self._choose(Choice.ACCEPT, query, search, seen)

    def override(self, query: str, search: str, seen: str, own: str, anyway: bool = False) -> Updates:
        updates = self._choose(Choice.OVERRIDE, query, search, seen, own, anyway=anyway)
        done = not updates[self.page.message]
        return {**updates, **({self.page.own: ""} if done else {})}

    def rewrite(self, query: str, search: str, seen: str) -> Updates:
        return self._choose(Choice.REWRITE, query, search, seen)

    def stop(self, query: str, search: str, seen: str) -> Updates:
        return self._choose(Choice.STOP, query, search, seen)

    def anyway(self, query: str, search: str, seen: str, asked: str, own: str, *fields: Any) -> Updates:
        """Do what was asked about, unknown words or not."""
        if asked == "override":
            return self.override(query, search, seen, own, anyway=True)
        return self.run(query, search, *fields, anyway=True)

    def cancel(self, query: str, search: str) -> Updates:
        return self._do(query, search, lambda place: handlers.cancel(self.desk, place))

    def resume(self, query: str, search: str) -> Updates:
        return self._do(query, search, lambda place: handlers.resume(self.desk, place))

    def rename(self, query: str, search: str, title: str) -> Updates:
        """Leaving the field renames too, perhaps by a click on something else: nothing but the title is touched."""
        place = place_of(query)
        if place.session is None:
            return {}
        try:
            handlers.rename(self.desk, place, title)
            return {self.page.library: look(self.desk, place, search).library}
        except StudioError as error:
            return self.say(str(error))

    def copy(self, query: str) -> Updates:
        """Put the model's edit into the field for one's own."""
        try:
            return {self.page.own: handlers.proposed(self.desk, place_of(query))}
        except StudioError as error:
            return self.say(str(error))

    def export(self, query: str) -> Updates:
        try:
            return {self.page.download: handlers.export(self.desk, place_of(query)), **self.say()}
        except StudioError as error:
            return {self.page.download: "", **self.say(str(error))}

    def choose_version(self, query: str, search: str, event: gr.EventData) -> Updates:
        session = place_of(query).session
        return self._state(Place(session, int(event._data["node"])), search, self.say())

    def choose_session(self, search: str, event: gr.EventData) -> Updates:
        return {**self.open(Place(event._data["session"]).query, search), self.page.own: ""}

    def take_offer(self, event: gr.EventData) -> Updates:
        """A brief or a seed that the picture's view offers."""
        offered = event._data
        fields = {"brief": self.page.text, "seed": self.page.seed}
        return {fields[name]: offered[name] for name in fields if name in offered}

    def new(self, search: str) -> Updates:
        return {**self._state(Place(), search, self.say()), **self._fields(Form()), self.page.own: ""}

    def search(self, query: str, search: str) -> Updates:
        """List what the search finds."""
        try:
            return {self.page.library: look(self.desk, place_of(query), search).library}
        except StudioError as error:
            return self.say(str(error))

    def say(self, text: str = "", kind: str = "error", asked: str = "") -> Updates:
        """The message bar with `text`, or none when empty; `asked` names what “Go on anyway” would do."""
        return {
            self.page.notice: gr.Column(visible=bool(text)),
            self.page.message: view.notice(text, kind) if text else "",
            self.page.anyway: gr.Button(visible=bool(asked)),
            self.page.edit: gr.Button(visible=bool(asked)),
            self.page.asked: asked,
        }

    # ---- how it is shown ----

    def _choose(
        self, choice: Choice, query: str, search: str, seen: str, words: str = "", *, anyway: bool = False
    ) -> Updates:
        digits = seen.split(" ")[0]
        revision = int(digits) if digits.isdigit() else 0

        def act(place: Place) -> Place | Doubt:
            return handlers.choose(self.desk, place, revision, choice, words or "", anyway=anyway)

        return self._do(query, search, act, asked="override")

    def _do(
        self, query: str, search: str, act: Callable[[Place], Place | Doubt | None], asked: str = ""
    ) -> Updates:
        """Do `act` at the tab's place and show what came of it; errors are said and lose nothing that was typed."""
        place = place_of(query)
        try:
            result = act(place)
        except StudioError as error:
            return self._state(place, search, self.say(str(error)))
        if isinstance(result, Doubt):
            return self._state(place, search, self.say(result.message, "ask", asked))
        return self._state(result or place, search, self.say())

    def _state(self, place: Place, search: str, said: Updates) -> Updates:
        """Everything shown of a place, with a message; a session that is not there is said and left."""
        try:
            screen = look(self.desk, place, search)
        except StudioError as error:
            said = self.say(str(error))
            screen = look(self.desk, Place(), search)
        shown = {self.page.link: screen.place.query, self.page.title: screen.title}
        return {**self._display(screen), **shown, **said}

    def _display(self, screen: Screen, *, keep_ticking: bool = False) -> Updates:
        page, can = self.page, screen.controls
        return {
            page.seen: f"{screen.revision} {'busy' if screen.busy else 'still'}",
            page.timer: gr.Timer(active=screen.busy or keep_ticking),
            page.head: screen.head,
            page.library: screen.library,
            page.picture: screen.picture,
            page.progress: screen.progress,
            page.versions: screen.versions,
            page.thoughts: screen.thoughts,
            page.proposal: screen.proposal,
            page.cancel: gr.Button(visible=screen.busy, interactive=can.cancel),
            page.resume: gr.Button(can.resume or "Resume", visible=bool(can.resume)),
            page.accept: gr.Button(interactive=can.accept),
            page.override: gr.Button(interactive=can.override),
            page.rewrite: gr.Button(interactive=can.rewrite),
            page.stop: gr.Button(interactive=can.stop),
            page.export: gr.Button(interactive=can.export),
            page.copy: gr.Button(interactive=can.accept),
        }

    def _fields(self, form: Form) -> Updates:
        values = (form.text, form.size or None, form.seed, form.turns, form.mode)
        return dict(zip(self.page.form, values, strict=True))
