"""Supervised training of the built-in model: `python -m studio.training.supervised --out DIR`.

Two stages: the picture encoder alone, then plans, drafts, critiques and edits together. On several cores or GPUs start
it with torchrun. A checkpoint is written every few minutes, and the same command goes on from it.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from studio.errors import BadInput
from studio.models.config import mini_config
from studio.models.initialise import init_copy_friendly
from studio.models.mini_files import Mini, save_mini
from studio.models.scene_codec import SLOT_DIM, SceneCodec
from studio.models.unified import UnifiedModel
from studio.scene.scene import MAX_THINGS
from studio.scene.tokens import Tokenizer, vocabulary
from studio.scene.vocabulary import nouns
from studio.training.objectives import Losses, Task, draft_loss, own_drafts, refine_loss, reflect_loss
from studio.training.samples import Seen, bucketed, draft_sample, refine_sample, reflect_sample
from studio.training.stem import CellHeads, CellWords, busy_scene, cells_of, labelled


@dataclass(frozen=True)
class Config:
    """Everything that decides a run. Batches are per process."""

    out: str = "runs/mini"
    seed: int = 1
    layers: int = 5
    stem_steps: int = 1500
    stem_batch: int = 48
    stem_trains: bool = False
    compiled: bool = False
    steps: int = 5000
    draft_batch: int = 10
    reflect_batch: int = 36
    refine_batch: int = 20
    noise_levels: int = 2
    muon_lr: float = 6e-3
    adam_lr: float = 1.5e-3
    stem_lr: float = 2e-3
    warmup_steps: int = 60
    clip: float = 1.0
    strange_first: float = 0.6
    strange_last: float = 0.08
    own_after: int = 800
    own_every: int = 20
    log_every: int = 20
    save_every: int = 250


@dataclass
class State:
    """What a checkpoint holds beside the configuration."""

    model: UnifiedModel
    heads: CellHeads
    optimizers: list[torch.optim.Optimizer]
    stem_step: int = 0
    step: int = 0
    seconds: float = 0.0


def build(config: Config) -> tuple[Task, State]:
    """A fresh model, its language and its optimizers, from the seed."""
    torch.manual_seed(config.seed)
    tokenizer = Tokenizer(vocabulary())
    model = UnifiedModel(
        mini_config(
            len(tokenizer.words),
            num_hidden_layers=config.layers,
            bos_token_id=tokenizer.bos,
            eos_token_id=tokenizer.eos,
            start_of_image=tokenizer.image_start,
            end_of_image=tokenizer.image_end,
            latent_dim=SLOT_DIM,
            latent_slots=MAX_THINGS,
        )
    )
    init_copy_friendly(model)
    heads = CellHeads(model.config.hidden_size)
    task = Task(tokenizer, SceneCodec([n.name for n in nouns()]), config.noise_levels)
    return task, State(model, heads, make_optimizers(model, config))


def make_optimizers(model: UnifiedModel, config: Config) -> list[torch.optim.Optimizer]:
    """Muon for the decoder's matrices, AdamW for everything else."""
    matrices = [p for n, p in model.named_parameters() if ".layers." in n and p.dim() == 2 and "vit" not in n]
    chosen = {id(p) for p in matrices}
    rest = [p for p in model.parameters() if p.requires_grad and id(p) not in chosen]
    return [
        torch.optim.Muon(matrices, lr=config.muon_lr, weight_decay=0.0, adjust_lr_fn="match_rms_adamw"),
        torch.optim.AdamW(rest, lr=config.adam_lr, betas=(0.9, 0.98), weight_decay=0.0, fused=True),
    ]


def autocast() -> AbstractContextManager[Any]:
    """bf16 where matrices are multiplied; losses and norms stay in float32."""
    return torch.autocast("cpu", dtype=torch.bfloat16)


def average_gradients(parameters: Sequence[nn.Parameter]) -> None:
    """Mean over the processes, in one message."""
    if not dist.is_initialized():
        return
    grads = [p.grad if p.grad is not None else torch.zeros_like(p) for p in parameters]
    flat = torch.cat([g.flatten() for g in grads])
    dist.all_reduce(flat)
    flat /= dist.get_world_size()
    for parameter, part in zip(parameters, torch.split(flat, [g.numel() for g in grads]), strict=True):
        parameter.grad = part.view_as(parameter)


