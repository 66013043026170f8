"""The contract of a backbone: an aligned face in, an embedding out.

Shapes: N batch, H height, W width (pixels), D embedding.
"""

import inspect
from abc import ABC, abstractmethod
from collections.abc import Sequence

from torch import Tensor, nn

Primitive = bool | int | float | str | list[int] | None


class Backbone(nn.Module, ABC):
    """Network from a normalised RGB face to an embedding.

    A subclass keeps every argument of its constructor as an attribute of the same name: ``describe`` reads them there.

    Args:
        embedding_dim: D, the width of the embedding.
        image_size: (height, width) of the only images that it takes, in pixels.

    Raises:
        ValueError: a size that is not positive, or ``image_size`` that is not a pair.
    """

    def __init__(self, embedding_dim: int, image_size: Sequence[int]) -> None:
        super().__init__()
        if embedding_dim < 1:
            raise ValueError(f"embedding_dim={embedding_dim} must be at least 1; 512 and 128 are the usual widths")
        if len(image_size) != 2 or min(image_size) < 1:
            raise ValueError(f"image_size={image_size} must be (height, width) in pixels, such as (112, 96)")
        self.embedding_dim = embedding_dim
        self.image_size: tuple[int, int] = (int(image_size[0]), int(image_size[1]))

    @abstractmethod
    def embed(self, image: Tensor) -> Tensor:
        """Map images of the right size to embeddings.

        Args:
            image: (N, 3, H, W) normalised images, already checked.

        Returns:
            (N, D) embeddings, not normalised.
        """

    def forward(self, image: Tensor) -> Tensor:
        """Map images to embeddings.

        Args:
            image: (N, 3, H, W) float, normalised RGB.

        Returns:
            (N, D) embeddings, not normalised.

        Raises:
            ValueError: images of another shape or of an integer type.
        """
        name = type(self).__name__
        if image.ndim != 4 or tuple(image.shape[1:]) != (3, *self.image_size):
            height, width = self.image_size
            raise ValueError(
                f"{name} expects images of shape (N, 3, {height}, {width}), got {tuple(image.shape)}; "
                "give the backbone and the preprocessing the same image_size=(height, width)"
            )
        if not image.is_floating_point():
            raise ValueError(f"{name} expects normalised float images, got {image.dtype}; run the preprocessing first")
        return self.embed(image)

    @staticmethod
    def translate(state: dict[str, Tensor]) -> dict[str, Tensor]:
        """Rename the tensors of a known public layout of weights; any other layout passes unchanged.

        Args:
            state: tensors by their public names.

        Returns:
            The tensors by the names of this class.
        """
        return state

    def describe(self) -> dict[str, Primitive]:
        """Name the network, so that a checkpoint can say (and compare) what its weights belong to.

        Returns:
            ``class`` (dotted path) followed by the constructor's arguments; tuples become lists, as JSON has them.

        Raises:
            ValueError: a constructor's argument that the instance did not keep.
        """
        cls = type(self)
        described: dict[str, Primitive] = {"class": f"{cls.__module__}.{cls.__qualname__}"}
        for argument in list(inspect.signature(cls).parameters):
            if not hasattr(self, argument):
                raise ValueError(
                    f"{cls.__qualname__} did not keep its argument {argument!r}; "
                    f"set self.{argument} in its constructor, or override describe()"
                )
            value = getattr(self, argument)
            described[argument] = list(value) if isinstance(value, tuple | list) else value
        return described
