"""A small set of pairs in the layout of CALFW."""

from pathlib import Path

from marginface.data.layout.drawn_pairs import DrawnPairs, Portrait
from marginface.data.layout.two_lines import write_two_line_pairs


def write_calfw(root: Path | str, num_folds: int = 10, num_pairs: int = 2, seed: int = 0) -> None:
    """Write ``pairs_CALFW.txt`` and ``aligned images/<name>_0001.jpg``, aligned synthetic faces.

    Args:
        root: The folder to make.
        num_folds: Folds of the list; CALFW has 10.
        num_pairs: Pairs of one person in a fold, and of two people; CALFW has 300.
        seed: The same seed gives the same files.
    """
    write_two_line_pairs(
        DrawnPairs(num_folds, num_pairs, seed),
        Path(root) / "pairs_CALFW.txt",
        Path(root) / "aligned images",
        name=_name,
        label=lambda fold: fold + 1,
    )


def _name(portrait: Portrait) -> str:
    return f"Drawn_Person{portrait.person:03d}_{portrait.number + 1:04d}.jpg"
