"""Refusal of embeddings that do not suit a benchmark, before they are compared."""

from collections.abc import Sequence

import numpy as np

from marginface.embedding import Embeddings

_CHUNK = 4096  # rows that are looked at together


def require_usable(embeddings: Embeddings, name: Sequence[str]) -> None:
    """Refuse embeddings of other images, or such that nothing can be compared with.

    Args:
        embeddings: Of N images.
        name: The images of the benchmark in order, for the message, N of them.

    Raises:
        ValueError: Another number of embeddings, or one that is not finite.
    """
    if len(embeddings) != len(name):
        raise ValueError(
            f"there are {len(embeddings)} embeddings for {len(name)} images: they were made from other lists"
        )
    parts = (embeddings.rows[start : start + _CHUNK] for start in range(0, len(name), _CHUNK))
    finite = np.concatenate([np.isfinite(part).all((1, 2)) for part in parts])
    if not finite.all():
        raise ValueError(
            f"{int((~finite).sum())} of the {len(name)} embeddings are not finite, the first is that of "
            f"{name[int(finite.argmin())]}: check the weights and the file that they come from"
        )
