"""Negatives of each row reduced to one number, chunk of classes by chunk of classes, without an N x C autograd graph.

Shapes: N batch, D embedding, C classes, K centres per class.

With u = x W^T and G the derivative by u, dX = G W and dW = G^T X. For a softmax, G is exp(z - lse) times row factors.
Forward leaves exp(z - shift) in the buffer, where the shift is the chunk's own maximum; so backward multiplies N rows
by exp(shift - lse) instead of touching N x C numbers again. The row norms of W scale a chunk while it is in cache: no
normalised copy of W is made. The targets are left out by index, and join in full precision afterwards.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from marginface.classifier.chunks import TINY, Chunks, Plan
from marginface.classifier.share import Rows, Share, is_general
from marginface.head.base import Head, Row
from marginface.head.criterion import Separable


class Target(NamedTuple):
    """The rows' own centres, as constants; where the class is elsewhere: label and centre -1, cosine and length 0."""

    label: Tensor  # (N,) class
    centre: Tensor  # (N,) row of the weight: the best of the class's centres
    cosine: Tensor  # (N,)
    length: Tensor  # (N,)


class Reduced(NamedTuple):
    """What :func:`reduce_negatives` returns, each (N,)."""

    cosine: Tensor  # of the target, with the gradient of the embedding
    cosine_for_weight: Tensor  # the same value, with the gradient of the centre
    length: Tensor  # of the target's centre
    value: Tensor  # log-sum-exp, or sum of terms, of the negatives
    best: Tensor  # largest negative without margin, see Share.best


@torch.no_grad()
def find_target(head: Head, feature: Tensor, weight: Tensor, label: Tensor) -> Target:
    """Look up the rows' own centres.

    Args:
        head: says how many centres a class has.
        feature: (N, D) unit embeddings.
        weight: (C * K, D).
        label: (N,) classes, -1 for a class that is elsewhere.
    """
    if len(weight) == 0:
        zero = feature.new_zeros(len(label))
        return Target(label, label, zero, zero)
    here, k = label >= 0, head.num_centres
    rows = label.clamp_min(0).unsqueeze(1) * k + torch.arange(k, device=label.device)
    centres = weight[rows].to(feature.dtype)  # (N, K, D)
    length = torch.linalg.vector_norm(centres, dim=2)
    along = torch.linalg.vecdot(feature.unsqueeze(1), centres)
    cosine = torch.where(length > TINY, along / length.clamp_min(TINY), 0.0)
    best = (cosine if head.normalize_weight else along).argmax(dim=1, keepdim=True)
    cosine, length, rows = (t.gather(1, best).squeeze(1) for t in (cosine, length, rows))
    return Target(label, torch.where(here, rows, -1), cosine * here, length * here)


def reduce_negatives(
    plan: Plan,
    feature: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    scale: Tensor,
    offset: Tensor | None,
    facts: Row,
    target: Target,
) -> Reduced:
    """Reduce the negatives of each row; differentiable once.

    Args:
        plan: how.
        feature: (N, D) unit embeddings.
        weight: (C * K, D) centres.
        bias: (C,) or None.
        scale: (N,) factor between similarities and logits.
        offset: scalar or None.
        facts: what the head knows of each row, as constants.
        target: the rows' own centres.
    """
    return Reduced(*_Reduction.apply(feature, weight, bias, scale, offset, facts, target, plan))


class _Reduction(torch.autograd.Function):
    """Differentiable once: a second derivative would need what the chunks do not keep."""

    @staticmethod
    def forward(
        ctx: Any,
        feature: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        scale: Tensor,
        offset: Tensor | None,
        facts: Row,
        target: Target,
        plan: Plan,
    ) -> tuple[Tensor, ...]:
        chunks = Chunks(plan, feature, weight, bias, Rows(scale, offset, facts), target.label)
        buffer = chunks.buffer() if plan.keep and any(ctx.needs_input_grad) else None
        nothing = feature.new_empty(0)
        shares = [chunks.share(a, b, chunks.slot(buffer, a, b))._replace(slope=nothing) for a, b in chunks.bounds()]
        value, best = _merge(plan.head, shares, scale)
        ctx.save_for_backward(feature, weight, bias, scale, offset, value)
        ctx.buffer, ctx.shares, ctx.rest = buffer, shares, (facts, target, plan)
        return target.cosine.clone(), target.cosine.clone(), target.length.clone(), value, best

    @staticmethod
    @once_differentiable
    def backward(
        ctx: Any, by_cosine: Tensor, by_cosine_w: Tensor, by_length: Tensor, by_value: Tensor, _: Tensor
    ) -> tuple[Tensor | None, ...]:
        feature, weight, bias, scale, offset, value = ctx.saved_tensors
        facts, target, plan = ctx.rest
        chunks = Chunks(plan, feature, weight, bias, Rows(scale, offset, facts), target.label)
        gradient = _Gradient.like(chunks, *ctx.needs_input_grad[1:3])
        for (start, stop), share in zip(chunks.bounds(), ctx.shares, strict=True):
            slope = chunks.slot(ctx.buffer, start, stop)
            if ctx.buffer is None:
                chunks.share(start, stop, slope, share)
            gradient.add_chunk(chunks, start, stop, share, slope, by_value * _part_of(plan.head, share, value))
        ctx.buffer = None  # a second backward computes the chunks again
        if not is_general(plan.head):  # sum over j of G_ij u_ij = x_i . dx_i, without a look at the chunks
            along = torch.linalg.vecdot(feature, gradient.feature)
            gradient.scale.copy_(torch.where(scale == 0, 0.0, along / scale))
        gradient.add_target(chunks, target, by_cosine, by_cosine_w, by_length)
        return *gradient[:-1], gradient.offset if ctx.needs_input_grad[4] else None, None, None, None


