"""Pair verification as a metric that gathers embeddings, over batches and over processes.

Shapes: N images of a batch, D embedding, P pairs.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.utilities import dim_zero_cat
from torchmetrics.utilities.distributed import gather_all_tensors

from marginface.metric.bootstrap import Interval, check_bootstrap
from marginface.metric.functional import check_same
from marginface.metric.pair_figures import pair_figures
from marginface.metric.protocol import PROTOCOLS, check_folds, flip_sum_cosine

__all__ = ["Interval", "PairVerification"]


class PairVerification(Metric):
    """Verification figures of a pair list, each with its bootstrap interval.

    Feed every image of the pair list once (``update``), in any order and from any number of processes; images that
    a distributed sampler repeats count once. AUC, EER and TAR are those of the flip-sum cosine. The figures are
    computed on the CPU, so that they do not depend on the device. Call ``update`` and ``compute``: calling the
    metric itself would ask for the figures of one batch.

    Args:
        first: Image on one side of each pair, (P,) whole numbers.
        second: Image on the other side, (P,) whole numbers.
        same: Whether the pair shows one identity, (P,) booleans.
        num_folds: Number of contiguous folds of the accuracies.
        protocols: Names in :data:`marginface.metric.protocol.PROTOCOLS`.
        fars: False accept rates as fractions; those that the impostor pairs do not support get no key.
        num_bootstrap: Number of resamples of an interval.
        confidence: Share of the resamples inside an interval.
        seed: Seed of the resampling.
        **kwargs: Options of ``torchmetrics.Metric``.

    Raises:
        ValueError: Unusable pairs, an unknown protocol or a setting out of range.
    """

    is_differentiable = False
    full_state_update = False
    index: list[Tensor]
    embedding: list[Tensor]
    flipped: list[Tensor]

    def __init__(
        self,
        first: ArrayLike,
        second: ArrayLike,
        same: ArrayLike,
        *,
        num_folds: int = 10,
        protocols: Sequence[str] = ("sphereface", "insightface", "strict"),
        fars: Sequence[float] = (1e-1, 1e-2, 1e-3, 1e-4),
        num_bootstrap: int = 1000,
        confidence: float = 0.95,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.first = torch.tensor(np.asarray(first), dtype=torch.int64)
        self.second = torch.tensor(np.asarray(second), dtype=torch.int64)
        self.same = torch.tensor(np.asarray(same), dtype=torch.bool)
        self.num_folds = num_folds
        self.protocols = tuple(protocols)
        self.fars = tuple(float(far) for far in fars)
        self.num_bootstrap = num_bootstrap
        self.confidence = confidence
        self.seed = seed
        self._check_settings()
        for state in ("index", "embedding", "flipped"):
            self.add_state(state, default=[], dist_reduce_fx="cat")

    def update(self, index: Tensor, embedding: Tensor, flipped: Tensor) -> None:
        """Take the embeddings of some images.

        Args:
            index: Which image of the pair list each row is, (N,) int64.
            embedding: Embeddings of the images, (N, D).
            flipped: Embeddings of the mirrored images, (N, D).

        Raises:
            ValueError: Shapes that do not fit each other, or a negative index.
        """
        if embedding.ndim != 2 or flipped.shape != embedding.shape or index.shape != embedding.shape[:1]:
            shapes = tuple(index.shape), tuple(embedding.shape), tuple(flipped.shape)
            raise ValueError("index, embedding, flipped must be (N,), (N, D), (N, D), got {}, {}, {}".format(*shapes))
        if bool((index < 0).any()):
            raise ValueError(f"index has {int(index.min())}: images of the pair list are numbered from 0")
        self.index.append(index.to(self.device, torch.int64))
        self.embedding.append(embedding.detach().to(self.device, torch.float32))
        self.flipped.append(flipped.detach().to(self.device, torch.float32))

    def compute(self) -> dict[str, Interval]:
        """Figures of all pairs, the same on every process.

        Returns:
            The figures that :func:`marginface.metric.pair_figures.pair_figures` names.

        Raises:
            RuntimeError: Images of the pair list have no embedding.
            ValueError: An embedding is not finite.
        """
        plain, flipped = self._images()
        images = (plain, flipped, self.first, self.second)
        score = flip_sum_cosine(*images)
        return pair_figures(
            score,
            self.same,
            {name: PROTOCOLS[name](*images, self.same, self.num_folds, score=score) for name in self.protocols},
            self.fars,
            num_bootstrap=self.num_bootstrap,
            confidence=self.confidence,
            seed=self.seed,
        )

    def _images(self) -> tuple[Tensor, Tensor]:
        """Plain and mirrored embedding by image index; of repeated images the first row counts."""
        index, embedding, flipped = (_joined(state).cpu() for state in (self.index, self.embedding, self.flipped))
        wanted = torch.unique(torch.cat((self.first, self.second)))
        num_slots = int(torch.cat((index, wanted)).max()) + 1
        row = torch.full((num_slots,), len(index)).scatter_reduce_(0, index.long(), torch.arange(len(index)), "amin")
        num_missing = int((row[wanted] == len(index)).sum())
        if num_missing:
            raise RuntimeError(
                f"{num_missing} of the {len(wanted)} images of the pairs have no embedding: "
                "run the benchmark over all of its images (no batch limit), then compute"
            )
        row = row.clamp_max(len(index) - 1)  # images that no pair names may be absent
        plain, mirrored = embedding[row], flipped[row]
        _check_finite(plain[wanted], mirrored[wanted], wanted)
        return plain, mirrored

    def _check_settings(self) -> None:
        if not self.first.shape == self.second.shape == self.same.shape or self.first.ndim != 1:
            shapes = [tuple(side.shape) for side in (self.first, self.second, self.same)]
            raise ValueError(f"first, second, same must be (P,) each, got {shapes}")
        if self.first.numel() and min(int(self.first.min()), int(self.second.min())) < 0:
            raise ValueError("first and second must not be negative: they number the images from 0")
        check_same(self.same)
        check_folds(len(self.same), self.num_folds)
        check_bootstrap(self.num_bootstrap, self.confidence)
        unknown = [name for name in self.protocols if name not in PROTOCOLS]
        if unknown:
            raise ValueError(f"protocols has unknown {unknown}: choose from {list(PROTOCOLS)}")
        wrong = [far for far in self.fars if not 0 < far <= 1]
        if wrong:
            raise ValueError(f"fars has {wrong}: a false accept rate is a fraction above 0, at most 1")

    def _sync_dist(self, dist_sync_fn: Callable[..., Any] = gather_all_tensors, process_group: Any = None) -> None:
        """Gather; a process that has seen no image joins with zero rows of the others' width, which gathering needs."""
        own = self.embedding[0].shape[1] if self.embedding else 0
        widths = dist_sync_fn(torch.tensor([own], device=self.device), group=process_group or self.process_group)
        if not self.index:
            empty = torch.empty(0, int(torch.cat(widths).max()), device=self.device)
            self.index, self.embedding, self.flipped = [empty[:, 0].long()], [empty], [empty]
        super()._sync_dist(dist_sync_fn, process_group=process_group)


def _joined(state: list[Tensor]) -> Tensor:
    joined: Tensor = dim_zero_cat(state) if len(state) else torch.empty(0, dtype=torch.int64)
    return joined


def _check_finite(plain: Tensor, mirrored: Tensor, wanted: Tensor) -> None:
    wrong = wanted[~(torch.isfinite(plain).all(1) & torch.isfinite(mirrored).all(1))]
    if len(wrong):
        raise ValueError(
            f"{len(wrong)} images have an embedding that is not finite, the first is image {int(wrong[0])}: "
            "check the weights for NaN, or run the backbone in full precision"
        )
