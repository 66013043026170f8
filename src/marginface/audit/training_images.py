"""The images of a training set, to be embedded as a benchmark's are.

Shapes: N images of the source, M intact ones.
"""

import hashlib

import numpy as np
from numpy.typing import NDArray

from marginface.audit.scan import ImageScan
from marginface.benchmark import Benchmark
from marginface.data.image_set import ImageSet, SourceImages
from marginface.data.source import FaceSource
from marginface.embedding import Embeddings
from marginface.outcome import Outcome


class ScannedImages(SourceImages):
    """Some images of a source whose digests are known.

    Args:
        source: The training set.
        index: Numbers of the images, (M,) int64.
        digest: SHA-256 of each image of the source, (N, 32) uint8.
    """

    def __init__(self, source: FaceSource, index: NDArray[np.int64], digest: NDArray[np.uint8]) -> None:
        super().__init__(source, index, "the training set")
        self._fingerprint = hashlib.sha256(digest[index].tobytes()).hexdigest()

    def fingerprint(self) -> str:
        """From the images' digests: nothing is read again."""
        return self._fingerprint


class TrainingImages(Benchmark):
    """The intact images of a training set; what runs benchmarks embeds them, caches and resumes included.

    Args:
        source: The training set.
        scan: Of its images.

    Attributes:
        index: Numbers of the intact images in the source, (M,) int64.
        labels: Class of each, (M,) int64.

    Raises:
        ValueError: No image is intact.
    """

    def __init__(self, source: FaceSource, scan: ImageScan) -> None:
        self.index: NDArray[np.int64] = np.flatnonzero(scan.intact)
        if not len(self.index):
            raise ValueError(
                f"none of the {len(source)} images, such as {source.where(0)}, is an intact image of "
                f"{source.image_size[0]} x {source.image_size[1]} pixels: check the data, or the image_size stated"
            )
        self.labels: NDArray[np.int64] = source.labels[self.index]
        self._images = ScannedImages(source, self.index, scan.digest)

    @property
    def images(self) -> ImageSet:
        """The intact images."""
        return self._images

    def evaluate(self, embeddings: Embeddings) -> Outcome:
        """No figures: a training set is audited, not measured."""
        return Outcome(figures={})
