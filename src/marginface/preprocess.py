"""From a uint8 RGB face to the network's input, as a part of the model.

Shapes: N batch, H x W network input, D embedding.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

_FLIPS = ("concat", "sum", "none")


class Preprocess(nn.Module):
    """Crops, orders channels, normalises, and says how an image's and its mirror image's embeddings are merged.

    The settings are saved in the model's state_dict; loading a checkpoint that was trained with other settings fails
    instead of scoring a few tenths of a point less.

    Source: SphereFace's pixels are (v - 127.5) / 128 and its feature is the concatenation of both orientations
    (CVPR 2017, section 4.1).

    Args:
        image_size: (height, width) of the network's input.
        source_size: (height, width) of the aligned faces; a larger source is cropped around its centre.
        channel_order: ``RGB`` or ``BGR`` (Caffe models); images arrive as RGB.
        mean: subtracted from each pixel, in [0, 255]; one number, or one per channel in ``channel_order``.
        std: divides each pixel afterwards.
        flip: ``concat`` or ``sum`` of the embeddings of the image and its mirror image, or ``none``.

    Raises:
        ValueError: if an argument is out of its range.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        image_size: Sequence[int] = (112, 96),
        source_size: Sequence[int] = (112, 112),
        channel_order: str = "RGB",
        mean: float | Sequence[float] = 127.5,
        std: float | Sequence[float] = 128.0,
        flip: str = "concat",
    ) -> None:
        super().__init__()
        if channel_order not in ("RGB", "BGR"):
            raise ValueError(f"Preprocess channel_order={channel_order!r} is unknown; choose 'RGB' or 'BGR'")
        if flip not in _FLIPS:
            raise ValueError(f"Preprocess flip={flip!r} is unknown; choose one of {', '.join(map(repr, _FLIPS))}")
        self.image_size, self.source_size = _size("image_size", image_size), _size("source_size", source_size)
        if any(inner > outer for inner, outer in zip(self.image_size, self.source_size, strict=True)):
            raise ValueError(
                f"Preprocess image_size={self.image_size} is larger than source_size={self.source_size}; "
                "it crops and never enlarges: align the faces to a larger size or choose a smaller input"
            )
        self.channel_order, self.flip = channel_order, flip
        self.register_buffer("mean", _per_channel("mean", mean), persistent=False)
        self.register_buffer("std", _per_channel("std", std), persistent=False)
        if (self.std <= 0).any():
            raise ValueError(f"Preprocess std={std} must be positive")

    def forward(self, image: Tensor) -> Tensor:
        """Normalise a batch on the device where it is.

        Args:
            image: (N, 3, *source_size) uint8, RGB.

        Returns:
            (N, 3, *image_size) float32.

        Raises:
            ValueError: if the batch has another dtype or size.
        """
        if image.dtype != torch.uint8 or image.ndim != 4 or image.shape[1] != 3:
            raise ValueError(
                f"image has dtype {image.dtype} and shape {tuple(image.shape)}; expected uint8 (N, 3, H, W)"
            )
        if tuple(image.shape[2:]) != self.source_size:
            raise ValueError(
                f"image has size {tuple(image.shape[2:])}; this model expects aligned faces of {self.source_size}: "
                "align them to that size, or train with preprocess.source_size of yours"
            )
        (height, width), (tall, wide) = self.image_size, self.source_size
        top, left = (tall - height) // 2, (wide - width) // 2
        image = image[:, :, top : top + height, left : left + width]
        if self.channel_order == "BGR":
            image = image.flip(1)
        return (image.float() - self.mean) / self.std

    def merge(self, embedding: Tensor, flipped: Tensor) -> Tensor:
        """Merge the embeddings of images and of their mirror images.

        Args:
            embedding: (N, D).
            flipped: (N, D).

        Returns:
            (N, 2 D) for ``concat``, (N, D) otherwise.
        """
        if self.flip == "concat":
            return torch.cat([embedding, flipped], dim=1)
        return embedding + flipped if self.flip == "sum" else embedding

    def settings(self) -> dict[str, Any]:
        """The settings as plain values, as saved in a checkpoint."""
        return {
            "image_size": list(self.image_size),
            "source_size": list(self.source_size),
            "channel_order": self.channel_order,
            "mean": self.mean.flatten().tolist(),
            "std": self.std.flatten().tolist(),
            "flip": self.flip,
        }

    def get_extra_state(self) -> dict[str, Any]:
        """Saved in the state_dict by torch."""
        return self.settings()

    def set_extra_state(self, state: dict[str, Any]) -> None:
        """Compare with the settings of a checkpoint.

        Raises:
            ValueError: naming every setting that differs.
        """
        ours = self.settings()
        differs = [f"{k}: checkpoint {state.get(k)!r}, here {ours[k]!r}" for k in ours if state.get(k) != ours[k]]
        if differs:
            raise ValueError(
                f"the checkpoint was trained with another preprocess ({'; '.join(differs)}); "
                "use the checkpoint's settings (preprocess.<name>=...)"
            )


def _size(name: str, size: Sequence[int]) -> tuple[int, int]:
    if len(size) != 2 or min(size) < 1:
        raise ValueError(f"Preprocess {name}={size} is not (height, width) of positive integers")
    return int(size[0]), int(size[1])


def _per_channel(name: str, value: float | Sequence[float]) -> Tensor:
    values = [float(v) for v in value] if isinstance(value, Sequence) else [float(value)] * 3
    if len(values) != 3:
        raise ValueError(f"Preprocess {name}={value} must be one number or three")
    return torch.tensor(values).reshape(1, 3, 1, 1)
