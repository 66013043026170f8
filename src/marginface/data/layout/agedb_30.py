"""A small set of pairs in the layout of AgeDB-30, its list as text."""

from pathlib import Path

import numpy as np

from marginface.data.layout.drawn_pairs import DrawnPairs, Portrait


def write_agedb_30(root: Path | str, num_folds: int = 10, num_pairs: int = 2, seed: int = 0) -> None:
    """Write ``agedb_30.txt`` and ``03_Protocol_Images/<n>_<Name>_<age>_<m|f>.jpg``, aligned synthetic faces.

    Args:
        root: The folder to make.
        num_folds: Folds of the list; AgeDB-30 has 10.
        num_pairs: Pairs of one person in a fold, and of two people; AgeDB-30 has 300.
        seed: The same seed gives the same files.
    """
    root, drawn = Path(root), DrawnPairs(num_folds, num_pairs, seed)
    (root / "03_Protocol_Images").mkdir(parents=True, exist_ok=True)
    for portrait in drawn.portraits:
        (root / "03_Protocol_Images" / _name(portrait, drawn.num_images)).write_bytes(drawn.read(portrait))
    rng, lines = np.random.default_rng(seed), []
    for fold in drawn.folds:
        labelled = [(pair, 1) for pair in fold.same] + [(pair, -1) for pair in fold.different]
        for i in rng.permutation(len(labelled)):  # labels come mixed, unlike in the other sets
            (first, second), label = labelled[i]
            lines.append(f"{_name(first, drawn.num_images)} {_name(second, drawn.num_images)} {label}\n")
    (root / "agedb_30.txt").write_text("".join(lines), newline="")


def _name(portrait: Portrait, num_images: int) -> str:
    number = portrait.person * num_images + portrait.number
    return f"{number}_DrawnPerson{portrait.person:03d}_{30 + 30 * portrait.number}_{'mf'[portrait.person % 2]}.jpg"
