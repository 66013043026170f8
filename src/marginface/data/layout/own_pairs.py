"""Synthetic faces with a list of pairs, as one's own images may lie."""

from pathlib import Path

from marginface.data.synthetic import SyntheticFaces


def write_own_pairs(root: Path | str, num_folds: int = 10, seed: int = 0) -> None:
    """Write ``<person>/<number>.jpg`` and ``pairs.txt``, lines ``path1 path2 label fold`` parted by tabs.

    Every fold has two people of its own with three images each: two genuine and two impostor pairs.

    Args:
        root: Folder to write to; made if missing.
        num_folds: Folds of the list.
        seed: Seed of the faces.
    """
    root = Path(root)
    faces = SyntheticFaces(2 * num_folds, 3, seed)
    for index, label in enumerate(faces.labels.tolist()):
        path = root / _name(label, index % 3)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(faces.read(index))
    rows = []
    for fold in range(num_folds):
        one, other = 2 * fold, 2 * fold + 1
        rows += [f"{_name(p, 0)}\t{_name(p, 1)}\t1\t{fold}" for p in (one, other)]
        rows += [f"{_name(one, n)}\t{_name(other, n)}\t0\t{fold}" for n in (0, 2)]
    (root / "pairs.txt").write_text("\n".join(rows) + "\n", encoding="utf-8")


def _name(person: int, number: int) -> str:
    return f"person {person:03d}/{number}.jpg"
