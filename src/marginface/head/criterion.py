"""Row losses over logits: the softmax, or a sum of independent terms.

Shapes: N batch, C classes.
"""

from abc import ABC, abstractmethod

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Criterion(nn.Module, ABC):
    """``(logits (N, C), label (N,)) -> loss (N,)``."""

    @abstractmethod
    def forward(self, logits: Tensor, label: Tensor) -> Tensor:
        """Loss of each row."""


class SoftmaxCrossEntropy(Criterion):
    """Softmax cross-entropy, ``logsumexp(z) - z_y``."""

    def forward(self, logits: Tensor, label: Tensor) -> Tensor:
        """Loss of each row."""
        return F.cross_entropy(logits, label, reduction="none")


class Separable(Criterion):
    """``positive(z_y) + sum over j != y of negative(z_j)``: no coupling between classes, so shards need no maximum.

    Subclasses define the two terms (softplus for SphereFace2 and UniFace, squares for P2SGrad).
    """

    @abstractmethod
    def positive(self, logit: Tensor) -> Tensor:
        """Term of the target, (N,) -> (N,)."""

    @abstractmethod
    def negative(self, logit: Tensor) -> Tensor:
        """Term of one other class, element by element."""

    def forward(self, logits: Tensor, label: Tensor) -> Tensor:
        """Loss of each row."""
        target = logits.gather(1, label.unsqueeze(1)).squeeze(1)
        others = torch.scatter(self.negative(logits), 1, label.unsqueeze(1), 0.0)
        return self.positive(target) + others.sum(dim=1)
