"""From a requested batch to augmented uint8 tensors."""

from collections.abc import Sequence

import numpy as np
import torch
from torch.utils.data import Dataset

from marginface.data.batch_memory import private
from marginface.data.decode import decode
from marginface.data.errors import ImageDecodeError
from marginface.data.image_set import as_image_set
from marginface.data.requested_images import Batch, RequestedImages
from marginface.data.sampler.base import BatchRequest


class FaceDataset(RequestedImages):
    """Training images, decoded and augmented batch by batch."""

    def __getitem__(self, request: BatchRequest) -> Batch:
        """Decode and augment a batch.

        Returns:
            ``image`` (N, 3, H, W) uint8, channels last in memory, as decoders write; ``label`` (N,) int64;
            ``skipped`` () int64.

        Raises:
            ImageDecodeError: if an image cannot be decoded and ``on_error`` is ``fail``, or none of the batch can.
        """
        shape = (len(request.indices), *self.image_size, 3)
        batch = private(shape) if self.buffers is None else self.buffers.take(shape)
        pixels = batch.numpy()
        kept, filled = np.zeros(len(pixels), dtype=bool), 0
        for place, index in enumerate(self.samples(request).tolist()):
            kept[place] = loaded = self._load(index, pixels[filled])
            filled += loaded
        if not filled:
            raise ImageDecodeError(f"none of the {len(kept)} images of a batch can be decoded")
        # When all are decoded: in turn, both would be slower.
        self.augmentation(pixels[:filled], request.seed, np.flatnonzero(kept).tolist())
        return {
            "image": batch[:filled].permute(0, 3, 1, 2),
            "label": torch.from_numpy(self.labels[request.indices[kept]].astype(np.int64)),
            "skipped": torch.tensor(len(kept) - filled),
        }

    def _load(self, index: int, place: np.ndarray) -> bool:
        """Decode a sample to its place in the batch; False if it is skipped."""
        try:
            image = decode(self.source.read(index), lambda: self.source.where(index), place)
        except ImageDecodeError:
            if self.on_error == "skip":
                return False
            raise
        if image is not place:
            if image.shape != place.shape:
                check_size(image.shape[:2], self.image_size, self.source.where(index))
            np.copyto(place, image)
        return True


class ImageDataset(Dataset[Batch]):
    """Images in a fixed order, for evaluation.

    Args:
        images: encoded images.
        image_size: (height, width) that every image must have.
        name: of the benchmark, for messages.
        chosen: (M,) numbers of the images to load; None for all.
    """

    def __init__(
        self,
        images: Sequence[bytes],
        image_size: tuple[int, int],
        name: str,
        chosen: np.ndarray | None = None,
    ) -> None:
        self.images, self.image_size = as_image_set(images, name), image_size
        self.chosen = np.arange(len(images)) if chosen is None else chosen

    def __len__(self) -> int:
        """Number of images."""
        return len(self.chosen)

    def __getitem__(self, place: int) -> Batch:
        """``image`` (3, H, W) uint8 and its ``index``."""
        index = int(self.chosen[place])
        image = self.images.load(index)
        check_size(image.shape[:2], self.image_size, self.images.where(index))
        return {"image": torch.from_numpy(image).permute(2, 0, 1).contiguous(), "index": torch.tensor(index)}


def check_size(size: tuple[int, ...], image_size: tuple[int, int], where: str) -> None:
    """Refuse an image of another (height, width).

    Raises:
        ValueError: naming the image, its size and the expected one.
    """
    if size != tuple(image_size):
        raise ValueError(
            f"{where} has size {size} (height, width); expected {tuple(image_size)}: align the faces to that size, or "
            "set the size that they have"
        )
