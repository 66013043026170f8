"""What each of several processes compares, and how their results come together.

Shapes: N rows of this process, B rows of all, in the order of ranks.
"""

import torch
import torch.distributed as dist
from torch import Tensor


def num_processes() -> int:
    """Processes that share the work; 1 without a process group."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def share(num_rows: int) -> tuple[int, int]:
    """First row and row after the last of this process; those of all processes follow each other in rank order."""
    rank, world = _rank(), num_processes()
    return num_rows * rank // world, num_rows * (rank + 1) // world


def triangle_shares(num_rows: int) -> list[tuple[int, int]]:
    """The same where row i has n - i pairs only: a strip from the front and one from the back make equal work."""
    rank, world = _rank(), num_processes()
    if world == 1:
        return [(0, num_rows)]
    strips = [rank, 2 * world - 1 - rank]
    return [(num_rows * strip // (2 * world), num_rows * (strip + 1) // (2 * world)) for strip in strips]


def gathered(tensor: Tensor, dim: int = 0) -> Tensor:
    """Rows of all processes, which may differ in number, on the CPU.

    Args:
        tensor: N along ``dim``, as the others' otherwise.
        dim: Where rows are counted.

    Returns:
        B along ``dim``.
    """
    if num_processes() == 1:
        return tensor.cpu()
    rows = tensor.movedim(dim, 0).to(_meeting_place())
    counts = _together(torch.tensor([len(rows)], device=rows.device)).tolist()
    longest = max(1, *counts)
    padded = rows.new_zeros(longest, *rows.shape[1:])
    padded[: len(rows)] = rows
    parts = _together(padded).view(len(counts), longest, *rows.shape[1:])
    joined = torch.cat([part[:count] for part, count in zip(parts, counts, strict=True)])
    return joined.movedim(0, dim).cpu()


def _rank() -> int:
    return dist.get_rank() if num_processes() > 1 else 0


def _meeting_place() -> torch.device:
    """Where the processes can exchange tensors."""
    on_cpu = any(name in dist.get_backend() for name in ("gloo", "mpi"))
    return torch.device("cpu") if on_cpu else torch.device("cuda", torch.cuda.current_device())


def _together(tensor: Tensor) -> Tensor:
    result = tensor.new_empty(num_processes() * len(tensor), *tensor.shape[1:])
    dist.all_gather_into_tensor(result, tensor.contiguous())
    return result
