"""Every template that a model reads, and the parsing of what it writes (method §1).

The strings in capitals are part of the released checkpoints' interface and byte-exact.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from studio.errors import UnparseableText

GENERATION_THINK_SYSTEM = (
    "You should first think about the planning process in the mind and then generate the image. \n"
    "The planning process is enclosed within <think> </think> tags, "
    "i.e. <think> planning process here </think> image here."
)
UNDERSTANDING_THINK_SYSTEM = (
    "You should first think about the reasoning process in the mind and then provide the user with the answer. \n"
    "The reasoning process is enclosed within <think> </think> tags, "
    "i.e. <think> reasoning process here </think> answer here"
)
REFLECTION = (
    "The description of the target image is: {prompt}\n"
    "How to further edit the provided image to make it consistent with the target description? "
    "Please provide concrete editing instructions in a single sentence. "
    "If no editing operation is needed, answer: no further edit needed."
)
STOP_PHRASE = "no further edit"
STOP_SENTENCE = "No further edit needed."

_OPEN, _CLOSE = "<think>", "</think>"


@dataclass(frozen=True)
class Reply:
    """A parsed critique: the thought, and the edit that follows it; `edit` is None where the model stops."""

    critique: str
    edit: str | None


def reflection_prompt(brief: str) -> str:
    """The question that Reflect asks; the brief is inserted literally, braces and all."""
    return REFLECTION.replace("{prompt}", brief)


def parse_thought(text: str) -> str:
    """The plan inside exactly one `<think>…</think>` block with nothing after it (Reason).

    Raises UnparseableText when the block is missing, repeated, empty or followed by text.
    """
    found = re.fullmatch(r"\s*<think>(.*?)</think>\s*", text, re.DOTALL)
    plan = found.group(1).strip() if found else ""
    if not plan or _OPEN in plan or _CLOSE in plan:
        raise UnparseableText("The plan has no single <think>…</think> block. Try another seed.")
    return plan


def parse_edit(text: str) -> Reply:
    """The critique and the edit after the last `</think>` (Reflect).

    A text without `</think>` was cut off: it raises UnparseableText and is never a stop.
    """
    head, closed, tail = text.rpartition(_CLOSE)
    edit = " ".join(tail.split())
    if not closed or not edit:
        raise UnparseableText("The critique was cut off before its edit. Ask for another, or write the edit yourself.")
    critique = head.replace(_OPEN, " ").replace(_CLOSE, " ").strip()
    return Reply(critique, None if STOP_PHRASE in edit.lower() else edit)


def is_well_formed(text: str, *, has_answer: bool) -> bool:
    """Format reward f (method §1): one think block; text after it for Reflect, nothing for Reason."""
    found = re.fullmatch(r"\s*<think>(.*?)</think>(.*)", text, re.DOTALL)
    if not found or any(tag in part for part in found.groups() for tag in (_OPEN, _CLOSE)):
        return False
    return bool(found.group(2).strip()) == has_answer
