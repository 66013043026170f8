"""A training set without the images of a drop list; its files stay as they are.

Shapes: M images that are kept.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from marginface.data.drop_list import DropList, labels_digest, read_drop_list
from marginface.data.errors import DataError
from marginface.data.read_ahead import ReadsAhead
from marginface.data.shared_arrays import SharesArrays
from marginface.data.source import FaceSource
from marginface.data.split import relabel


class KeptFaces(SharesArrays):
    """The faces of a source that a drop list leaves.

    Args:
        source: All faces.
        drop_list: The list, or its path as :func:`~marginface.data.drop_list.read_drop_list` takes it.

    Attributes:
        kept: Number of each kept image in the source, rising, (M,) int64.
        labels: Class index of each, renumbered without gaps in the order of the source's labels, (M,) int64.
        num_classes: Classes that still have an image.
        image_size: As of the source.
        kept_classes: Label in the source of each class, (num_classes,) int64.
        classes: Name of each class, or None where the source has no names.
        closed_set: As of the source.
        weights: Of the sets that the source is mixed from, or None.
        parts: With weights, the set that each kept image belongs to, (M,) int64; else None.
        num_dropped_images: Images left out.
        num_dropped_classes: Classes of the source with images of which none is left.

    Raises:
        DataError: The list was made for another set, names an image that is not there, leaves none, or takes a class of
            a closed set.
    """

    def __init__(self, source: FaceSource, drop_list: DropList | Path | str) -> None:
        drop = drop_list if isinstance(drop_list, DropList) else read_drop_list(drop_list)
        name = "the drop list" if isinstance(drop_list, DropList) else f"drop list {drop_list}"
        _check(source, drop, name)
        keep = np.ones(len(source), np.bool_)
        keep[drop.index] = False
        self._source = source
        self.kept: NDArray[np.int64] = np.flatnonzero(keep)
        left = source.labels[self.kept]
        self.labels, self.num_classes = relabel(left)
        self.kept_classes: NDArray[np.int64] = np.unique(left)
        self.image_size = source.image_size
        self.num_dropped_images = len(source) - len(self.kept)
        self.num_dropped_classes = len(np.unique(source.labels)) - self.num_classes
        self.closed_set = bool(getattr(source, "closed_set", False))
        if self.closed_set and self.num_dropped_classes:
            raise DataError(f"{name} takes {self.num_dropped_classes} classes that the benchmark of this set asks for")
        names = getattr(source, "classes", None)
        self.classes = None if names is None else [names[label] for label in self.kept_classes]
        self.weights = getattr(source, "weights", None)
        self.parts = None if self.weights is None else source.parts[self.kept]  # type: ignore[attr-defined]

    def __len__(self) -> int:
        return len(self.kept)

    def read(self, index: int) -> bytes:
        """Encoded image of sample `index`."""
        return self._source.read(int(self.kept[index]))

    def where(self, index: int) -> str:
        """Where the source has sample `index`."""
        return self._source.where(int(self.kept[index]))

    def read_ahead(self, indices: NDArray[np.int64]) -> None:
        """Have the system load samples (K,) that will be read soon, where the source can."""
        if isinstance(self._source, ReadsAhead):
            self._source.read_ahead(self.kept[indices])


def _check(source: FaceSource, drop: DropList, name: str) -> None:
    if drop.made_for and drop.made_for != labels_digest(source.labels):
        raise DataError(f"{name} was made for a set with other labels: audit this set of {len(source)} images")
    if len(drop.index) and not 0 <= drop.index[0] <= drop.index[-1] < len(source):
        raise DataError(
            f"{name} names image {drop.index[0] if drop.index[0] < 0 else drop.index[-1]}, but the set has images 0 to "
            f"{len(source) - 1}: it was made for another set"
        )
    if len(drop.index) == len(source):
        raise DataError(f"{name} leaves none of the {len(source)} images: apply it for fewer reasons")
