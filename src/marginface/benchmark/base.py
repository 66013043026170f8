"""What every benchmark offers to whoever runs it."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from torchmetrics import Metric


@runtime_checkable
class Benchmark(Protocol):
    """Images to embed, and the metric that takes their embeddings.

    A runner decodes each image once, embeds it plain and mirrored, passes ``(index, embedding, flipped)`` to the
    metric's ``update``, and logs the ``dict[str, Interval]`` that ``compute`` returns. Any object with these two
    members will do; it is pickled where workers are spawned.
    """

    @property
    def images(self) -> Sequence[bytes]:
        """Distinct encoded images; an image's place here is its index."""
        ...

    def metric(self) -> Metric:
        """A fresh metric: ``update(index (N,) int64, embedding (N, D), flipped (N, D))``, ``compute() -> dict``."""
        ...
