"""The loop on the command line: `python -m studio "three red balloons" --turns 4 --out FOLDER`."""

from __future__ import annotations

import argparse
import os
import re
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from types import FrameType
from typing import NoReturn

from studio.backends.load import BACKENDS, load_backend
from studio.backends.protocol import Backend
from studio.domain import (
    MAX_TURNS,
    Brief,
    Phase,
    Picture,
    Session,
    StopReason,
    best_node,
    next_phase,
    seed_from_text,
    turn_of,
)
from studio.errors import BackendError, BadInput, Cancelled, StudioError
from studio.exchange.archive import json_text, write_atomically
from studio.exchange.report import html_report
from studio.exchange.session_json import to_json
from studio.exchange.transcript import transcript
from studio.exchange.wording import ending, slug, version_name
from studio.loop import advance

Tell = Callable[[str], None]
"""Takes one line about what has just happened."""

Progress = Callable[[str, int, int], None]
"""Called after every model step with (what is being done, steps done, steps in all); may raise Cancelled."""

_DOING = {Phase.REASON: "planning", Phase.DRAFT: "drafting", Phase.REFLECT: "reflecting", Phase.REFINE: "refining"}


def run(backend: Backend, brief: Brief, out: Path, progress: Progress, tell: Tell) -> Session:
    """Run the loop to its end and keep everything in `out`, phase by phase; returns the ended session.

    Cancelled from `progress` or a BackendError ends the run with that stop reason; finished phases stay. Raises
    BadInput when `out` already holds a run, LibraryError when it cannot be written.
    """
    _refuse_to_write_over(out)
    unknown = backend.unknown_words(brief.text)
    if unknown:
        tell("warning: the model does not know " + ", ".join(f"“{word}”" for word in unknown))
    session, created = Session(brief, backend.identity), datetime.now(UTC)
    pictures: dict[str, Picture] = {}
    while session.stop is None:
        try:
            outcome = advance(session, backend, pictures.__getitem__, partial(progress, _doing(session)))
        except Cancelled:
            session = replace(session, stop=StopReason.CANCELLED)
        except BackendError as error:
            session = replace(session, stop=StopReason.ERROR, problem=str(error))
        else:
            if outcome is None:
                raise BadInput("The command line cannot ask for decisions. Use mode Auto, or the page.")
            for line in _news(session, outcome.session):
                tell(line)
            session = outcome.session
            if outcome.picture is not None:
                pictures[outcome.picture.sha256] = outcome.picture
                write_atomically(out / picture_file(session, len(session.nodes) - 1), outcome.picture.png)
        _write_documents(session, pictures, out, created, unknown)
    tell(f"{ending(session)}." + (f" {session.problem}" if session.problem else ""))
    return session


def _refuse_to_write_over(out: Path) -> None:
    if (out / "session.json").exists():
        raise BadInput(f"{out} already holds a run. Choose another folder with --out.")


def picture_file(session: Session, index: int) -> str:
    """A version's file name: `00-draft.png`, `01-add-one-red-balloon.png`."""
    edit = session.nodes[index].edit
    return f"{index:02d}-{(slug(edit.text) or 'edit') if edit else 'draft'}.png"


def _write_documents(
    session: Session, pictures: dict[str, Picture], out: Path, created: datetime, unknown: tuple[str, ...]
) -> None:
    files = [picture_file(session, index) for index in range(len(session.nodes))]
    title = " ".join(session.brief.text.split())[:80]
    about = to_json(session, files, session_id="", title=title, created=created)
    report = html_report(session, pictures, session_id="", title=title, created=created)
    write_atomically(out / "session.json", json_text(about).encode())
    write_atomically(out / "transcript.md", transcript(session, files, unknown).encode())
    write_atomically(out / "report.html", report.encode())


def _doing(session: Session) -> str:
    phase = next_phase(session)
    if not isinstance(phase, Phase):
        return ""
    if session.head is None:
        return _DOING[phase]
    turn = turn_of(session, session.head) + (phase is Phase.REFINE)
    return f"turn {turn} of {session.brief.turn_limit} · {_DOING[phase]}" if turn else _DOING[phase]


