"""A small set of pairs in the layout of LFW."""

from pathlib import Path

from marginface.data.layout.drawn_pairs import DrawnPairs, Portrait


def write_lfw(root: Path | str, num_folds: int = 10, num_pairs: int = 2, seed: int = 0) -> None:
    """Write ``pairs.txt`` and ``<name>/<name>_0001.jpg``, aligned synthetic faces.

    Args:
        root: The folder to make.
        num_folds: Folds of the list; LFW has 10.
        num_pairs: Pairs of one person in a fold, and of two people; LFW has 300.
        seed: The same seed gives the same files.
    """
    root, drawn = Path(root), DrawnPairs(num_folds, num_pairs, seed)
    for portrait in drawn.portraits:
        folder = root / _name(portrait.person)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{_name(portrait.person)}_{portrait.number + 1:04d}.jpg").write_bytes(drawn.read(portrait))
    lines = [f"{num_folds}\t{num_pairs}"]
    for fold in drawn.folds:
        lines += [f"{_name(a.person)}\t{a.number + 1}\t{b.number + 1}" for a, b in fold.same]
        lines += [f"{_numbered(a)}\t{_numbered(b)}" for a, b in fold.different]
    (root / "pairs.txt").write_text("".join(f"{line}\n" for line in lines), newline="")


def _name(person: int) -> str:
    return f"Drawn_Person{person:03d}"


def _numbered(portrait: Portrait) -> str:
    return f"{_name(portrait.person)}\t{portrait.number + 1}"
