"""Seeds of a transform for each run of images, so that an image is augmented alike whatever batch it is in."""

import random
from typing import Any

import numpy as np

from marginface.data.augment.transform import Transform

RUN = 16  # images that share a seed: to seed takes 9 us, an image's decode 65


class RunSeed:
    """Seeds a transform at the beginning of every run.

    The transforms of a chain of albumentations get two generators in common. Its own ``set_random_seed`` gives each of
    them a pair with the same seed, so that their draws agree: with ``HorizontalFlip(p=0.5)`` and ``Downscale(p=0.2)``
    the first image after it is never made coarse unless it is flipped. It also takes 50 us for each transform.

    Args:
        transform: what is seeded; what has no ``set_random_state`` of albumentations gets a 32-bit seed.

    Attributes:
        draw: A random number in [0, 1) of the generator in common.
    """

    def __init__(self, transform: Transform) -> None:
        self._transform: Any = transform
        self._python, self._numpy = random.Random(), np.random.Generator(np.random.PCG64())
        self._in_common = hasattr(transform, "set_random_state")
        self._run: int | None = None
        self.draw = self._python.random

    def begin(self) -> None:
        """Before the images of a batch."""
        self._run = None
        if self._in_common:  # again, as somebody else may have seeded the transform
            self._transform.set_random_state(self._numpy, self._python)

    def reach(self, first: int, place: int) -> None:
        """Before an image.

        Args:
            first: seed of the first image of its batch, a number of any size.
            place: of the image in the batch; its seed is the sum.
        """
        run = (first + place) // RUN
        if run == self._run:
            return
        self._run, seed = run, max(run * RUN, first)
        if self._in_common:
            self._python.seed(seed)
            state = {"state": self._python.getrandbits(128), "inc": 1}
            self._numpy.bit_generator.state = {"bit_generator": "PCG64", "state": state, "has_uint32": 0, "uinteger": 0}
        else:
            self._transform.set_random_seed(int(np.random.SeedSequence(seed).generate_state(1)[0]))
