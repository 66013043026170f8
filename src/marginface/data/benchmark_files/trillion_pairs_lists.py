"""Lists of Trillion Pairs: the images in the order of the submission, and who is on them.

The file list has an image a line: its path, then after a space the landmarks that it comes with, which are not looked
at. The label list has an integer a line, for the image in the same line of the file list: the identity of a probe, -1
for a face of the gallery, which nobody is known on.

Shapes: N images.
"""

from collections import Counter
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from marginface.data.errors import DataError, DataNotFoundError
from marginface.data.found import found

STRANGER = -1


def read_file_list(file: Path) -> list[str]:
    """Paths of the images, (N,).

    Raises:
        DataNotFoundError: There is no such file.
        DataError: It is no UTF-8 text; a line is empty, leads out of the folder of images, or stands there twice.
    """
    if not file.is_file():
        raise DataNotFoundError(f"the file list {file} is missing; {found(file.parent)}")
    path = [line.split(" ", 1)[0] for line in _text(file).splitlines()]
    wrong = [number for number, each in enumerate(path, 1) if not each or each[0] == "/" or ".." in each.split("/")]
    if wrong or not path:
        raise DataError(f"line {wrong[0] if wrong else 1} of {file} names no image: expected a relative path a line")
    if len(set(path)) < len(path):
        twice, count = Counter(path).most_common(1)[0]
        raise DataError(f"{file} names {twice} {count} times: an image must stand there once")
    return path


def read_labels(file: Path, num_images: int) -> NDArray[np.int64]:
    """Identity of each image of the file list, (N,) int64; -1 for the gallery.

    Args:
        file: The label list.
        num_images: N.

    Raises:
        DataNotFoundError: There is no such file.
        DataError: A line is no label, or there are not as many as images.
    """
    if not file.is_file():
        raise DataNotFoundError(f"the label list {file} is missing; {found(file.parent)}")
    lines = _text(file).split()
    if len(lines) != num_images:
        raise DataError(f"{file} has {len(lines)} labels for {num_images} images of the file list: it needs one each")
    try:
        labels = np.array([int(line.encode("ascii")) for line in lines], dtype=np.int64)
    except (ValueError, OverflowError) as error:
        raise DataError(f"{file} has a label that is no integer ({error})") from error
    if labels.min() < STRANGER:
        line = int((labels < STRANGER).argmax()) + 1
        raise DataError(
            f"label {line} of {file} is {labels[line - 1]}: expected an identity from 0, or -1 for the gallery"
        )
    return labels


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise DataError(f"{file} is no text file ({error.reason}): copy it again") from error
