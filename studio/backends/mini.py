"""The built-in backend: the unified model at a few million parameters, drawing vector scenes on the CPU."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from studio.backends.protocol import Step
from studio.domain import Brief, Identity, Picture
from studio.errors import BackendError
from studio.models.checkpoint import WEIGHTS
from studio.models.context import Context
from studio.models.flow import FlowSettings, sample
from studio.models.mini_files import Mini, load_mini
from studio.models.scene_codec import SLOT_DIM
from studio.scene.drawing import render
from studio.scene.plan import is_crowded
from studio.scene.scene import MAX_THINGS, Scene
from studio.scene.scene_file import read_scene
from studio.scene.tokens import END_THINK, THINK

ASSETS = Path(__file__).parents[2] / "assets" / "mini"
PLAN_TOKENS, CRITIQUE_TOKENS = 160, 260
PLAN_TEMPERATURE, REWRITE_TEMPERATURE = 0.7, 0.7  # plans at 0.3 are alike whatever the seed, and no better
PLAN_TRIES = 4
REWRITE_TRIES = 6
TIMESTEPS = 6  # the flow of slots is almost straight: more points change nothing that the judge could see


class MiniBackend:
    """`studio.backends.protocol.Backend` on a folder that `models.mini_files` wrote."""

    def __init__(self, mini: Mini, revision: str) -> None:
        self._mini, self._revision = mini, revision
        self._flow = FlowSettings(num_timesteps=TIMESTEPS, timestep_shift=mini.model.config.timestep_shift)

    @classmethod
    def load(cls, folder: Path = ASSETS) -> MiniBackend:
        """Read the model. One thread: at this size a second one costs more than it gives."""
        torch.set_num_threads(1)
        mini = load_mini(folder)
        return cls(mini, hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest()[:12])

    @property
    def identity(self) -> Identity:
        return Identity("mini", self._revision, "cpu", "float32")

    def unknown_words(self, text: str) -> tuple[str, ...]:
        return self._mini.tokenizer.unknown(text)

    def reason(self, brief: Brief, *, seed: int, step: Step) -> str:
        context = self._reading(brief.text)
        generator = torch.Generator().manual_seed(seed)
        canvas, text = Scene((), brief.width, brief.height), ""
        for attempt in range(PLAN_TRIES):  # a plan whose things would hide each other is thought over again
            temperature = PLAN_TEMPERATURE + 0.1 * attempt
            [plan] = context.generate(PLAN_TOKENS, temperature=temperature, generator=generator, step=step)
            text = self._mini.tokenizer.decode(plan.ids)
            if not is_crowded(text.replace(THINK, "").replace(END_THINK, ""), canvas):
                break
        return text

    def draft(self, brief: Brief, plan: str, *, seed: int, step: Step) -> Picture:
        context = self._reading(brief.text, f"{THINK} {plan} {END_THINK}")
        latents = sample(self._noise(seed), context, settings=self._flow, step=step)
        canvas = Scene((), brief.width, brief.height)
        return Picture(render(self._mini.codec.decode(latents[0], canvas)))

    def reflect(
        self, brief: Brief, picture: Picture, *, seed: int, step: Step, avoid: Sequence[str] = (), retry: int = 0
    ) -> str:
        context = Context(self._mini.model)
        context.add_picture(self._pixels(picture))
        context.add_text(self._ids(brief.text))
        generator = torch.Generator().manual_seed(seed)
        text = ""
        for attempt in range(REWRITE_TRIES if avoid else 1):
            # Another critique must differ, so it is drawn; so is one after a text that ran on without an end.
            temperature = REWRITE_TEMPERATURE + 0.1 * attempt if avoid or retry else 0.0
            [reply] = context.generate(
                CRITIQUE_TOKENS * (1 + retry), temperature=temperature, generator=generator, step=step
            )
            text = self._sentence_case(self._mini.tokenizer.decode(reply.ids))
            if text.rpartition(END_THINK)[2].strip() not in avoid:
                return text
        raise BackendError("The model finds no other edit for this version. Write your own, or accept or stop.")

    def refine(self, picture: Picture, edit: str, *, seed: int, step: Step) -> Picture:
        scene = read_scene(picture.png)
        if scene is None:
            raise BackendError(
                "The built-in model edits only pictures that it drew itself. Draft a picture first, then edit that one."
            )
        if not self._ids(edit):
            raise BackendError("The built-in model knows no word of that edit. Use a verb, a noun and a colour.")
        source = self._mini.codec.encode(scene.things)[None]
        context = Context(self._mini.model)
        context.add_latents(source)
        context.add_picture(self._pixels(picture))
        context.add_text(self._ids(edit))
        latents = sample(self._noise(seed), context, settings=self._flow, source=source, step=step)
        return Picture(render(self._mini.codec.decode(latents[0], scene, scene.things)))

    def _reading(self, *texts: str) -> Context:
        context = Context(self._mini.model)
        for text in texts:
            context.add_text(self._ids(text))
        return context

    def _ids(self, text: str) -> list[int]:
        """Token ids of the known words; the page has named the others before."""
        tokenizer = self._mini.tokenizer
        return [i for i in tokenizer.encode(text) if i != tokenizer.unknown_id]

    def _noise(self, seed: int) -> Tensor:
        return torch.randn(1, MAX_THINGS, SLOT_DIM, generator=torch.Generator().manual_seed(seed))

    def _pixels(self, picture: Picture) -> Tensor:
        """What the understanding side sees: [1, 3, S, S] in [−1, 1]."""
        config = self._mini.model.config
        side = config.vision_grid * config.vision_patch
        try:
            image = Image.open(io.BytesIO(picture.png)).convert("RGB")
        except (UnidentifiedImageError, OSError) as error:
            raise BackendError(f"The picture cannot be read ({error}). Choose another version.") from error
        small = image.resize((side, side), Image.Resampling.BOX)
        return torch.from_numpy(np.array(small)).permute(2, 0, 1)[None].float() / 127.5 - 1

    @staticmethod
    def _sentence_case(text: str) -> str:
        head, closed, answer = text.rpartition(END_THINK)
        answer = answer.strip()
        return f"{head}{closed}{answer[:1].upper()}{answer[1:]}"