def train_stem(state: State, config: Config, task: Task, rng: random.Random, log: Log) -> None:
    """Stage one: name what lies in each cell of the picture."""
    model = state.model
    parameters = [*model.vit_model.parameters(), *model.connector.parameters(), *state.heads.parameters()]
    optimizer = torch.optim.AdamW(parameters, lr=config.stem_lr, betas=(0.9, 0.98), weight_decay=0.01)
    grid = model.config.vision_grid
    side = grid * model.config.vision_patch
    words = CellWords.of(model, task.tokenizer)
    while state.stem_step < config.stem_steps:
        began = time.perf_counter()
        share = state.stem_step / config.stem_steps
        for group in optimizer.param_groups:
            group["lr"] = config.stem_lr * min(1.0, (state.stem_step + 1) / 30) * (1 - 0.9 * share)
        pictures, labels, offsets = labelled([busy_scene(rng) for _ in range(config.stem_batch)], side, grid)
        with autocast():
            cells = cells_of(model, pictures)
            loss = state.heads.loss(cells, labels, offsets, words)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        average_gradients(parameters)
        nn.utils.clip_grad_norm_(parameters, config.clip)
        optimizer.step()
        state.stem_step += 1
        state.seconds += time.perf_counter() - began
        noun, color = state.heads.accuracy(cells.float(), labels, words)
        log.add(state, {"stem": loss.item(), "noun": noun, "color": color})
        if state.stem_step % config.save_every == 0:
            save(state, config, task)


def learning_rate(step: int, config: Config) -> float:
    """Share of the full rate: linear warm-up, then linear decay to zero."""
    return min((step + 1) / config.warmup_steps, max(0.0, 1 - step / config.steps), 1.0)


def strange_share(step: int, config: Config) -> float:
    """Share of pictures drawn for another brief, falling over the first quarter of the run.

    With few of them the critic learns to see what the brief makes it expect; with many it learns that nothing it sees
    was asked for. So looking is learned first, and comparing after it.
    """
    done = min(1.0, 4 * step / config.steps)
    return config.strange_first * (1 - done) + config.strange_last * done


def train_all(state: State, config: Config, task: Task, rng: random.Random, log: Log) -> None:
    """Stage two: every task in every step."""
    model = state.model
    side = model.config.vision_grid * model.config.vision_patch
    own: list[Seen] = []
    order = [random.Random(f"{config.seed}/{state.step}/{k}") for k in range(3)]
    drafts = bucketed(lambda: draft_sample(task.tokenizer, rng), config.draft_batch, order[0])
    reflections = bucketed(
        lambda: reflect_sample(task.tokenizer, rng, side, own, strange=strange_share(state.step, config)),
        config.reflect_batch,
        order[1],
    )
    refinements = bucketed(lambda: refine_sample(task.tokenizer, rng, side, own), config.refine_batch, order[2])
    weights = task.verdict_weights()
    model.vit_model.requires_grad_(config.stem_trains)
    if config.compiled:  # a third faster after two minutes of compiling; needs a C++ compiler
        for layer in model.language_model.model.layers:
            layer.compile(dynamic=True)
    parameters = [p for p in model.parameters() if p.requires_grad]
    while state.step < config.steps:
        began = time.perf_counter()
        for optimizer in state.optimizers:
            for group in optimizer.param_groups:
                full = config.muon_lr if isinstance(optimizer, torch.optim.Muon) else config.adam_lr
                group["lr"] = full * learning_rate(state.step, config)
            optimizer.zero_grad(set_to_none=True)
        parts: dict[str, float] = {}
        for losses in _tasks(model, task, weights, drafts, reflections, refinements):
            losses.total.backward()  # type: ignore[no-untyped-call]
            parts |= losses.parts
        average_gradients(parameters)
        parts["grad"] = nn.utils.clip_grad_norm_(parameters, config.clip).item()
        for optimizer in state.optimizers:
            optimizer.step()
        if state.step >= config.own_after and state.step % config.own_every == 0:
            with autocast():
                fresh = own_drafts(model, task, next(drafts) + next(drafts))
            own[:] = (own + fresh)[-768:]
        state.step += 1
        state.seconds += time.perf_counter() - began
        log.add(state, parts)
        if state.step % config.save_every == 0 or state.step == config.steps:
            save(state, config, task)


