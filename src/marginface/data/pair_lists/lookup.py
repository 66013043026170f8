"""Listed pairs whose images have been looked up."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from marginface.data.found import is_there
from marginface.data.image_set import ImageFiles
from marginface.data.pair_lists.listed import ListedPair
from marginface.data.pair_lists.origin import Origin
from marginface.data.pairs import FacePairs

ON_MISSING = ("fail", "exclude")


class FoundPairs(NamedTuple):
    """Pairs with all their images.

    Args:
        pairs: P of them.
        fold: Fold of each, from 0, (P,) int64.
        place: Place of each in the list, from 0, (P,) int64.
    """

    pairs: FacePairs
    fold: NDArray[np.int64]
    place: NDArray[np.int64]


def find_images(listed: Sequence[ListedPair], root: Path, origin: Origin, on_missing: str = "fail") -> FoundPairs:
    """Look up the images of the pairs.

    Args:
        listed: The pairs; their order is kept.
        root: Folder of the images.
        origin: The data set, for messages.
        on_missing: ``fail``, or ``exclude`` to leave out the pairs with a missing image.

    Raises:
        DataNotFoundError: Images are missing and ``on_missing`` is ``fail``, or no pair is left.
        ValueError: ``on_missing`` is unknown.
    """
    check_on_missing(on_missing)
    names = dict.fromkeys(image for pair in listed for image in (pair.first, pair.second))
    missing = {image for image in names if not is_there(root / image)}
    place = [i for i, pair in enumerate(listed) if pair.first not in missing and pair.second not in missing]
    if missing and (on_missing == "fail" or not place):
        raise origin.absent(root, _missing(listed, missing, len(names), root))
    kept = [listed[i] for i in place]
    number = {image: i for i, image in enumerate(dict.fromkeys(n for pair in kept for n in (pair.first, pair.second)))}
    pairs = FacePairs(
        ImageFiles(root, list(number), origin.name),
        np.array([number[pair.first] for pair in kept]),
        np.array([number[pair.second] for pair in kept]),
        np.array([pair.same for pair in kept]),
    )
    return FoundPairs(pairs, np.array([pair.fold for pair in kept]), np.array(place))


def check_on_missing(on_missing: str) -> None:
    """Refuse an unknown way to treat missing images.

    Raises:
        ValueError: It is unknown.
    """
    if on_missing not in ON_MISSING:
        raise ValueError(f"on_missing={on_missing!r} is unknown; choose one of {', '.join(ON_MISSING)}")


def _missing(listed: Sequence[ListedPair], missing: set[str], num_images: int, root: Path) -> str:
    pair = next(pair for pair in listed if pair.first in missing or pair.second in missing)
    image = pair.first if pair.first in missing else pair.second
    some = "set on_missing=exclude to leave out the pairs that name them"
    remedy = some if len(missing) < num_images else "set images to their folder"
    return (
        f"{len(missing)} of the {num_images} images are missing below {root}, the first is {image} ({pair.where}): "
        f"put the aligned faces there under the original names, or {remedy}"
    )
