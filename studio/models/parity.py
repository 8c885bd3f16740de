"""Compare a BAGEL folder's model with the reference outputs stored beside it (expected.safetensors).

`python -m studio.models.parity FOLDER` prints a relative error per tensor and exits with 1 if one is above 1e-4.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from studio.errors import BackendError, StudioError
from studio.models.checkpoint import load_model, read_json, read_tensors
from studio.models.context import Context
from studio.models.flow import FlowSettings, Renorm, sample, sde_step, step_logprobs
from studio.models.unified import UnifiedModel

TOLERANCE = 1e-4
AUTOENCODER = ("ae_latent", "ae_decoded", "draft_pixels")
INPUTS = ("noise", "vit_pixels", "vae_pixels", "sde_x_t", "sde_velocity", "sde_next")
DRAFTS = {
    "draft_latent_nocfg": FlowSettings(5, 3.0),
    "draft_latent": FlowSettings(6, 3.0, 4.0, 1.0, (0.4, 1.0), Renorm.GLOBAL, 0.0),
    "draft_latent_channel": FlowSettings(6, 3.0, 4.0, 1.0, (0.0, 1.0), Renorm.CHANNEL, 0.0),
}
EDIT = FlowSettings(6, 3.0, 4.0, 1.5, (0.4, 1.0), Renorm.TEXT_CHANNEL, 0.0)


@dataclass(frozen=True)
class Finding:
    """One expected tensor and how far our result is from it; `error` is None where it was not checked."""

    name: str
    error: float | None
    note: str = ""


def relative_error(ours: Tensor, expected: Tensor) -> float:
    """|ours − expected| / |expected| in the Euclidean norm; infinite where the shapes differ."""
    if ours.shape != expected.shape:
        return float("inf")
    difference = torch.linalg.vector_norm(ours.double() - expected.double())
    error = float(difference / torch.linalg.vector_norm(expected.double()).clamp(min=1e-30))
    return error if error == error else float("inf")


class Reference:
    """The folder's expected tensors; asking for one that is not there says so."""

    def __init__(self, folder: Path) -> None:
        self.tensors = read_tensors(folder / "expected.safetensors")
        settings = read_json(folder / "fixture.json")
        self.patch = int(settings.get("latent_patch_size", 2))
        self.pixels_per_token = self.patch * 2 ** (len(settings.get("ae", {}).get("ch_mult", [1, 2, 4, 4])) - 1)

    def __contains__(self, name: str) -> bool:
        return name in self.tensors

    def __getitem__(self, name: str) -> Tensor:
        if name not in self.tensors:
            raise BackendError(f"expected.safetensors has no “{name}”. Fetch the folder again.")
        return self.tensors[name]

    def ids(self, name: str) -> list[int]:
        ids: list[int] = self[name].tolist()
        return ids

    def grid(self, pixels: Tensor) -> tuple[int, int]:
        """(rows, columns) of latent tokens of pixels [3, H, W]."""
        return pixels.shape[-2] // self.pixels_per_token, pixels.shape[-1] // self.pixels_per_token

    def noise_grid(self) -> tuple[int, int]:
        tokens = self["noise"].shape[0]
        for name in ("draft_pixels", "vae_pixels"):
            if name in self:
                rows, columns = self.grid(self[name])
                if rows * columns == tokens:
                    return rows, columns
        raise BackendError(f"No picture in expected.safetensors has the {tokens} latent tokens of “noise”.")

    def latent_tokens(self) -> tuple[Tensor, tuple[int, int]]:
        """The autoencoder's latent of vae_pixels as tokens [1, N, patch · patch · channels], and their grid."""
        latent, p = self["ae_latent"], self.patch
        channels, rows, columns = latent.shape[0], latent.shape[1] // p, latent.shape[2] // p
        cut = latent.reshape(channels, rows, p, columns, p).permute(1, 3, 2, 4, 0)
        return cut.reshape(1, rows * columns, -1), (rows, columns)


def compare(folder: Path) -> list[Finding]:
    """Check everything in the folder that can be checked, in a fixed order. Raises BackendError on missing files."""
    reference, model = Reference(folder), load_model(folder, dtype=torch.float32)
    findings = [*_texts(model, reference), *_drafts(model, reference), *_edit(model, reference), *_steps(reference)]
    known = {finding.name for finding in findings}
    for name in sorted(reference.tensors):
        if name in AUTOENCODER:
            findings.append(Finding(name, None, "not checked yet"))
        elif name not in known and name not in INPUTS and not name.endswith(("_ids", "_args")):
            findings.append(Finding(name, None, "not checked: unknown"))
    return findings


