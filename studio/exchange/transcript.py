"""A session as Markdown: who said what, in the order in which it was made."""

from __future__ import annotations

from collections.abc import Sequence

from studio.domain import Author, Node, Session, best_node, turn_of
from studio.exchange.tally import critique_lines, plan_lines
from studio.exchange.wording import AUTHORS, duration, ending, version_name


def transcript(session: Session, files: Sequence[str | None], unknown_words: Sequence[str] = ()) -> str:
    """The Markdown; `files` names each node's picture beside the transcript, None where it is missing."""
    brief, backend = session.brief, session.backend
    parts = [
        "# " + plain(brief.text),
        f"{backend.name} {backend.revision}".strip()
        + f" on {backend.device} ({backend.dtype}), seed {brief.seed}, {brief.width} × {brief.height} pixels, "
        f"at most {brief.turn_limit} turns.",
    ]
    if unknown_words:
        parts.append("Words that the model does not know: " + plain(", ".join(unknown_words)) + ".")
    if session.plan:
        parts.append(f"## Plan ({AUTHORS[session.plan.author]}, {duration(session.plan.seconds)})")
        things = [f"- {plain(' '.join(line).strip())}" for line in plan_lines(session.plan.text)]
        parts.append("\n".join(things) or plain(session.plan.text))
    for index, file in enumerate(files):
        parts += _version(session, index, file)
    parts.append(f"## End\n\n{ending(session)}.")
    if session.problem:
        parts.append(plain(session.problem))
    if (best := best_node(session)) is not None:
        parts.append(f"Best: {version_name(best)}. Last: {version_name(len(session.nodes) - 1)}.")
    return "\n\n".join(parts) + "\n"


def plain(text: str) -> str:
    """A person's or a model's text on one line, with what Markdown or HTML would read as a sign escaped."""
    line = " ".join(text.split())
    return "".join("\\" + char if char in "\\`*_[]<>#|~!&" else char for char in line)


def _version(session: Session, index: int, file: str | None) -> list[str]:
    node = session.nodes[index]
    name = version_name(index)
    parts = [f"## {name}, " + (f"turn {turn_of(session, index)}" if node.edit else "draft")]
    if node.edit and node.parent is not None:
        parts.append(f"From {version_name(node.parent)}, {AUTHORS[node.edit.author]}'s edit: {plain(node.edit.text)}")
        if node.edit.author is Author.PERSON and node.edit.proposed:
            parts.append(f"The model had proposed: {plain(node.edit.proposed)}")
    parts.append(f"![{name}]({file})" if file else f"The picture is missing (SHA-256 {node.picture}).")
    score = "not scored" if node.score is None else f"score {node.score:.2f}"
    parts.append(f"Seed {node.seed}, {duration(node.seconds)}, {score}.")
    return parts + _critiques(node)


def _critiques(node: Node) -> list[str]:
    parts = []
    for number, said in enumerate(node.reflections, start=1):
        label = "Critique" if number == len(node.reflections) else "Earlier critique, set aside"
        parts.append(f"{label} (seed {said.seed}, {duration(said.seconds)}):")
        signs = {True: "✓ ", False: "✗ ", None: ""}
        lines = [f"- {signs[line.verdict]}{plain(line.text)}" for line in critique_lines(said.critique)]
        parts.append("\n".join(lines) or "- (empty)")
        parts.append("Proposed edit: " + plain(said.edit) if said.edit else "No further edit needed.")
    return parts

