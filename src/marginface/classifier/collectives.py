"""Exchange of rows between the processes of a run, with the gradients that go back.

Shapes: N rows of this process, which may differ from process to process; B rows of all, in the order of ranks.

A tensor is *replicated* if all processes hold the same value and compute with it alike, so that each holds the whole
gradient; it is *partial* if each process does its own part with it, so that the whole gradient is the sum.
"""

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor


def world_size() -> int:
    """Number of processes of the run; 1 without a process group."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def row_counts(count: int, device: torch.device) -> list[int]:
    """N of each process."""
    if world_size() == 1:
        return [count]
    counts = torch.empty(world_size(), dtype=torch.int64, device=device)
    dist.all_gather_into_tensor(counts, torch.tensor([count], device=device))
    return counts.tolist()  # type: ignore[no-any-return]


@torch.no_grad()
def gather_rows(tensor: Tensor, counts: list[int] | None = None) -> Tensor:
    """Rows of all processes, without gradient.

    Args:
        tensor: (N, ...).
        counts: N of each process; None to ask for them first.

    Returns:
        (B, ...).
    """
    if world_size() == 1:
        return tensor
    counts = row_counts(len(tensor), tensor.device) if counts is None else counts
    padded = _padded(tensor, max(counts))
    gathered = padded.new_empty(len(counts) * max(counts), *tensor.shape[1:])
    dist.all_gather_into_tensor(gathered, padded)
    parts = gathered.view(len(counts), max(counts), *tensor.shape[1:])
    return torch.cat([part[:count] for part, count in zip(parts, counts, strict=True)])


def own_rows(rows: Tensor, counts: list[int]) -> Tensor:
    """Of the rows of all processes (B, ...), those of this one (N, ...)."""
    rank = dist.get_rank() if len(counts) > 1 else 0
    return rows[sum(counts[:rank]) : sum(counts[: rank + 1])]


def gather_for_partial_use(tensor: Tensor, counts: list[int], factor: float) -> Tensor:
    """Rows of all processes in fp32 at least, of which each process computes its part of the loss.

    Args:
        tensor: (N, ...), sent in its own dtype.
        counts: N of each process.
        factor: multiplies the gradient.

    Returns:
        (B, ...); its gradient is summed over the processes, in the wide dtype.
    """
    result: Tensor = _GatherPartial.apply(tensor, counts, factor)
    return result


def gather_for_replicated_use(tensor: Tensor, counts: list[int], factor: float) -> Tensor:
    """Rows of all processes, with which all compute alike: (N, ...) -> (B, ...); ``factor`` multiplies the gradient."""
    result: Tensor = _GatherReplicated.apply(tensor, counts, factor)
    return result


def sum_over_processes(tensor: Tensor) -> Tensor:
    """Sum of partial values, replicated."""
    result: Tensor = tensor if world_size() == 1 else _Sum.apply(tensor)
    return result


def with_sum(part: Tensor, total: Tensor) -> Tensor:
    """:func:`sum_over_processes` of ``part`` where the sum is known already: its value, the gradient of ``part``."""
    result: Tensor = part if world_size() == 1 else _KnownSum.apply(part, total)
    return result


def logsumexp_over_processes(tensor: Tensor) -> Tensor:
    """Logarithm of the sum of the exponentials of partial values, replicated; -inf where all are."""
    result: Tensor = tensor if world_size() == 1 else _LogSumExp.apply(tensor)
    return result


@torch.no_grad()
def max_over_processes(tensor: Tensor) -> Tensor:
    """Largest of the values, without gradient."""
    if world_size() > 1:
        tensor = tensor.clone()
        dist.all_reduce(tensor, dist.ReduceOp.MAX)
    return tensor


def split_use(tensor: Tensor) -> Tensor:
    """A replicated value for partial use: its gradient becomes the sum over the processes."""
    result: Tensor = tensor if world_size() == 1 else _SplitUse.apply(tensor)
    return result


def _padded(tensor: Tensor, rows: int) -> Tensor:
    if len(tensor) == rows:
        return tensor.contiguous()
    padded = tensor.new_zeros(rows, *tensor.shape[1:])
    padded[: len(tensor)] = tensor
    return padded


class _GatherPartial(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, tensor: Tensor, counts: list[int], factor: float) -> Tensor:
        ctx.counts, ctx.factor = counts, factor
        return gather_rows(tensor, counts).to(torch.promote_types(tensor.dtype, torch.float32))

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:
        counts = ctx.counts
        if len(counts) > 1:
            blocks = torch.cat([_padded(part, max(counts)) for part in torch.split(gradient, counts)])
            own = torch.empty_like(blocks[: max(counts)])
            dist.reduce_scatter_tensor(own, blocks)
            gradient = own[: counts[dist.get_rank()]]
        return gradient * ctx.factor, None, None


class _GatherReplicated(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, tensor: Tensor, counts: list[int], factor: float) -> Tensor:
        ctx.counts, ctx.factor = counts, factor
        return gather_rows(tensor, counts).clone()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:
        return own_rows(gradient, ctx.counts) * ctx.factor, None, None


class _Sum(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, tensor: Tensor) -> Tensor:
        total = tensor.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return gradient


class _KnownSum(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, part: Tensor, total: Tensor) -> Tensor:
        return total.clone()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:
        return gradient, None


class _LogSumExp(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, tensor: Tensor) -> Tensor:
        peak = max_over_processes(tensor).clamp_min(torch.finfo(tensor.dtype).min)
        total = (tensor - peak).exp()
        dist.all_reduce(total)
        result = peak + total.log()
        ctx.save_for_backward(tensor, result)
        return result

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        tensor, result = ctx.saved_tensors
        return gradient * torch.where(result > float("-inf"), (tensor - result).exp(), 0.0)


class _SplitUse(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, tensor: Tensor) -> Tensor:
        return tensor.clone()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        total = gradient.clone()
        dist.all_reduce(total)
        return total
