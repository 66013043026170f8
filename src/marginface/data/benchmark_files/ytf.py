"""Lists of YouTube Faces: pairs of videos with their folds, and the frames of a video in the order of time.

Shapes: V videos, P pairs.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from marginface.data.errors import DataNotFoundError, PairsError
from marginface.data.pair_lists.listed import Row, image_name, malformed, read_rows, whole_number

SELECTIONS = ("first", "even")


class VideoPairs(NamedTuple):
    """Pairs of videos; every video is named once.

    Args:
        videos: ``<person>/<number>`` of each video, V of them.
        first: Index into ``videos`` of one side of each pair, (P,) int64.
        second: The same for the other side.
        same: Whether both show one person, (P,) bool.
        fold: Fold of each pair, counted from 0, (P,) int64.
    """

    videos: Sequence[str]
    first: NDArray[np.int64]
    second: NDArray[np.int64]
    same: NDArray[np.bool_]
    fold: NDArray[np.int64]

    def only(self, kept: NDArray[np.bool_]) -> "VideoPairs":
        """Some of the pairs, (P,) bool, with the videos that they need, numbered anew; folds stay as they are."""
        used, place = np.unique(np.stack([self.first[kept], self.second[kept]]), return_inverse=True)
        first, second = place.reshape(2, -1)
        return VideoPairs([self.videos[v] for v in used], first, second, self.same[kept], self.fold[kept])


def read_splits(path: Path) -> VideoPairs:
    """Read ``splits.txt`` or ``splits_corrected.txt``: rows ``split, pair, video1, video2, is_same``.

    A first row without numbers is a header. Videos are numbered as they are first named.

    Raises:
        DataNotFoundError: No such file.
        PairsError: A row of another form, or no row.

    Source: Wolf, Hassner and Maoz, "Face Recognition in Unconstrained Videos with Matched Background Similarity",
    CVPR 2011: 5,000 pairs in 10 splits of 250 genuine and 250 impostor pairs.
    """
    if not path.is_file():
        raise DataNotFoundError(
            f"{path} is missing: it comes with YouTube Faces (www.cs.tau.ac.il/~wolf/ytfaces), as splits.txt and, with "
            "label errors mended, as splits_corrected.txt"
        )
    rows = [
        _pair(row)
        for number, row in enumerate(read_rows(path, ","))
        if number or row.fields[0].isdecimal()  # the first one may be a header
    ]
    if not rows:
        raise PairsError(f"{path} holds no pair: copy it again")
    number_of = {name: v for v, name in enumerate(dict.fromkeys(name for row in rows for name in row[1:3]))}
    split, first, second, same = zip(*rows, strict=True)
    return VideoPairs(
        list(number_of),
        np.array([number_of[name] for name in first], dtype=np.int64),
        np.array([number_of[name] for name in second], dtype=np.int64),
        np.array(same, dtype=np.bool_),
        np.unique(np.array(split), return_inverse=True)[1].reshape(-1).astype(np.int64),
    )


def in_time(names: Sequence[str]) -> list[str]:
    """Frames in the order of their number, the last one in a name: ``detect_0.99.jpg`` before ``detect_0.100.jpg``."""
    return sorted(names, key=_frame_number)


def select_frames(frames: Sequence[str], num_frames: int | None, selection: str = "first") -> list[str]:
    """Some of a video's frames.

    Args:
        frames: All of them, in the order of time.
        num_frames: How many; None, or more than there are, for all.
        selection: ``first`` for the first ones, ``even`` for evenly spaced ones from the first on.
    """
    if num_frames is None or num_frames >= len(frames):
        return list(frames)
    if selection == "first":
        return list(frames[:num_frames])
    return [frames[i * len(frames) // num_frames] for i in range(num_frames)]


def _pair(row: Row) -> tuple[int, str, str, bool]:
    fields = row.fields
    split = whole_number(fields[0])
    if len(fields) != 5 or split is None or fields[4] not in ("0", "1"):
        raise malformed(row, "'split, pair, video1, video2, is_same' with is_same 0 or 1")
    return split, image_name(fields[2], row.where), image_name(fields[3], row.where), fields[4] == "1"


def _frame_number(name: str) -> tuple[int, str]:
    numbers = re.findall(r"\d+", Path(name).stem)
    return (int(numbers[-1]) if numbers else -1), name
