"""Labelled image sequences of CK+, by fold.

Source: Lucey, Cohn, Kanade, Saragih, Ambadar, Matthews, "The Extended Cohn-Kanade Dataset (CK+)", CVPR workshops 2010.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from marginface.data.errors import DataError, DataNotFoundError, LabelError
from marginface.data.found import found

EXPRESSIONS = ("anger", "contempt", "disgust", "fear", "happy", "sadness", "surprise")  # codes 1 to 7 of the labels
NUM_FOLDS = 10
IMAGES, LABELS = "cohn-kanade-images", "Emotion"

_LAYOUT = (
    f"expected {IMAGES}/S005/001/S005_001_00000011.png (aligned faces under the original names) and "
    f"{LABELS}/S005/001/S005_001_00000011_emotion.txt (one number). CK+ (Lucey et al., CVPR workshops 2010) comes from "
    "its authors, by application"
)


class LabelledSequence(NamedTuple):
    """A sequence from the neutral face to the peak of an expression.

    Args:
        subject: Place of the subject among all labelled ones in ascending order.
        name: Subject and sequence, as ``S005/001``.
        expression: Class in :data:`EXPRESSIONS`.
        frames: The last ones, the peak at the end: paths below the root. Empty if images are missing.
    """

    subject: int
    name: str
    expression: int
    frames: tuple[str, ...]


class FoldPart(NamedTuple):
    """Sequences of a fold, or of all others.

    Args:
        sequences: In the order of their names, all with their frames.
        num_excluded: Sequences that were left out because images of theirs are missing.
    """

    sequences: Sequence[LabelledSequence]
    num_excluded: int


def check_settings(root: Path | str, fold: int | None, num_frames: int, on_missing: str) -> None:
    """Refuse settings out of their range, before any list is read.

    Raises:
        ValueError: Says which, and its range.
        DataNotFoundError: There is no such folder.
    """
    if fold is None or isinstance(fold, bool) or fold not in range(NUM_FOLDS):
        raise ValueError(
            f"fold={fold!r} is none of 0 to {NUM_FOLDS - 1}: choose the fold to test on, and train on the others, with "
            "python src/train.py experiment=ck_plus data.root=FOLDER data.source.fold=0"
        )
    if num_frames < 1:
        raise ValueError(f"num_frames={num_frames} is less than 1; 3 takes the last three frames of each sequence")
    if on_missing not in ("fail", "exclude"):
        raise ValueError(f"on_missing={on_missing!r} is unknown; choose 'fail' or 'exclude'")
    if not Path(root).is_dir():
        raise DataNotFoundError(f"{root}: there is no such folder; {_LAYOUT}. Found: {found(Path(root))}")


def read_part(
    root: Path | str, fold: int, *, held_out: bool, num_frames: int = 3, on_missing: str = "fail"
) -> FoldPart:
    """Sequences of one fold, or of the nine others.

    The k-th labelled subject in ascending order, counted from 0, belongs to fold k mod 10.

    Args:
        root: Folder with ``cohn-kanade-images`` and ``Emotion``.
        fold: 0 to 9.
        held_out: Whether the sequences of the fold are wanted, or those of all others.
        num_frames: Frames of each sequence, counted from its end.
        on_missing: What to do about sequences without their images: ``fail``, or ``exclude`` them.

    Raises:
        DataNotFoundError: Folders, labels or images are missing, or the fold is empty.
        DataError: Damaged labels, or malformed names.
    """
    labelled = read_sequences(root, num_frames)
    wanted = [each for each in labelled if (each.subject % NUM_FOLDS == fold) == held_out]
    missing = [each.name for each in wanted if not each.frames]
    if missing and on_missing == "fail":
        raise DataNotFoundError(
            f"{len(missing)} of {len(wanted)} labelled sequences lack images, the first is {missing[0]}: the last "
            f"{num_frames} frames, up to the one that the label names, must be below {Path(root, IMAGES)}. Put them "
            "there, or leave such sequences out with on_missing=exclude"
        )
    sequences = [each for each in wanted if each.frames]
    if not sequences:
        which = f"fold {fold}" if held_out else f"the folds other than {fold}"
        raise DataNotFoundError(
            f"{root}: no sequence is left for {which}; there are {1 + labelled[-1].subject} labelled subjects "
            f"({len(labelled)} sequences), of which {len(missing)} wanted sequences lack images; {_LAYOUT}"
        )
    return FoldPart(sequences, len(missing))


def read_sequences(root: Path | str, num_frames: int = 3) -> list[LabelledSequence]:
    """All labelled sequences, in the order of their names.

    Args:
        root: Folder with ``cohn-kanade-images`` and ``Emotion``.
        num_frames: Frames of each sequence, counted from the one that its label names.

    Raises:
        DataNotFoundError: Folders or labels are missing.
        DataError: Damaged labels, or malformed names.
    """
    root = Path(root)
    for name in (IMAGES, LABELS):
        if not (root / name).is_dir():
            raise DataNotFoundError(f"{root}: has no folder {name}; {_LAYOUT}. Found: {found(root)}")
    labels = [
        label
        for subject in _folders(root / LABELS, r"S\d{3}", "S005")
        for sequence in _folders(subject, r"\d{3}", "001")
        for label in _label_files(sequence)
    ]
    if not labels:
        raise DataNotFoundError(
            f"{root / LABELS}: its folders hold no *_emotion.txt; {_LAYOUT}. Found: {found(root / LABELS)}"
        )
    place = {name: k for k, name in enumerate(sorted({label.parts[-3] for label in labels}))}
    return [
        LabelledSequence(
            place[label.parts[-3]], "/".join(label.parts[-3:-1]), _expression(label), _frames(root, label, num_frames)
        )
        for label in labels
    ]


def _folders(folder: Path, pattern: str, example: str) -> list[Path]:
    folders = sorted(path for path in folder.iterdir() if path.is_dir() and path.name[0] != ".")
    for path in folders:
        if not re.fullmatch(pattern, path.name):
            raise DataError(f"{path}: {path.name!r} is no name of CK+ such as {example}: rename or remove the folder")
    return folders


def _label_files(sequence: Path) -> list[Path]:
    files = sorted(path for path in sequence.glob("*.txt") if path.name[0] != ".")
    if len(files) > 1:
        raise DataError(f"{sequence}: {len(files)} labels ({files[0].name}, {files[1].name}): keep one of them")
    for path in files:
        if not re.fullmatch(rf"{_prefix(path)}\d{{8}}_emotion\.txt", path.name):
            raise DataError(f"{path}: expected a name such as {_prefix(path)}00000011_emotion.txt: rename or remove it")
    return files


def _prefix(label: Path) -> str:
    return "_".join(label.parts[-3:-1]) + "_"


def _expression(label: Path) -> int:
    """Class that a label file names by its code."""
    text = label.read_text(encoding="ascii", errors="replace").strip()
    try:
        code = float(text)
    except ValueError:
        code = -1
    if code not in range(1, len(EXPRESSIONS) + 1):
        known = ", ".join(f"{k} {name}" for k, name in enumerate(EXPRESSIONS, 1))
        raise LabelError(f"{label}: holds {text[:40]!r}, which is no code of an expression: {known}")
    return int(code) - 1


def _frames(root: Path, label: Path, num_frames: int) -> tuple[str, ...]:
    """The last frames up to the one that the label names, which must be there; the empty tuple if some are missing."""
    folder, prefix = Path(IMAGES, *label.parts[-3:-1]), _prefix(label)
    peak = label.name.removesuffix("_emotion.txt") + ".png"
    on_disk = (root / folder).iterdir() if (root / folder).is_dir() else ()
    # Eight digits each: the order of the names is that of the numbers.
    names = sorted(p.name for p in on_disk if re.fullmatch(rf"{prefix}\d{{8}}\.png", p.name) and p.name <= peak)
    if peak not in names or len(names) < num_frames:
        return ()
    return tuple(str(folder / name) for name in names[-num_frames:])
