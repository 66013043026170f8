"""Which weight decay and learning rate each parameter gets."""

from collections.abc import Iterable
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.utils import clip_grads_with_norm_, get_total_norm
from torch.optim import Optimizer

from marginface.classifier import Classifier

Group = dict[str, Any]


def parameter_groups(
    backbone: nn.Module,
    classifier: Classifier,
    centre_lr_factor: float = 1.0,
    centre_weight_decay: float | None = None,
    decay_vectors: bool = False,
) -> list[Group]:
    """Split the trainable parameters for an optimizer.

    Vectors and scalars (biases, norms, PReLU slopes, a head's learned scale) are not decayed: the official SphereFace
    prototxt sets ``decay_mult: 0`` for biases, and decaying a scale or slope pulls it to a value without meaning.

    Args:
        backbone: the embedding network.
        classifier: owner of the class centres and of the head.
        centre_lr_factor: learning rate of the class centres as a multiple of the optimizer's.
        centre_weight_decay: decay of the class centres; None for the optimizer's.
        decay_vectors: decay vectors and scalars as well.

    Returns:
        Non-empty groups with ``name``, ``params`` and, where they differ from the optimizer's defaults,
        ``weight_decay`` and ``lr_factor``.

    Raises:
        ValueError: if a factor or decay is negative.
    """
    for name, value in (("centre_lr_factor", centre_lr_factor), ("centre_weight_decay", centre_weight_decay or 0.0)):
        if value < 0:
            raise ValueError(f"{name}={value} is negative")
    centre = classifier.trainable_centres()
    others = [p for p in [*backbone.parameters(), *classifier.parameters()] if p.requires_grad and p is not centre]
    centres: Group = {"name": "centres", "params": [centre], "lr_factor": centre_lr_factor}
    if centre_weight_decay is not None:
        centres["weight_decay"] = centre_weight_decay
    groups: list[Group] = [
        {"name": "decay", "params": [p for p in others if p.ndim > 1 or decay_vectors]},
        {"name": "no_decay", "params": [p for p in others if p.ndim <= 1 and not decay_vectors], "weight_decay": 0.0},
        centres,
    ]
    return [group for group in groups if group["params"]]


def apply_lr_factors(optimizer: Optimizer) -> None:
    """Multiply each group's learning rate by its ``lr_factor``, before any schedule takes it as its base."""
    for group in optimizer.param_groups:
        group["lr"] *= group.get("lr_factor", 1.0)


@torch.no_grad()
def clip_by_whole_norm(optimizer: Optimizer, parts: Iterable[Tensor | None], limit: float) -> None:
    """Scale all gradients down to a norm that counts the parts of all processes.

    Args:
        optimizer: with the gradients.
        parts: its parameters of which each process has its own part; the others are equal on all processes.
        limit: largest norm.
    """
    own = {id(p) for p in parts if p is not None}
    every = [p for group in optimizer.param_groups for p in group["params"] if p.grad is not None]
    shared = get_total_norm([p.grad for p in every if id(p) not in own and p.grad is not None])
    here = get_total_norm([p.grad for p in every if id(p) in own and p.grad is not None])
    squares = here.square()
    dist.all_reduce(squares)
    clip_grads_with_norm_(every, limit, (shared.square() + squares).sqrt())
