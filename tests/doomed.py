"""A studio process that stands still at a chosen point, says so on its output, and waits to be killed.

Run as `python -m tests.doomed FOLDER SESSION POINT`; points are `refine`, `picture` and `rows`.
"""

from __future__ import annotations

import os
import stat
import sys
import threading
from pathlib import Path
from typing import Any

from studio.domain import Phase
from studio.store import library as store
from studio.store.library import Library
from studio.worker import Worker
from tests.scripted import Gate, ScriptedBackend


def stand_still(*_: Any) -> None:
    print("standing still", flush=True)
    threading.Event().wait()


def main(folder: str, session_id: str, point: str) -> None:
    library = Library(Path(folder))
    gate = Gate(Phase.REFINE, at=1, skip=1)  # in the middle of the second refinement
    worker = Worker(library, lambda: ScriptedBackend(gate=gate))
    worker.start()
    worker.submit(session_id)
    gate.reached.wait()
    if point == "refine":
        stand_still()
    if point == "picture":  # its bytes are on their way to the disk, its name is not there yet
        os.fsync = lambda handle: stand_still() if stat.S_ISREG(os.fstat(handle).st_mode) else None
    if point == "rows":  # the session's row is written, its versions are not, nothing is committed
        store._write_history = stand_still
    gate.open.set()
    worker.wait(session_id)


if __name__ == "__main__":
    main(*sys.argv[1:])