def _news(before: Session, after: Session) -> Iterator[str]:
    if after.plan is not before.plan and after.plan is not None:
        yield f"plan: {_short(after.plan.text)}"
    if len(after.nodes) > len(before.nodes):
        edit = after.nodes[-1].edit
        yield f"{version_name(len(after.nodes) - 1)}: " + (_short(edit.text) if edit else "draft")
    elif after.nodes != before.nodes and after.head is not None:
        said = after.nodes[after.head].reflection
        if said is not None:
            yield "critique: " + (f"wants: {_short(said.edit)}" if said.edit else "nothing left to edit")


def _short(text: str, most: int = 100) -> str:
    line = " ".join(text.split())
    return line if len(line) <= most else line[: most - 1] + "…"


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise BadInput(f"{message}. See python -m studio --help.")


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = _Parser(prog="python -m studio", description="Make a picture by Reason, Reflect, Refine.")
    parser.add_argument("brief", help="what the picture should show")
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="where the results go")
    parser.add_argument("--turns", type=int, default=4, help=f"refinements at most, 1 to {MAX_TURNS} (4)")
    parser.add_argument("--backend", default="mini", help=f"the model, one of: {', '.join(BACKENDS)} (mini)")
    parser.add_argument("--seed", default="", help="a whole number, to make the same picture again (a fresh one)")
    parser.add_argument("--size", default="512x512", metavar="WxH", help="width and height in pixels (512x512)")
    return parser.parse_args(argv)


def _brief(arguments: argparse.Namespace) -> Brief:
    size = re.fullmatch(r"([0-9]{1,5})[x×]([0-9]{1,5})", arguments.size)
    if size is None:
        raise BadInput(f"The size “{arguments.size[:20]}” is not of the form 512x512. Give width and height in pixels.")
    width, height = (int(side) for side in size.groups())
    return Brief(arguments.brief, width, height, seed_from_text(arguments.seed), arguments.turns)


@contextmanager
def _cancel_on_interrupt() -> Iterator[Callable[[], bool]]:
    """Ctrl-C asks for an end at the next model step; a second one ends the program at once."""
    asked = False

    def ask(signum: int, frame: FrameType | None) -> None:
        nonlocal asked
        asked = True
        os.write(sys.stderr.fileno(), b"\nStopping at the next step. Press Ctrl-C again to end at once.\n")
        signal.signal(signal.SIGINT, signal.default_int_handler)

    before = signal.signal(signal.SIGINT, ask)
    try:
        yield lambda: asked
    finally:
        signal.signal(signal.SIGINT, before)


def _tell(line: str) -> None:
    print("\r\033[K" + line if sys.stderr.isatty() else line, file=sys.stderr, flush=True)


def main(argv: list[str] | None = None) -> int:
    """Run the command; returns the exit status: 0, 1 (the run failed), 2 (bad input), 130 (cancelled)."""
    try:
        arguments = _arguments(argv)
        brief = _brief(arguments)
        _refuse_to_write_over(arguments.out)  # before the model takes its time to load
        backend = load_backend(arguments.backend)
        with _cancel_on_interrupt() as asked:

            def progress(doing: str, done: int, total: int) -> None:
                if asked():
                    raise Cancelled
                if sys.stderr.isatty():
                    print(f"\r\033[K{doing} {done}/{total}", end="", file=sys.stderr, flush=True)

            session = run(backend, brief, arguments.out, progress, _tell)
    except KeyboardInterrupt:
        return 130
    except BadInput as error:
        _tell(str(error))
        return 2
    except StudioError as error:
        _tell(str(error))
        return 1
    if (best := best_node(session)) is not None:
        print(arguments.out / picture_file(session, best))
    if session.stop is StopReason.CANCELLED:
        return 130
    return 1 if session.problem else 0


if __name__ == "__main__":
    sys.exit(main())
