"""A DataLoader whose position within the epoch is part of a checkpoint."""

from collections.abc import Iterator
from typing import Any

from torch.utils.data import DataLoader

from marginface.data.dataset import FaceDataset
from marginface.data.sampler import BatchSampler


class FaceLoader(DataLoader[Any]):
    """Loads whole batches; Lightning finds ``state_dict`` and saves the position with the model.

    Args:
        dataset: decodes and augments a requested batch.
        sampler: decides on the batches.
        **options: further arguments of ``torch.utils.data.DataLoader``.
    """

    def __init__(self, dataset: FaceDataset, sampler: BatchSampler, **options: Any) -> None:
        super().__init__(dataset, sampler=sampler, batch_size=None, **options)
        self.batches = sampler
        self.done = 0  # batches of the epoch that were handed out

    def __iter__(self) -> Iterator[Any]:  # type: ignore[override]
        """Hand out the batches of the current epoch that are still due."""
        self.done = self.batches.start
        for batch in super().__iter__():
            self.done += 1
            yield batch

    def state_dict(self) -> dict[str, int]:
        """Epoch, and number of its images that were handed out over all processes."""
        return {"epoch": self.batches.epoch, "images": self.done * self.batches.global_batch_size}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Continue where the state was taken; a finished epoch continues with the next one.

        The order of an epoch does not depend on the number of processes, so that the remaining images are the same
        on another number of them, up to the images of one global batch.
        """
        done = state["images"] // self.batches.global_batch_size
        finished = done >= len(self.batches)
        self.batches.set_epoch(state["epoch"] + finished)
        self.batches.start = self.done = 0 if finished else done
