"""A batch against all centres, one chunk of classes at a time: the matrix products around a chunk's share.

Shapes: N batch, D embedding, C classes, K centres per class, c classes of a chunk.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from marginface.classifier.share import (
    Column,
    Rows,
    Share,
    best_of_centres,
    general_share,
    is_general,
    project,
    project_blockwise,
    softmax_share,
    softmax_slope,
    to_centres,
)
from marginface.classifier.workspace import Workspace
from marginface.head.base import Head

TINY = 1e-12  # centres shorter than this have no direction, as in angular.normalize


class Passes(NamedTuple):
    """The elementwise passes over a chunk that gain by being compiled; those of a plain softmax do not."""

    general: Callable[[Head, Tensor, Rows, Column], Share] = general_share
    project: Callable[[Tensor, Tensor, Tensor, Tensor], None] = project_blockwise

    @staticmethod
    def compiled() -> "Passes":
        """Through ``torch.compile``; one compilation serves all chunk sizes."""
        return Passes(torch.compile(general_share, dynamic=True), torch.compile(project, dynamic=True))


class Plan(NamedTuple):
    """How a reduction is executed."""

    head: Head
    chunk_size: int  # classes per chunk
    keep: bool  # keep one N x C buffer for backward (3 GEMMs), or compute the chunks again (4 GEMMs)
    dtype: torch.dtype  # of the GEMMs' inputs
    workspace: Workspace
    passes: Passes

    @property
    def keeps_shape(self) -> bool:
        """Whether a chunk's similarities become its slopes in place."""
        return self.head.num_centres == 1 and not is_general(self.head)


class Chunks(NamedTuple):
    """One batch over all centres."""

    plan: Plan
    feature: Tensor  # (N, D) unit embeddings
    weight: Tensor  # (C * K, D)
    bias: Tensor | None  # (C,)
    rows: Rows
    label: Tensor  # (N,), -1 for a class that is elsewhere

    def bounds(self) -> Iterator[tuple[int, int]]:
        """First class of each chunk, and one past its last; the chunks are of almost equal size."""
        classes = len(self.weight) // self.plan.head.num_centres
        count = -(-classes // self.plan.chunk_size)
        for i in range(count):
            yield i * classes // count, (i + 1) * classes // count

    def centres(self, start: int, stop: int) -> Tensor:
        """Centres (c K, D) of the classes [start, stop), in the embedding's dtype."""
        k = self.plan.head.num_centres
        return self.weight[start * k : stop * k].to(self.feature.dtype)

    def inverse_length(self, centres: Tensor) -> Tensor | None:
        """1 / ||w_j||, zero for centres without direction; None where the head keeps their length."""
        if not self.plan.head.normalize_weight:
            return None
        length = torch.linalg.vector_norm(centres, dim=1)
        return torch.where(length > TINY, length.clamp_min(TINY).reciprocal(), 0.0)

    def buffer(self) -> Tensor:
        """Memory for the slopes of all classes (N C K,)."""
        return self.plan.workspace.empty(
            "slopes", (len(self.feature) * len(self.weight),), self.feature, self.plan.dtype
        )

    def slot(self, buffer: Tensor | None, start: int, stop: int) -> Tensor:
        """Memory (N, c K) for the slopes of the classes [start, stop): their part of the buffer, or a chunk's own."""
        rows, k = len(self.feature), self.plan.head.num_centres
        if buffer is not None:
            return buffer[rows * start * k : rows * stop * k].view(rows, -1)
        return self.plan.workspace.empty("chunk", (rows, (stop - start) * k), self.feature, self.plan.dtype)

    def share(self, start: int, stop: int, out: Tensor, known: Share | None = None) -> Share:
        """Share of the classes [start, stop).

        Args:
            start: first class.
            stop: one past the last class.
            out: (N, c K) in the GEMMs' dtype; becomes the slope by the products ``x . w_j``, over the scale.
            known: the share as it was computed before, without its slope.
        """
        centres, inverse = self.centres(start, stop), None if known is None else known.inverse
        in_place = self.plan.dtype == self.feature.dtype and self.plan.keeps_shape
        similarity = out if in_place else self._scratch("similarity", tuple(out.shape))
        self._product(self.feature.to(self.plan.dtype), self._small(centres).t(), similarity)
        if known is None:
            inverse = self.inverse_length(centres)
        if inverse is not None:
            similarity *= inverse
        share = self._share_of(similarity, start, stop, known)
        slope = share.slope if inverse is None else share.slope.mul_(inverse)
        return share._replace(slope=slope if in_place else out.copy_(slope), inverse=inverse)

    def _share_of(self, similarity: Tensor, start: int, stop: int, known: Share | None) -> Share:
        """Share whose slope is the derivative by similarities (N, c K), which may be overwritten."""
        head, column = self.plan.head, Column.of(self.label, start, stop)
        owner = None
        if head.num_centres > 1:
            similarity, owner = best_of_centres(similarity, head.num_centres)
        bias = None if self.bias is None else self.bias[start:stop]
        if is_general(head):
            share = self.plan.passes.general(head, similarity, self.rows, column)
        elif known is None:
            share = softmax_share(similarity, self.rows, bias, column)
        else:
            share = known._replace(slope=softmax_slope(similarity, self.rows, bias, column, known.shift))
        return share if owner is None else share._replace(slope=to_centres(share.slope, owner, head.num_centres))

    def gradient_of_feature(self, start: int, stop: int, slope: Tensor) -> Tensor:
        """Sum over the classes [start, stop) of slope times centre: (N, D)."""
        out = self._scratch("d_feature", tuple(self.feature.shape))
        return self._product(slope, self._small(self.centres(start, stop)), out)

    def gradient_of_weight(
        self, start: int, stop: int, share: Share, slope: Tensor, factor: Tensor, out: Tensor
    ) -> None:
        """Gradient (c K, D) of the classes [start, stop); the slope's rows count ``factor`` (N,) times."""
        rows = (factor.unsqueeze(1) * self.feature).to(self.plan.dtype)
        wide = rows.dtype == out.dtype or out.is_cuda
        gradient = out if wide else self.plan.workspace.empty("rounded", tuple(out.shape), out, rows.dtype)
        self._product(slope.t(), rows, gradient)
        if share.inverse is not None:
            self.plan.passes.project(gradient, self.centres(start, stop), share.inverse, out)
        elif not wide:
            out.copy_(gradient)

    def _product(self, a: Tensor, b: Tensor, out: Tensor) -> Tensor:
        """Matrix product of inputs in the GEMMs' dtype, in a dtype at least as wide.

        On a GPU the accumulator is handed out as it is; on the CPU a low-precision product is rounded once first,
        because torch has no other there.
        """
        if a.dtype == out.dtype:
            return torch.mm(a, b, out=out)
        if a.device.type == "cuda":
            return out.copy_(torch.mm(a, b, out_dtype=torch.promote_types(out.dtype, torch.float32)))
        rounded = self.plan.workspace.empty("rounded", tuple(out.shape), out, a.dtype)
        return out.copy_(torch.mm(a, b, out=rounded))

    def _small(self, centres: Tensor) -> Tensor:
        """Centres in the GEMMs' dtype."""
        if centres.dtype == self.plan.dtype:
            return centres
        return self.plan.workspace.empty("small", tuple(centres.shape), centres, self.plan.dtype).copy_(centres)

    def _scratch(self, name: str, shape: tuple[int, ...]) -> Tensor:
        return self.plan.workspace.empty(name, shape, self.feature)
