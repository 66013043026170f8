"""A DataLoader whose position within the epoch is part of a checkpoint."""

from collections import deque
from collections.abc import Callable, Iterator
from functools import cached_property, partial
from typing import Any

import cv2
from torch import Tensor
from torch.utils.data import DataLoader, get_worker_info

from marginface.data.batch_memory import SharedBuffers, copied
from marginface.data.epoch_order import order_of, refuse_other_order
from marginface.data.requested_images import RequestedImages
from marginface.data.sampler.base import BatchSampler


class FaceLoader(DataLoader[Any]):
    """Loads whole batches; Lightning finds ``state_dict`` and saves the position with the model.

    A worker that dies (killed for memory, say) ends the epoch with a RuntimeError: torch's, which names the process, or
    ours when a batch of it was on its way.

    Args:
        dataset: decodes and augments a requested batch, or reads it.
        sampler: decides on the batches.
        **options: further arguments of ``torch.utils.data.DataLoader``.
    """

    def __init__(self, dataset: RequestedImages, sampler: BatchSampler, **options: Any) -> None:
        if not options.get("in_order", True):
            raise ValueError("in_order=False would make a resumed epoch differ; leave it at True")
        super().__init__(dataset, sampler=sampler, batch_size=None, **options)
        # A worker has `prefetch_factor` batches under way; one more is being copied here, one is spare.
        num_buffers = (self.prefetch_factor or 0) + 2
        self.worker_init_fn = partial(_start_worker, num_buffers, self.worker_init_fn)
        self._mapped: deque[Tensor] = deque(maxlen=max(1, self.num_workers * num_buffers))
        self.batches = sampler
        self.done = 0  # batches of the epoch that were handed out

    def __iter__(self) -> Iterator[Any]:  # type: ignore[override]
        """Hand out the batches of the current epoch that are still due.

        Raises:
            RuntimeError: if a worker died.
        """
        self.done = self.batches.start
        try:
            for batch in super().__iter__():
                self.done += 1
                if "image" in batch and batch["image"].is_shared():  # pinned ones are copies already
                    self._mapped.append(batch["image"])  # stays mapped for the next batch in that buffer
                    batch["image"] = copied(batch["image"])
                yield batch
        except (ConnectionError, EOFError) as error:  # the memory of a batch is fetched from its worker
            raise RuntimeError(
                "a worker of the data loader died with a batch on its way: look in the system's log for a process "
                "killed for want of memory; fewer num_workers or a smaller batch_size need less"
            ) from error

    def state_dict(self) -> dict[str, Any]:
        """Epoch, number of its images that were handed out over all processes, and what their order depends on."""
        return {
            "epoch": self.batches.epoch,
            "images": self.done * self.batches.global_batch_size,
            "finished": self.done >= len(self.batches),
            "order": self.order,
        }

    @cached_property
    def order(self) -> dict[str, Any]:
        """What the order of an epoch depends on."""
        return order_of(self.batches, self.dataset)  # type: ignore[arg-type]

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue where the state was taken; a finished epoch continues with the next one.

        The order of an epoch does not depend on the number of processes, so that the remaining images are the same
        on another number of them.

        Raises:
            ValueError: if the epoch was begun in another order, or with another global batch size.
        """
        if state["images"] and not state["finished"]:
            refuse_other_order(state["order"], self.order)
        self.batches.set_epoch(state["epoch"] + state["finished"])
        done = state["images"] // self.batches.global_batch_size
        self.batches.start = self.done = 0 if state["finished"] else done


def _start_worker(num_buffers: int, then: Callable[[int], None] | None, worker: int) -> None:
    cv2.setNumThreads(0)  # workers share the cores already; OpenCV would start a thread per core in each of them
    info: Any = get_worker_info()
    info.dataset.buffers = SharedBuffers(num_buffers)
    if then is not None:
        then(worker)
