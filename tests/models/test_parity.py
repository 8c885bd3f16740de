"""The released layout gives the reference's numbers."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from studio.errors import BackendError
from studio.models.parity import TOLERANCE, compare, main, relative_error


@pytest.fixture
def copy(tmp_path: Path, bagel_tiny: Path) -> Path:
    return Path(shutil.copytree(bagel_tiny, tmp_path / "folder"))


def change(file: Path, **changes: torch.Tensor | None) -> None:
    tensors = load_file(file)
    for name, tensor in changes.items():
        tensors.pop(name, None)
        if tensor is not None:
            tensors[name] = tensor
    save_file(tensors, file)


def test_every_output_of_the_reference_is_met(bagel_tiny: Path) -> None:
    errors = {finding.name: finding.error for finding in compare(bagel_tiny)}
    unchecked = {name for name, error in errors.items() if error is None}
    assert unchecked == {"ae_latent", "ae_decoded", "draft_pixels"}
    assert len(errors) == 20
    assert max(error for error in errors.values() if error is not None) <= TOLERANCE


def test_a_wrong_output_is_told_by_the_exit_status(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    expected = load_file(copy / "expected.safetensors")
    change(copy / "expected.safetensors", edit_latent=expected["edit_latent"] * 1.001)
    assert main([str(copy)]) == 1
    flagged = [line for line in capsys.readouterr().out.splitlines() if "ABOVE" in line]
    assert len(flagged) == 1
    assert flagged[0].startswith("edit_latent")


def test_optional_outputs_may_be_absent(copy: Path) -> None:
    change(copy / "expected.safetensors", ae_latent=None, draft_latent=None, und_logits=None, sde1_std=None)
    errors = {finding.name: finding.error for finding in compare(copy)}
    assert errors["edit_latent"] is None
    assert errors["und_tokens"] == 0.0
    assert not {"draft_latent", "und_logits", "sde1_std"} & errors.keys()
    assert main([str(copy)]) == 0


def test_an_absent_input_is_named(copy: Path) -> None:
    change(copy / "expected.safetensors", plan_ids=None)
    with pytest.raises(BackendError, match="plan_ids"):
        compare(copy)


@pytest.mark.parametrize("name", ["expected.safetensors", "ema.safetensors", "vit_config.json", "fixture.json"])
def test_an_absent_file_is_named(copy: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    (copy / name).unlink()
    assert main([str(copy)]) == 1
    assert name in capsys.readouterr().err


def test_another_shape_is_infinitely_wrong() -> None:
    assert relative_error(torch.ones(3, 1), torch.ones(3)) == float("inf")
    assert relative_error(torch.tensor([3.0, 4.0]), torch.tensor([3.0, 4.5])) == pytest.approx(0.5 / (9 + 20.25) ** 0.5)
