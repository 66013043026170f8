"""Labelled faces that a text file lists, one image a line.

Source: opensphere's training lists (`subject/img.jpg`); MXNet's im2rec (`index<TAB>label<TAB>path`).
Shapes: M images.
"""

import errno
import os
from collections.abc import Callable, Sequence
from itertools import groupby
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from marginface.data.errors import DataError, DataNotFoundError, LabelError
from marginface.data.packed_words import PackedWords
from marginface.data.shared_arrays import SharesArrays
from marginface.data.source import size_of

_Row = tuple[str, str]  # path, label


class ListFile(SharesArrays):
    """Faces of a list, in its order; empty lines are passed over.

    Labels are words. They are numbered in the order of the integers, where all are integers, else of the names.
    Paths cost no Python object each, so that a list of millions stays small in every worker.

    Args:
        root: Folder that the paths in the list start from.
        list_path: The list; a relative one starts from `root`.
        layout: What a line is: `path_label` (the label is the last word), `folder` (a path only; the label is the
            folder that the image is in) or `lst` (im2rec: number, label and path, parted by tabs).
        image_size: Height, width in pixels that the images have.
        check_files: Look at opening whether all files are there, one look for each folder.

    Attributes:
        labels: Class index of each image, (M,) int64.
        num_classes: Number of identities.
        classes: Label of each identity as the list says it, in the order of the class indices.
        image_size: As given.

    Raises:
        ValueError: An unknown `layout`.
        DataNotFoundError: No list, or files that it names are missing.
        DataError: A line of another layout, a path that comes twice, or no image at all.
    """

    def __init__(
        self,
        root: Path | str,
        list_path: Path | str = "train.txt",
        layout: str = "path_label",
        image_size: tuple[int, int] = (112, 112),
        check_files: bool = True,
    ) -> None:
        if layout not in _LAYOUTS:
            raise ValueError(f"layout={layout!r} is unknown; choose {', '.join(map(repr, _LAYOUTS))}")
        self.root = Path(root).absolute()
        self.list_path = self.root / list_path
        self.image_size = size_of(image_size)
        paths, names, lines = _read(self.list_path, layout)
        _refuse_repeats(self.list_path, paths, lines)
        self.classes, self.labels = number_names(names)
        self.num_classes = len(self.classes)
        if check_files:
            self._check_files(paths, lines)
        self._paths = PackedWords(paths)

    def __len__(self) -> int:
        return len(self._paths)

    def read(self, index: int) -> bytes:
        """Encoded image of sample `index`.

        Raises:
            DataNotFoundError: The file is missing.
        """
        path = self.where(index)
        try:
            return Path(path).read_bytes()
        except FileNotFoundError as error:
            raise DataNotFoundError(f"{path}, listed in {self.list_path}, is missing: put it there.") from error

    def where(self, index: int) -> str:
        """The file of sample `index`."""
        if not 0 <= index < len(self):
            raise IndexError(f"index {index}: {self.list_path} lists samples 0 to {len(self) - 1}.")
        return str(Path(self.root, self._paths[index]))

    def _check_files(self, paths: Sequence[str], lines: NDArray[np.int64]) -> None:
        missing = np.flatnonzero(~_are_there(self.root, paths))
        if len(missing):
            raise DataNotFoundError(
                f"{len(missing)} of the {len(paths)} files that {self.list_path} lists are missing in {self.root}; the "
                f"first is {paths[missing[0]]}, line {lines[missing[0]]}. Set root to the folder that the paths start "
                "from, fetch the images, or take these lines out."
            )


def number_names(names: Sequence[str]) -> tuple[list[str], NDArray[np.int64]]:
    """Class indices of labels that are words.

    Args:
        names: Label of each sample, M words.

    Returns:
        The distinct labels, in the order of the integers where all are integers, else of the names; the index of each
        sample's label in them, (M,) int64.
    """
    distinct = set(names)
    numeric = all(name.isascii() and name.isdigit() for name in distinct)
    classes = sorted(distinct, key=_as_integer if numeric else None)
    index = {name: number for number, name in enumerate(classes)}
    return classes, np.fromiter((index[name] for name in names), dtype=np.int64, count=len(names))


