"""What happens to the similarities of one chunk of classes: their share of a row's reduction, and its derivative.

Shapes: N batch, c classes of the chunk, K centres per class.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from marginface.head.base import Head, Row
from marginface.head.criterion import Separable

BLOCK = 1024  # rows that stay in a CPU's cache
LN_2 = math.log(2)


class Column(NamedTuple):
    """Where the targets stand in a chunk."""

    number: Tensor  # (N, 1) column of each row's target, or any column
    inside: Tensor  # (N, 1) bool: whether the target is in this chunk

    @staticmethod
    def of(label: Tensor, start: int, stop: int) -> "Column":
        """Columns of (N,) labels in the chunk [start, stop)."""
        inside = (label >= start) & (label < stop)
        return Column((label - start).clamp(0, stop - start - 1).unsqueeze(1), inside.unsqueeze(1))

    def fill(self, matrix: Tensor, value: float) -> Tensor:
        """Overwrite the targets' entries in place, by index: (N, c)."""
        old = matrix.gather(1, self.number)
        return matrix.scatter_(1, self.number, torch.where(self.inside, value, old))

    def peak(self, matrix: Tensor) -> Tensor:
        """Largest entry (N,) of each row besides the target's; the matrix is as before afterwards."""
        old = matrix.gather(1, self.number)
        best = self.fill(matrix, float("-inf")).amax(dim=1)
        matrix.scatter_(1, self.number, old)
        return best


class Rows(NamedTuple):
    """What the reduction of a row depends on besides its similarities, as constants."""

    scale: Tensor  # (N,)
    offset: Tensor | None  # scalar
    facts: Row  # each (N,)


class Share(NamedTuple):
    """A chunk's share of the reduction of each row; fields without a shape are (N,)."""

    value: Tensor  # log-sum-exp or sum of terms
    shift: Tensor  # the derivative of the whole reduction is exp(shift - whole) slope for a softmax, else slope
    best: Tensor  # the largest negative without margin, as a logit; as a similarity where the head transforms them
    moment: Tensor | None  # derivative by the scale, if wanted: sum of those by logits, times transformed similarity
    mass: Tensor | None  # derivative by the offset, if there is one: sum of those by logits
    slope: Tensor  # (N, c) derivative by the similarities, over the scale; empty once it is in a buffer
    inverse: Tensor | None = None  # (K, c) 1 / ||w|| if the head normalises the centres


def is_general(head: Head) -> bool:
    """Whether a head needs more than a softmax over the similarities as they are."""
    return head.transforms_negatives or isinstance(head.criterion, Separable)


def softmax_share(similarity: Tensor, rows: Rows, bias: Tensor | None, column: Column) -> Share:
    """Share of a softmax over similarities as they are, in place.

    Args:
        similarity: (N, c); its memory becomes the slope.
        rows: of which the scale and the offset count.
        bias: (c,) added to the logits, or None.
        column: the targets, which are left out.

    Returns:
        The share; without a moment, which follows from the gradient of the embeddings.
    """
    logits = binary_logits_(similarity, rows, bias, column)
    best = logits.amax(dim=1)
    shift = best.clamp_min(torch.finfo(best.dtype).min / 2)  # a row without negatives here has weight zero, not NaN
    total = logits.sub_(shift.unsqueeze(1)).exp2_().sum(dim=1)
    best, shift = best * LN_2, shift * LN_2
    return Share(shift + total.log(), shift, best, None, total if rows.offset is not None else None, logits)


def softmax_slope(similarity: Tensor, rows: Rows, bias: Tensor | None, column: Column, shift: Tensor) -> Tensor:
    """The slope (N, c) alone of a share whose ``shift`` (N,) is known, in place."""
    return binary_logits_(similarity, rows, bias, column).sub_(shift.unsqueeze(1) / LN_2).exp2_()


