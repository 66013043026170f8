"""Class centres split over the processes of a run, for more classes than one device holds.

Shapes: N batch of a process, B rows of all processes, D embedding, C classes, K centres per class, R processes.

Each process gathers all embeddings, reduces the negatives among its own classes, and joins B numbers per row with the
others: a maximum and a sum for a softmax, a sum for a separable criterion. Every process then has the loss of all rows.
"""

import math
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.optim import Optimizer

from marginface.angular import normalize
from marginface.classifier.base import Batch, Centres
from marginface.classifier.collectives import (
    gather_for_partial_use,
    gather_for_replicated_use,
    gather_rows,
    logsumexp_over_processes,
    max_over_processes,
    own_rows,
    row_counts,
    split_use,
    sum_over_processes,
    with_sum,
    world_size,
)
from marginface.classifier.fused import FusedClassifier, finish
from marginface.classifier.partial import SampledCentres
from marginface.classifier.reduction import Reduced, find_target
from marginface.head.base import Head, Row
from marginface.head.criterion import Separable

BLOCK = 4096  # rows drawn at a time; a multiple of 16, so that blocks draw what one call would draw


class ShardedClassifier(FusedClassifier):
    """The fused classifier over a part of the classes per process.

    Process r of R holds ``C // R`` classes, and one more if ``r < C mod R``. The loss is the mean over the rows of all
    processes, and the gradient of the centres is that of this loss. The centres must not be averaged over the processes
    (:meth:`sharded_names`); everything else may be, as DistributedDataParallel does.

    Source: distributed softmax and Partial FC: arXiv 2010.05222, arXiv 2203.15565.

    Args:
        head: the formulas.
        num_classes: C >= 2, of all processes.
        embedding_dim: D.
        init_std: standard deviation of the Gaussian initial centres; None makes their lengths about one.
        mode: as in :class:`FusedClassifier`.
        gemm_dtype: likewise.
        chunk_size: likewise.
        compile: likewise.
        sample_rate: share of a process's classes that takes part in a training step, in (0, 1]. The classes of the
            batch always do; the other centres rest, with their momentum and decay. The loss is over fewer classes then.
        averaged: the other gradients are averaged over the processes afterwards (as DDP does), not summed.

    Raises:
        ValueError: if an argument is out of its range.
    """

    draws: Tensor

    def __init__(
        self,
        head: Head,
        num_classes: int,
        embedding_dim: int,
        init_std: float | None = None,
        mode: str = "keep",
        gemm_dtype: str = "auto",
        chunk_size: int | None = None,
        compile: bool = False,
        sample_rate: float = 1.0,
        averaged: bool = True,
    ) -> None:
        if not 0 < sample_rate <= 1:
            raise ValueError(f"sample_rate={sample_rate} is outside (0, 1]; 1 lets all classes take part")
        if sample_rate < 1 and head.use_bias:
            raise ValueError(f"sample_rate={sample_rate} goes with heads without biases only; set head.bias=false")
        super().__init__(head, num_classes, embedding_dim, init_std, mode, gemm_dtype, chunk_size, compile)
        self.sample_rate, self.averaged = float(sample_rate), averaged
        self._counts: list[int] = []  # rows of each process in the current batch
        if dist.is_available() and dist.is_initialized():
            self.materialize()

    def _make_centres(self) -> None:
        """The processes are not known yet: no rows, but the random state from which they will be drawn."""
        self._random_state, self._seed = torch.get_rng_state(), torch.initial_seed()
        self.first, self.count, self._is_complete = 0, 0, False
        self._sampled: SampledCentres | None = None
        self.weight = nn.Parameter(torch.empty(0, self.embedding_dim))
        self._drawn_dtype = self.weight.dtype
        self.register_parameter("bias", nn.Parameter(torch.empty(0)) if self.head.use_bias else None)
        if self.head.memory_head is not None:
            self.register_buffer("memory", torch.empty(0, self.embedding_dim))

    def materialize(self) -> None:
        """Draw this process's rows: the very ones that a dense classifier would have drawn in the constructor.

        Raises:
            RuntimeError: if there is no process group.
        """
        if not (dist.is_available() and dist.is_initialized()):
            raise RuntimeError(
                "ShardedClassifier needs an initialised torch.distributed process group, found none; train with "
                "trainer=sharded, call torch.distributed.init_process_group yourself, or use classifier=fused"
            )
        if self._is_complete:
            return
        self._is_complete = True
        rank, size = dist.get_rank(), world_size()
        self.count = self.num_classes // size + (rank < self.num_classes % size)
        self.first = self.num_classes // size * rank + min(rank, self.num_classes % size)
        k = self.head.num_centres
        self.weight.data = self._draw(self.first * k, (self.first + self.count) * k).to(self.weight)
        if self.bias is not None:
            self.bias.data = self.bias.new_zeros(self.count)
        if self.head.memory_head is not None:
            self.memory = self.memory.new_zeros(self.count, self.embedding_dim)
        if self.sample_rate < 1:
            self._sampled = SampledCentres(self.weight, k, self.sample_rate, self._seed, rank)
            self.register_buffer("draws", torch.zeros((), dtype=torch.int64))  # how many samples were drawn

    def _draw(self, start: int, stop: int) -> Tensor:
        """Rows [start, stop) of the initial centres, drawn block by block and kept where they belong here."""
        generator = torch.Generator("cpu")
        generator.set_state(self._random_state)
        kind: Any = {"dtype": self._drawn_dtype, "device": "cpu"}  # a trainer may have set other defaults by now
        rows = torch.empty(stop - start, self.embedding_dim, **kind)
        for first in range(0, stop, BLOCK):
            last = min(first + BLOCK, self.num_classes * self.head.num_centres)
            block = torch.randn(last - first, self.embedding_dim, generator=generator, **kind)
            a, b = max(first, start), min(last, stop)
            if a < b:
                rows[a - start : b - start] = block[a - first : b - first] * self.init_std
        return rows

    def trainable_centres(self) -> nn.Parameter:
        """The sampled rows where only some classes take part in a step, else all rows of this process."""
        return self.weight if self._sampled is None else self._sampled.rows

    def sharded_names(self) -> list[str]:
        """Names of the tensors with rows for this process's classes."""
        return [name for name in ("weight", "bias", "memory") if getattr(self, name, None) is not None]

    def centre_state(self, optimizer: Optimizer) -> dict[str, Tensor]:
        """The optimizer's state of this process's classes."""
        if self._sampled is None:
            return super().centre_state(optimizer)
        return {f"weight/{name}": value for name, value in self._sampled.state.items()}

    def receive_centre_state(self, state: dict[str, Tensor]) -> None:
        """Take the optimizer's state of this process's classes, if only some of them are in the optimizer."""
        if self._sampled is not None:
            self._sampled.state = dict(state)

    def attach(self, optimizer: Optimizer) -> None:
        """Let the sampled rows follow the optimizer's steps."""
        if self._sampled is not None:
            self._sampled.attach(optimizer)

    def _plain(self, feature: Tensor, norm: Tensor) -> Tensor:
        self._require_centres()
        return super()._plain(feature, norm)

    def _best_class(self, plain: Tensor) -> Tensor:
        """Of the classes of all processes; of equal ones, the last."""
        nothing = plain.new_full((len(plain), 1), float("-inf"))  # a process may have no class at all
        own, place = torch.cat([plain, nothing], dim=1).max(dim=1)
        return max_over_processes(torch.where(own == max_over_processes(own), self.first + place, -1))

    def _require_centres(self) -> None:
        if not self._is_complete:
            raise RuntimeError("ShardedClassifier has no centres yet; call materialize() before the optimizer is built")

    def _batch(self, embedding: Tensor, label: Tensor) -> Batch:
        """Rows of all processes: directions for partial use, lengths and labels for replicated use."""
        self._require_centres()
        self._counts = row_counts(len(label), label.device)
        factor = float(len(self._counts)) if self.averaged else 1.0
        feature, _ = normalize(gather_for_partial_use(embedding, self._counts, factor))
        norm = torch.linalg.vector_norm(embedding.to(feature.dtype), dim=-1)
        return Batch(feature, gather_for_replicated_use(norm, self._counts, factor), gather_rows(label, self._counts))

    def _own(self, rows: Tensor) -> Tensor:
        return own_rows(rows, self._counts)

    def _of_all(self, rows: Tensor) -> Tensor:
        return rows  # every process has them already

    def _place(self, label: Tensor) -> Tensor:
        here = (label >= self.first) & (label < self.first + self.count)
        return torch.where(here, label - self.first, -1)

    def _centres(self, label: Tensor) -> Centres:
        place = self._place(label)
        if self._sampled is None or not self.training:
            return Centres(self.weight, self.bias, place)
        if not self._sampled.is_open:
            self.draws += 1
        sample = self._sampled.draw(place, int(self.draws))
        return Centres(sample.weight, None if self.bias is None else self.bias[sample.classes], sample.label)

    def _classify(self, head: Head, centres: Centres, batch: Batch) -> tuple[Tensor, Tensor]:
        target = find_target(head, batch.feature, centres.weight, centres.label)
        cosine, length = sum_over_processes(torch.stack([target.cosine, target.length])).unbind()
        facts = Row(cosine, batch.norm.detach(), length)
        if self.training:
            lse = None
            if head.needs_negatives:
                lse = logsumexp_over_processes(self._reduce(head, centres, batch, facts, target, plain=True).value)
                if head is self.head:
                    lse = lse - math.log(self.sample_rate)  # as if of all classes; a memory is never sampled
            self._advance(head, facts, lse)
        part = self._reduce(head, centres, batch, facts, target)
        return finish(head, batch, self._join(head, part, facts), self._bias_of(centres))

    def _scale(self, head: Head, norm: Tensor) -> Tensor:
        return split_use(super()._scale(head, norm))

    def _offset(self, head: Head) -> Tensor | None:
        offset = head.offset()
        return None if offset is None else split_use(offset)

    def _join(self, head: Head, part: Reduced, facts: Row) -> Reduced:
        """Reductions over all classes from those over this process's."""
        cosine, for_weight = (with_sum(c, facts.cosine) for c in (part.cosine, part.cosine_for_weight))
        length = with_sum(part.length, facts.weight_norm)
        join = sum_over_processes if isinstance(head.criterion, Separable) else logsumexp_over_processes
        return Reduced(cosine, for_weight, length, join(part.value), max_over_processes(part.best))

    def _bias_of(self, centres: Centres) -> Tensor | None:
        """Biases (B,) of the rows' own classes."""
        if centres.bias is None:
            return None
        own = centres.bias[centres.label.clamp_min(0)] if len(centres.bias) else centres.label.to(centres.bias.dtype)
        return sum_over_processes(torch.where(centres.label >= 0, own, 0.0))

    def _remember(self, batch: Batch) -> None:
        place = self._place(batch.label)
        here = place >= 0
        super()._remember(Batch(batch.feature[here], batch.norm[here], place[here]))