def _tasks(
    model: UnifiedModel, task: Task, weights: Tensor, drafts: Any, reflections: Any, refinements: Any
) -> Iterator[Losses]:
    with autocast():
        yield draft_loss(model, task, next(drafts), weights)
        yield reflect_loss(model, task, next(reflections), weights)
        yield refine_loss(model, task, next(refinements))


class Log:
    """Running means, printed and appended to log.jsonl by the first process."""

    def __init__(self, config: Config) -> None:
        self.config, self.sums, self.count = config, dict[str, float](), 0

    def add(self, state: State, parts: dict[str, float]) -> None:
        self.count += 1
        for name, value in parts.items():
            self.sums[name] = self.sums.get(name, 0.0) + value
        if self.count < self.config.log_every:
            return
        row = {name: round(total / self.count, 4) for name, total in self.sums.items()}
        row |= {"stem_step": state.stem_step, "step": state.step, "seconds": round(state.seconds, 1)}
        self.sums, self.count = {}, 0
        if _rank() == 0:
            print(json.dumps(row), flush=True)
            with (Path(self.config.out) / "log.jsonl").open("a") as file:
                file.write(json.dumps(row) + "\n")


def _rank() -> int:
    return dist.get_rank() if dist.is_initialized() else 0


def save(state: State, config: Config, task: Task) -> None:
    """The resumable checkpoint, and beside it the model as the studio loads it; written by the first process."""
    if _rank() != 0:
        return
    folder = Path(config.out)
    temporary = folder / "training.tmp"
    torch.save(
        {
            "model": state.model.state_dict(),
            "heads": state.heads.state_dict(),
            "optimizers": [o.state_dict() for o in state.optimizers],
            "counts": (state.stem_step, state.step, state.seconds),
        },
        temporary,
    )
    os.replace(temporary, folder / "training.pt")
    settings = {name: value for name, value in asdict(config).items() if name != "out"}
    made = {"steps": state.step, "seconds": round(state.seconds), "config": settings}
    save_mini(Mini(state.model, task.tokenizer, task.codec, made), folder)


def resume(state: State, config: Config) -> None:
    """Go on from training.pt if it is there."""
    path = Path(config.out) / "training.pt"
    if not path.exists():
        return
    found = torch.load(path, weights_only=True)
    try:
        state.model.load_state_dict(found["model"])
    except RuntimeError as error:
        raise BadInput(
            f"“{path.parent.name}” holds a run of another model or vocabulary. Choose another --out, or remove it."
        ) from error
    state.heads.load_state_dict(found["heads"])
    for optimizer, saved in zip(state.optimizers, found["optimizers"], strict=True):
        optimizer.load_state_dict(saved)
    state.stem_step, state.step, state.seconds = found["counts"]


def train(config: Config) -> None:
    """Run both stages from wherever the output folder stands."""
    torch.set_num_threads(1)
    if "RANK" in os.environ and not dist.is_initialized():
        dist.init_process_group("gloo")
    Path(config.out).mkdir(parents=True, exist_ok=True)
    task, state = build(config)
    resume(state, config)
    if _rank() == 0:
        (Path(config.out) / "training.json").write_text(json.dumps(asdict(config), indent=1))
    rng = random.Random(f"{config.seed}/{_rank()}/{state.stem_step}/{state.step}")
    torch.manual_seed(rng.randrange(2**31))
    log = Log(config)
    if state.step == 0:
        train_stem(state, config, task, rng, log)
        save(state, config, task)
    train_all(state, config, task, rng, log)
    if dist.is_initialized():
        dist.destroy_process_group()


def main() -> None:
    """Every field of Config is a flag."""
    parser = argparse.ArgumentParser(prog="python -m studio.training.supervised", description=__doc__)
    for field in fields(Config):
        flag = f"--{field.name.replace('_', '-')}"
        if field.type == "bool":
            parser.add_argument(flag, action=argparse.BooleanOptionalAction, default=field.default)
        else:
            kind = {"str": str, "int": int, "float": float}[str(field.type)]
            parser.add_argument(flag, type=kind, default=field.default)
    try:
        train(Config(**vars(parser.parse_args())))
    except BadInput as error:
        parser.exit(2, f"{error}\n")


if __name__ == "__main__":
    main()
