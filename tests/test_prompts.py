import hashlib

import pytest

from studio import prompts
from studio.errors import UnparseableText
from studio.prompts import is_well_formed, parse_edit, parse_thought, reflection_prompt


def test_the_edit_is_what_follows_the_last_closing_tag() -> None:
    reply = parse_edit("<think>one</think> not this <think>two</think>\n Make the\n bench  brown. ")
    assert reply.edit == "Make the bench brown."
    assert reply.critique.split() == ["one", "not", "this", "two"]


@pytest.mark.parametrize("stop", ["No further edit needed.", "no further edit", "So, NO FURTHER EDITS are needed!"])
def test_no_further_edit_in_any_case_means_stop(stop: str) -> None:
    assert parse_edit(f"<think>all there</think>{stop}").edit is None


def test_the_stop_phrase_inside_the_critique_is_no_stop() -> None:
    assert parse_edit("<think>I wanted no further edit, but</think>Add a cat.").edit == "Add a cat."


@pytest.mark.parametrize("raw", ["<think>The bench is", "No further edit needed.", "", "<think>done</think>  \n"])
def test_a_cut_off_critique_is_not_a_stop(raw: str) -> None:
    with pytest.raises(UnparseableText, match="cut off"):
        parse_edit(raw)


def test_the_plan_is_the_content_of_the_one_block() -> None:
    assert parse_thought(" <think>\n red ball,\n left </think>\n") == "red ball,\n left"


@pytest.mark.parametrize(
    "raw",
    ["a plan", "<think>a plan", "<think> </think>", "<think>a</think> more", "<think>a</think><think>b</think>"],
)
def test_a_plan_without_its_single_block_is_refused(raw: str) -> None:
    with pytest.raises(UnparseableText):
        parse_thought(raw)


@pytest.mark.parametrize(
    ("raw", "reason", "reflect"),
    [
        ("<think>a</think>", True, False),
        ("<think>a</think> ", True, False),
        ("<think>a</think>b", False, True),
        ("x<think>a</think>b", False, False),
        ("<think>a</think><think>b</think>c", False, False),
        ("<think>a", False, False),
    ],
)
def test_format_is_one_block_with_an_answer_only_for_reflect(raw: str, reason: bool, reflect: bool) -> None:
    assert is_well_formed(raw, has_answer=False) is reason
    assert is_well_formed(raw, has_answer=True) is reflect


def test_the_brief_enters_the_question_literally() -> None:
    brief = "a {prompt} sign reading “50 % {off}” \\1"
    assert f"is: {brief}\n" in reflection_prompt(brief)


def test_our_own_stop_sentence_is_read_as_a_stop() -> None:
    assert parse_edit(f"<think>x</think>{prompts.STOP_SENTENCE}").edit is None


@pytest.mark.parametrize(
    ("name", "fingerprint"),
    [
        ("GENERATION_THINK_SYSTEM", "5da62fd7987ad29b"),
        ("UNDERSTANDING_THINK_SYSTEM", "5eff00888fdf6b91"),
        ("REFLECTION", "2a0a6694e6177332"),
    ],
)
def test_the_checkpoints_strings_are_byte_exact(name: str, fingerprint: str) -> None:
    assert hashlib.sha256(getattr(prompts, name).encode()).hexdigest()[:16] == fingerprint
