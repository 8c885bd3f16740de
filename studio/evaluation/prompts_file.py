"""Reading prompt files in GenEval's format: one JSON object a line with tag, include, exclude and prompt."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from studio.domain import Brief
from studio.errors import BadInput
from studio.scene.demands import Demands, from_metadata


@dataclass(frozen=True)
class Prompt:
    """One line of a file."""

    text: str
    tag: str
    demands: Demands


def _cause(error: OSError | UnicodeDecodeError) -> str:
    return error.strerror or "unknown" if isinstance(error, OSError) else "it is not UTF-8"


def read_prompts(path: Path) -> tuple[Prompt, ...]:
    """All prompts of a file. Raises BadInput naming the line that cannot be read."""
    try:
        # Not splitlines: a string may hold other line separators. The mark of some editors is passed over.
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"“{path}” cannot be read ({_cause(error)}). Give a JSON Lines file.") from error
    prompts = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            if not isinstance(row, dict) or not isinstance(row.get("prompt"), str):
                raise BadInput("there is no “prompt”.")
            Brief(row["prompt"])  # what the loop would refuse is refused here, with its line
            prompts.append(Prompt(row["prompt"], str(row.get("tag", "untagged")), from_metadata(row)))
        except (ValueError, BadInput) as error:
            raise BadInput(f"Line {number} of “{path.name}”: {error} Correct that line.") from error
    if not prompts:
        raise BadInput(f"“{path.name}” holds no prompt. Give a file with one JSON object a line.")
    return tuple(prompts)
