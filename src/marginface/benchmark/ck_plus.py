"""Classification of facial expressions, as in CK+.

Shapes: N images, C classes.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from marginface.benchmark.base import Benchmark
from marginface.data.ck_plus_sequences import EXPRESSIONS, FoldPart, LabelledSequence, check_settings, read_part
from marginface.data.image_set import ImageFiles, ImageSet
from marginface.embedding import Embeddings
from marginface.metric import Interval, groups_bootstrap
from marginface.outcome import Confusion, Outcome, Units


class CKPlus(Benchmark):
    """Seven expressions of the subjects of one fold, decided by the classifier that was trained on the nine others.

    ``accuracy`` is the share of sequences whose peak frame, the one that its label is written for, is recognised;
    ``accuracy@frames`` the share of images among the last frames of all sequences. The confusion matrix counts
    sequences, so that those of the ten folds add up to all of them. Intervals resample subjects.

    Source: Lucey et al., "The Extended Cohn-Kanade Dataset (CK+)", CVPR workshops 2010, for data and labels. The folds
    are made of subjects in ascending order, every tenth one. SphereFace's figure is said to be 93.8 % (unconfirmed;
    its protocol is unknown).

    Args:
        path: Folder with ``cohn-kanade-images`` and ``Emotion``.
        fold: The fold to test on, 0 to 9, to be chosen; the classifier must not have seen it.
        num_frames: Frames of each sequence, counted from its end.
        on_missing: What to do about sequences without their images: ``fail``, or ``exclude`` them.
        num_bootstrap: Number of resamples of an interval.

    Raises:
        ValueError: A setting out of its range, or no fold.
        DataNotFoundError: There is no such folder.
    """

    def __init__(
        self,
        path: Path | str,
        fold: int | None = None,
        num_frames: int = 3,
        on_missing: str = "fail",
        num_bootstrap: int = 1000,
    ) -> None:
        check_settings(path, fold, num_frames, on_missing)
        self.path, self.fold, self.num_frames, self.on_missing = Path(path), fold, num_frames, on_missing
        self.num_bootstrap = num_bootstrap
        self._part: FoldPart | None = None

    @property
    def sequences(self) -> Sequence[LabelledSequence]:
        """Those of the fold, with their images.

        Raises:
            DataError: Labels or images are missing or damaged.
        """
        return self._read().sequences

    @property
    def images(self) -> ImageSet:
        """The last frames of each sequence, sequence by sequence."""
        return ImageFiles(self.path, [name for each in self.sequences for name in each.frames], "CK+")

    def check(self) -> None:
        """Refuse lists that give no outcome."""
        self._read()

    def evaluate(self, embeddings: Embeddings) -> Outcome:
        """Accuracy of sequences and of images, and the confusion matrix of the sequences.

        Raises:
            ValueError: The embeddings come without a classifier, or with one of other classes, or do not fit.
        """
        subject, expression, frame = self._facts()
        predicted = self._classes(embeddings, len(frame))
        right = predicted == expression
        peak = frame == self.num_frames - 1
        parts = {"accuracy": (right[peak], subject[peak]), "accuracy@frames": (right, subject)}
        num_excluded = self._read().num_excluded
        return Outcome(
            figures={name: self._interval(*part) for name, part in parts.items()},
            units={name: Units(value.float().numpy(), group.numpy()) for name, (value, group) in parts.items()},
            confusion=_confusion(expression[peak], predicted[peak]),
            excluded={"sequences with missing images": num_excluded} if num_excluded else {},
        )

    def _read(self) -> FoldPart:
        if self._part is None:
            assert self.fold is not None
            self._part = read_part(
                self.path, self.fold, held_out=True, num_frames=self.num_frames, on_missing=self.on_missing
            )
        return self._part

    def _facts(self) -> tuple[Tensor, Tensor, Tensor]:
        """Subject, expression and number within its sequence of each image, (N,) each."""
        rows = [(each.subject, each.expression, k) for each in self.sequences for k in range(len(each.frames))]
        subject, expression, frame = torch.from_numpy(np.array(rows, dtype=np.int64)).unbind(dim=1)
        return subject, expression, frame

    def _classes(self, embeddings: Embeddings, num_images: int) -> Tensor:
        """The classifier's decisions (N,)."""
        if embeddings.classify is None:
            raise ValueError(
                "ck_plus needs the classifier of a training run, and embeddings alone have none: run it with "
                "python src/train.py experiment=ck_plus data.root=FOLDER data.source.fold=FOLD"
            )
        if len(embeddings) != num_images:
            raise ValueError(f"there are {len(embeddings)} embeddings for {num_images} images: embed images, in order")
        predicted = embeddings.classify(embeddings.plain).cpu()
        foreign = predicted[(predicted < 0) | (predicted >= len(EXPRESSIONS))]
        if len(foreign):
            raise ValueError(
                f"the classifier names a class {int(foreign[0])}, ck_plus has {len(EXPRESSIONS)} expressions: train it "
                "with data=ck_plus"
            )
        return predicted

    def _interval(self, right: Tensor, subject: Tensor) -> Interval:
        return groups_bootstrap(right.float(), subject, over="identities", num_bootstrap=self.num_bootstrap)


def _confusion(true: Tensor, predicted: Tensor) -> Confusion:
    size = len(EXPRESSIONS)
    counts = torch.bincount(true * size + predicted, minlength=size * size).view(size, size)
    return Confusion(EXPRESSIONS, counts.tolist())
