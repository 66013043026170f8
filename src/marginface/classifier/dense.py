"""The readable reference: every similarity in one (N, C) matrix, gradients by autograd.

Shapes: N batch, D embedding, C classes, K centres per class.
"""

import torch
from torch import Tensor

from marginface.angular import normalize
from marginface.classifier.base import Batch, Centres, Classifier
from marginface.head.base import Head, Row


class DenseClassifier(Classifier):
    """Computes exactly what the contract of a head says, in the order in which it says it."""

    def _classify(self, head: Head, centres: Centres, batch: Batch) -> tuple[Tensor, Tensor]:
        feature, norm, label = batch
        column = label.unsqueeze(1)
        centre, length = normalize(centres.weight.to(feature.dtype))

        cosine = feature @ centre.T  # (N, C * K)
        similarity = cosine if head.normalize_weight else cosine * length
        similarity, owner = best_centre(similarity, head.num_centres)
        winner = label if owner is None else label * head.num_centres + owner.gather(1, column).squeeze(1)
        row = Row(cosine.gather(1, winner.unsqueeze(1)).squeeze(1), norm, length[winner])
        if self.training:
            self._advance(head, row, self._negative_lse(head, similarity, batch))

        target = split_target(head, row, feature, centre[winner]) if head.splits_gradient else head.target(row)
        others = head.negative(similarity, Row(*(fact.detach() for fact in row)))
        logits = head.scale(norm).reshape(-1, 1) * torch.scatter(others, 1, column, target.unsqueeze(1))
        plain = similarity.detach()
        if centres.bias is not None:
            logits = logits + centres.bias
            plain = norm.detach().unsqueeze(1) * plain + centres.bias.detach()
        offset = head.offset()
        if offset is not None:
            logits = logits + offset

        loss, extra = head.criterion(logits, label), head.regularizer(norm)
        best_other = torch.scatter(plain, 1, column, float("-inf")).amax(dim=1)
        correct = plain.gather(1, column).squeeze(1) > best_other
        return loss if extra is None else loss + extra, correct

    @torch.no_grad()
    def _negative_lse(self, head: Head, similarity: Tensor, batch: Batch) -> Tensor | None:
        """Log-sum-exp (N,) of scale times similarity of the negatives, if the head asks for it."""
        if not head.needs_negatives:
            return None
        logits = head.scale(batch.norm).reshape(-1, 1) * similarity
        return torch.scatter(logits, 1, batch.label.unsqueeze(1), float("-inf")).logsumexp(dim=1)


def best_centre(similarity: Tensor, num_centres: int) -> tuple[Tensor, Tensor | None]:
    """Similarity of each class (N, C) and which of its K centres it came from (None if K = 1)."""
    if num_centres == 1:
        return similarity, None
    best = similarity.view(len(similarity), -1, num_centres).max(dim=2)
    return best.values, best.indices


def split_target(head: Head, row: Row, feature: Tensor, centre: Tensor) -> Tensor:
    """One value, two gradients: ``target`` for the embedding, ``target_for_weight`` for the centre.

    Args:
        head: with ``splits_gradient``.
        row: per-sample facts, each (N,).
        feature: (N, D) unit embeddings.
        centre: (N, D) unit centres of the targets.

    Returns:
        (N,) similarities.
    """
    for_feature = head.target(row._replace(cosine=(feature * centre.detach()).sum(dim=1)))
    cosine = (feature.detach() * centre).sum(dim=1)
    for_weight = head.target_for_weight(Row(cosine, row.norm.detach(), row.weight_norm))
    return for_feature + (for_weight - for_weight.detach())
