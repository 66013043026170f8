"""What training asks of a set of labelled faces.

Shapes: M samples of a source.
"""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from marginface.data.split import relabel


class FaceSource(Protocol):
    """Encoded face images with their labels, readable by index and picklable into workers (fork or spawn)."""

    @property
    def labels(self) -> NDArray[np.int64]:
        """Class index of each sample, (M,) int64 in [0, num_classes)."""

    @property
    def num_classes(self) -> int:
        """Number of identities."""

    def __len__(self) -> int:
        """Number of samples M."""

    def read(self, index: int) -> bytes:
        """Encoded image (JPEG, PNG, ...) of sample `index`."""

    def where(self, index: int) -> str:
        """Where sample `index` lies, in words for error messages (file and key)."""


class Subset:
    """Some samples of a source, with labels renumbered to be contiguous.

    Args:
        source: The samples to choose from; shared, not copied.
        indices: Chosen samples, (K,) integers in [0, len(source)): sample i of the subset is their i-th.

    Attributes:
        labels: (K,) int64 in [0, num_classes), in the order of the source's labels.
        num_classes: Number of distinct identities that were chosen.

    Raises:
        ValueError: An index is outside the source.
    """

    def __init__(self, source: FaceSource, indices: NDArray[np.int64]) -> None:
        self.source = source
        self.indices = np.asarray(indices, dtype=np.int64)
        outside = (self.indices < 0) | (self.indices >= len(source))
        if outside.any():
            raise ValueError(
                f"indices holds {self.indices[outside][0]}, but the source has {len(source)} samples: "
                f"pass indices in [0, {len(source)})."
            )
        self.labels, self.num_classes = relabel(source.labels[self.indices])

    def __len__(self) -> int:
        return len(self.indices)

    def read(self, index: int) -> bytes:
        """Encoded image of sample `index` of the subset."""
        return self.source.read(int(self.indices[index]))

    def where(self, index: int) -> str:
        """Where sample `index` of the subset lies, in words."""
        return self.source.where(int(self.indices[index]))
