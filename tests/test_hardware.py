import shutil

import pytest
import torch

from marginface.hardware import best_precision, can_compile, require_devices, uses_gpu


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch):
    """Pretend a machine: ``machine(gpus=2, bf16=True, amx=False, compiler=True)``."""

    def pretend(gpus: int = 0, bf16: bool = False, amx: bool = False, compiler: bool = True) -> None:
        monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
        monkeypatch.setattr(torch.cuda, "is_available", lambda: gpus > 0)
        monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: bf16)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
        monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
        monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: amx)
        monkeypatch.setattr(shutil, "which", lambda name: f"/bin/{name}" if compiler else None)

    return pretend


@pytest.mark.parametrize(
    ("gpus", "accelerator", "devices", "named"),
    [
        (0, "auto", 8, "devices=8 .*needs 8 GPU.*there are 0; set trainer.devices=1, or trainer.accelerator=cpu"),
        (2, "gpu", 8, "trainer.devices=8 .*needs 8 GPU.*there are 2; set trainer.devices=2"),
        (2, "auto", [0, 1, 2], r"trainer.devices=\[0, 1, 2\] .*needs 3 GPU"),
        (0, "gpu", 1, "trainer.accelerator=gpu needs 1 GPU.*there are 0; set trainer.accelerator=cpu"),
    ],
)
def test_more_gpus_than_there_are_is_refused(machine, gpus: int, accelerator: str, devices, named: str) -> None:
    machine(gpus=gpus)
    with pytest.raises(ValueError, match=named):
        require_devices(accelerator, devices)


@pytest.mark.parametrize(
    ("gpus", "accelerator", "devices"),
    [
        (0, "cpu", 8),
        (0, "auto", 1),
        (0, "auto", "auto"),
        (0, "tpu", 8),
        (8, "auto", 8),
        (2, "gpu", [0, 1]),
        (2, "gpu", -1),
    ],
)
def test_what_lightning_can_do_passes(machine, gpus: int, accelerator: str, devices) -> None:
    machine(gpus=gpus)
    require_devices(accelerator, devices)


@pytest.mark.parametrize(
    ("settings", "accelerator", "precision"),
    [
        ({"gpus": 1, "bf16": True}, "auto", "bf16-mixed"),
        ({"gpus": 1, "bf16": False}, "gpu", "16-mixed"),
        ({"gpus": 1, "bf16": True}, "cpu", "32-true"),
        ({"amx": True}, "auto", "bf16-mixed"),
        ({}, "auto", "32-true"),
    ],
)
def test_best_precision(machine, settings: dict, accelerator: str, precision: str) -> None:
    machine(**settings)
    assert best_precision(accelerator) == precision


def test_uses_gpu(machine) -> None:
    machine(gpus=1)
    assert [uses_gpu(word) for word in ("auto", "gpu", "cuda", "cpu")] == [True, True, True, False]
    machine(gpus=0)
    assert not uses_gpu("gpu")


def test_compiling_needs_a_compiler(machine) -> None:
    machine(compiler=True)
    assert can_compile("cpu")
    machine(compiler=False)
    assert not can_compile("cpu")
