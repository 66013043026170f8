"""YouTube Faces: verification of pairs of videos.

Shapes: N frames, V videos, P pairs, F folds, D embedding.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from marginface.benchmark.base import Benchmark
from marginface.benchmark.usable import require_usable
from marginface.data.benchmark_files.ytf import SELECTIONS, VideoPairs, in_time, read_splits, select_frames
from marginface.data.errors import DataNotFoundError, PairsError
from marginface.data.found import found
from marginface.data.image_names import image_names
from marginface.data.image_set import ImageFiles
from marginface.embedding import Embeddings
from marginface.metric import PairVerification
from marginface.metric.protocol import cross_validate, first_best_exact_cut
from marginface.outcome import Outcome
from marginface.outcome.joined import joined
from marginface.outcome.pairs import pair_outcome


def mean_feature(embeddings: Embeddings, starts: Sequence[int], first: Tensor, second: Tensor) -> Tensor:
    """Cosine of the mean features of two videos, (P,) float64.

    The features are averaged as the network gives them, not normalised, so that a frame's norm is its weight.

    Args:
        embeddings: Of all frames, the frames of a video in a row.
        starts: First frame of each video, and the number of frames, (V + 1,).
        first: Video on one side of each pair, (P,) int64.
        second: The same for the other side.

    Source: Deng et al., "ArcFace", CVPR 2019 (the videos' mean features are compared).
    """
    mean = torch.stack([embeddings.merged(slice(*ends)).double().mean(0) for ends in pairwise(starts)])
    return functional.cosine_similarity(mean[first], mean[second])


def mean_score(embeddings: Embeddings, starts: Sequence[int], first: Tensor, second: Tensor) -> Tensor:
    """Mean of the cosines of all frames of one video with all frames of the other, (P,) float64.

    That is the inner product of the videos' mean unit features, hence no cosine of two frames is computed. NormFace
    also centres the features first, which is left out here. Arguments as for :func:`mean_feature`.

    Source: Wang et al., "NormFace", ACM MM 2017.
    """
    mean = torch.stack(
        [functional.normalize(embeddings.merged(slice(*ends)).double(), dim=1).mean(0) for ends in pairwise(starts)]
    )
    return (mean[first] * mean[second]).sum(1)


POOLINGS: Mapping[str, Callable[[Embeddings, Sequence[int], Tensor, Tensor], Tensor]] = {
    "mean_feature": mean_feature,
    "mean_score": mean_score,
}


class YTF(Benchmark):
    """Pairs of videos, judged in the folds of their list by exact thresholds; every frame is embedded once.

    Layout: ``<path>/splits.txt`` and ``<path>/aligned_images_DB/<person>/<video>/*.jpg``, faces aligned and cropped to
    the size that the model takes (the frames as published are larger: align them first). Figures: for each pooling p
    ``accuracy@p``, ``p/auc``, ``p/eer``, ``p/tar@far=...``.

    Args:
        path: Folder of the data.
        splits: The list, below ``path``: ``splits.txt`` or ``splits_corrected.txt``.
        frames: Folder of the people's folders, below ``path``.
        num_frames: Frames of a video to use; None for all. FaceNet takes the first 100.
        selection: Which ones: ``first``, or ``even`` for evenly spaced ones.
        poolings: From frames to the score of a pair: ``mean_feature``, ``mean_score``. Thresholds and hard pairs are
            those of the first.
        fars: False accept rates as fractions to report the true accept rate at.
        num_bootstrap: Number of resamples of an interval.
        on_missing: ``fail`` or ``exclude`` where a video has no frames; pairs left out are counted.

    Raises:
        ValueError: An unknown word, no pooling, or ``num_frames`` below 1.
        DataNotFoundError: There is no such folder.
    """

    def __init__(
        self,
        path: Path | str,
        splits: str = "splits.txt",
        frames: str = "aligned_images_DB",
        num_frames: int | None = None,
        selection: str = "first",
        poolings: Sequence[str] = ("mean_feature", "mean_score"),
        fars: Sequence[float] = (1e-1, 1e-2, 1e-3),
        num_bootstrap: int = 1000,
        on_missing: str = "fail",
    ) -> None:
        for name, value, known in (("selection", selection, SELECTIONS), ("on_missing", on_missing, _ON_MISSING)):
            if value not in known:
                raise ValueError(f"{name}={value!r} is unknown: choose one of {', '.join(known)}")
        if not poolings or not set(poolings) <= set(POOLINGS):
            raise ValueError(f"poolings={list(poolings)}: choose from {', '.join(POOLINGS)}, at least one")
        if num_frames is not None and num_frames < 1:
            raise ValueError(f"num_frames={num_frames} must be at least 1, or null for all frames")
        self.path, self.splits, self.frames = Path(path), splits, frames
        if not self.path.is_dir():
            raise DataNotFoundError(f"path={path} is no folder: {_EXPECTED}")
        self.num_frames, self.selection, self.on_missing = num_frames, selection, on_missing
        self.poolings, self.fars, self.num_bootstrap = tuple(poolings), tuple(fars), num_bootstrap

    @cached_property
    def images(self) -> ImageFiles:
        """The frames, those of a video in a row and in the order of time."""
        names = [f"{video}/{name}" for video in self.pairs.videos for name in self._frames[video]]
        return ImageFiles(self.path / self.frames, names, "YouTube Faces")

    @cached_property
    def pairs(self) -> VideoPairs:
        """The pairs whose videos both have frames.

        Raises:
            DataNotFoundError: No list, or videos without frames, unless ``on_missing`` is ``exclude``.
            PairsError: The list is damaged.
        """
        pairs = self._listed
        empty = np.array([not self._frames[video] for video in pairs.videos])
        kept = ~(empty[pairs.first] | empty[pairs.second])
        if empty.any() and (self.on_missing == "fail" or not kept.any()):
            raise DataNotFoundError(
                f"{int(empty.sum())} of the {len(empty)} videos of {self.path / self.splits} have no frames below "
                f"{self.path / self.frames}, the first is {pairs.videos[int(empty.argmax())]}, and "
                f"{found(self.path / self.frames)}: {_EXPECTED}; or leave their pairs out with on_missing=exclude"
            )
        return pairs.only(kept)

    @property
    def excluded(self) -> Mapping[str, int]:
        """What was left out of the list, by reason."""
        num_missing = len(self._listed.same) - len(self.pairs.same)
        return {"pairs with a missing video": num_missing} if num_missing else {}

    def check(self) -> None:
        """Refuse settings that do not suit the pairs.

        Raises:
            PairsError: All pairs of a fold are left out.
            ValueError: One fold only, pairs of one class only, or a setting out of range.
        """
        num_pairs = np.bincount(self.pairs.fold, minlength=self.num_folds)
        if not num_pairs.all():
            raise PairsError(
                f"{self.path / self.splits}: no pair is left in split {int(num_pairs.argmin()) + 1} of "
                f"{self.num_folds}, {self.excluded}: supply the frames"
            )
        PairVerification(
            self.pairs.first,
            self.pairs.second,
            self.pairs.same,
            num_folds=self.num_folds,
            protocols=(),
            fars=self.fars,
            num_bootstrap=self.num_bootstrap,
        )

    def evaluate(self, embeddings: Embeddings) -> Outcome:
        """Accuracy, AUC, EER and TAR of every pooling."""
        self.check()
        require_usable(embeddings, self.images.names)
        first, *others = (self._outcome(name, embeddings) for name in self.poolings)
        return joined([first, *(replace(other, thresholds=(), hardest=()) for other in others)])

    @property
    def num_folds(self) -> int:
        """Splits of the list."""
        return int(self._listed.fold.max()) + 1

    @cached_property
    def starts(self) -> list[int]:
        """First frame of each video among :attr:`images`, and the number of frames, (V + 1,)."""
        return [0, *np.cumsum([len(self._frames[video]) for video in self.pairs.videos]).tolist()]

    def _outcome(self, pooling: str, embeddings: Embeddings) -> Outcome:
        first, second, same, fold = (torch.from_numpy(part) for part in self.pairs[1:])
        score = POOLINGS[pooling](embeddings, self.starts, first, second)
        right = cross_validate(score.expand(self.num_folds, -1), same, fold, first_best_exact_cut)
        middle = torch.tensor([(start + stop) // 2 for start, stop in pairwise(self.starts)])
        outcome = pair_outcome(
            score,
            same,
            {pooling: right},
            first=middle[first],
            second=middle[second],
            fars=self.fars,
            num_bootstrap=self.num_bootstrap,
            series=pooling,
            excluded=self.excluded,
        )
        figures, units = dict(outcome.figures), dict(outcome.units)
        name = f"accuracy@{pooling}"  # says itself which series it is of
        figures = {name: figures.pop(f"{pooling}/{name}"), **figures}
        units = {name: units.pop(f"{pooling}/{name}"), **units}
        return replace(outcome, figures=figures, units=units)

    @cached_property
    def _listed(self) -> VideoPairs:
        return read_splits(self.path / self.splits)

    @cached_property
    def _frames(self) -> dict[str, list[str]]:
        """Frames of each video that are used."""
        root = self.path / self.frames
        return {
            video: select_frames(in_time(image_names(root / video)), self.num_frames, self.selection)
            for video in self._listed.videos
        }


_ON_MISSING = ("fail", "exclude")
_EXPECTED = (
    "ask for YouTube Faces at www.cs.tau.ac.il/~wolf/ytfaces, align its frames to the model's size, and put them into "
    "<path>/aligned_images_DB/<person>/<video>/*.jpg beside <path>/splits.txt"
)
