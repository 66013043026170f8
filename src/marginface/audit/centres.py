"""Centres of classes, and how well images agree with them.

Shapes: M images, C classes, D embedding.
"""

import torch
from torch import Tensor
from torch.nn import functional

from marginface.matching import Rows

_BLOCK = 8192


def class_sums(unit: Rows, label: Tensor, num_classes: int) -> Tensor:
    """Sum of the unit embeddings of each class, (C, D) float32; its direction is the centre.

    Args:
        unit: (M, D) unit rows.
        label: (M,) int64 in [0, C).
        num_classes: C.
    """
    sums = torch.zeros(num_classes, unit[0:1].shape[1])
    for start in range(0, len(unit), _BLOCK):
        sums.index_add_(0, label[start : start + _BLOCK], unit[start : start + _BLOCK].cpu())
    return sums


def own_cosines(unit: Rows, label: Tensor, sums: Tensor) -> Tensor:
    """Cosine of each image with the centre of the other images of its class, (M,) float32.

    Leaving the image out matters: in a class of two, either image is half of the centre.

    Args:
        unit: (M, D) unit rows.
        label: (M,) int64.
        sums: As of :func:`class_sums`.

    Returns:
        NaN for the only image of a class.
    """
    parts = []
    for start in range(0, len(unit), _BLOCK):
        rows, of_block = unit[start : start + _BLOCK].cpu(), label[start : start + _BLOCK]
        parts.append((functional.normalize(sums[of_block] - rows, dim=1) * rows).sum(1))
    single = label.bincount(minlength=len(sums))[label] == 1
    return torch.cat(parts).masked_fill(single, torch.nan)
