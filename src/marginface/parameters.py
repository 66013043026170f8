"""Which weight decay and learning rate each parameter gets."""

from typing import Any

from torch import nn

Group = dict[str, Any]


def parameter_groups(
    backbone: nn.Module,
    classifier: nn.Module,
    lr: float,
    weight_decay: float,
    centre_lr_factor: float = 1.0,
    centre_weight_decay: float | None = None,
    decay_vectors: bool = False,
) -> list[Group]:
    """Split the trainable parameters for an optimizer.

    Vectors and scalars (biases, norms, PReLU slopes, a head's learned scale) are not decayed: the official SphereFace
    prototxt sets ``decay_mult: 0`` for biases, and decaying a scale or slope pulls it to a value without meaning.

    Args:
        backbone: the embedding network.
        classifier: owner of the class centres ``weight`` and of the head.
        lr: learning rate.
        weight_decay: of matrices and convolution kernels.
        centre_lr_factor: learning rate of the class centres as a multiple of ``lr``.
        centre_weight_decay: decay of the class centres; None for ``weight_decay``.
        decay_vectors: decay vectors and scalars as well.

    Returns:
        Non-empty groups with ``name``, ``params``, ``lr`` and ``weight_decay``.
    """
    centre = classifier.get_parameter("weight")
    others = [p for p in [*backbone.parameters(), *classifier.parameters()] if p.requires_grad and p is not centre]
    matrices = [p for p in others if p.ndim > 1 or decay_vectors]
    vectors = [p for p in others if p.ndim <= 1 and not decay_vectors]
    groups: list[Group] = [
        {"name": "decay", "params": matrices, "lr": lr, "weight_decay": weight_decay},
        {"name": "no_decay", "params": vectors, "lr": lr, "weight_decay": 0.0},
        {
            "name": "centres",
            "params": [centre],
            "lr": lr * centre_lr_factor,
            "weight_decay": weight_decay if centre_weight_decay is None else centre_weight_decay,
        },
    ]
    return [group for group in groups if group["params"]]
