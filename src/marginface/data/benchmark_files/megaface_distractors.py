"""Distractors of MegaFace at every size of the gallery.

Shapes: N distractors.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from marginface.data.benchmark_files.megaface_lists import PhotoList, read_photo_list

SUBSETS = ("lists", "prefix")


class Distractors(NamedTuple):
    """Distinct distractors, those of the largest list first.

    Args:
        path: Below the folder of images, (N,).
        num_whole: Those of the largest list, as many as its size says if it has them.
        subset: Numbers of the distractors that make up each size, (size,) int64.
        unsupported: Sizes that the lists do not support, and why.
    """

    path: Sequence[str]
    num_whole: int
    subset: dict[int, NDArray[np.int64]]
    unsupported: dict[int, str]


def list_name(size: int, set_number: int) -> str:
    """Name of the list with one of the official samples of ``size`` distractors."""
    return f"megaface_features_list.json_{size}_{set_number}"


def read_distractors(folder: Path, sizes: Sequence[int], set_number: int, subsets: str) -> Distractors:
    """Read the lists of one set.

    Args:
        folder: Of the lists.
        sizes: Numbers of distractors; the list of the largest one must be there.
        set_number: Which of the official samples.
        subsets: ``lists``: each size has a list of its own; ``prefix``: it is the beginning of the largest list.

    Raises:
        DataNotFoundError: The list of the largest size is missing.
        DataError: A list is damaged.
    """
    whole = read_photo_list(folder / list_name(max(sizes), set_number), with_identity=False)
    num_whole = min(len(whole.path), max(sizes))
    place = {path: number for number, path in enumerate(whole.path[:num_whole])}
    subset, unsupported = {}, {}
    for size in sizes:
        part, name = whole, list_name(max(sizes), set_number)
        if subsets == "lists" and size != max(sizes):
            name = list_name(size, set_number)
            if not (folder / name).is_file():
                unsupported[size] = f"there is no list {name}; copy it beside the largest, or set subsets=prefix"
                continue
            part = read_photo_list(folder / name, with_identity=False)
        if len(part.path) < size:
            unsupported[size] = f"needs {size} distractors, {name} has {len(part.path)}"
            continue
        subset[size] = _numbers(part, size, place)
    return Distractors(list(place), num_whole, subset, unsupported)


def without(distractors: Distractors, left_out: NDArray[np.bool_]) -> Distractors:
    """The same without some distractors; each size keeps its name and loses those of them that it had.

    Args:
        distractors: N of them.
        left_out: Which ones to leave out, (N,).
    """
    number = np.cumsum(~left_out) - 1
    subset = {size: number[rows[~left_out[rows]]] for size, rows in distractors.subset.items()}
    unsupported = dict(distractors.unsupported)
    for size in [size for size, rows in subset.items() if not len(rows)]:
        del subset[size]
        unsupported[size] = f"all of its {size} distractors are left out"
    path = [path for path, out in zip(distractors.path, left_out, strict=True) if not out]
    return Distractors(path, int((~left_out[: distractors.num_whole]).sum()), subset, unsupported)


def _numbers(part: PhotoList, size: int, place: dict[str, int]) -> NDArray[np.int64]:
    """Numbers of the first photos of a list; those that are new get the next ones."""
    return np.array([place.setdefault(path, len(place)) for path in part.path[:size]], np.int64)