def binary_logits_(similarity: Tensor, rows: Rows, bias: Tensor | None, column: Column) -> Tensor:
    """Similarities (N, c) to logits over ln 2, in place; -inf for the targets.

    exp2 of them is the exponential of the logits, and several times faster on a CPU.
    """
    logits = similarity.mul_(rows.scale.unsqueeze(1) / LN_2)
    for term in (bias, rows.offset):
        if term is not None:
            logits += term / LN_2
    return column.fill(logits, float("-inf"))


def exp_(x: Tensor) -> Tensor:
    """Exponential in place, through exp2."""
    return x.mul_(1 / LN_2).exp2_()


def general_share(head: Head, similarity: Tensor, rows: Rows, column: Column) -> Share:
    """Share of any head: transformed negatives, softmax or separable criterion.

    Args:
        head: the formulas.
        similarity: (N, c).
        rows: what the reduction depends on besides.
        column: the targets, which are left out.
    """
    scale, slope = rows.scale.unsqueeze(1), None
    if head.transforms_negatives:
        best = column.peak(similarity)
        value, slope = with_slope(lambda s: head.negative(s, rows.facts), similarity)
        logits = scale * value
    else:
        value, logits = similarity, scale * similarity
        best = column.peak(logits)
    if rows.offset is not None:
        logits += rows.offset
        best = best if head.transforms_negatives else best + rows.offset
    if isinstance(head.criterion, Separable):
        terms, by_logit = with_slope(head.criterion.negative, logits)
        reduced, shift = column.fill(terms, 0.0).sum(dim=1), torch.zeros_like(best)
        by_logit = column.fill(by_logit, 0.0)
    else:
        peak = column.fill(logits, float("-inf")).amax(dim=1)
        shift = peak.clamp_min(torch.finfo(peak.dtype).min)
        by_logit = exp_(logits.sub_(shift.unsqueeze(1)))
        reduced = shift + by_logit.sum(dim=1).log()
    moment = (by_logit * value).sum(dim=1) if rows.scale.requires_grad else None
    mass = None if rows.offset is None else by_logit.sum(dim=1)
    return Share(reduced, shift, best, moment, mass, by_logit if slope is None else by_logit.mul_(slope))


def with_slope(function: Callable[[Tensor], Tensor], x: Tensor) -> tuple[Tensor, Tensor]:
    """Values and derivatives of a function that acts element by element."""
    value, pull, *_ = torch.func.vjp(function, x)
    return value.detach(), pull(torch.ones_like(value))[0].detach()


def best_of_centres(similarity: Tensor) -> Tensor:
    """The largest similarity (N, c) of each class among its K centres.

    Args:
        similarity: (K, N, c); becomes 1 where a centre is the best of its class (the first of equals), else 0.
    """
    best = similarity.amax(dim=0)
    free = torch.ones_like(best)  # numbers instead of masks: a CPU multiplies faster than it chooses
    for part in similarity:
        free -= part.eq_(best).mul_(free)
    return best


def project(gradient: Tensor, centres: Tensor, inverse: Tensor, out: Tensor) -> None:
    """Take out of each centre's gradient the part along the centre: a centre's length does not count.

    Args:
        gradient: (c, D).
        centres: (c, D).
        inverse: (c,) 1 / ||w_j||.
        out: (c, D) the result: the gradient itself, or of a wider dtype.
    """
    along = (gradient * centres).sum(dim=1) * inverse.square()
    out.copy_(gradient - along.unsqueeze(1) * centres)


def project_blockwise(gradient: Tensor, centres: Tensor, inverse: Tensor, out: Tensor) -> None:
    """:func:`project` in blocks of rows that stay in cache, with one buffer for their products."""
    size = len(gradient) if gradient.is_cuda else BLOCK
    products = torch.empty_like(centres[:size])
    for start in range(0, len(gradient), size):
        block = slice(start, start + size)
        g, w = gradient[block], centres[block]
        along = torch.mul(g, w, out=products[: len(g)]).sum(dim=1) * inverse[block].square()
        target = out[block] if g.dtype == out.dtype else out[block].copy_(g)
        target.addcmul_(along.unsqueeze(1), w, value=-1)
