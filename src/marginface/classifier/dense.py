"""The readable reference: every similarity in one (N, C) matrix, gradients by autograd.

Shapes: N batch, D embedding, C classes, K centres per class.
"""

import torch
from torch import Tensor

from marginface.angular import normalize
from marginface.classifier.base import Classification, Classifier
from marginface.head.base import Row


class DenseClassifier(Classifier):
    """Computes exactly what the contract of a head says, in the order in which it says it."""

    def forward(self, embedding: Tensor, label: Tensor) -> Classification:
        """Loss of a batch; see :class:`Classifier`."""
        self.check(embedding, label)
        with torch.autocast(embedding.device.type, enabled=False):
            wide = torch.promote_types(embedding.dtype, torch.float32)
            return self._classify(embedding.to(wide), label)

    def _classify(self, embedding: Tensor, label: Tensor) -> Classification:
        head, column = self.head, label.unsqueeze(1)
        feature, norm = normalize(embedding)
        centre, length = normalize(self.weight.to(embedding.dtype))

        cosine = feature @ centre.T  # (N, C * K)
        similarity = cosine if head.normalize_weight else cosine * length
        similarity, owner = self._best_centre(similarity)
        winner = label if owner is None else label * head.num_centres + owner.gather(1, column).squeeze(1)
        row = Row(cosine.gather(1, winner.unsqueeze(1)).squeeze(1), norm, length[winner])

        if self.training:
            self._advance(similarity, row, label)

        target = head.target(row)
        if head.splits_gradient:
            target = self._split(feature, centre[winner], row)
        others = head.negative(similarity, row)
        scale = head.scale(norm)
        logits = scale.reshape(-1, 1) * torch.scatter(others, 1, column, target.unsqueeze(1))
        plain = similarity.detach()
        if self.bias is not None:
            logits = logits + self.bias
            plain = norm.detach().unsqueeze(1) * plain + self.bias.detach()

        loss = head.criterion(logits, label)
        extra = head.regularizer(norm)
        loss = loss if extra is None else loss + extra
        return Classification(loss.mean(), plain.argmax(dim=1))

    def _best_centre(self, similarity: Tensor) -> tuple[Tensor, Tensor | None]:
        """Similarity of each class (N, C) and which of its K centres it came from (None if K = 1)."""
        if self.head.num_centres == 1:
            return similarity, None
        best = similarity.view(len(similarity), self.num_classes, self.head.num_centres).max(dim=2)
        return best.values, best.indices

    @torch.no_grad()
    def _advance(self, similarity: Tensor, row: Row, label: Tensor) -> None:
        """Let the head update its state from detached facts, before they are used."""
        row = Row(*(fact.detach() for fact in row))
        lse = None
        if self.head.needs_negatives:
            logits = self.head.scale(row.norm).reshape(-1, 1) * similarity
            lse = torch.scatter(logits, 1, label.unsqueeze(1), float("-inf")).logsumexp(dim=1)
        self.head.advance(row, lse)

    def _split(self, feature: Tensor, centre: Tensor, row: Row) -> Tensor:
        """One value, two gradients: ``target`` for the embedding, ``target_for_weight`` for the centre."""
        for_feature = self.head.target(row._replace(cosine=(feature * centre.detach()).sum(dim=1)))
        for_weight = self.head.target_for_weight(
            Row((feature.detach() * centre).sum(dim=1), row.norm.detach(), row.weight_norm)
        )
        return for_feature + (for_weight - for_weight.detach())
