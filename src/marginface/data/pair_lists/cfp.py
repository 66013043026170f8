"""The lists of CFP: ``Protocol/Pair_list_{F,P}.txt`` and ``Protocol/Split/{FF,FP}/01..10/{same,diff}.txt``."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from marginface.data.errors import DataNotFoundError, PairsError
from marginface.data.pair_lists.listed import ListedPair, check_distinct, image_name, malformed, read_rows, whole_number

_ABOVE_IMAGES = "../Data/Images/"  # how Pair_list_F.txt gets from its own folder to the images


def read_cfp_pairs(protocol_folder: Path, split: str, num_folds: int = 10) -> list[ListedPair]:
    """Pairs in the order of the folds, each with its pairs of one person first.

    ``Pair_list_F.txt`` (frontal) and ``Pair_list_P.txt`` (profile) number the images from 1, a line
    ``<number><BLANK>../Data/Images/001/frontal/01.jpg``. ``Split/FF/01/same.txt`` has a line ``a,b`` for each pair,
    two numbers of frontal images; in ``Split/FP`` the second one is of a profile image.

    Args:
        protocol_folder: The folder ``Protocol``.
        split: ``FF`` or ``FP``.
        num_folds: Folds that the split has.

    Returns:
        Pairs with names below ``Data/Images``.

    Raises:
        DataNotFoundError: A list is missing.
        PairsError: A line is malformed or names no image, folds are missing or unequal, or a pair is stated twice.

    Source: Sengupta et al., "Frontal to Profile Face Verification in the Wild", WACV 2016, Readme.txt of the data set.
    """
    sides = [_numbered_images(protocol_folder / f"Pair_list_{view}.txt") for view in split]
    folds = _fold_folders(protocol_folder / "Split" / split, num_folds)
    parts = [_fold_pairs(folder, fold, *sides) for fold, folder in enumerate(folds)]
    odd = next((i for i, part in enumerate(parts) if len(part) != len(parts[0])), None)
    if odd is not None:
        raise PairsError(f"{folds[odd]} has {len(parts[odd])} pairs, {folds[0]} has {len(parts[0])}: copy them again")
    pairs = [pair for part in parts for pair in part]
    check_distinct(pairs)
    return pairs


def _numbered_images(path: Path) -> dict[int, str]:
    images: dict[int, str] = {}
    for row in read_rows(path):
        number = whole_number(row.fields[0])
        if len(row.fields) != 2 or number is None or not row.fields[1].startswith(_ABOVE_IMAGES):
            raise malformed(row, f"<number> {_ABOVE_IMAGES}<image>")
        name = image_name(row.fields[1].removeprefix(_ABOVE_IMAGES), row.where)
        if images.setdefault(number, name) != name:
            raise malformed(row, f"another number: {number} is {images[number]}")
    return images


def _fold_folders(folder: Path, num_folds: int) -> list[Path]:
    if not folder.is_dir():
        raise DataNotFoundError(f"{folder} is missing: put the original folder of folds there")
    found = sorted(part.name for part in folder.iterdir() if part.is_dir())
    expected = [f"{number:02d}" for number in range(1, num_folds + 1)]
    if found != expected:
        raise PairsError(f"{folder} has the folds {found}, expected {expected}: copy it again, or set num_folds")
    return [folder / name for name in expected]


def _fold_pairs(folder: Path, fold: int, left: Mapping[int, str], right: Mapping[int, str]) -> list[ListedPair]:
    same = list(_pairs(folder / "same.txt", fold, True, left, right))
    different = list(_pairs(folder / "diff.txt", fold, False, left, right))
    if len(same) != len(different) or not same:
        raise PairsError(
            f"{folder} has {len(same)} pairs in same.txt, {len(different)} in diff.txt: copy the original lists again"
        )
    return same + different


def _pairs(
    path: Path, fold: int, same: bool, left: Mapping[int, str], right: Mapping[int, str]
) -> Iterator[ListedPair]:
    for row in read_rows(path, ","):
        numbers = [whole_number(part) for part in row.fields]
        if len(numbers) != 2 or None in numbers:
            raise malformed(row, "two image numbers a,b")
        names = []
        for number, side in zip(numbers, (left, right), strict=True):
            if number is None or number not in side:
                raise PairsError(f"{row.where}: there is no image {number}, the list has {len(side)}: copy it again")
            names.append(side[number])
        yield ListedPair(names[0], names[1], same, fold, row.where)