class _Gradient(NamedTuple):
    """Gradients of the inputs, filled chunk by chunk."""

    feature: Tensor
    weight: Tensor | None
    bias: Tensor | None
    scale: Tensor
    offset: Tensor

    @staticmethod
    def like(chunks: Chunks, need_weight: bool, need_bias: bool) -> "_Gradient":
        weight, bias = chunks.weight, chunks.bias
        return _Gradient(
            torch.zeros_like(chunks.feature),
            chunks.plan.workspace.empty("gradient", tuple(weight.shape), weight) if need_weight else None,
            None if bias is None or not need_bias else torch.empty_like(bias),
            torch.zeros_like(chunks.rows.scale),
            chunks.feature.new_zeros(()),
        )

    def add_chunk(self, chunks: Chunks, start: int, stop: int, share: Share, slope: Tensor, by_logit: Tensor) -> None:
        """Add what a chunk contributes, given how much each of its rows counts (N,)."""
        k = chunks.plan.head.num_centres
        by_similarity = by_logit * chunks.rows.scale
        for part in chunks.gradient_of_feature(start, stop, slope):
            self.feature.addcmul_(by_similarity.unsqueeze(1), part)
        if self.weight is not None:
            chunks.gradient_of_weight(start, stop, share, slope, by_similarity, self.weight[start * k : stop * k])
        if self.bias is not None:
            self.bias[start:stop] = by_logit @ slope[0].to(by_logit.dtype)
        if share.moment is not None:
            self.scale.addcmul_(by_logit, share.moment)
        if share.mass is not None:
            self.offset.add_(by_logit @ share.mass)

    def add_target(
        self, chunks: Chunks, target: Target, by_cosine: Tensor, by_cosine_w: Tensor, by_length: Tensor
    ) -> None:
        """Add what the targets' cosines and lengths contribute; rows whose class is elsewhere have length 0."""
        if len(chunks.weight) == 0:
            return
        rows = target.centre.clamp_min(0)
        inverse = torch.where(target.length > TINY, target.length.clamp_min(TINY).reciprocal(), 0.0).unsqueeze(1)
        direction = chunks.weight[rows].to(inverse.dtype) * inverse
        self.feature.addcmul_(by_cosine.unsqueeze(1), direction)
        if self.weight is not None:
            across = (chunks.feature - target.cosine.unsqueeze(1) * direction) * inverse
            by_row = by_cosine_w.unsqueeze(1) * across + by_length.unsqueeze(1) * direction
            self.weight.index_add_(0, rows, by_row.to(self.weight.dtype))


def _merge(head: Head, shares: list[Share], scale: Tensor) -> tuple[Tensor, Tensor]:
    """Reduction and best negative of each row from those of the chunks."""
    none = torch.full_like(scale, float("-inf"))
    best = torch.stack([none, *(share.best for share in shares)]).amax(dim=0)
    if isinstance(head.criterion, Separable):
        return torch.stack([torch.zeros_like(scale), *(share.value for share in shares)]).sum(dim=0), best
    return torch.stack([none, *(share.value for share in shares)]).logsumexp(dim=0), best


def _part_of(head: Head, share: Share, value: Tensor) -> Tensor:
    """Factor (N,) between a chunk's slope and the derivative of the whole reduction."""
    if isinstance(head.criterion, Separable):
        return torch.ones_like(value)
    return torch.where(value > float("-inf"), (share.shift - value).exp(), 0.0)
