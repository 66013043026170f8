"""Exchange of per-row facts between the processes of a run, which may hold batches of different sizes.

Shapes: N rows of this process, B rows of all processes.
"""

import torch
import torch.distributed as dist
from torch import Tensor


def world_size() -> int:
    """Number of processes of the run; 1 without a process group."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def gather_rows(tensor: Tensor) -> Tensor:
    """Rows of all processes in the order of their ranks, without gradient.

    Args:
        tensor: (N, ...), N may differ between the processes.

    Returns:
        (B, ...).
    """
    if world_size() == 1:
        return tensor
    sizes = row_counts(len(tensor), tensor.device)
    padded = tensor.new_zeros(max(sizes), *tensor.shape[1:])
    padded[: len(tensor)] = tensor
    parts = [torch.empty_like(padded) for _ in sizes]
    dist.all_gather(parts, padded)
    return torch.cat([part[:size] for part, size in zip(parts, sizes, strict=True)])


def row_counts(count: int, device: torch.device) -> list[int]:
    """N of each process."""
    mine = torch.tensor([count], device=device)
    counts = [torch.empty_like(mine) for _ in range(world_size())]
    dist.all_gather(counts, mine)
    return [int(c) for c in counts]
