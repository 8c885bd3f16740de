import json
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from studio.__main__ import main, run
from studio.domain import Brief, Mode, Phase, StopReason
from studio.errors import BadInput, Cancelled
from studio.exchange.session_json import from_json
from tests.scripted import EDITS, ScriptedBackend

BRIEF = Brief("three red balloons above a brown bench", 96, 64, seed=7)
DOCUMENTS = {"session.json", "transcript.md", "report.html"}


def quietly(doing: str, done: int, total: int) -> None:
    pass


def listed(folder) -> set[str]:
    return {path.name for path in folder.iterdir()}


def stored(folder):
    return from_json(json.loads((folder / "session.json").read_text("utf-8")))


def test_a_run_leaves_pictures_transcript_report_and_session(tmp_path):
    told: list[str] = []
    session = run(ScriptedBackend(), BRIEF, tmp_path, quietly, told.append)
    pictures = {"00-draft.png", "01-add-one-red-balloon-on-the-left.png", "02-make-the-bench-brown.png"}
    assert listed(tmp_path) == pictures | DOCUMENTS
    assert session.stop is StopReason.SATISFIED
    assert stored(tmp_path) == session
    transcript = (tmp_path / "transcript.md").read_text("utf-8")
    shown = re.findall(r"!\[\w+\]\(([^)]+)\)", transcript)
    assert shown == sorted(pictures)
    for said in (*EDITS, session.plan.text, "seed 7", "nothing left to edit", "Best: V2. Last: V2."):
        assert said in transcript
    assert any("V1: Add one red balloon" in line for line in told)


def test_the_same_seed_makes_the_same_pictures(tmp_path):
    for name in "ab":
        run(ScriptedBackend(), BRIEF, tmp_path / name, quietly, quietly_told)
    for picture in (tmp_path / "a").glob("*.png"):
        assert picture.read_bytes() == (tmp_path / "b" / picture.name).read_bytes()


def quietly_told(line: str) -> None:
    pass


def test_unknown_words_are_told_and_written_down(tmp_path):
    told: list[str] = []
    run(ScriptedBackend(unknown=("balloons",)), BRIEF, tmp_path, quietly, told.append)
    assert told[0] == "warning: the model does not know “balloons”"
    assert "does not know: balloons" in (tmp_path / "transcript.md").read_text("utf-8")


def test_progress_says_what_is_being_done(tmp_path):
    seen: list[tuple[str, int, int]] = []
    run(ScriptedBackend(), BRIEF, tmp_path, lambda *step: seen.append(step), quietly_told)
    assert list(dict.fromkeys(doing for doing, _, _ in seen)) == [
        "planning",
        "drafting",
        "reflecting",
        "turn 1 of 4 · refining",
        "turn 1 of 4 · reflecting",
        "turn 2 of 4 · refining",
        "turn 2 of 4 · reflecting",
    ]


def test_a_cancel_keeps_the_finished_phases(tmp_path):
    def cancel(doing: str, done: int, total: int) -> None:
        if doing.endswith("refining"):
            raise Cancelled

    session = run(ScriptedBackend(), BRIEF, tmp_path, cancel, quietly_told)
    assert session.stop is StopReason.CANCELLED
    assert listed(tmp_path) == {"00-draft.png"} | DOCUMENTS
    assert stored(tmp_path).nodes[0].reflection.edit == EDITS[0]


def test_a_model_error_keeps_the_finished_phases_and_says_why(tmp_path):
    told: list[str] = []
    session = run(ScriptedBackend(fail_in=Phase.REFLECT), BRIEF, tmp_path, quietly, told.append)
    assert session.stop is StopReason.ERROR
    assert listed(tmp_path) == {"00-draft.png"} | DOCUMENTS
    assert told[-1] == "An error ended the run. The script says fail. Try another seed."


def test_a_folder_with_a_run_is_never_written_over(tmp_path):
    run(ScriptedBackend(), BRIEF, tmp_path, quietly, quietly_told)
    before = (tmp_path / "session.json").read_bytes()
    with pytest.raises(BadInput, match="already holds a run"):
        run(ScriptedBackend(), Brief("another"), tmp_path, quietly, quietly_told)
    assert main(["another", "--out", str(tmp_path)]) == 2
    assert (tmp_path / "session.json").read_bytes() == before


def test_nobody_can_be_asked_here(tmp_path):
    with pytest.raises(BadInput, match="decisions"):
        run(ScriptedBackend(), Brief("a", 96, 64, mode=Mode.STEP), tmp_path, quietly, quietly_told)


@pytest.mark.parametrize(
    "wrong",
    [
        ["  "],
        ["a", "--turns", "0"],
        ["a", "--turns", "many"],
        ["a", "--seed", "lucky"],
        ["a", "--seed", "-1"],
        ["a", "--size", "512"],
        ["a", "--size", "9999x512"],
        ["a", "--backend", "nobody-knows-it"],
        ["a", "--unknown"],
        [],
    ],
    ids=" ".join,
)
def test_bad_input_is_one_line_on_stderr_and_exit_2(wrong, tmp_path, capsys):
    assert main([*wrong, "--out", str(tmp_path / "out")]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert not (tmp_path / "out").exists()


def test_ctrl_c_ends_the_program_at_the_next_step_and_keeps_what_is_finished(tmp_path):
    # Its own process, which interrupts itself in the middle of a phase: a signal needs a real main thread.
    program = f"""
import os, signal, sys
import studio.__main__ as command
from tests.scripted import ScriptedBackend

class Interrupted(ScriptedBackend):
    def refine(self, picture, edit, *, seed, step):
        os.kill(os.getpid(), signal.{signal.SIGINT.name})
        return super().refine(picture, edit, seed=seed, step=step)

command.load_backend = lambda name: Interrupted()
sys.exit(command.main(["balloons", "--size", "96x64", "--out", {str(tmp_path / "out")!r}]))
"""
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=Path(__file__).parents[1])
    assert done.returncode == 130, done.stderr
    assert "Stopping at the next step" in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout.strip() == str(tmp_path / "out" / "00-draft.png")
    assert stored(tmp_path / "out").stop is StopReason.CANCELLED
    assert listed(tmp_path / "out") == {"00-draft.png"} | DOCUMENTS
