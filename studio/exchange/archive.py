"""A session as a ZIP: session.json, its pictures as they are stored, a report and the credits."""

from __future__ import annotations

import contextlib
import io
import json
import os
import secrets
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from studio.domain import Picture, Session
from studio.errors import LibraryError
from studio.exchange.report import html_report
from studio.exchange.session_json import to_json
from studio.exchange.wording import slug

CREDITS = """\
Made with R3 Studio, licensed under the Apache License 2.0.

Pictures drawn by the built-in model are made from OpenMoji graphics, recoloured and arranged.
OpenMoji: https://openmoji.org - the open-source emoji and icon project, HfG Schwaebisch Gmuend.
Licence: CC BY-SA 4.0, https://creativecommons.org/licenses/by-sa/4.0/
Drawings that OpenMoji lacks are R3 Studio's own, under the same licence; so are pictures made from either.
"""


def write_zip(
    session: Session,
    picture_of: Callable[[str], Picture],
    folder: Path,
    *,
    session_id: str,
    title: str,
    created: datetime,
) -> Path:
    """Write the session's ZIP into `folder` and return its path; the same session gives the same bytes.

    A picture that `picture_of` cannot give (LibraryError), or whose bytes are not what its SHA-256 says, is left
    out and named in session.json and in the report. Raises LibraryError when the ZIP cannot be written.
    """
    pictures = _pictures(session, picture_of)
    files = [
        f"pictures/{number:02d}-{node.picture[:8]}.png" if node.picture in pictures else None
        for number, node in enumerate(session.nodes)
    ]
    about = to_json(session, files, session_id=session_id, title=title, created=created)
    report = html_report(session, pictures, session_id=session_id, title=title, created=created)
    moment = created.astimezone(UTC)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        _add(archive, "session.json", json_text(about).encode(), moment)
        for node, name in zip(session.nodes, files, strict=True):
            if name is not None:
                _add(archive, name, pictures[node.picture].png, moment)
        _add(archive, "report.html", report.encode(), moment)
        _add(archive, "CREDITS.txt", CREDITS.encode(), moment)
    name = "-".join(part for part in (slug(title) or "session", slug(session_id)[:8]) if part)
    return write_atomically(folder / f"{name}.zip", buffer.getvalue())


def json_text(value: dict[str, object]) -> str:
    """The JSON as the studio writes it: indented, in UTF-8, ending with a newline."""
    return json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def write_atomically(path: Path, data: bytes) -> Path:
    """Write a file so that it is there in full or not at all. Raises LibraryError where it cannot be."""
    temporary = path.with_name(f".{path.name[:100]}.{secrets.token_hex(4)}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(temporary, "xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise LibraryError(
            f"{path} cannot be written ({error.strerror}). Free some space or choose another folder."
        ) from error
    return path


def _pictures(session: Session, picture_of: Callable[[str], Picture]) -> dict[str, Picture]:
    found: dict[str, Picture] = {}
    for sha in dict.fromkeys(node.picture for node in session.nodes):
        try:
            picture = picture_of(sha)
        except LibraryError:
            continue
        if picture.sha256 == sha:
            found[sha] = picture
    return found


def _add(archive: zipfile.ZipFile, name: str, data: bytes, moment: datetime) -> None:
    year = min(max(moment.year, 1980), 2107)  # all that a ZIP can say
    entry = zipfile.ZipInfo(name, (year, moment.month, moment.day, moment.hour, moment.minute, moment.second))
    entry.create_system = 3  # the same bytes on every system
    entry.external_attr = 0o644 << 16
    entry.compress_type = zipfile.ZIP_STORED if name.endswith(".png") else zipfile.ZIP_DEFLATED
    archive.writestr(entry, data)
