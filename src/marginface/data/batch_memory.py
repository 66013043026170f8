"""Memory for the images of a batch, in a worker and in the training process.

New shared memory costs a page fault every 4 KB: 29 us an image of 112 x 112 where its decoding takes 65.
So a worker fills the same few shared buffers in turn, and the training process copies each batch out (1 us an image).

Shapes: N images, H x W pixels.
"""

import math

import numpy as np
import torch
from torch import Tensor


class SharedBuffers:
    """A worker's buffers, taken in turn.

    Args:
        count: how many. A buffer comes again after ``count`` batches, so this is more than the batches of one worker
            that the training process may have asked for and not yet copied.
    """

    def __init__(self, count: int) -> None:
        self.count, self.taken = count, 0
        self.storages: list[torch.UntypedStorage] = []

    def take(self, shape: tuple[int, ...]) -> Tensor:
        """A uint8 tensor whose memory other processes can map; it holds an earlier batch's values."""
        size, place = math.prod(shape), self.taken % self.count
        self.taken += 1
        if place == len(self.storages):
            self.storages.append(_shared(size))
        elif self.storages[place].nbytes() < size:
            self.storages[place] = _shared(size)
        buffer = torch.empty(0, dtype=torch.uint8).set_(self.storages[place])
        return buffer[:size].view(shape)


def _shared(size: int) -> torch.UntypedStorage:
    storage: torch.UntypedStorage = torch.UntypedStorage._new_shared(size, device="cpu")  # type: ignore[no-untyped-call]
    return storage


def private(shape: tuple[int, ...]) -> Tensor:
    """An uninitialised uint8 tensor of this process alone."""
    return torch.from_numpy(np.empty(shape, dtype=np.uint8))  # NumPy asks for huge pages: fewer faults than torch's


def copied(image: Tensor) -> Tensor:
    """A copy of a batch (N, 3, H, W) uint8, channels last in memory as the batch is."""
    copy = private((len(image), *image.shape[2:], 3)).permute(0, 3, 1, 2)
    return copy.copy_(image)
