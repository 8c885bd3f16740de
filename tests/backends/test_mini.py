"""The built-in backend on the shipped model: reproducible, cancellable, and right about easy briefs."""

from __future__ import annotations

import io
import json
import shutil
from pathlib import Path

import pytest
from PIL import Image

from studio.backends.load import load_backend
from studio.backends.mini import ASSETS, MiniBackend
from studio.domain import Brief, Picture
from studio.errors import BackendError, BadInput, Cancelled
from studio.evaluation.geneval import run_prompt
from studio.evaluation.prompts_file import read_prompts
from studio.models.mini_files import load_mini
from studio.prompts import parse_edit, parse_thought
from studio.scene.drawing import render
from studio.scene.scene import Scene, Thing
from studio.scene.scene_file import read_scene

BRIEF = Brief("a photo of two red cups", seed=3)
TWO_CUPS = Scene((Thing("cup", "red", 0.3, 0.5, 0.3), Thing("cup", "red", 0.7, 0.5, 0.3)))


def go_on(done: int, total: int) -> None:
    assert 1 <= done <= total


def stop_at_once(done: int, total: int) -> None:
    raise Cancelled


@pytest.fixture(scope="module")
def backend() -> MiniBackend:
    return MiniBackend.load()


def nouns_of(picture: Picture) -> list[tuple[str, str]]:
    scene = read_scene(picture.png)
    assert scene is not None
    return sorted((t.noun, t.color) for t in scene.things)


def test_the_same_seed_gives_the_same_plan_and_the_same_bytes(backend: MiniBackend) -> None:
    plans = [backend.reason(BRIEF, seed=5, step=go_on) for _ in range(2)]
    assert plans[0] == plans[1]
    drafts = [backend.draft(BRIEF, parse_thought(plans[0]), seed=5, step=go_on) for _ in range(2)]
    assert drafts[0] == drafts[1]
    assert backend.reason(BRIEF, seed=6, step=go_on) != plans[0]


def test_the_draft_follows_the_plan_at_the_size_asked_for(backend: MiniBackend) -> None:
    brief = Brief("a cup", width=640, height=480)
    plan = "#1 red cup one middle left medium #2 red cup two middle right medium"
    picture = backend.draft(brief, plan, seed=1, step=go_on)
    assert nouns_of(picture) == [("cup", "red"), ("cup", "red")]
    scene = read_scene(picture.png)
    assert scene is not None
    assert (scene.width, scene.height) == (640, 480)


def test_a_right_picture_gets_a_stop_and_a_missing_cup_an_edit(backend: MiniBackend) -> None:
    right = parse_edit(backend.reflect(BRIEF, Picture(render(TWO_CUPS)), seed=1, step=go_on))
    assert right.edit is None
    one = Scene(TWO_CUPS.things[:1])
    wrong = parse_edit(backend.reflect(BRIEF, Picture(render(one)), seed=1, step=go_on))
    assert wrong.edit is not None
    assert "cup" in wrong.edit


def test_another_critique_avoids_the_edit_that_was_not_wanted(backend: MiniBackend) -> None:
    picture = Picture(render(Scene(TWO_CUPS.things[:1])))
    first = parse_edit(backend.reflect(BRIEF, picture, seed=1, step=go_on)).edit
    assert first is not None
    second = parse_edit(backend.reflect(BRIEF, picture, seed=2, step=go_on, avoid=(first,))).edit
    assert second != first


def test_an_edit_changes_what_it_names(backend: MiniBackend) -> None:
    picture = Picture(render(TWO_CUPS))
    after = read_scene(backend.refine(picture, "Make the cup on the left blue.", seed=1, step=go_on).png)
    assert after is not None
    assert [t.color for t in after.things] == ["blue", "red"]
    assert after.things[1] == TWO_CUPS.things[1]


@pytest.mark.parametrize("phase", ["reason", "draft", "reflect", "refine"])
def test_cancel_takes_effect_at_the_next_model_step(backend: MiniBackend, phase: str) -> None:
    picture = Picture(render(TWO_CUPS))
    run = {
        "reason": lambda: backend.reason(BRIEF, seed=1, step=stop_at_once),
        "draft": lambda: backend.draft(BRIEF, "#1 cup", seed=1, step=stop_at_once),
        "reflect": lambda: backend.reflect(BRIEF, picture, seed=1, step=stop_at_once),
        "refine": lambda: backend.refine(picture, "remove the cup", seed=1, step=stop_at_once),
    }[phase]
    with pytest.raises(Cancelled):
        run()


def test_a_foreign_picture_can_be_criticised_but_not_refined(backend: MiniBackend) -> None:
    canvas = io.BytesIO()
    Image.new("RGB", (300, 200), "gray").save(canvas, "PNG")
    foreign = Picture(canvas.getvalue())
    assert backend.reflect(BRIEF, foreign, seed=1, step=go_on)
    with pytest.raises(BackendError, match="only pictures that it drew itself"):
        backend.refine(foreign, "add a cup", seed=1, step=go_on)
    with pytest.raises(BackendError, match="cannot be read"):
        backend.reflect(BRIEF, Picture(b"no picture"), seed=1, step=go_on)


def test_an_edit_without_a_known_word_is_refused(backend: MiniBackend) -> None:
    with pytest.raises(BackendError, match="knows no word"):
        backend.refine(Picture(render(TWO_CUPS)), "Zauberei!", seed=1, step=go_on)


def test_unknown_words_are_named(backend: MiniBackend) -> None:
    assert backend.unknown_words("a photo of two unicorns and a red cup") == ("unicorns",)


def test_geneval_prompts_end_right_and_with_a_reason(backend: MiniBackend) -> None:
    prompts = read_prompts(Path(__file__).parents[2] / "assets" / "benchmarks" / "geneval_553.jsonl")[::28]
    runs = [run_prompt(backend, prompt, turns=2, seed=9) for prompt in prompts]
    assert sum(run.right[-1] for run in runs) >= 0.8 * len(runs)


def test_a_damaged_folder_is_refused_with_the_cause(tmp_path: Path) -> None:
    folder = tmp_path / "mini"
    shutil.copytree(ASSETS, folder)
    content = json.loads((folder / "vocabulary.json").read_text())
    (folder / "vocabulary.json").write_text(json.dumps(content | {"tokens": content["tokens"][:-1]}))
    with pytest.raises(BackendError, match="do not belong together"):
        load_mini(folder)
    (folder / "vocabulary.json").write_text("{")
    with pytest.raises(BackendError, match=r"vocabulary\.json of “mini” cannot be read"):
        load_mini(folder)


def test_an_unknown_backend_is_named_with_the_known_ones() -> None:
    with pytest.raises(BadInput, match="Choose one of: mini"):
        load_backend("maxi")
