"""A session as one self-contained HTML page: to read, to print, to send."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from studio import __version__
from studio.domain import Author, Node, Picture, Session, best_node, turn_of
from studio.exchange.lineage import lines
from studio.exchange.tally import critique_lines, plan_lines
from studio.exchange.wording import AUTHORS, duration, ending, version_name


def html_report(
    session: Session, pictures: Mapping[str, Picture], *, session_id: str, title: str, created: datetime
) -> str:
    """The page. `pictures` are the session's by SHA-256; one that is not there is named as missing."""
    sources = {sha: _data_uri(picture) for sha, picture in pictures.items()}
    return _template().render(
        session=session,
        title=title,
        session_id=session_id,
        created=created.astimezone(UTC),
        app_version=__version__,
        lines=lines(session),
        best=best_node(session),
        last=len(session.nodes) - 1,
        source=sources.get,
        missing=[i for i, node in enumerate(session.nodes) if node.picture not in sources],
        turn=lambda index: turn_of(session, index),
        proposal=lambda index: open_proposal(session, index),
        ending=ending(session),
        person=Author.PERSON,
        total=sum(_seconds(node) for node in session.nodes) + (session.plan.seconds if session.plan else 0.0),
    )


def open_proposal(session: Session, index: int) -> str | None:
    """The edit that a version's critique asked for and no child carries out."""
    reflection = session.nodes[index].reflection
    if reflection is None or reflection.edit is None:
        return None
    done = {node.edit.text for node in session.nodes if node.parent == index and node.edit}
    return None if reflection.edit in done else reflection.edit


def _seconds(node: Node) -> float:
    return node.seconds + sum(reflection.seconds for reflection in node.reflections)


def _data_uri(picture: Picture) -> str:
    return "data:image/png;base64," + base64.b64encode(picture.png).decode("ascii")


@cache
def _template() -> Template:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        author=AUTHORS.__getitem__, duration=duration, name=version_name, plan_lines=plan_lines, remarks=critique_lines
    )
    return environment.get_template("report.html.j2")
