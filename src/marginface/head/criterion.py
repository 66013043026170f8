"""Row losses over logits: the softmax, or a sum of independent terms.

Shapes: N batch, C classes. A criterion says how the negatives of a row are reduced to one number, and how the target's
logit is joined to that number; so a classifier may compute the first part over any split of the classes.
"""

from abc import ABC, abstractmethod

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Criterion(nn.Module, ABC):
    """``(logits (N, C), label (N,)) -> loss (N,)``."""

    @abstractmethod
    def reduce(self, logits: Tensor, label: Tensor) -> Tensor:
        """The negatives of each row as one number.

        Args:
            logits: (N, C).
            label: (N,) columns to leave out.

        Returns:
            (N,).
        """

    @abstractmethod
    def join(self, target: Tensor, negatives: Tensor) -> Tensor:
        """Loss of each row.

        Args:
            target: (N,) logits of the targets.
            negatives: (N,) from :meth:`reduce`.

        Returns:
            (N,).
        """

    def forward(self, logits: Tensor, label: Tensor) -> Tensor:
        """Loss of each row."""
        target = logits.gather(1, label.unsqueeze(1)).squeeze(1)
        return self.join(target, self.reduce(logits, label))


class SoftmaxCrossEntropy(Criterion):
    """Softmax cross-entropy, ``log(sum over all j of exp(z_j)) - z_y``, that is ``softplus(lse_negatives - z_y)``."""

    def reduce(self, logits: Tensor, label: Tensor) -> Tensor:
        """Log-sum-exp of the negatives: (N,)."""
        return torch.scatter(logits, 1, label.unsqueeze(1), float("-inf")).logsumexp(dim=1)

    def join(self, target: Tensor, negatives: Tensor) -> Tensor:
        """Cross-entropy: (N,). Without any cancellation, also where the target dominates."""
        return -F.logsigmoid(target - negatives)


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

    def reduce(self, logits: Tensor, label: Tensor) -> Tensor:
        """Sum of the negatives' terms: (N,)."""
        return torch.scatter(self.negative(logits), 1, label.unsqueeze(1), 0.0).sum(dim=1)

    def join(self, target: Tensor, negatives: Tensor) -> Tensor:
        """Sum of both parts: (N,)."""
        return self.positive(target) + negatives
