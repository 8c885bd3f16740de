"""From domain values to the HTML that is shown. Pure; whatever people or models wrote is escaped here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from html import escape
from urllib.parse import quote

from studio.domain import Author, Edit, Reflection, Session, turn_of
from studio.exchange.tally import Line, critique_lines, plan_lines
from studio.exchange.wording import version_name
from studio.store.library import Summary
from studio.ui import icons, wording
from studio.worker import Status

AddressOf = Callable[[str], str]
"""The page's address of a stored picture, by its SHA-256."""

EXAMPLES = (
    "a photo of three red apples and a green banana",
    "a photo of a yellow dog left of a blue suitcase",
    "a photo of two purple umbrellas above a brown bench",
)


def file_address(path: str) -> str:
    """Where the page fetches a file of an allowed folder; relative, so that it works behind a path prefix."""
    return "gradio_api/file=" + quote(path)


def who(author: Author) -> str:
    """A label that says whose words follow, by icon and by word."""
    icon, label = (icons.MODEL, "Model") if author is Author.MODEL else (icons.PERSON, "You")
    return f'<span class="who who-{author.value}">{icon}{label}</span>'


def plan(session: Session, index: int | None = None) -> str:
    """The plan as a list where it is one, else as text; folded away once a version has been refined."""
    if session.plan is None:
        return _section("Plan", '<p class="quiet">The model writes a plan before it draws.</p>')
    things = plan_lines(session.plan.text)
    if things:
        listed = (
            f"<li>{escape(what)}" + (f' <span class="quiet">{escape(where)}</span>' if where else "") + "</li>"
            for what, where in things
        )
        body = f"<ol>{''.join(listed)}</ol>"
    else:
        body = f"<p>{escape(session.plan.text)}</p>"
    if index is not None and session.nodes[index].parent is not None:
        count = f"{len(things)} objects" if things else "Show"
        body = f'<details class="plan"><summary>{count}</summary>{body}</details>'
    return _section("Plan", body, who(session.plan.author))


def critique(reflection: Reflection | None) -> str:
    """What the model sees in the version, with a tick or a cross where it gives a verdict."""
    if reflection is None:
        return _section("Critique", '<p class="quiet">The model has not looked at this version yet.</p>')
    lines = critique_lines(reflection.critique)
    said = "".join(_remark(line) for line in lines if not line.aside)
    body = f'<ul class="remarks">{said}</ul>' if said else '<p class="quiet">No words.</p>'
    if seen := [line for line in lines if line.aside]:
        listed = "".join(f"<li>{escape(line.text)}</li>" for line in seen)
        body += f'<details><summary>What the model sees</summary><ul class="notes">{listed}</ul></details>'
    return _section("Critique", body, who(Author.MODEL))


def _remark(line: Line) -> str:
    if line.verdict is None:
        return f"<li>{escape(line.text)}</li>"
    icon, said, kind = (icons.TICK, "Right: ", "good") if line.verdict else (icons.CROSS, "Wrong: ", "bad")
    return f'<li class="{kind}">{icon}<span><span class="unseen">{said}</span>{escape(line.text)}</span></li>'


def proposal(session: Session | None, index: int | None) -> str:
    """The edit that the model proposes for a version; in words too where there is none."""
    reflection = session.nodes[index].reflection if session is not None and index is not None else None
    if session is None or reflection is None:
        return _section("Proposed edit", '<p class="quiet">None yet.</p>')
    if reflection.edit is None:
        return _section("Proposed edit", "<p>Nothing left to edit.</p>", who(Author.MODEL))
    asked = len(session.nodes[index or 0].reflections)
    title = "Proposed edit" if asked == 1 else f"Proposed edit, attempt {asked}"
    return _section(title, f'<blockquote class="said">{escape(reflection.edit)}</blockquote>', who(Author.MODEL))


def origin(edit: Edit | None, parent: int | None) -> str:
    """The edit that led to a version, whose words it carries, and what the model had proposed instead."""
    if edit is None or parent is None:
        return ""
    body = f'<blockquote class="said">{escape(edit.text)}</blockquote>'
    if edit.author is Author.PERSON and edit.proposed:
        body += f'<p class="quiet">The model had proposed: {escape(edit.proposed)}</p>'
    return _section(f"Made from {version_name(parent)} by", body, who(edit.author))


def thoughts(session: Session, index: int | None) -> str:
    """What was thought about a version: the plan, the edit that made it, the critique."""
    if index is None:
        return plan(session)
    node = session.nodes[index]
    return plan(session, index) + origin(node.edit, node.parent) + critique(node.reflection)


def no_thoughts() -> str:
    """The right column before there is a session."""
    return _section("Plan", '<p class="quiet">The model’s plan and its critique appear here.</p>')


