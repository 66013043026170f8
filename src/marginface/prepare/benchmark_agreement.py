"""Comparison of the alignment of benchmarks with that of a training set, by their data cards."""

import logging
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from marginface.data.errors import DataError
from marginface.prepare.card import Card, find_card, read_card
from marginface.prepare.verification import pairs_card_path

log = logging.getLogger(__name__)

_SAME_POINT = 0.5  # pixels


def check_benchmarks(card: Card | None, paths: Mapping[str, Path | None]) -> None:
    """Compare the alignment of a training set with that of the benchmarks, as far as their cards tell.

    Another size or template is refused: the network would be shown faces where it never saw any. Another convention
    only changes the scale of some faces and is warned of.

    Args:
        card: Of the training set; None where it has none.
        paths: Folder or `.bin` file of each benchmark, by its name.

    Raises:
        DataError: Faces of a benchmark have another size or template; its card is damaged or unfinished.
    """
    if card is None:
        return
    for name, path in paths.items():
        if path is not None and (other := _card_of_benchmark(path)) is not None:
            _compare_alignment(card, other, f"benchmark {name}: by its card, faces at {path}")


def _compare_alignment(card: Card, other: Card, faces: str) -> None:
    for what in ("image_size", "template"):
        here, there = getattr(card, what), getattr(other, what)
        if here is not None and there is not None and _apart(here, there):
            raise DataError(
                f"{faces} were aligned to the {what} {there}, those of the training set to {here}: align them alike, "
                "or delete the card if it is wrong"
            )
    if card.convention and other.convention and card.convention != other.convention:
        log.warning(
            "%s were aligned by %s, those of the training set by %s: noisy landmarks give faces of another scale",
            *(faces, other.convention, card.convention),
        )


def _card_of_benchmark(path: Path) -> Card | None:
    if path.is_dir():
        return find_card(path)
    beside = pairs_card_path(path)
    return read_card(beside) if beside.is_file() else None


def _apart(here: ArrayLike, there: ArrayLike) -> bool:
    """Whether a number is another one; points that differ less move faces less than the noise of any landmarks."""
    return np.shape(here) != np.shape(there) or not np.allclose(here, there, rtol=0, atol=_SAME_POINT)
