"""Refusal of embeddings that do not suit a benchmark, before they are compared."""

from collections.abc import Sequence

from marginface.embedding import Embeddings, not_finite


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
    wrong = not_finite(embeddings.rows)
    if len(wrong):
        raise ValueError(
            f"{len(wrong)} of the {len(name)} embeddings are not finite, the first is that of "
            f"{name[int(wrong[0])]}: check the weights and the file that they come from"
        )