def _section(title: str, body: str, label: str = "") -> str:
    return f'<section class="words"><h2>{title}{label}</h2>{body}</section>'


def picture(session: Session, index: int | None, address: AddressOf, working: bool) -> str:
    """The chosen version, large, as the stored file itself; its facts beneath."""
    if index is None:
        said = "The picture appears here." if working else "No picture yet."
        return f'<div class="stage empty{" working" if working else ""}">{icons.PICTURE}<p>{said}</p></div>'
    node, brief = session.nodes[index], session.brief
    name, where = version_name(index), escape(address(node.picture))
    facts = [
        f"<b>{name}</b>",
        f"turn {turn_of(session, index)} of {brief.turn_limit}" if node.parent is not None else "draft",
        f"{brief.width} × {brief.height}",
        f'seed {brief.seed} <button type="button" class="link" data-seed="{brief.seed}">use</button>',
        wording.duration(node.seconds),
    ]
    if node.score is not None:
        facts.append(f"score {node.score:.2f}")
    return (
        f'<figure class="stage"><img id="shown" src="{where}" width="{brief.width}" height="{brief.height}" '
        f'alt="{name}: {escape(brief.text)}"></figure><p class="facts"><span>{" · ".join(facts)}</span>'
        f'<a href="{where}" target="_blank" rel="noopener">{icons.OPEN}Full size</a></p>'
    )


def welcome() -> str:
    """The stage before there is a session: three briefs to click."""
    offers = "".join(
        f'<button type="button" class="offer" data-brief="{escape(text)}">{escape(text)}</button>' for text in EXAMPLES
    )
    return (
        '<div class="stage welcome"><div><h1>What shall the picture show?</h1>'
        "<p>Write a brief, or begin with one of these. The model plans, drafts, looks at its own draft "
        f'and refines it, with you or alone.</p><div class="offers">{offers}</div></div></div>'
    )


def progress(session: Session | None, status: Status | None) -> str:
    """What happens now, or where the session stands; with a bar while a phase runs."""
    if session is None:
        return '<div class="progress"><p></p></div>'
    if status is None:
        kind = "problem" if session.problem else "still"
        return f'<div class="progress {kind}"><p role="status">{escape(wording.standing(session))}</p></div>'
    share = 100 * status.done / status.total if status.total else 0
    said = escape(wording.doing(status, session.brief.turn_limit))
    return (
        f'<div class="progress {escape(status.state)}"><p>{said}</p><div class="bar" role="progressbar" '
        f'aria-label="This phase" aria-valuenow="{share:.0f}"><i style="width:{share:.0f}%"></i></div></div>'
    )


def head(queue: int, backend: str) -> str:
    """The header's facts: how many runs wait or run, and which model works."""
    return (
        f'<p class="state"><span title="Runs waiting or under way">queue <b>{queue}</b></span>'
        f'<span title="Model">{escape(backend)}</span></p>'
    )


def library(items: Sequence[Summary], chosen: str | None, running: frozenset[str], address: AddressOf, now: datetime,
            search: str = "") -> str:
    """The list of sessions, newest first, under their days."""
    if not items:
        said = f"No session matches “{escape(search)}”." if search.strip() else "Your sessions will be listed here."
        return f'<p class="quiet none">{said}</p>'
    parts, day = [], ""
    for item in items:
        if (heading := wording.day_of(item.updated, now)) != day:
            day = heading
            parts.append(f"<h2>{day}</h2>")
        parts.append(_entry(item, item.id == chosen, item.id in running, address))
    return "".join(parts)


def _entry(item: Summary, chosen: bool, running: bool, address: AddressOf) -> str:
    if item.thumbnail:
        thumb = f'<img src="{escape(address(item.thumbnail))}" alt="" loading="lazy" width="40" height="40">'
    else:
        thumb = f'<span class="blank">{icons.PICTURE}</span>'
    state = "running" if running else wording.STOP_LABELS[item.stop] if item.stop else "open"
    versions = {0: "no version yet", 1: "1 version"}.get(item.versions, f"{item.versions} versions")
    return (
        f'<button type="button" class="entry{" is-chosen" if chosen else ""}" data-session="{escape(item.id)}" '
        f'aria-current="{"true" if chosen else "false"}">{thumb}<span><span class="title">{escape(item.title)}</span>'
        f'<span class="small{" running" if running else ""}">{versions} · {state}</span></span></button>'
    )


def notice(text: str, kind: str) -> str:
    """A message to the person, said once; `kind` is error, ask or note."""
    return f'<div class="said-{escape(kind)}" role="alert">{escape(text)}</div>'
