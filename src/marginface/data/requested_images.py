"""Base of the data sets whose items are whole batches, named by a request of the sampler."""

import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from marginface.data.augment.augmentation import Augmentation
from marginface.data.augment.transform import Transform
from marginface.data.batch_memory import SharedBuffers
from marginface.data.read_ahead import read_ahead
from marginface.data.sampler.base import BatchRequest
from marginface.data.sampler.sequential import BlockRequest
from marginface.data.shared_arrays import SharesArrays
from marginface.data.source import FaceSource

Batch = dict[str, Tensor]


class RequestedImages(SharesArrays, Dataset[Batch]):
    """Training images of a source.

    Args:
        source: where the encoded images are.
        indices: (M,) the samples of the source that are used.
        labels: (M,) their labels in [0, C).
        image_size: (height, width) that every image must have.
        transform: augmentation of single uint8 images, or None.
        on_error: ``fail`` at an undecodable image, or ``skip`` it; the batch then says how many it left out.

    Attributes:
        buffers: Memory for the batches, in the workers of a `FaceLoader`, which copies them out; None for new memory.
    """

    def __init__(
        self,
        source: FaceSource,
        indices: np.ndarray,
        labels: np.ndarray,
        image_size: tuple[int, int],
        transform: Transform | None = None,
        on_error: str = "fail",
    ) -> None:
        self.source, self.indices, self.labels = source, indices, labels
        height, width = image_size
        self.image_size, self.transform, self.on_error = (height, width), transform, on_error
        self.augmentation = Augmentation(transform)
        self.buffers: SharedBuffers | None = None

    def __len__(self) -> int:
        """Number of images."""
        return len(self.indices)

    def samples(self, request: BatchRequest) -> NDArray[np.int64]:
        """The samples of the source that a request is for, (N,); those that it announces are read ahead."""
        if isinstance(request, BlockRequest):
            read_ahead(self.source, self.indices, request.ahead)
        chosen: NDArray[np.int64] = self.indices[request.indices]
        return chosen
