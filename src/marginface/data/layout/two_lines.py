"""A pair list with two lines a pair beside a flat folder of images, as CALFW and CPLFW have it."""

from collections.abc import Callable
from pathlib import Path

from marginface.data.layout.drawn_pairs import DrawnPairs, Portrait


def write_two_line_pairs(
    drawn: DrawnPairs, list_file: Path, images: Path, name: Callable[[Portrait], str], label: Callable[[int], int]
) -> None:
    """Write the list and the images.

    Args:
        drawn: The people and pairs.
        list_file: The list to write; lines end with CR LF.
        images: Folder of the images to make.
        name: File of a portrait.
        label: Of the pairs of one person in a fold, counted from 0.
    """
    images.mkdir(parents=True, exist_ok=True)
    for portrait in drawn.portraits:
        (images / name(portrait)).write_bytes(drawn.read(portrait))
    labelled = [(pair, label(number)) for number, fold in enumerate(drawn.folds) for pair in fold.same]
    labelled += [(pair, 0) for fold in drawn.folds for pair in fold.different]
    lines = [f"{name(portrait)} {mark}\r\n" for pair, mark in labelled for portrait in pair]
    list_file.write_text("".join(lines), newline="")
