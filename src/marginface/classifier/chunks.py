"""A batch against all centres, one chunk of classes at a time: the matrix products around a chunk's share.

Shapes: N batch, D embedding, C classes, K centres per class, c classes of a chunk. Slopes are (K, N, c): each of a
class's centres has products of its own, so that the best of them is found in contiguous memory.
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
        """Centres (c, K, D) of the classes [start, stop), in the embedding's dtype."""
        k = self.plan.head.num_centres
        return self.weight[start * k : stop * k].to(self.feature.dtype).view(stop - start, k, -1)

    def inverse_length(self, centres: Tensor) -> Tensor | None:
        """1 / ||w||: (K, c), zero for centres without direction; None where the head keeps their length."""
        if not self.plan.head.normalize_weight:
            return None
        length = torch.linalg.vector_norm(centres, dim=2).t().contiguous()
        return torch.where(length > TINY, length.clamp_min(TINY).reciprocal(), 0.0)

    def buffer(self) -> Tensor:
        """Memory for the slopes of all classes (N C K,)."""
        size = len(self.feature) * len(self.weight)
        return self.plan.workspace.empty("slopes", (size,), self.feature, self.plan.dtype)

    def slot(self, buffer: Tensor | None, start: int, stop: int) -> Tensor:
        """Memory (K, N, c) for the slopes of the classes [start, stop): their part of the buffer, or a chunk's own."""
        rows, k = len(self.feature), self.plan.head.num_centres
        shape = (k, rows, stop - start)
        if buffer is not None:
            return buffer[rows * start * k : rows * stop * k].view(shape)
        return self.plan.workspace.empty("chunk", shape, self.feature, self.plan.dtype)

    def share(self, start: int, stop: int, out: Tensor, known: Share | None = None) -> Share:
        """Share of the classes [start, stop).

        Args:
            start: first class.
            stop: one past the last class.
            out: (K, N, c) in the GEMMs' dtype; becomes the slope by the products ``x . w``, over the scale.
            known: the share as it was computed before, without its slope.
        """
        centres, inverse = self.centres(start, stop), None if known is None else known.inverse
        similarity = out if self.plan.dtype == self.feature.dtype else self._scratch("similarity", tuple(out.shape))
        feature, small = self.feature.to(self.plan.dtype), self._small(centres)
        for k in range(len(out)):
            self._product(feature, small[:, k].t(), similarity[k])
        if known is None:
            inverse = self.inverse_length(centres)
        if inverse is not None:
            similarity *= inverse.unsqueeze(1)
        share = self._share_of(similarity, start, stop, known)
        for k in range(len(out)):
            slope = share.slope if len(out) == 1 else similarity[k].mul_(share.slope)
            if inverse is not None:
                slope *= inverse[k]
            if out.dtype != slope.dtype or out[k].data_ptr() != slope.data_ptr():  # it is not there already
                out[k].copy_(slope)
        return share._replace(slope=out, inverse=inverse)

    def _share_of(self, similarity: Tensor, start: int, stop: int, known: Share | None) -> Share:
        """Share with the slope by class (N, c); of several centres, leaves 1 where a centre is the best, else 0."""
        head, column = self.plan.head, Column.of(self.label, start, stop)
        best = similarity[0] if len(similarity) == 1 else best_of_centres(similarity)
        bias = None if self.bias is None else self.bias[start:stop]
        if is_general(head):
            return self.plan.passes.general(head, best, self.rows, column)
        if known is None:
            return softmax_share(best, self.rows, bias, column)
        return known._replace(slope=softmax_slope(best, self.rows, bias, column, known.shift))

    def gradient_of_feature(self, start: int, stop: int, slope: Tensor) -> Iterator[Tensor]:
        """Sums over the classes [start, stop) of slope times centre, (N, D) for each of the K; each is read at once."""
        small, out = self._small(self.centres(start, stop)), self._scratch("d_feature", tuple(self.feature.shape))
        for k in range(len(slope)):
            yield self._product(slope[k], small[:, k], out)

    def gradient_of_weight(
        self, start: int, stop: int, share: Share, slope: Tensor, factor: Tensor, out: Tensor
    ) -> None:
        """Gradient (c K, D) of the classes [start, stop); the slope's rows count ``factor`` (N,) times."""
        rows = (factor.unsqueeze(1) * self.feature).to(self.plan.dtype)
        wide = rows.dtype == out.dtype or out.is_cuda
        gradient = out if wide else self.plan.workspace.empty("rounded", tuple(out.shape), out, rows.dtype)
        by_centre = gradient.view(stop - start, len(slope), -1)
        for k in range(len(slope)):
            self._product(slope[k].t(), rows, by_centre[:, k])
        if share.inverse is not None:
            centres = self.centres(start, stop).flatten(0, 1)
            self.plan.passes.project(gradient, centres, share.inverse.t().flatten(), out)
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
