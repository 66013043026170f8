"""A small set of pairs in the layout of CPLFW."""

from pathlib import Path

from marginface.data.layout.drawn_pairs import DrawnPairs, Portrait
from marginface.data.layout.two_lines import write_two_line_pairs


def write_cplfw(root: Path | str, num_folds: int = 10, num_pairs: int = 2, seed: int = 0) -> None:
    """Write ``pairs_CPLFW.txt`` and ``aligned images/<name>_1.jpg``, aligned synthetic faces.

    Args:
        root: The folder to make.
        num_folds: Folds of the list; CPLFW has 10.
        num_pairs: Pairs of one person in a fold, and of two people; CPLFW has 300.
        seed: The same seed gives the same files.
    """
    write_two_line_pairs(
        DrawnPairs(num_folds, num_pairs, seed),
        Path(root) / "pairs_CPLFW.txt",
        Path(root) / "aligned images",
        name=_name,
        label=lambda fold: 1,
    )


def _name(portrait: Portrait) -> str:
    return f"Drawn_Person{portrait.person:03d}_{portrait.number + 1}.jpg"
