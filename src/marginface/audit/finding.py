"""What an audit would leave out, and why."""

from collections.abc import Mapping
from dataclasses import dataclass

REASONS: Mapping[str, str] = {
    "damaged": "no intact image of the set's size",
    "exact_duplicate": "the same bytes as another image",
    "near_duplicate": "the same picture as another image, by their embeddings",
    "label_noise": "far from the centre of its class, or nearer to another class",
    "benchmark_overlap": "its class shows a person of a benchmark, by embeddings",
    "benchmark_name": "its class has the name of a person of a benchmark",
}


@dataclass(frozen=True)
class Finding:
    """An image to leave out, for one reason.

    Args:
        index: Number of the image in the source.
        label: Its class there.
        reason: A key of :data:`REASONS`.
        score: The cosine it was judged by; NaN where there is none.
        other: Number of the training image that it was compared with, -1 where there is none.
        why: The same in words.
    """

    index: int
    label: int
    reason: str
    score: float
    other: int
    why: str
