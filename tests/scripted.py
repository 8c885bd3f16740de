"""A backend for tests only: it draws real PNGs and writes what a script tells it to."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from io import BytesIO

from PIL import Image, ImageDraw
from PIL.PngImagePlugin import PngInfo

from studio.backends.protocol import Step
from studio.domain import Brief, Identity, Phase, Picture
from studio.errors import BackendError

EDITS = ("Add one red balloon on the left.", "Make the bench brown.")


@dataclass
class Gate:
    """Holds a backend before step `at` (from 0) of `phase` until `open` is set; `reached` tells that it stands there.

    `skip` lets the phase pass that many times first.
    """

    phase: Phase
    at: int = 0
    skip: int = 0
    reached: threading.Event = field(default_factory=threading.Event)
    open: threading.Event = field(default_factory=threading.Event)


@dataclass
class ScriptedBackend:
    """Proposes `edits` one after the other and then stops. Same arguments, same seed: same result.

    How many edits a picture carries travels in its PNG text chunk, so a fresh backend goes on where another ended.
    `fail_in` raises in that phase; `cut_off` critiques per picture lose their end; `calls` lists the phases begun.
    """

    edits: Sequence[str] = EDITS
    steps: int = 3
    gate: Gate | None = None
    fail_in: Phase | None = None
    error: Exception = field(default_factory=lambda: BackendError("The script says fail. Try another seed."))
    cut_off: int = 0
    unknown: Sequence[str] = ()
    calls: list[Phase] = field(default_factory=list)
    refined_with: list[str] = field(default_factory=list)
    avoided: list[tuple[str, ...]] = field(default_factory=list)

    @property
    def identity(self) -> Identity:
        return Identity("scripted", "1")

    def unknown_words(self, text: str) -> tuple[str, ...]:
        return tuple(word for word in text.split() if word.strip(".,").lower() in self.unknown)

    def reason(self, brief: Brief, *, seed: int, step: Step) -> str:
        self._work(Phase.REASON, step)
        return f"<think>A plan for “{brief.text}”, first try {seed}.</think>"

    def draft(self, brief: Brief, plan: str, *, seed: int, step: Step) -> Picture:
        self._work(Phase.DRAFT, step)
        shade = hashlib.sha256(f"{plan} {seed}".encode()).digest()
        canvas = Image.new("RGB", (brief.width, brief.height), (128 + shade[0] // 2, 128 + shade[1] // 2, 224))
        return _picture(canvas, 0)

    def reflect(
        self, brief: Brief, picture: Picture, *, seed: int, step: Step, avoid: Sequence[str] = (), retry: int = 0
    ) -> str:
        self._work(Phase.REFLECT, step)
        self.avoided.append(tuple(avoid))
        if retry < self.cut_off:
            return "<think>The bench is green and the"
        done = _edits_in(picture)
        if done >= len(self.edits):
            return "<think>Everything in the brief is there.</think>No further edit needed."
        edit = self.edits[done]
        if edit in avoid:
            edit = f"{edit.rstrip('.')}, another way ({len(avoid)})."
        return f"<think>After {done} edits something is missing from “{brief.text}”.</think>{edit}"

    def refine(self, picture: Picture, edit: str, *, seed: int, step: Step) -> Picture:
        self._work(Phase.REFINE, step)
        self.refined_with.append(edit)
        with Image.open(BytesIO(picture.png)) as source:
            canvas = source.convert("RGB")
        place = hashlib.sha256(f"{edit} {seed}".encode()).digest()
        x, y = (place[i] * side // 255 for i, side in enumerate(canvas.size))
        radius = min(canvas.size) // 8
        box = (x - radius, y - radius, x + radius, y + radius)
        ImageDraw.Draw(canvas).ellipse(box, fill=(place[2], place[3], place[4]))
        return _picture(canvas, _edits_in(picture) + 1)

    def _work(self, phase: Phase, step: Step) -> None:
        self.calls.append(phase)
        held = self.gate if self.gate is not None and self.gate.phase is phase else None
        if held is not None and held.skip > 0:
            held.skip, held = held.skip - 1, None
        for done in range(self.steps):
            if held is not None and done == held.at:
                held.reached.set()
                if not held.open.wait(30):
                    raise BackendError("The test never opened the gate.")
            step(done + 1, self.steps)
        if phase is self.fail_in:
            raise self.error


def _picture(canvas: Image.Image, edits: int) -> Picture:
    chunks, file = PngInfo(), BytesIO()
    chunks.add_text("scripted-edits", str(edits))
    canvas.save(file, "PNG", pnginfo=chunks)
    return Picture(file.getvalue())


def _edits_in(picture: Picture) -> int:
    with Image.open(BytesIO(picture.png)) as source:
        return int(source.info["scripted-edits"])
