"""The page's components and their wiring; what the events do stands in events.py."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

from studio.domain import MAX_TURNS, Mode
from studio.ui import icons, view, wording
from studio.ui.events import Events, Page
from studio.ui.handlers import Size
from studio.ui.screen import Desk
from studio.ui.theme import theme

HERE = Path(__file__).parent
TICK_SECONDS = 0.4
# A click on one of a view's own buttons reaches Python with the button's data attributes.
CLICKS = """element.addEventListener('click', event => {
  const button = event.target.closest('button[data-node],button[data-session],button[data-brief],button[data-seed]');
  if (button) trigger('click', {...button.dataset});
});"""
# Handlers take milliseconds (the worker does the work), so nothing queues and nothing shows a spinner.
QUIET: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
# Where a second event while the first is under way counts, instead of being dropped.
LATEST = {**QUIET, "trigger_mode": "always_last"}


def build(desk: Desk) -> gr.Blocks:
    """The page over a library and a worker."""
    with gr.Blocks(title="R3 Studio", analytics_enabled=False, fill_width=True) as blocks:
        page = _components()
        _wire(blocks, page, Events(page, desk))
    return blocks


def launch_options(desk: Desk) -> dict[str, Any]:
    """What `Blocks.launch` needs for this page: look, keys, nothing of gradio's own, two folders to serve."""
    keys = (HERE / "keys.js").read_text(encoding="utf-8")
    return {
        "theme": theme(),
        "css": (HERE / "style.css").read_text(encoding="utf-8"),
        "head": f"<script>{keys}</script>",
        "favicon_path": str(HERE / "favicon.png"),
        "footer_links": [],
        "run_history": False,
        "share": False,
        "show_error": True,
        "quiet": True,
        "ssr_mode": False,
        "enable_monitoring": False,
        "allowed_paths": [str(desk.library.images.resolve()), str(desk.exports.resolve())],
    }


def _components() -> Page:
    with gr.Column(elem_id="studio"):
        parts = {**_top(), **_side(), **_brief(), **_centre(), **_decision(), **_notice()}
        credit = (HERE / "credits.html").read_text(encoding="utf-8")
        gr.HTML(credit, elem_id="credits", apply_default_css=False)
    hidden = ("link", "seen", "asked", "download")
    kept: dict[str, Any] = {name: gr.Textbox(visible="hidden", elem_id=name) for name in hidden}
    return Page(**parts, **kept, timer=gr.Timer(TICK_SECONDS, active=False))


def _view(name: str, value: str = "") -> gr.HTML:
    return gr.HTML(value, elem_id=name, js_on_load=CLICKS, apply_default_css=False)


def _button(label: str, name: str, **more: Any) -> gr.Button:
    return gr.Button(label, elem_id=name, size="sm", min_width=0, **more)


def _top() -> dict[str, Any]:
    with gr.Row(elem_id="top"):
        gr.HTML(f'<p class="brand">{icons.LOGO}R3 Studio</p>', elem_id="brand", apply_default_css=False)
        title = gr.Textbox(
            show_label=False, label="Title", container=False, elem_id="title", placeholder="New session", max_length=120
        )
        head = _view("head")
        export = _button("Export ZIP", "export", interactive=False)
        gr.HTML(
            (HERE / "tools.html").read_text(encoding="utf-8").replace("{theme}", icons.THEME),
            elem_id="tools", apply_default_css=False,
        )  # fmt: skip
    return {"title": title, "head": head, "export": export}


def _side() -> dict[str, Any]:
    with gr.Column(elem_id="side"):
        new = _button("New session", "new")
        search = gr.Textbox(
            show_label=False, label="Search", container=False, elem_id="search", placeholder="Search sessions"
        )
        library = _view("library")
    return {"new": new, "search": search, "library": library}


def _brief() -> dict[str, Any]:
    with gr.Row(elem_id="brief"):
        text = gr.Textbox(
            label="Brief", lines=2, max_lines=4, elem_id="text", placeholder="What shall the picture show?"
        )
        with gr.Row(elem_id="settings"):
            sizes = [size.value[0] for size in Size]
            size = gr.Dropdown(sizes, value=sizes[0], label="Size", elem_id="size", filterable=False)
            seed = gr.Textbox(label="Seed", placeholder="random", elem_id="seed")
            turns = gr.Number(4, label=f"Turns (1–{MAX_TURNS})", elem_id="turns")
            modes = [(wording.MODES[mode], mode.value) for mode in Mode]
            mode = gr.Radio(modes, value=Mode.AUTO.value, label="Edits", elem_id="mode")
            run = _button("Run", "run", variant="primary")
    return {"text": text, "size": size, "seed": seed, "turns": turns, "mode": mode, "run": run}


