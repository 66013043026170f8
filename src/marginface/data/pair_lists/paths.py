"""Pairs by the paths of their images, as in lists of one's own and in opensphere's.

Shapes: P pairs.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from marginface.data.errors import PairsError
from marginface.data.pair_lists.listed import ListedPair, Row, check_distinct, malformed, read_rows, whole_number

LAYOUTS = {"paths_label": "path1 path2 label [fold]", "label_paths": "label path1 path2 [fold]"}


def read_path_pairs(path: Path, layout: str = "paths_label", num_folds: int = 10) -> list[ListedPair]:
    """Read a list with one pair a line: two paths, a label 1 (one person) or 0, perhaps the number of a fold.

    Columns are parted by tabs if the list has any, so that paths may hold spaces, otherwise by white space.

    Args:
        path: The list.
        layout: ``paths_label``: the paths come first; ``label_paths``: the label does.
        num_folds: Contiguous parts that a list without the fold's column is cut into, the first ones a pair longer.

    Returns:
        The pairs fold by fold, those of a fold in the order of the list. Folds are numbered from 0 in rising order.

    Raises:
        DataNotFoundError: No such file.
        PairsError: A line of another form, an image paired with itself, a pair stated twice, or no pair.
    """
    rows = list(read_rows(path, "\t"))
    if all(len(row.fields) == 1 for row in rows):
        rows = list(read_rows(path))
    if not rows:
        raise PairsError(f"{path} is empty: expected '{LAYOUTS[layout]}' a line")
    num_columns = len(rows[0].fields)
    order = [("label", "path", "path"), ("path", "path", "label")][layout == "paths_label"]
    pairs = [_pair(row, order, num_columns, layout) for row in rows]
    check_distinct(pairs)
    if num_columns == 3:
        parts = np.array_split(np.arange(len(pairs)), num_folds)
        return [pairs[i]._replace(fold=fold) for fold, part in enumerate(parts) for i in part]
    number = np.unique([pair.fold for pair in pairs], return_inverse=True)[1].reshape(-1)
    return [pairs[i]._replace(fold=int(number[i])) for i in np.argsort(number, kind="stable")]


def _pair(row: Row, order: Sequence[str], num_columns: int, layout: str) -> ListedPair:
    expected = (
        f"'{LAYOUTS[layout]}' with label 0 or 1, tabs between if paths hold spaces, a fold in all lines or in none"
    )
    if len(row.fields) != num_columns or num_columns not in (3, 4):
        raise malformed(row, expected)
    label = row.fields[order.index("label")]
    first, second = (field for field, kind in zip(row.fields, order, strict=False) if kind == "path")
    fold = whole_number(row.fields[3] if num_columns == 4 else "0")
    if label not in ("0", "1") or fold is None or not first or not second:
        raise malformed(row, expected)
    return ListedPair(first, second, label == "1", fold, row.where)
