"""What the order of an epoch depends on, which must be the same again where an epoch is continued."""

import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from marginface.data.requested_images import RequestedImages
from marginface.data.sampler.base import BatchSampler


def order_of(sampler: BatchSampler, dataset: RequestedImages) -> dict[str, Any]:
    """Numbers and words, by name; ``training set`` is a checksum of which images it has with which labels."""
    checksum = 0
    kept = getattr(dataset.source, "kept", np.empty(0))  # what a drop list leaves, which is numbered anew
    for values in (kept, dataset.indices, dataset.labels):
        checksum = zlib.crc32(np.ascontiguousarray(values, dtype=np.int64).data, checksum)
    return {
        "sampler": type(sampler).__name__,
        **sampler.settings(),
        "training images": len(dataset),
        "training set": f"{checksum:08x}",
        "batch_size x processes": sampler.global_batch_size,
    }


def refuse_other_order(before: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Refuse to continue an epoch in another order, or in global batches of another size.

    Lightning counts an epoch's batches, not its images: with a larger global batch it would end the epoch early, with a
    smaller one it would leave out the validation and the learning rate's step at its end.

    Raises:
        ValueError: naming the first difference.
    """
    for name in (*now, *(name for name in before if name not in now)):
        if before.get(name) != now.get(name):
            raise ValueError(
                f"{name}={now.get(name)}, but the checkpoint was taken within an epoch of {name}={before.get(name)}: "
                "resume with that, or from the checkpoint of a finished epoch, where it may change"
            )
