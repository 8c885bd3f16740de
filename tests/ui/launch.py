"""The studio on the scripted backend, for the page's tests: `python tests/ui/launch.py --library DIR --port N`.

Commands on standard input: `hold PHASE` stops the backend before that phase's first step (and says `reached PHASE`
when it stands there), `go` lets it on.
"""

from __future__ import annotations

import sys
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import app
from studio.domain import Phase
from tests.scripted import Gate, ScriptedBackend


def obey(backend: ScriptedBackend) -> None:
    """Carry out what standard input says."""
    for line in sys.stdin:
        command, _, name = line.strip().partition(" ")
        if command == "hold":
            gate = backend.gate = Gate(Phase(name))
            threading.Thread(target=_report, args=(gate,), daemon=True).start()
            print("holding", flush=True)
        elif backend.gate is not None:
            held, backend.gate = backend.gate, None
            held.open.set()


def _report(gate: Gate) -> None:
    gate.reached.wait()
    print(f"reached {gate.phase.value}", flush=True)


if __name__ == "__main__":
    scripted = ScriptedBackend(unknown=("zeppelin", "baroque"))
    threading.Thread(target=obey, args=(scripted,), daemon=True).start()
    app.serve(app.arguments(), lambda _: scripted)
