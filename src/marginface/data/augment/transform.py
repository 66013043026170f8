"""What augments one image."""

from typing import Any, Protocol

import numpy as np


class Transform(Protocol):
    """What an ``albumentations.Compose`` offers: a uint8 (H, W, 3) image in, one out, with its own seed."""

    def __call__(self, *, image: np.ndarray) -> dict[str, Any]:
        """Augment one image."""

    def set_random_seed(self, seed: int | None) -> None:
        """Make the following calls reproducible."""
