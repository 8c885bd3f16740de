"""Command line of the measures: `python -m studio.evaluation geneval | verdicts | edits | speed`."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from studio.backends.load import BACKENDS, load_backend
from studio.domain import MAX_TURNS
from studio.errors import BadInput, StudioError
from studio.evaluation import critic, geneval, speed
from studio.evaluation.prompts_file import read_prompts


def parser() -> argparse.ArgumentParser:
    """All sub-commands share the backend, the seed and the output file."""
    top = argparse.ArgumentParser(prog="python -m studio.evaluation", description=__doc__)
    commands = top.add_subparsers(dest="command", required=True)
    texts = {
        "geneval": "accuracy after the draft and after every turn, on a file in GenEval's format",
        "verdicts": "does Reflect tell right pictures from spoiled ones, and do its edits help",
        "edits": "are right edits carried out, and is everything else left alone",
        "speed": "median seconds of plan, draft, reflect and refine",
    }
    for name, text in texts.items():
        command = commands.add_parser(name, help=text, description=text)
        command.add_argument("--backend", default="mini", choices=BACKENDS)
        needed = name in ("geneval", "speed")
        command.add_argument("--prompts", type=Path, required=needed, help="a file in GenEval's format")
        command.add_argument("--seed", type=int, default=0)
        command.add_argument("--json", type=Path, help="where the result is written")
        if name == "geneval":
            command.add_argument("--turns", type=int, default=4)
            command.add_argument("--failures", type=Path, help="where the failed prompts and reasons are written")
        elif name != "speed":
            command.add_argument("-n", type=int, default=300, help="how many cases")
    return top


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Carry out one sub-command."""
    prompts = read_prompts(arguments.prompts) if arguments.prompts else ()
    if arguments.command == "geneval":
        if not 1 <= arguments.turns <= MAX_TURNS:
            raise BadInput(f"The turn limit is {arguments.turns}. Choose a number from 1 to {MAX_TURNS}.")
        backend, began = load_backend(arguments.backend), time.monotonic()

        def told(done: int) -> None:
            if done % 20 == 0 or done == len(prompts):
                left = (time.monotonic() - began) / done * (len(prompts) - done)
                print(f"\r{done} of {len(prompts)}, about {left:.0f} s left ", end="", file=sys.stderr, flush=True)

        result, runs = geneval.evaluate(backend, prompts, turns=arguments.turns, seed=arguments.seed, told=told)
        print(file=sys.stderr)
        if arguments.failures:
            rows = [json.dumps(_account(r), ensure_ascii=False) for r in runs if not all(r.right)]
            write(arguments.failures, "\n".join(rows) + "\n")
        return {**result, "backend": backend.identity.name, "revision": backend.identity.revision}
    if arguments.command == "speed":
        return speed.measure(load_backend(arguments.backend), prompts, arguments.seed)
    chosen = critic.cases(arguments.n, arguments.seed, prompts)
    measure = critic.verdicts if arguments.command == "verdicts" else critic.edits
    return measure(load_backend(arguments.backend), chosen, arguments.seed)


def _account(run: geneval.Run) -> dict[str, Any]:
    """What happened to a prompt that went wrong at some turn."""
    said = [(n.reflection.critique, n.reflection.edit) for n in run.session.nodes if n.reflection]
    plan = run.session.plan.text if run.session.plan else None
    about = {"prompt": run.prompt.text, "right": run.right, "stop": run.stop.value, "reasons": run.reasons}
    return about | {"plan": plan, "said": said}


def write(path: Path, text: str) -> None:
    """Write a whole file or none."""
    part = path.with_name(path.name + ".part")
    part.write_text(text, encoding="utf-8")
    os.replace(part, path)


def main() -> int:
    """Print the result, and write it where --json says."""
    arguments = parser().parse_args()
    try:
        for path in (arguments.json, getattr(arguments, "failures", None)):
            if path is not None:  # before the long run, not after it
                path.parent.mkdir(parents=True, exist_ok=True)
        result = run(arguments)
        text = json.dumps(result, indent=1)
        print(text)
        if arguments.json:
            write(arguments.json, text + "\n")
    except (StudioError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
