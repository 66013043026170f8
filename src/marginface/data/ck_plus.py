"""Training faces of CK+, labelled by their expression.

Shapes: M images.
"""

import logging
from pathlib import Path

import numpy as np

from marginface.data.ck_plus_sequences import EXPRESSIONS, check_settings, read_part
from marginface.data.errors import DataError
from marginface.data.image_set import ImageFiles
from marginface.data.source import size_of

log = logging.getLogger(__name__)


class CKPlusFaces:
    """Training faces of nine folds: the last frames of each labelled sequence, its expression as the label.

    Args:
        root: Folder with ``cohn-kanade-images`` and ``Emotion``.
        fold: The fold that is not trained on, 0 to 9; to be chosen.
        num_frames: Frames of each sequence, counted from its end.
        image_size: Height, width in pixels that the images have.
        on_missing: What to do about sequences without their images: ``fail``, or ``exclude`` them.

    Attributes:
        labels: Place in :data:`EXPRESSIONS` of each image, (M,) int64.
        num_classes: 7.
        closed_set: The classes are those of the benchmark: none can be held out.
        image_size: As given.

    Raises:
        ValueError: A setting out of its range.
        DataNotFoundError: Folders, labels or images are missing.
        DataError: Damaged labels, malformed names, or an expression that none of the nine folds shows.
    """

    closed_set = True

    def __init__(
        self,
        root: Path | str,
        fold: int | None = None,
        num_frames: int = 3,
        image_size: tuple[int, int] = (112, 112),
        on_missing: str = "fail",
    ) -> None:
        check_settings(root, fold, num_frames, on_missing)
        assert fold is not None
        self.num_classes, self.image_size = len(EXPRESSIONS), size_of(image_size)
        part = read_part(root, fold, held_out=False, num_frames=num_frames, on_missing=on_missing)
        if part.num_excluded:
            log.warning("%d sequences with missing images are not trained on", part.num_excluded)
        self.labels = np.repeat(
            np.array([each.expression for each in part.sequences], dtype=np.int64),
            [len(each.frames) for each in part.sequences],
        )
        absent = sorted(set(range(self.num_classes)) - set(self.labels.tolist()))
        if absent:
            raise DataError(
                f"{root}: the folds other than {fold} show no {', '.join(EXPRESSIONS[i] for i in absent)}, but a "
                "classifier of seven expressions needs all of them: complete the data"
            )
        self._images = ImageFiles(root, [name for each in part.sequences for name in each.frames], "CK+")

    def __len__(self) -> int:
        return len(self.labels)

    def read(self, index: int) -> bytes:
        """Encoded image of sample `index`."""
        return self._images[index]

    def where(self, index: int) -> str:
        """The file of sample `index`."""
        return self._images.where(index)
