"""The contract of a classifier: class centres, plus the way in which a head's loss over them is executed.

Shapes: N batch, D embedding, C classes, K centres per class.
"""

from abc import ABC, abstractmethod
from typing import NamedTuple

import torch
from torch import Tensor, nn

from marginface.head.base import Head


class Classification(NamedTuple):
    """What a classifier returns for a batch."""

    loss: Tensor  # scalar, mean over the batch
    prediction: Tensor  # (N,) int64, the most similar class without any margin


class Classifier(nn.Module, ABC):
    """Owns the centres ``weight`` (C * K, D), rows of one class side by side.

    Args:
        head: the formulas.
        num_classes: C >= 2.
        embedding_dim: D.
        init_std: standard deviation of the Gaussian initial centres; None makes their lengths about one, so that
            the centres' effective learning rate does not depend on D.

    Raises:
        ValueError: if an argument is out of its range.
    """

    bias: Tensor | None

    def __init__(self, head: Head, num_classes: int, embedding_dim: int, init_std: float | None = None) -> None:
        super().__init__()
        if num_classes < 2:
            raise ValueError(f"num_classes={num_classes} is less than 2; a classifier needs at least two identities")
        if embedding_dim < 1:
            raise ValueError(f"embedding_dim={embedding_dim} is less than 1")
        if init_std is not None and init_std <= 0:
            raise ValueError(f"init_std={init_std} must be positive, or null for centres of about unit length")
        self.head, self.num_classes, self.embedding_dim = head, num_classes, embedding_dim
        std = embedding_dim**-0.5 if init_std is None else init_std
        self.weight = nn.Parameter(torch.randn(num_classes * head.num_centres, embedding_dim) * std)
        if head.use_bias:
            self.bias = nn.Parameter(torch.zeros(num_classes))
        else:
            self.register_parameter("bias", None)
        head.bind(num_classes)

    @abstractmethod
    def forward(self, embedding: Tensor, label: Tensor) -> Classification:
        """Loss of a batch.

        Args:
            embedding: (N, D) of any floating dtype; margins are computed in fp32 at least, under any autocast.
            label: (N,) int64 in [0, C).

        Returns:
            The mean loss, and the predicted classes without margin.

        Raises:
            ValueError: if shapes, dtype or labels do not fit.
        """

    def check(self, embedding: Tensor, label: Tensor) -> None:
        """Refuse a batch that does not fit this classifier; label values are read on the CPU only (no device sync)."""
        if embedding.ndim != 2 or embedding.shape[1] != self.embedding_dim:
            raise ValueError(f"embedding has shape {tuple(embedding.shape)}; expected (N, {self.embedding_dim})")
        if label.dtype != torch.int64 or label.shape != embedding.shape[:1]:
            raise ValueError(
                f"label has dtype {label.dtype} and shape {tuple(label.shape)}; "
                f"expected int64 of shape ({embedding.shape[0]},)"
            )
        if (
            label.device.type == "cpu"
            and label.numel()
            and not 0 <= int(label.min()) <= int(label.max()) < self.num_classes
        ):
            raise ValueError(
                f"label has values in [{int(label.min())}, {int(label.max())}], outside [0, {self.num_classes}); "
                "num_classes must be the number of training identities"
            )
