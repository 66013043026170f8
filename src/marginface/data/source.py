"""What training asks of a set of labelled faces.

Shapes: M samples of a source.
"""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


def size_of(image_size: Sequence[int]) -> tuple[int, int]:
    """Height and width as the sources keep them.

    Raises:
        ValueError: `image_size` is not two positive whole numbers.
    """
    if (
        not isinstance(image_size, Sequence)
        or len(image_size) != 2
        or any(type(n) is not int or n < 1 for n in image_size)
    ):
        raise ValueError(f"image_size={image_size!r} must be height and width in pixels, such as [112, 112]")
    return image_size[0], image_size[1]


class FaceSource(Protocol):
    """Encoded face images with their labels, readable by index and picklable into workers (fork or spawn).

    One whose images lie together in few files may also be a :class:`~marginface.data.read_ahead.ReadsAhead`.
    """

    @property
    def labels(self) -> NDArray[np.int64]:
        """Class index of each sample, (M,) int64 in [0, num_classes)."""

    @property
    def num_classes(self) -> int:
        """Number of identities."""

    @property
    def image_size(self) -> tuple[int, int]:
        """(height, width) of every image."""

    def __len__(self) -> int:
        """Number of samples M."""

    def read(self, index: int) -> bytes:
        """Encoded image (JPEG, PNG, ...) of sample `index`."""

    def where(self, index: int) -> str:
        """Where sample `index` lies, in words for error messages (file and key)."""
