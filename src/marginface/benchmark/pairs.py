"""Verification of image pairs, as in LFW, CFP-FP, AgeDB-30, CALFW and CPLFW."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torchmetrics import Metric

from marginface.benchmark.base import Benchmark
from marginface.data.errors import DataNotFoundError
from marginface.data.image_set import ImageSet, as_image_set
from marginface.data.pairs import FacePairs, read_pairs
from marginface.embedding import Embeddings
from marginface.metric.protocol import PROTOCOLS, flip_sum_cosine
from marginface.metric.verification import PairVerification
from marginface.outcome import Outcome
from marginface.outcome.pairs import pair_outcome


class PairBenchmark(Benchmark):
    """A pair list with the protocols to judge it by; a ``.bin`` file is read when it is first needed.

    Args:
        path: A ``.bin`` file of image pairs.
        pairs: Pairs in memory, instead of ``path``.
        num_folds: Number of contiguous folds that the list was made with (LFW: 10).
        protocols: Names in :data:`marginface.metric.protocol.PROTOCOLS`.
        fars: False accept rates as fractions to report the true accept rate at.
        num_bootstrap: Number of resamples of an interval.

    Raises:
        ValueError: Both or neither of ``path`` and ``pairs``.
        DataNotFoundError: There is no file at ``path``.
    """

    def __init__(
        self,
        path: Path | str | None = None,
        pairs: FacePairs | None = None,
        num_folds: int = 10,
        protocols: Sequence[str] = ("sphereface", "insightface", "strict"),
        fars: Sequence[float] = (1e-1, 1e-2, 1e-3, 1e-4),
        num_bootstrap: int = 1000,
    ) -> None:
        if (path is None) == (pairs is None):
            raise ValueError(f"give either path or pairs, got path={path} and pairs={pairs and type(pairs).__name__}")
        self.path = None if path is None else Path(path)
        if self.path is not None:
            self.require(self.path)
        self.num_folds = num_folds
        self.protocols = tuple(protocols)
        self.fars = tuple(fars)
        self.num_bootstrap = num_bootstrap
        self._pairs = pairs

    def require(self, path: Path) -> None:
        """Refuse a path that nothing can be read from.

        Raises:
            DataNotFoundError: There is no such file.
        """
        if not path.is_file():
            raise DataNotFoundError(f"path={path} is no file: point it to a .bin file of image pairs")

    @property
    def pairs(self) -> FacePairs:
        """The pair list.

        Raises:
            PairsError: The file is not a pair list.
        """
        if self._pairs is None:
            self._pairs = self.read()
        return self._pairs

    def read(self) -> FacePairs:
        """The pair list from ``path``; a benchmark with lists of its own reads them here.

        Raises:
            PairsError: The file is not a pair list.
        """
        assert self.path is not None
        return read_pairs(self.path)

    @property
    def images(self) -> ImageSet:
        """Distinct images; an image's place here is its index."""
        return as_image_set(self.pairs.images, "the pairs" if self.path is None else self.path.name)

    @property
    def excluded(self) -> Mapping[str, int]:
        """What was left out of the pair list, by reason."""
        return {}

    def check(self) -> None:
        """Refuse settings that do not suit the pairs.

        Raises:
            ValueError: Fewer pairs than folds, pairs of one class only, or an unknown protocol.
        """
        self.metric()

    def evaluate(self, embeddings: Embeddings) -> Outcome:
        """Accuracies under the named protocols; AUC, EER and TAR of the flip-sum cosine."""
        self.check()
        first, second, same = (
            torch.from_numpy(part) for part in (self.pairs.first, self.pairs.second, self.pairs.same)
        )
        images = (embeddings.plain, embeddings.flipped, first, second)
        score = flip_sum_cosine(*images)
        return pair_outcome(
            score,
            same,
            {name: PROTOCOLS[name](*images, same, self.num_folds, score=score) for name in self.protocols},
            first=first,
            second=second,
            fars=self.fars,
            num_bootstrap=self.num_bootstrap,
            excluded=self.excluded,
        )

    def metric(self) -> Metric:
        """A fresh metric of these pairs.

        Raises:
            ValueError: The pairs do not suit the settings (fewer pairs than folds, pairs of one class only).
        """
        return PairVerification(
            self.pairs.first,
            self.pairs.second,
            self.pairs.same,
            num_folds=self.num_folds,
            protocols=self.protocols,
            fars=self.fars,
            num_bootstrap=self.num_bootstrap,
        )