def _centre() -> dict[str, Any]:
    picture = _view("picture", view.welcome())
    with gr.Row(elem_id="now"):
        progress = _view("progress")
        cancel = _button("Cancel", "cancel", visible=False)
        resume = _button("Resume", "resume", visible=False)
    versions = _view("versions")
    return {"picture": picture, "progress": progress, "cancel": cancel, "resume": resume, "versions": versions}


def _decision() -> dict[str, Any]:
    with gr.Column(elem_id="decision"):
        thoughts = _view("thoughts", view.no_thoughts())
        with gr.Column(elem_id="choices"):
            proposal = _view("proposal", view.proposal(None, None))
            own = gr.Textbox(
                label="Your own edit", lines=2, max_lines=3, elem_id="own", placeholder="Make the bench brown"
            )
            copy = _button("Start from the model’s words", "copy", interactive=False)
            with gr.Row(elem_id="buttons"):
                accept = _button("Accept", "accept", variant="primary", interactive=False)
                override = _button("Use mine", "override", interactive=False)
                rewrite = _button("Ask for another", "rewrite", interactive=False)
                stop = _button("Stop", "stop", interactive=False)
    return {
        "thoughts": thoughts, "proposal": proposal, "own": own, "copy": copy,
        "accept": accept, "override": override, "rewrite": rewrite, "stop": stop,
    }  # fmt: skip


def _notice() -> dict[str, Any]:
    with gr.Column(elem_id="notice", visible=False) as notice:
        message = _view("message")
        with gr.Row(elem_id="answers"):
            anyway = _button("Go on anyway", "anyway", variant="primary")
            edit = _button("Edit it", "edit")
            dismiss = _button("Close", "dismiss")
    return {"notice": notice, "message": message, "anyway": anyway, "edit": edit, "dismiss": dismiss}


def _wire(blocks: gr.Blocks, page: Page, events: Events) -> None:
    at, form, everything = [page.link, page.search], page.form, page.everything
    opening = "(link, search) => [window.location.search.slice(1), search]"
    blocks.load(events.open, at, everything, js=opening, **QUIET)
    page.link.change(None, page.link, js="query => window.r3.address(query)", **QUIET)
    page.timer.tick(events.tick, [*at, page.seen], [*page.display, *page.bar], **QUIET)

    asked = page.run.click(events.starting, None, page.run, **QUIET)
    ran = asked.then(events.run, [*at, *form], everything, **QUIET)
    ran.then(events.started, None, page.run, **QUIET)
    page.anyway.click(events.anyway, [*at, page.seen, page.asked, page.own, *form], everything, **QUIET)
    page.dismiss.click(events.say, None, page.bar, **QUIET)
    page.text.input(events.say, None, page.bar, **QUIET)
    page.edit.click(events.say, None, page.bar, js="() => window.r3.back()", **QUIET)

    page.accept.click(events.accept, [*at, page.seen], everything, **QUIET)
    page.override.click(events.override, [*at, page.seen, page.own], everything, **QUIET)
    page.rewrite.click(events.rewrite, [*at, page.seen], everything, **QUIET)
    page.stop.click(events.stop, [*at, page.seen], everything, **QUIET)
    page.cancel.click(events.cancel, at, everything, **QUIET)
    page.resume.click(events.resume, at, everything, **QUIET)
    page.copy.click(events.copy, page.link, [page.own, *page.bar], **QUIET)

    page.versions.click(events.choose_version, at, everything, **LATEST)
    page.library.click(events.choose_session, page.search, everything, **LATEST)
    page.picture.click(events.take_offer, None, form, **QUIET)
    page.new.click(events.new, page.search, everything, **QUIET)
    page.search.change(events.search, at, [page.library, *page.bar], **LATEST)
    for left in (page.title.submit, page.title.blur):
        left(events.rename, [*at, page.title], [page.library, *page.bar], **QUIET)
    wanted = page.export.click(events.export, page.link, [page.download, *page.bar], **QUIET)
    wanted.then(None, page.download, js="address => window.r3.fetch(address)", **QUIET)