def _as_integer(name: str) -> tuple[int, str, str]:
    """Sorts digits by their value; Python makes no integer of more than 4,300 of them."""
    significant = name.lstrip("0")
    return len(significant), significant, name


def _path_label(line: str) -> _Row | None:
    words = line.rsplit(None, 1)
    return (words[0].strip(), words[1]) if len(words) == 2 else None


def _folder(line: str) -> _Row | None:
    path = line.strip()
    folder, _, image = path.rpartition("/")
    name = folder.rpartition("/")[2]
    return (path, name) if image and name not in ("", ".", "..") else None


def _lst(line: str) -> _Row | None:
    words = [word.strip() for word in line.split("\t")]
    if len(words) != 3 or not all(words) or not words[0].isdigit():
        return None
    try:
        label = float(words[1])  # im2rec writes 7.000000
    except ValueError:
        return None
    return (words[2], str(int(label))) if label.is_integer() and label >= 0 else None


_LAYOUTS: dict[str, Callable[[str], _Row | None]] = {"path_label": _path_label, "folder": _folder, "lst": _lst}
_EXAMPLES = {
    "path_label": "`path label`, such as `ann/1.jpg 0`",
    "folder": "`subject/image`, such as `ann/1.jpg`",
    "lst": "`number<TAB>label<TAB>path`, such as `0<TAB>7.0<TAB>ann/1.jpg`",
}


def _read(path: Path, layout: str) -> tuple[list[str], list[str], NDArray[np.int64]]:
    """Paths, labels and line numbers of all rows."""
    if not path.is_file():
        raise DataNotFoundError(f"{path} is missing: expected a list of images there. Set list_path to yours.")
    paths, names, lines = list[str](), list[str](), list[int]()
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            row = _parse(line, layout)
            if row is None:
                raise DataError(
                    f"{path} line {number}: {line.decode(errors='backslashreplace').strip()[:80]!r} is not "
                    f"{_EXAMPLES[layout]}, which layout={layout!r} expects. Mend the line or choose another layout."
                )
            paths.append(row[0])
            names.append(row[1])
            lines.append(number)
    if not paths:
        raise DataError(f"{path} lists no image: write one line {_EXAMPLES[layout]} for each.")
    return paths, names, np.array(lines, dtype=np.int64)


def _parse(line: bytes, layout: str) -> _Row | None:
    if b"\0" in line:
        return None
    try:
        return _LAYOUTS[layout](line.decode("utf-8-sig"))
    except UnicodeDecodeError:
        return None


def _refuse_repeats(path: Path, paths: Sequence[str], lines: NDArray[np.int64]) -> None:
    if len(set(paths)) == len(paths):
        return
    first: dict[str, int] = {}
    for row, name in enumerate(paths):
        before = first.setdefault(name, row)
        if before != row:
            raise LabelError(f"{path}: {name} stands in lines {lines[before]} and {lines[row]}: take one of them out.")


def _are_there(root: Path, paths: Sequence[str]) -> NDArray[np.bool_]:
    """Whether each file exists; folders are listed once, which a network disk answers far sooner than a look each."""
    there = np.zeros(len(paths), dtype=bool)
    order = sorted(range(len(paths)), key=lambda row: paths[row].rpartition("/")[0])
    for folder, rows in groupby(order, key=lambda row: paths[row].rpartition("/")[:2]):
        try:
            held = {entry.name for entry in os.scandir(Path(root, "".join(folder)))}
        except OSError as error:
            if error.errno not in (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG):
                raise
            continue
        for row in rows:
            there[row] = paths[row].rpartition("/")[2] in held
    return there
