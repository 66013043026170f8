"""What the machine at hand can do, for the settings that say ``auto``."""

import shutil

import torch


def require_devices(accelerator: str, devices: int | str | list[int]) -> None:
    """Refuse more devices than there are GPUs, before anything is loaded.

    Args:
        accelerator: Lightning's word: ``auto``, ``gpu``, ``cuda``, ``cpu``, ...
        devices: their number, or a list of indices.

    Raises:
        ValueError: naming the argument, the number found and the remedy.
    """
    wanted = len(devices) if isinstance(devices, list) else devices
    if accelerator not in ("auto", "gpu", "cuda") or not isinstance(wanted, int):
        return
    found = torch.cuda.device_count()
    if (wanted > 1 or accelerator != "auto") and wanted > found and not torch.backends.mps.is_available():
        fewer = f"trainer.devices={max(1, found)}, or " if found or accelerator == "auto" else ""
        raise ValueError(
            f"trainer.devices={devices} with trainer.accelerator={accelerator} needs {wanted} GPU(s), but there are "
            f"{found}; set {fewer}trainer.accelerator=cpu to run that many processes on the CPU"
        )


def uses_gpu(accelerator: str) -> bool:
    """Whether Lightning's accelerator word leads to a CUDA device here."""
    return accelerator in ("auto", "gpu", "cuda") and torch.cuda.is_available()


def best_precision(accelerator: str) -> str:
    """The fastest precision that trains safely: bf16 where the hardware has it, else fp16 on a GPU, else fp32."""
    if uses_gpu(accelerator):
        return "bf16-mixed" if torch.cuda.is_bf16_supported() else "16-mixed"
    return "bf16-mixed" if multiplies_bf16(torch.device("cpu")) else "32-true"


def multiplies_bf16(device: torch.device) -> bool:
    """Whether a device has instructions for products of bf16 matrices; without them they are slower than fp32."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    on_cpu = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return device.type == "cpu" and on_cpu


def can_compile(accelerator: str) -> bool:
    """Whether ``torch.compile`` finds its tools: a C++ compiler on the CPU, Triton on a GPU."""
    if uses_gpu(accelerator):
        try:
            import triton  # type: ignore[import-untyped]  # noqa: F401
        except ImportError:
            return False
    return any(shutil.which(name) for name in ("g++", "clang++", "c++"))
