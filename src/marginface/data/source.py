"""What training asks of a set of labelled faces.

Shapes: M samples of a source.
"""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class FaceSource(Protocol):
    """Encoded face images with their labels, readable by index and picklable into workers (fork or spawn)."""

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
