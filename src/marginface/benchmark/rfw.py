"""RFW: the accuracy for people of four groups, and how far the groups are apart.

Shapes: P pairs.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from marginface.benchmark.base import Benchmark
from marginface.benchmark.listed_pairs import MISSING
from marginface.benchmark.usable import require_usable
from marginface.data.errors import PairsError
from marginface.data.image_set import ImageSet, as_image_set
from marginface.data.pair_lists import check_on_missing
from marginface.data.pair_lists.rfw_groups import (
    ORIGIN,
    GroupedPairs,
    group_bin,
    group_list,
    read_group_bins,
    read_group_lists,
)
from marginface.embedding import Embeddings
from marginface.metric import PROTOCOLS, FoldAccuracy, Interval, PairVerification, roc
from marginface.metric.protocol import flip_sum_cosine
from marginface.outcome import Outcome
from marginface.outcome.group_spread import mean_units, merged, spread_over_groups
from marginface.outcome.pairs import hardest_pairs, pair_outcome, recommended_thresholds

GROUPS = ("African", "Asian", "Caucasian", "Indian")


class RFW(Benchmark):
    """Racial Faces in the Wild, for each of four groups 10 folds of 300 + 300 pairs.

    ``path`` is a folder with ``African_test.bin``, ``Asian_test.bin``, ``Caucasian_test.bin`` and
    ``Indian_test.bin``; or, without any of these, the folder ``test`` of the archive of images:
    ``txts/<Group>/<Group>_pairs.txt`` and the aligned images ``<images>/<Group>/<id>/<id>_0001.jpg``.

    Each group has its own figures, ``african/accuracy@strict`` and so on, at thresholds of its own. ``mean/``, ``std/``
    (standard deviation over the groups, their number in its denominator) and ``gap/`` (highest less lowest) are taken
    over the groups' accuracies. Their intervals come from resampling the pairs of each fold of each group, as those of
    the accuracies do. Resampled groups are further apart than the groups are, hence these intervals of ``std/`` and
    ``gap/`` lean upwards, and that of groups without any difference does not reach down to 0.

    Args:
        path: The folder.
        groups: Names of the groups, as in the names of files and folders.
        images: Folder of the images, below ``path`` or absolute; ``.bin`` files have no use for it.
        on_missing: ``fail``, or ``exclude``, which leaves out the pairs with a missing image.
        num_folds: Number of folds of each group.
        protocols: Names in :data:`marginface.metric.PROTOCOLS`.
        fars: False accept rates as fractions to report the true accept rate at.
        num_bootstrap: Number of resamples of an interval.

    Raises:
        DataNotFoundError: There is no such folder.
        ValueError: Fewer than two groups, one that is named twice, or ``on_missing`` is unknown.

    Source: Wang et al., "Racial Faces in the Wild: Reducing Racial Bias by Information Maximization Adaptation
    Network", ICCV 2019.
    """

    def __init__(
        self,
        path: Path | str,
        groups: Sequence[str] = GROUPS,
        images: str = "data",
        on_missing: str = "fail",
        num_folds: int = 10,
        protocols: Sequence[str] = ("sphereface", "insightface", "strict"),
        fars: Sequence[float] = (1e-1, 1e-2, 1e-3, 1e-4),
        num_bootstrap: int = 1000,
    ) -> None:
        check_on_missing(on_missing)
        self.path, self.groups = Path(path), tuple(groups)
        if len(self.groups) < 2 or len(set(self.groups)) < len(self.groups):
            raise ValueError(f"groups={list(groups)}: name two at least, each once")
        if not self.path.is_dir():
            raise ORIGIN.absent(self.path, f"path={path} is no folder")
        self.num_folds, self.protocols, self.fars = num_folds, tuple(protocols), tuple(fars)
        self.num_bootstrap = num_bootstrap
        self._images, self._on_missing = images, on_missing
        self._read: GroupedPairs | None = None

    @property
    def grouped(self) -> GroupedPairs:
        """The pairs of all groups.

        Raises:
            DataNotFoundError: Lists, files or images are missing.
            PairsError: A list or a file is damaged.
        """
        if self._read is None:
            packed = any(group_bin(self.path, group).exists() for group in self.groups)
            where: Callable[[Path, str], Path] = group_bin if packed else group_list
            absent = [part for group in self.groups if not (part := where(self.path, group)).is_file()]
            if absent:
                raise ORIGIN.absent(self.path, f"{len(absent)} files are missing, the first is {absent[0]}")
            self._read = (
                read_group_bins(self.path, self.groups, self.num_folds)
                if packed
                else read_group_lists(self.path, self.groups, self._images, self._on_missing, self.num_folds)
            )
        return self._read

    @property
    def images(self) -> ImageSet:
        """Distinct images of all groups."""
        return as_image_set(self.grouped.pairs.images, "RFW")

    def check(self) -> None:
        """Refuse settings that do not suit the pairs, and folds that nothing is left of.

        Raises:
            PairsError: All pairs of a fold are left out.
            ValueError: Pairs of one class only, an unknown protocol, or a setting out of range.
        """
        pairs = self.grouped.pairs
        for number, name in enumerate(self.groups):
            own = self.grouped.group == number
            empty = np.flatnonzero(np.bincount(self.grouped.fold[own], minlength=self.num_folds) == 0) + 1
            if len(empty):
                raise PairsError(
                    f"{self.path}: {name} has no pair left in the folds {empty.tolist()}: supply the images"
                )
            PairVerification(
                pairs.first[own],
                pairs.second[own],
                pairs.same[own],
                num_folds=self.num_folds,
                protocols=self.protocols,
                fars=self.fars,
                num_bootstrap=self.num_bootstrap,
            )

    def evaluate(self, embeddings: Embeddings) -> Outcome:
        """Figures of each group, and mean, standard deviation and gap over the groups' accuracies."""
        self.check()
        require_usable(embeddings, [self.images.where(i) for i in range(len(self.images))])
        pairs = self.grouped.pairs
        first, second, same = (torch.from_numpy(part) for part in (pairs.first, pairs.second, pairs.same))
        score = flip_sum_cosine(embeddings.plain, embeddings.flipped, first, second)
        accuracy = [self._accuracy(embeddings, score, number) for number in range(len(self.groups))]
        parts = [self._of_group(number, score, same, own) for number, own in enumerate(accuracy)]
        missing = {f"{self.groups[i].lower()} {MISSING}": count for i, count in self.grouped.num_missing.items()}
        return Outcome(
            figures=self._over_groups(accuracy) | merged([part.figures for part in parts]),
            units=mean_units(accuracy) | merged([part.units for part in parts]),
            roc=merged([part.roc for part in parts]),
            histogram=merged([part.histogram for part in parts]),
            thresholds=recommended_thresholds(roc(score, same)),
            hardest=hardest_pairs(score, same, first, second),
            unsupported=merged([part.unsupported for part in parts]),
            excluded=missing,
        )

    def _accuracy(self, embeddings: Embeddings, score: Tensor, number: int) -> dict[str, FoldAccuracy]:
        own = self.grouped.group == number
        pairs = self.grouped.pairs
        parts = (torch.from_numpy(p[own]) for p in (pairs.first, pairs.second, pairs.same, self.grouped.fold))
        images = (embeddings.plain, embeddings.flipped, *parts)
        return {name: PROTOCOLS[name](*images, score=score[torch.from_numpy(own)]) for name in self.protocols}

    def _of_group(self, number: int, score: Tensor, same: Tensor, accuracy: Mapping[str, FoldAccuracy]) -> Outcome:
        own = torch.from_numpy(self.grouped.group == number)
        return pair_outcome(
            score[own],
            same[own],
            accuracy,
            fars=self.fars,
            num_bootstrap=self.num_bootstrap,
            series=self.groups[number].lower(),
        )

    def _over_groups(self, accuracy: Sequence[Mapping[str, FoldAccuracy]]) -> dict[str, Interval]:
        figures: dict[str, Interval] = {}
        for protocol in self.protocols:
            spread = spread_over_groups([of_group[protocol] for of_group in accuracy], self.num_bootstrap)
            figures |= {f"{name}/accuracy@{protocol}": figure for name, figure in spread.items()}
        return figures
