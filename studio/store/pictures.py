"""Picture files: written whole or not at all, named by their SHA-256, checked when read."""

from __future__ import annotations

import errno
import os
import re
import secrets
import time
from contextlib import suppress
from pathlib import Path

from studio.domain import Picture
from studio.errors import LibraryError

_SHA256 = re.compile(r"[0-9a-f]{64}")
_UNFINISHED = re.compile(r"\.[0-9a-f]{64}\.[0-9a-f]{8}\.part")
_ABANDONED_AFTER = 60.0  # seconds; a younger one may belong to a studio that is just writing it


def path_of(images: Path, sha256: str) -> Path:
    """Where a picture lies: `images/ab/abcdef….png`. Raises LibraryError for anything but a SHA-256."""
    if not _SHA256.fullmatch(sha256):
        raise LibraryError(f"“{sha256[:80]}” names no picture. Choose a version from the filmstrip.")
    return images / sha256[:2] / f"{sha256}.png"


def read(images: Path, sha256: str) -> Picture:
    """The picture of that name. Raises LibraryError when it is missing, unreadable or not what its name says."""
    path = path_of(images, sha256)
    advice = "Put the file back from a backup, or go on from another version."
    try:
        picture = Picture(path.read_bytes())
    except FileNotFoundError:
        raise LibraryError(f"The picture file {path} is missing. {advice}") from None
    except OSError as error:
        raise LibraryError(f"The picture file {path} cannot be read ({error.strerror}). {advice}") from error
    if picture.sha256 != sha256:
        raise LibraryError(f"The picture file {path} is damaged: its content is not what its name says. {advice}")
    return picture


def write(images: Path, picture: Picture) -> None:
    """Put a picture on the disk, so that it is there whole, or not at all, whatever happens meanwhile.

    A file that is already there is left, unless it is damaged. Raises LibraryError when the disk refuses.
    """
    path = path_of(images, picture.sha256)
    unfinished = path.parent / f".{picture.sha256}.{secrets.token_hex(4)}.part"
    try:
        if path.is_file() and path.read_bytes() == picture.png:
            return
        if not path.parent.is_dir():
            path.parent.mkdir(parents=True, exist_ok=True)
            _sync_folder(images)
        with unfinished.open("xb") as file:
            file.write(picture.png)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)
        raise refusal(images, error) from error


def sweep(images: Path) -> None:
    """Remove the unfinished files that a killed studio left; nothing but files named as `write` names them."""
    for path in images.glob("*/.*.part"):
        if _UNFINISHED.fullmatch(path.name):
            with suppress(OSError):
                if time.time() - path.stat().st_mtime > _ABANDONED_AFTER:
                    path.unlink()


def refusal(folder: Path, error: OSError) -> LibraryError:
    """What to tell a person when the disk refuses."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return LibraryError(f"The disk of {folder} is full; what was stored is safe. Free some space and resume.")
    return LibraryError(
        f"The library cannot be written in {folder} ({error.strerror or error}). "
        "Give yourself the right to write there, or choose another folder with --library."
    )


def _sync_folder(folder: Path) -> None:
    """Make a new name in a folder survive a power cut; only POSIX systems can and need to."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
