"""Verification of image pairs that come with lists of their own, beside aligned images.

Shapes: P pairs.
"""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torchmetrics import Metric

from marginface.benchmark.base import Benchmark
from marginface.benchmark.pairs import PairBenchmark
from marginface.data.errors import PairsError
from marginface.data.pair_lists import ListedPair, Origin, check_on_missing, find_images
from marginface.data.pairs import FacePairs
from marginface.embedding import Embeddings
from marginface.metric import PROTOCOLS
from marginface.metric.protocol import flip_sum_cosine, fold_of_pair
from marginface.outcome import Outcome
from marginface.outcome.pairs import pair_outcome

MISSING = "pairs with a missing image"


class ListedPairs(PairBenchmark):
    """A published pair list, read from an insightface ``.bin`` or from a folder with the original lists.

    Images in the folder are aligned already, and have the names that the lists know them by. Every pair stays in the
    fold that the list puts it in, whatever is left out.

    Args:
        path: The ``.bin`` file, or the folder.
        images: Folder of the images, below ``path`` or absolute; None for the usual one. A ``.bin`` has no use for it.
        on_missing: What a missing image does: ``fail``, or ``exclude``, which leaves out the pairs that name it.
        num_folds: Number of folds that the list was made with.
        protocols: Names in :data:`marginface.metric.PROTOCOLS`.
        fars: False accept rates as fractions to report the true accept rate at.
        num_bootstrap: Number of resamples of an interval.

    Raises:
        DataNotFoundError: There is nothing at ``path``.
        ValueError: ``on_missing`` is unknown.
    """

    origin: ClassVar[Origin]
    folder: ClassVar[str] = "."  # of the images, where none is given
    path: Path

    def __init__(
        self,
        path: Path | str,
        images: str | None = None,
        on_missing: str = "fail",
        num_folds: int = 10,
        protocols: Sequence[str] = ("sphereface", "insightface", "strict"),
        fars: Sequence[float] = (1e-1, 1e-2, 1e-3, 1e-4),
        num_bootstrap: int = 1000,
    ) -> None:
        check_on_missing(on_missing)
        super().__init__(path, None, num_folds, protocols, fars, num_bootstrap)
        self._images, self._on_missing = self.folder if images is None else images, on_missing
        self._fold: NDArray[np.int64] | None = None
        self._place: NDArray[np.int64] | None = None
        self._excluded: dict[str, int] = {}

    def require(self, path: Path) -> None:
        """Refuse a path that is neither a file nor a folder.

        Raises:
            DataNotFoundError: It says where the data come from.
        """
        if not path.exists():
            raise self.origin.absent(path, f"path={path} is neither a .bin file nor a folder")

    @abstractmethod
    def lists(self) -> Sequence[Path]:
        """Files and folders that the original lists are in."""

    @abstractmethod
    def listed(self) -> list[ListedPair]:
        """All pairs of the original lists, fold by fold.

        Raises:
            DataError: The lists are missing or damaged.
        """

    def read(self) -> FacePairs:
        """The pairs from ``path``, without those that are left out.

        Raises:
            DataNotFoundError: Lists or images are missing.
            PairsError: The file or the lists are damaged.
            ValueError: The lists have other folds than ``num_folds``.
        """
        if self.path.is_file():
            return super().read()
        absent = next((part for part in self.lists() if not part.exists()), None)
        if absent is not None:
            raise self.origin.absent(self.path, f"{absent} is missing")
        listed = self.listed()
        num_folds = listed[-1].fold + 1
        if num_folds != self.num_folds:
            raise ValueError(
                f"num_folds={self.num_folds}, but the lists in {self.path} have {num_folds}: set it to that"
            )
        found = find_images(listed, self.path / self._images, self.origin, self._on_missing)
        self._fold, self._place = found.fold, found.place
        if len(found.place) < len(listed):
            self._excluded[MISSING] = len(listed) - len(found.place)
        return found.pairs

    def leave_out(self, pairs: FacePairs, place: NDArray[np.int64], reason: str) -> FacePairs:
        """The pairs without some of them, which are counted among the excluded.

        Args:
            pairs: What :meth:`read` has found.
            place: Places in the list of those to leave out, from 0; those that are left out already do not count.
            reason: Why.
        """
        own_place = np.arange(len(pairs)) if self._place is None else self._place
        fold = fold_of_pair(len(pairs), self.num_folds).numpy() if self._fold is None else self._fold
        keep = ~np.isin(own_place, place)
        self._fold, self._place = fold[keep], own_place[keep]
        self._excluded[reason] = int((~keep).sum())
        return FacePairs(pairs.images, pairs.first[keep], pairs.second[keep], pairs.same[keep])

    @property
    def excluded(self) -> Mapping[str, int]:
        """What was left out of the pair list, by reason."""
        assert self.pairs is not None  # reading them finds out
        return self._excluded

    @property
    def fold(self) -> NDArray[np.int64]:
        """Fold of each pair, from 0, (P,) int64.

        Raises:
            ValueError: Fewer pairs than folds.
        """
        num_pairs = len(self.pairs)
        return fold_of_pair(num_pairs, self.num_folds).numpy() if self._fold is None else self._fold

    def check(self) -> None:
        """Refuse settings that do not suit the pairs, and folds that nothing is left of.

        Raises:
            PairsError: All pairs of a fold are left out.
            ValueError: Fewer pairs than folds, pairs of one class only, or an unknown protocol.
        """
        super().metric()
        empty = np.flatnonzero(np.bincount(self.fold, minlength=self.num_folds) == 0) + 1
        if len(empty):
            raise PairsError(
                f"{self.path}: no pair is left in the folds {empty.tolist()} of {self.num_folds} "
                f"({', '.join(f'{count} {reason}' for reason, count in self.excluded.items())}): supply the images"
            )

    def evaluate(self, embeddings: Embeddings) -> Outcome:
        """Accuracies under the named protocols; AUC, EER and TAR of the flip-sum cosine."""
        self.check()
        first, second, same, fold = (
            torch.from_numpy(part) for part in (self.pairs.first, self.pairs.second, self.pairs.same, self.fold)
        )
        images = (embeddings.plain, embeddings.flipped, first, second)
        score = flip_sum_cosine(*images)
        return pair_outcome(
            score,
            same,
            {name: PROTOCOLS[name](*images, same, fold, score=score) for name in self.protocols},
            first=first,
            second=second,
            place=None if self._place is None else torch.from_numpy(self._place),
            fars=self.fars,
            num_bootstrap=self.num_bootstrap,
            excluded=self.excluded,
        )

    def metric(self) -> Metric:
        """A fresh metric of these pairs; of uneven folds PairVerification knows nothing."""
        self.check()
        even = self._fold is None or np.array_equal(self._fold, fold_of_pair(len(self.pairs), self.num_folds))
        return super().metric() if even else Benchmark.metric(self)
