"""Asking the system for stretches of a file before they are read.

Shapes: K images, S spans.
"""

from collections.abc import Iterable, Iterator
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

# Linux cuts each request to what the disk takes at once, which its default readahead is never above.
_REQUEST = 128 << 10
# A gap of this many bytes is read over: passing it takes a disk longer than reading it.
_GAP = 128 << 10


@runtime_checkable
class ReadsAhead(Protocol):
    """A source whose images lie together in few files."""

    def read_ahead(self, indices: NDArray[np.int64]) -> None:
        """Have the system load images, without waiting for them.

        Args:
            indices: (K,) samples that will be read soon, in any order.
        """


def joined(starts: NDArray[np.int64], ends: NDArray[np.int64]) -> NDArray[np.int64]:
    """Byte spans that cover others, near ones in one.

    Args:
        starts: (K,) first byte of each.
        ends: (K,) byte after each.

    Returns:
        (S, 2) int64, start and end, rising.
    """
    if not len(starts):
        return np.empty((0, 2), dtype=np.int64)
    order = np.argsort(starts, kind="stable")
    starts, ends = starts[order], np.maximum.accumulate(ends[order])
    breaks = np.flatnonzero(starts[1:] > ends[:-1] + _GAP)
    firsts, lasts = np.r_[0, breaks + 1], np.r_[breaks, len(starts) - 1]
    return np.stack([starts[firsts], ends[lasts]], axis=1)


def requests(spans: NDArray[np.int64], granularity: int = 1) -> Iterator[tuple[int, int]]:
    """Start and length of the requests that spans take.

    Args:
        spans: (S, 2) as of :func:`joined`.
        granularity: Each start is a multiple of it.
    """
    for start, end in spans.tolist():
        for begin in range(start - start % granularity, end, _REQUEST):
            yield begin, min(_REQUEST, end - begin)


def read_ahead(source: object, indices: NDArray[np.int64], spans: Iterable[tuple[int, int]]) -> None:
    """Have the system load stretches of a training set, where the source can.

    Args:
        source: of the images.
        indices: (M,) the samples of the source that are used.
        spans: first position in `indices`, position after the last, of each stretch.
    """
    if isinstance(source, ReadsAhead):
        for first, end in spans:
            source.read_ahead(indices[first:end])
