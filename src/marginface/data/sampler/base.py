"""Which samples make up each training batch of each rank, as a pure function of seed and epoch."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import DistributedSampler

from marginface.data.sampler.permutation import keys_of, permuted

PLACE_BITS = 40  # of a seed: those of an image's place in its epoch
CHUNK = 1024  # images computed together; one batch at a time would take three times as long

Images = Callable[[NDArray[np.int64]], NDArray[np.int64]]


class BatchRequest(NamedTuple):
    """One batch of one rank."""

    indices: np.ndarray  # (N,) int64 positions in the data set
    seed: int  # of the augmentation of the first of them; the image after it has the next one


class BatchSampler(DistributedSampler[BatchRequest]):
    """Yields one :class:`BatchRequest` per step.

    Global batch g is the slice ``[g B R, (g + 1) B R)`` of the epoch's permutation, of which rank r of R takes the r-th
    part of B. So one process with batch R B sees the same images per step as R processes with batch B. An incomplete
    last global batch is left out. Deriving from DistributedSampler tells Lightning that ranks are taken care of.
    Nothing of the order is kept, however long it is. Samplers of another kind override :meth:`images`, and
    :meth:`settings` if they have any; an epoch has the same number of batches with all of them.

    The seed of an image's augmentation is a function of seed, epoch and the image's place in the epoch.

    Args:
        num_samples: M.
        batch_size: B, images per rank and step.
        seed: seed of the permutations.
        rank: r.
        world_size: R.

    Raises:
        ValueError: if the data do not fill a single global batch.
    """

    def __init__(self, num_samples: int, batch_size: int, seed: int = 0, rank: int = 0, world_size: int = 1) -> None:
        if batch_size < 1:
            raise ValueError(f"batch_size={batch_size} is less than 1")
        self.global_batch_size = batch_size * world_size
        self.num_batches = num_samples // self.global_batch_size
        if self.num_batches == 0:
            raise ValueError(
                f"batch_size={batch_size} on {world_size} process(es) needs {self.global_batch_size} training images, "
                f"but there are {num_samples}; choose a smaller batch_size"
            )
        self.total, self.batch_size, self.seed = num_samples, batch_size, seed
        self.rank, self.world_size = rank, world_size
        self.epoch = 0
        self.start = 0  # batches of this epoch to leave out, after a resume in mid-epoch

    def __iter__(self) -> Iterator[BatchRequest]:
        """The requests of the current epoch, from ``start`` on; the next epoch starts at zero again."""
        start, self.start = self.start, 0
        images = self.images(derive_seed(self.seed, self.epoch))
        first_seed = derive_seed(self.seed, self.epoch, 0) << PLACE_BITS
        at_once = max(1, CHUNK // self.batch_size)
        for begin in range(start, self.num_batches, at_once):
            steps = np.arange(begin, min(begin + at_once, self.num_batches))
            places = ((steps * self.world_size + self.rank) * self.batch_size)[:, None] + np.arange(self.batch_size)
            drawn = images(places.ravel()).reshape(places.shape)
            for indices, first in zip(drawn, places[:, 0].tolist(), strict=True):
                yield BatchRequest(indices, first_seed + first)

    def images(self, seed: int) -> Images:
        """Gives the images at any places of an epoch, each computed when it is asked for; the same on all ranks.

        Args:
            seed: of this epoch.

        Returns:
            From (T,) int64 places in [0, num_batches * global_batch_size) to (T,) int64 positions in the data set.
        """
        return partial(permuted, size=self.total, key=keys_of(seed, np.zeros(1, dtype=np.int64)))

    def order(self, seed: int) -> NDArray[np.int64]:
        """All images of an epoch, (num_batches * global_batch_size,).

        Args:
            seed: of this epoch.
        """
        return self.images(seed)(np.arange(self.num_batches * self.global_batch_size))

    def settings(self) -> dict[str, Any]:
        """What the order depends on beside the images, the epoch and the kind of sampler: numbers or words, by name."""
        return {"seed": self.seed}

    def __len__(self) -> int:
        """Batches per epoch, whatever ``start`` is."""
        return self.num_batches

    def set_epoch(self, epoch: int) -> None:
        """Choose the permutation."""
        self.epoch = epoch


def derive_seed(*words: int) -> int:
    """One well-mixed 32-bit seed from several non-negative numbers."""
    return int(np.random.SeedSequence(words).generate_state(1)[0])