def _texts(model: UnifiedModel, reference: Reference) -> Iterator[Finding]:
    for kind in ("text", "und"):
        if f"{kind}_logits" not in reference and f"{kind}_tokens" not in reference:
            continue
        context = Context(model)
        if kind == "und":
            context.add_picture(reference["vit_pixels"][None])
        context.add_text(reference.ids("prompt_ids"))
        steps = len(reference[f"{kind}_logits" if f"{kind}_logits" in reference else f"{kind}_tokens"])
        logits, tokens = greedy(context, steps)
        for name, ours in ((f"{kind}_logits", logits), (f"{kind}_tokens", tokens)):
            if name in reference:
                yield Finding(name, relative_error(ours, reference[name]))


def greedy(context: Context, steps: int) -> tuple[Tensor, Tensor]:
    """Logits [steps, V] of greedy decoding after a context, and the tokens fed in [steps], the first being bos."""
    context, last = context.clone(), torch.tensor([[context.model.config.bos_token_id]])
    logits, tokens = [], []
    for _ in range(steps):
        tokens.append(last[0, 0])
        logits.append(context.feed(last)[0, -1])
        last = logits[-1].argmax().reshape(1, 1)
    return torch.stack(logits), torch.stack(tokens)


def _drafts(model: UnifiedModel, reference: Reference) -> Iterator[Finding]:
    names = [name for name in DRAFTS if name in reference]
    if not names:
        return
    system = Context(model)
    system.add_text(reference.ids("system_ids"))
    full = system.clone()
    full.add_text(reference.ids("prompt_ids"))
    full.add_text(reference.ids("plan_ids"))
    noise, shape = reference["noise"][None], reference.noise_grid()
    for name in names:
        latent = sample(noise, full, system, settings=DRAFTS[name], shape=shape)
        yield Finding(name, relative_error(latent[0], reference[name]))


def _edit(model: UnifiedModel, reference: Reference) -> Iterator[Finding]:
    if "edit_latent" not in reference:
        return
    if "ae_latent" not in reference:
        yield Finding("edit_latent", None, "not checked: it needs ae_latent")
        return
    source, source_shape = reference.latent_tokens()
    pictures = Context(model)
    pictures.add_latents(source, source_shape)
    pictures.add_picture(reference["vit_pixels"][None])
    full, words = pictures.clone(), Context(model)
    for context in (full, words):
        context.add_text(reference.ids("edit_ids"))
    noise, shape = reference["noise"][None], reference.noise_grid()
    latent = sample(noise, full, pictures, words, settings=EDIT, shape=shape)
    yield Finding("edit_latent", relative_error(latent[0], reference["edit_latent"]))


def _steps(reference: Reference) -> Iterator[Finding]:
    for args in sorted(name for name in reference.tensors if name.startswith("sde") and name.endswith("_args")):
        prefix = args.removesuffix("_args")
        t, dt, a = reference[args].tolist()
        mean, std = sde_step(reference["sde_x_t"][None], reference["sde_velocity"][None], t, dt, a)
        logprob = step_logprobs(reference["sde_next"][None], mean, std)
        for name, ours in (("mean", mean[0]), ("std", std[0].expand(mean.shape[1], 1)), ("logprob", logprob[0])):
            if f"{prefix}_{name}" in reference:
                yield Finding(f"{prefix}_{name}", relative_error(ours, reference[f"{prefix}_{name}"]))


def main(arguments: list[str] | None = None) -> int:
    """Print the findings of a folder; 0 if everything that was checked agrees, else 1."""
    parser = argparse.ArgumentParser(prog="python -m studio.models.parity", description=__doc__)
    parser.add_argument("folder", type=Path, help="a BAGEL folder with expected.safetensors")
    folder = parser.parse_args(arguments).folder
    try:
        findings = compare(folder)
    except StudioError as error:
        print(error, file=sys.stderr)
        return 1
    for finding in findings:
        result = finding.note if finding.error is None else f"{finding.error:.2e}"
        print(f"{finding.name:24}{result}{'' if (finding.error or 0) <= TOLERANCE else '  ABOVE ' + str(TOLERANCE)}")
    checked = [finding.error for finding in findings if finding.error is not None]
    if not checked:
        print("Nothing could be checked. Use a folder with the reference's outputs.", file=sys.stderr)
        return 1
    return 0 if max(checked) <= TOLERANCE else 1


if __name__ == "__main__":
    sys.exit(main())
