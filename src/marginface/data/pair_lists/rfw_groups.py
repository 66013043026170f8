"""The four groups of RFW as one set of pairs, from original lists or from ``.bin`` files.

Shapes: P pairs of all groups together.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from marginface.data.errors import PairsError
from marginface.data.pair_lists.lookup import find_images
from marginface.data.pair_lists.origin import Origin
from marginface.data.pair_lists.rfw import read_rfw_pairs
from marginface.data.pairs import FacePairs, read_pairs

ORIGIN = Origin(
    "RFW",
    'Wang et al., "Racial Faces in the Wild", ICCV 2019 (on request from Beijing University of Posts and '
    "Telecommunications, whdeng.cn/RFW)",
    "a folder with <Group>_test.bin for each group, or with txts/<Group>/<Group>_pairs.txt and aligned images "
    "<images>/<Group>/<id>/<id>_0001.jpg; the groups are African, Asian, Caucasian, Indian",
)


class GroupedPairs(NamedTuple):
    """Pairs of several groups.

    Args:
        pairs: P of them; an image is held once.
        group: Number of each one's group, (P,) int64.
        fold: Fold of each within its group, from 0, (P,) int64.
        num_missing: Pairs that were left out, by number of the group.
    """

    pairs: FacePairs
    group: NDArray[np.int64]
    fold: NDArray[np.int64]
    num_missing: Mapping[int, int]


def group_list(root: Path, group: str) -> Path:
    """Where the original list of a group lies."""
    return root / "txts" / group / f"{group}_pairs.txt"


def group_bin(root: Path, group: str) -> Path:
    """Where the ``.bin`` of a group lies."""
    return root / f"{group}_test.bin"


def read_group_lists(root: Path, groups: Sequence[str], images: str, on_missing: str, num_folds: int) -> GroupedPairs:
    """Pairs of the original lists ``txts/<Group>/<Group>_pairs.txt``.

    Args:
        root: Folder of ``txts``.
        groups: Names of the groups.
        images: Folder of the images ``<Group>/<id>/<id>_0001.jpg``, below ``root`` or absolute.
        on_missing: ``fail``, or ``exclude``, which leaves out the pairs with a missing image.
        num_folds: Folds of each list.

    Raises:
        DataNotFoundError: Lists or images are missing.
        PairsError: A list is damaged.
    """
    listed, group = [], []
    for number, name in enumerate(groups):
        part = read_rfw_pairs(group_list(root, name), num_folds)
        listed += [pair._replace(first=f"{name}/{pair.first}", second=f"{name}/{pair.second}") for pair in part]
        group += [number] * len(part)
    found = find_images(listed, root / images, ORIGIN, on_missing)
    kept = np.array(group)[found.place]
    lost = np.bincount(group, minlength=len(groups)) - np.bincount(kept, minlength=len(groups))
    return GroupedPairs(found.pairs, kept, found.fold, {int(i): int(lost[i]) for i in np.flatnonzero(lost)})


def read_group_bins(root: Path, groups: Sequence[str], num_folds: int) -> GroupedPairs:
    """Pairs of the files ``<Group>_test.bin``; images with equal bytes are one image.

    Args:
        root: Folder of the files.
        groups: Names of the groups.
        num_folds: Contiguous folds of each file.

    Raises:
        DataNotFoundError: A file is missing.
        PairsError: A file is damaged, or its pairs make no equal folds.
    """
    number: dict[bytes, int] = {}
    sides, fold = [], []
    parts = [read_pairs(group_bin(root, name)) for name in groups]
    for name, part in zip(groups, parts, strict=True):
        if len(part) % num_folds:
            raise PairsError(f"{group_bin(root, name)} has {len(part)} pairs, which make no {num_folds} equal folds")
        place = np.array([number.setdefault(image, len(number)) for image in part.images])
        sides.append(np.stack([place[part.first], place[part.second]]))
        fold.append(np.repeat(np.arange(num_folds), len(part) // num_folds))
    first, second = np.concatenate(sides, axis=1)
    pairs = FacePairs(tuple(number), first, second, np.concatenate([part.same for part in parts]))
    return GroupedPairs(
        pairs, np.repeat(np.arange(len(groups)), [len(part) for part in parts]), np.concatenate(fold), {}
    )
