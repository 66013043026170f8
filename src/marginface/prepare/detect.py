"""Photos to a list of landmarks, by a face detector."""

import csv
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
from tqdm import tqdm

from marginface.data.decode import decode
from marginface.data.errors import DataError, DataNotFoundError, ImageDecodeError
from marginface.data.image_names import image_names
from marginface.prepare.card import Card, file_hashes, write_card
from marginface.prepare.detectors import Detector, Faces
from marginface.prepare.failures import Failure, count_kinds, write_failures

_COLUMNS = ("path", "label", *(f"{axis}{point}" for point in range(1, 6) for axis in "xy"), "score", "num_faces")


def _nearest_to_centre(faces: Faces, height: int, width: int) -> int:
    centres = (faces.boxes[:, :2] + faces.boxes[:, 2:]) / 2
    return int(np.square(centres - [width / 2, height / 2]).sum(1).argmin())


def _largest(faces: Faces, height: int, width: int) -> int:
    return int((faces.boxes[:, 2:] - faces.boxes[:, :2]).prod(1).argmax())


CHOICES: dict[str, Callable[[Faces, int, int], int]] = {"centre": _nearest_to_centre, "largest": _largest}
"""Which of several faces of an (H, W) photo is meant: `centre` is SphereFace's choice."""


def detect_landmarks(
    root: Path | str, out: Path | str, detector: Detector, choose: str = "centre", progress: bool = True
) -> Card:
    """Write a CSV that `align_photos` reads, with one face of each photo; the label is the folder that a photo is in.

    Photos without a face are left out and listed in `failures.csv`. An interrupted run goes on where it was.

    Args:
        root: Folder of the photos and of their sub-folders.
        out: The CSV file; its card gets the same name with `.card.json`.
        detector: Such as :class:`marginface.prepare.MTCNN` or :class:`marginface.prepare.YuNet`.
        choose: Face of a photo with several: `centre` (nearest to it) or `largest`.
        progress: Whether to show a progress bar.

    Returns:
        The data card.

    Raises:
        ValueError: An unknown choice, or `out` is no CSV.
        DataError: No photo, or none with a face.
    """
    root, out = Path(root), Path(out)
    if choose not in CHOICES:
        raise ValueError(f"choose={choose!r} is unknown: pass one of {', '.join(CHOICES)}")
    if out.suffix != ".csv":
        raise ValueError(f"out={out}: pass the name of the list to write, with the ending .csv")
    names = image_names(root)
    if not names:
        raise DataNotFoundError(f"root={root} holds no image: pass the folder of the photos.")
    out.parent.mkdir(parents=True, exist_ok=True)
    unfinished = out.with_name(f".{out.name}.part")
    failures = _write_rows(unfinished, root, tqdm(names, unit=" photos", disable=not progress), detector, choose)
    write_failures(out.parent, failures)
    if len(failures) == len(names):
        unfinished.unlink()
        raise DataError(f"none of the {len(names)} photos below root={root} has a face: {failures[0].detail}")
    unfinished.replace(out)
    card = Card("detect", num_images=len(names) - len(failures), dropped=count_kinds(failures))
    card = replace(card, files_sha256=file_hashes(out.parent, [out]))
    write_card(out.with_suffix(".card.json"), card)
    return card


def _write_rows(out: Path, root: Path, names: Iterable[str], detector: Detector, choose: str) -> list[Failure]:
    """Append the rows that are missing; photos that have none."""
    failures, done = list[Failure](), _done(out)
    with out.open("a", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        if not file.tell():
            writer.writerow(_COLUMNS)
        for name in names:
            if name in done:
                continue
            row = _face_of(root / name, name, detector, choose)
            if isinstance(row, Failure):
                failures.append(row)
            else:
                writer.writerow(row)
                file.flush()
    return failures


def _face_of(path: Path, name: str, detector: Detector, choose: str) -> Failure | list[str]:
    """Row of the list, or why there is none."""
    try:
        photo = decode(path.read_bytes(), str(path))
    except ImageDecodeError as error:
        return Failure(name, "no intact image", str(error))
    faces = detector(photo)
    if not len(faces.scores):
        return Failure(name, "no face", "the detector finds none")
    chosen = CHOICES[choose](faces, *photo.shape[:2])
    points = [f"{value:.3f}" for value in faces.points[chosen].ravel()]
    return [name, Path(name).parent.name, *points, f"{faces.scores[chosen]:.4f}", str(len(faces.scores))]


def _done(path: Path) -> set[str]:
    """Photos that an interrupted run has written; a last line that was cut is taken off."""
    if not path.is_file():
        return set()
    content = path.read_bytes()
    whole = content[: content.rfind(b"\n") + 1]
    path.write_bytes(whole)
    return {row["path"] for row in csv.DictReader(whole.decode().splitlines())}
