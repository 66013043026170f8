"""A small set of pairs in the layout of CFP."""

from itertools import product
from pathlib import Path

import numpy as np

from marginface.data.layout.drawn_pairs import Portrait, draw_fold
from marginface.data.synthetic import SyntheticFaces

_PEOPLE_OF_FOLD = 2


def write_cfp(
    root: Path | str,
    num_folds: int = 10,
    num_pairs: int = 2,
    seed: int = 0,
    num_frontal: int = 2,
    num_profile: int = 1,
) -> None:
    """Write ``Protocol`` with all its lists, and ``Data/Images/001/{frontal,profile}/01.jpg``, aligned synthetic faces.

    Args:
        root: The folder to make.
        num_folds: Folds of both splits; CFP has 10.
        num_pairs: Pairs of one person in a fold, and of two people; CFP has 350.
        seed: The same seed gives the same files.
        num_frontal: Frontal images of each person; CFP has 10.
        num_profile: Profile images of each person; CFP has 4. These faces are no more turned than the frontal ones.

    Raises:
        ValueError: So few images make fewer than ``num_pairs`` pairs.
    """
    root, rng = Path(root), np.random.default_rng(seed)
    views = {"F": ("frontal", num_frontal), "P": ("profile", num_profile)}
    _write_images(root, _PEOPLE_OF_FOLD * num_folds, views, seed)
    for fold in range(num_folds):
        people = range(_PEOPLE_OF_FOLD * fold, _PEOPLE_OF_FOLD * (fold + 1))
        frontal, profile = (
            [Portrait(*each) for each in product(people, range(count))] for count in (num_frontal, num_profile)
        )
        for split, right, num_right in (("FF", frontal, num_frontal), ("FP", profile, num_profile)):
            folder = root / "Protocol" / "Split" / split / f"{fold + 1:02d}"
            folder.mkdir(parents=True, exist_ok=True)
            drawn = draw_fold(frontal, right, num_pairs, rng)
            for name, pairs in (("same.txt", drawn.same), ("diff.txt", drawn.different)):
                lines = [f"{_number(a, num_frontal)},{_number(b, num_right)}\n" for a, b in pairs]
                (folder / name).write_text("".join(lines), newline="")


def _write_images(root: Path, num_people: int, views: dict[str, tuple[str, int]], seed: int) -> None:
    faces = SyntheticFaces(num_people, sum(count for _, count in views.values()), seed)
    lines: dict[str, list[str]] = {view: [] for view in views}
    index = 0
    for person in range(num_people):
        for view, (word, count) in views.items():
            (root / "Data" / "Images" / f"{person + 1:03d}" / word).mkdir(parents=True, exist_ok=True)
            for number in range(count):
                name = f"Data/Images/{person + 1:03d}/{word}/{number + 1:02d}.jpg"
                (root / name).write_bytes(faces.read(index))
                index += 1
                lines[view].append(f"{len(lines[view]) + 1} ../{name}\n")
    (root / "Protocol").mkdir(parents=True, exist_ok=True)
    for view, rows in lines.items():
        (root / "Protocol" / f"Pair_list_{view}.txt").write_text("".join(rows), newline="")


def _number(portrait: Portrait, num_images: int) -> int:
    return portrait.person * num_images + portrait.number + 1
