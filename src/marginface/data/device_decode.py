"""JPEGs that are decoded on the training device, by nvJPEG on a GPU; the workers only read.

For machines whose CPU cores cannot keep up. nvJPEG's pixels are not those of the CPU's decoders (on a GPU bench/data.py
prints by how much), so a model should not be trained by one and judged by the other without a look at its figures.

Shapes: N images, H x W pixels, T bytes of a batch.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torchvision.io import ImageReadMode, decode_jpeg

from marginface.data.dataset import check_size
from marginface.data.decode import is_cut_short, is_upright_jpeg
from marginface.data.errors import ImageDecodeError
from marginface.data.requested_images import Batch, RequestedImages
from marginface.data.sampler.base import BatchRequest
from marginface.data.source import FaceSource
from marginface.data.stated_size import stated_size

_REMEDY = "set data.decode_on_device=false, which reads all formats"


class EncodedFaces(RequestedImages):
    """Training images as they are stored, batch by batch.

    The flip is drawn here and done on the device. Of a JPEG that was cut short, with ``on_error=skip``, no byte reaches
    the decoder.

    Raises:
        ValueError: if the transform does more than flip.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if not self.augmentation.only_flips:
            raise ValueError(
                "decode_on_device=true leaves no pixels for the workers to augment, but transform does more than flip: "
                "choose augment=flip or augment=none, or decode_on_device=false"
            )

    def __getitem__(self, request: BatchRequest) -> Batch:
        """Read a batch.

        Returns:
            ``encoded`` (T,) uint8, the images one after another; ``length`` (N,) int64 of each in bytes; ``index`` (N,)
            int64 in the source; ``flipped`` (N,) bool; ``label`` (N,) int64.

        Raises:
            ImageDecodeError: if an image is no whole JPEG, or bears EXIF data, which may turn it.
            ValueError: if its header states another size.
        """
        index = self.samples(request)
        images = [self._read(i) for i in index.tolist()]
        return {
            "encoded": torch.frombuffer(bytearray().join(images), dtype=torch.uint8),
            "length": torch.tensor([len(image) for image in images]),
            "index": torch.from_numpy(index.astype(np.int64)),
            "flipped": torch.from_numpy(self.augmentation.flips(len(index), request.seed)),
            "label": torch.from_numpy(self.labels[request.indices].astype(np.int64)),
        }

    def _read(self, index: int) -> bytes:
        encoded = self.source.read(index)
        if not is_upright_jpeg(encoded):  # nvJPEG knows no other format, and leaves a turned image as it lies
            raise ImageDecodeError(f"{self.source.where(index)}: is no JPEG, or has EXIF data: {_REMEDY}")
        if not is_cut_short(encoded):
            check_size(stated_size(encoded) or self.image_size, self.image_size, self.source.where(index))
            return encoded
        if self.on_error == "skip":
            return b""
        raise ImageDecodeError(
            f"{self.source.where(index)}: cannot decode the image ({len(encoded)} bytes): it is a JPEG that was cut "
            "short. Copy the data again or leave it out."
        )


class DeviceDecoder:
    """Makes pixels of the batches of `EncodedFaces`.

    Args:
        source: of the images, for messages.
        on_error: ``fail`` at an undecodable image, or ``skip`` it.
    """

    def __init__(self, source: FaceSource, on_error: str = "fail") -> None:
        self.source, self.on_error = source, on_error

    def __call__(self, batch: Batch, device: torch.device) -> Batch:
        """Decode and flip.

        Args:
            batch: of `EncodedFaces`, on the CPU.
            device: where to.

        Returns:
            As `FaceDataset` makes it, on the device: ``image`` (N, 3, H, W) uint8, ``label`` (N,), ``skipped`` ().

        Raises:
            ImageDecodeError: if an image cannot be decoded and ``on_error`` is ``fail``, or none of the batch can.
        """
        found = self._decode(torch.split(batch["encoded"], batch["length"].tolist()), batch["index"], device)
        kept = torch.tensor([image is not None for image in found])
        images = [image for image in found if image is not None]
        if not images:
            raise ImageDecodeError(f"none of the {len(kept)} images of a batch can be decoded on {device}")
        pixels, flipped = torch.stack(images), batch["flipped"][kept].to(device)
        return {
            "image": torch.where(flipped[:, None, None, None], pixels.flip(3), pixels),
            "label": batch["label"][kept].to(device),
            "skipped": (~kept).sum().to(device),
        }

    def _decode(self, parts: tuple[Tensor, ...], index: Tensor, device: torch.device) -> list[Tensor | None]:
        try:
            return list(decode_jpeg(list(parts), ImageReadMode.RGB, device=device))
        except RuntimeError:  # it does not say which image it was
            return [self._alone(part, i, device) for part, i in zip(parts, index.tolist(), strict=True)]

    def _alone(self, part: Tensor, index: int, device: torch.device) -> Tensor | None:
        try:
            image: Tensor = decode_jpeg([part], ImageReadMode.RGB, device=device)[0]
        except RuntimeError as error:
            if self.on_error == "skip":
                return None
            raise ImageDecodeError(
                f"{self.source.where(index)}: cannot decode the image on {device}, {str(error).splitlines()[0]}: leave "
                f"it out, or {_REMEDY}"
            ) from error
        return image
