"""Small sets of pairs in the two layouts of RFW."""

from collections.abc import Sequence
from pathlib import Path

from marginface.data.layout.drawn_pairs import DrawnPairs, Portrait
from marginface.data.pairs import write_pairs

GROUPS = ("African", "Asian", "Caucasian", "Indian")


def write_rfw(
    root: Path | str, num_folds: int = 10, num_pairs: int = 2, seed: int = 0, groups: Sequence[str] = GROUPS
) -> None:
    """Write ``txts/<Group>/<Group>_pairs.txt`` and ``data/<Group>/<id>/<id>_0001.jpg``, aligned synthetic faces.

    Groups differ in their seed alone. The archive's other lists (images, landmarks, people) are left out: none of
    them is read.

    Args:
        root: The folder to make, ``test`` in the archive.
        num_folds: Folds of each list; RFW has 10.
        num_pairs: Pairs of one person in a fold, and of two people; RFW has 300.
        seed: The same seed gives the same files.
        groups: Names of the groups.
    """
    for number, group in enumerate(groups):
        drawn = DrawnPairs(num_folds, num_pairs, seed + number)
        for portrait in drawn.portraits:
            person = _id(number, portrait.person)
            folder = Path(root) / "data" / group / person
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{person}_{portrait.number + 1:04d}.jpg").write_bytes(drawn.read(portrait))
        folder = Path(root) / "txts" / group
        folder.mkdir(parents=True, exist_ok=True)
        text = "".join(f"{line}\n" for line in _lines(drawn, number))
        (folder / f"{group}_pairs.txt").write_text(text, newline="")


def write_rfw_bins(
    root: Path | str, num_folds: int = 10, num_pairs: int = 2, seed: int = 0, groups: Sequence[str] = GROUPS
) -> None:
    """Write the same pairs as ``<Group>_test.bin``. Arguments as for :func:`write_rfw`."""
    for number, group in enumerate(groups):
        drawn = DrawnPairs(num_folds, num_pairs, seed + number)
        pairs = [pair for fold in drawn.folds for pair in fold.same + fold.different]
        images = [drawn.read(portrait) for pair in pairs for portrait in pair]
        write_pairs(Path(root) / f"{group}_test.bin", (images, ([True] * num_pairs + [False] * num_pairs) * num_folds))


def _lines(drawn: DrawnPairs, group: int) -> list[str]:
    lines = []
    for fold in drawn.folds:
        lines += [f"{_id(group, a.person)}\t{a.number + 1}\t{b.number + 1}" for a, b in fold.same]
        lines += [f"{_numbered(group, a)}\t{_numbered(group, b)}" for a, b in fold.different]
    return lines


def _numbered(group: int, portrait: Portrait) -> str:
    return f"{_id(group, portrait.person)}\t{portrait.number + 1}"


def _id(group: int, person: int) -> str:
    return f"m.0{group}d{person:03d}"
