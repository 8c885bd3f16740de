"""The measures count what the judge says, on the studio's own loop."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from studio.backends.protocol import Step
from studio.domain import Brief, Identity, Picture
from studio.errors import BadInput
from studio.evaluation import critic, geneval
from studio.evaluation.prompts_file import Prompt, read_prompts
from studio.evaluation.statistics import wilson
from studio.scene.critique import criticise
from studio.scene.demands import Demands, Item
from studio.scene.drawing import render
from studio.scene.edits import apply
from studio.scene.faults import spoil
from studio.scene.judge import failures
from studio.scene.layout import arrange
from studio.scene.scene import Scene
from studio.scene.scene_file import read_scene

PROMPTS = (
    Prompt("two dogs", "counting", Demands((Item("dog", 2),))),
    Prompt("a red cup", "colors", Demands((Item("cup", color="red"),))),
)


class Oracle:
    """Knows the demands: drafts wrongly, criticises rightly, and refines by the critic's own edit."""

    def __init__(self, *, blind: bool = False) -> None:
        self.blind = blind
        self.identity = Identity("oracle")

    def unknown_words(self, text: str) -> tuple[str, ...]:
        return ()

    def _demands(self, text: str) -> Demands:
        return next(p.demands for p in PROMPTS if p.text == text)

    def reason(self, brief: Brief, *, seed: int, step: Step) -> str:
        return "<think>#1</think>"

    def draft(self, brief: Brief, plan: str, *, seed: int, step: Step) -> Picture:
        rng, demands = random.Random(seed), self._demands(brief.text)
        scene = arrange(demands, rng, Scene())
        assert scene is not None
        spoiled = spoil(scene, demands, rng, kind="unasked")
        assert spoiled is not None
        return Picture(render(spoiled[0]))

    def reflect(
        self, brief: Brief, picture: Picture, *, seed: int, step: Step, avoid: Sequence[str] = (), retry: int = 0
    ) -> str:
        scene = read_scene(picture.png)
        assert scene is not None
        self.last = criticise(scene, self._demands(brief.text), random.Random(0))
        return "<think>fine</think>No further edit needed." if self.blind else f"<think>x</think>{self.last.answer}"

    def refine(self, picture: Picture, edit: str, *, seed: int, step: Step) -> Picture:
        assert self.last.edit is not None
        return Picture(render(apply(self.last.scene, self.last.edit)))


def test_accuracy_is_counted_after_the_draft_and_after_every_turn() -> None:
    result, _ = geneval.evaluate(Oracle(), PROMPTS, turns=2, seed=0, told=lambda done: None)
    assert result["n"] == 2
    assert result["accuracy"] == [0.0, 1.0, 1.0]
    assert result["by_tag"] == {"colors": [0.0, 1.0, 1.0], "counting": [0.0, 1.0, 1.0]}
    assert result["stop_rate"] == [0.0, 1.0, 1.0]
    assert result["mean_turns"] == 1.0
    assert (result["improved"], result["worsened"]) == ([2, 0], [0, 0])


def test_a_blind_critic_gains_nothing() -> None:
    result, _ = geneval.evaluate(Oracle(blind=True), PROMPTS, turns=2, seed=0, told=lambda done: None)
    assert result["accuracy"] == [0.0, 0.0, 0.0]
    assert result["stop_rate"][0] == 1.0


def test_cases_pair_a_right_scene_with_a_spoiled_one() -> None:
    for case in critic.cases(6, 1, PROMPTS):
        assert failures(case.right, case.demands) == ()
        assert failures(case.spoiled, case.demands) != ()
        assert critic.carried_out(case.spoiled, case.mended, case.mended)[0]
        assert not critic.carried_out(case.spoiled, case.spoiled, case.mended)[0]
        assert critic.carried_out(case.spoiled, None, case.mended) == (False, 0.0)


def test_a_perfect_critic_gets_full_marks_and_a_blind_one_only_for_right_pictures() -> None:
    chosen = critic.cases(8, 2, PROMPTS)
    seeing, blind = (critic.verdicts(Oracle(blind=b), chosen, 0) for b in (False, True))
    assert (seeing["right_recognised"], seeing["wrong_recognised"], seeing["edits_that_help"]) == (1.0, 1.0, 1.0)
    assert (blind["right_recognised"], blind["wrong_recognised"], blind["edits_that_help"]) == (1.0, 0.0, None)


def test_cases_need_a_number_and_a_prompt_that_can_be_drawn() -> None:
    with pytest.raises(BadInput, match="measure nothing"):
        critic.cases(0, 1)
    crowd = Prompt("forty dogs", "counting", Demands((Item("dog", 40),)))
    with pytest.raises(BadInput, match="forty dogs"):
        critic.cases(1, 1, (crowd,))


def test_geneval_files_are_read_and_bad_lines_named(tmp_path: Path) -> None:
    good = tmp_path / "good.jsonl"
    good.write_text('{"tag": "t", "include": [{"class": "dog", "count": 1}], "prompt": "a dog"}\n\n')
    assert read_prompts(good) == (Prompt("a dog", "t", Demands((Item("dog"),))),)
    bad = tmp_path / "bad.jsonl"
    bad.write_text(good.read_text() + "{nonsense\n")
    with pytest.raises(BadInput, match=r"Line 3 of “bad\.jsonl”"):
        read_prompts(bad)
    good.write_text(good.read_text(), encoding="utf-8-sig")
    assert len(read_prompts(good)) == 1
    bad.write_text('{"include": [{"class": "dog"}], "prompt": " "}')
    with pytest.raises(BadInput, match=r"Line 1 .* The brief is empty"):
        read_prompts(bad)
    bad.write_text("")
    with pytest.raises(BadInput, match="holds no prompt"):
        read_prompts(bad)


def test_the_553_prompts_are_read() -> None:
    prompts = read_prompts(Path(__file__).parents[2] / "assets" / "benchmarks" / "geneval_553.jsonl")
    assert len(prompts) == 553
    rng = random.Random(0)
    assert all(arrange(p.demands, rng, Scene()) is not None for p in prompts[::7])


def test_wilson_intervals_hold_the_share() -> None:
    low, high = wilson(90, 100)
    assert 0.82 < low < 0.90 < high < 0.95
    assert wilson(0, 0) == (0.0, 1.0)


def test_the_command_line_refuses_a_missing_file(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "studio.evaluation", "geneval", "--prompts", str(tmp_path / "none.jsonl")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "cannot be read" in done.stderr
    assert "Traceback" not in done.stderr
