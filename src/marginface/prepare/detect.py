"""Photos to a list of landmarks, by a face detector."""

import csv
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path, PurePosixPath

from tqdm import tqdm

from marginface.data.decode import decode
from marginface.data.errors import DataError, DataNotFoundError, ImageDecodeError
from marginface.data.image_names import image_names
from marginface.prepare.card import Card, file_hashes, file_sizes, write_card
from marginface.prepare.choosing import Choice
from marginface.prepare.detectors import Detector, Faces
from marginface.prepare.failures import Failure, count_kinds, write_failures
from marginface.prepare.journal import Found, Journal
from marginface.prepare.workers import spread

_CHUNK = 4  # photos that a worker takes at a time
_POINTS = [f"{axis}{point}" for point in range(1, 6) for axis in "xy"]
_COLUMNS = ("path", "crop", "label", *_POINTS, "left", "top", "right", "bottom", "score", "num_faces")


def detect_landmarks(
    root: Path | str,
    out: Path | str,
    detector: Detector,
    choose: str = "centre",
    min_face_size: float = 0,
    min_score: float = 0.0,
    num_workers: int = 0,
    progress: bool = True,
) -> Card:
    """Write a CSV that `align_photos` reads, with the face of each photo, or with all of its faces.

    A row has the photo's path, the folder that it is in as label (its path below `root`), the five points, box and
    score of the face, and the number of faces that were there to choose from. Pixels are those of the upright photo:
    turned as its EXIF data say. Photos without a face are left out and listed in `failures.csv`. An interrupted run
    goes on where it was.

    Args:
        root: Folder of the photos and of their sub-folders.
        out: The CSV file; its card gets the same name with `.card.json`.
        detector: Such as :class:`marginface.prepare.MTCNN` or :class:`marginface.prepare.YuNet`.
        choose: Face of a photo with several: `centre` (nearest to it), `largest`, or `all` of them: the crops of such
            a photo get `_0`, `_1`, ... from left to right at the end of their names (column `crop`). All have the label
            of the photo, whoever they are.
        min_face_size: Shorter side of the box in pixels that a face must have to be one.
        min_score: The detector's confidence that a face must have to be one, besides the detector's own limit.
        num_workers: Processes besides this one that do the work; 0 does it here. The detector must allow pickle.
        progress: Whether to show a progress bar.

    Returns:
        The data card.

    Raises:
        ValueError: An unknown choice, `out` is no CSV, or a detector that cannot go to workers.
        DataError: No photo, or none with a face; the detector fails on a photo; the interrupted run had other settings.
    """
    root, out = Path(root), Path(out)
    choice = Choice(choose, min_face_size, min_score)
    if out.suffix != ".csv":
        raise ValueError(f"out={out}: pass the name of the list to write, with the ending .csv")
    names = image_names(root)
    if not names:
        raise DataNotFoundError(f"root={root} holds no image: pass the folder of the photos.")
    odd = [name for name in names if name.encode(errors="ignore").decode() != name]
    if odd:
        raise DataError(f"root={root}: the name {odd[0]!r} ({len(odd)} such) is not UTF-8: rename the file.")
    out.parent.mkdir(parents=True, exist_ok=True)
    finding = _Finding(root.absolute(), detector, choice)
    journal = Journal(out.with_name(f".{out.name}.part"), finding.settings())
    todo = [name for name in names if name not in journal.done]
    with journal.appending() as write, spread(finding, todo, num_workers, _CHUNK) as results:
        bar = tqdm(results, total=len(names), initial=len(names) - len(todo), unit=" photos", disable=not progress)
        for found in bar:
            write(found)
    return _finish(journal, root, out, set(names))


@dataclass(frozen=True)
class _Finding:
    """What a worker does: a photo's name to the rows of its faces."""

    root: Path
    detector: Detector
    choice: Choice

    def settings(self) -> dict[str, object]:
        """What a run must share with the one that it goes on with."""
        detector = re.sub(r" at 0x[0-9a-fA-F]+", "", repr(self.detector))
        return {"root": str(self.root), "detector": detector, **asdict(self.choice)}

    def __call__(self, name: str) -> Found:
        path = self.root / name
        try:
            photo = decode(path.read_bytes(), str(path))
        except (ImageDecodeError, OSError) as error:
            return Found(name, [], "no intact image", str(error))
        try:
            every = self.detector(photo)
            faces = self.choice.passing(every)
        except Exception as error:  # of whatever kind the detector has: the photo's name is what the user needs
            raise DataError(
                f"{path}: the detector fails, {type(error).__name__}: {error}. What is done stays: take the photo "
                "away or change the detector, then run the same again."
            ) from error
        if not len(faces.scores):
            return Found(name, [], "no face", self._why_none(len(every.scores)))
        meant = self.choice.meant(faces, *photo.shape[:2])
        return Found(name, [_row(name, meant, index, len(faces.scores)) for index in range(len(meant.scores))])

    def _why_none(self, num_faces: int) -> str:
        if not num_faces:
            return "the detector finds none"
        limits = f"min_face_size={self.choice.min_face_size} or min_score={self.choice.min_score}"
        return f"the detector finds {num_faces}, all below {limits}"


def _row(name: str, faces: Faces, index: int, num_faces: int) -> list[str]:
    path = PurePosixPath(name)
    crop = f"{path.with_suffix('')}_{index}" if len(faces.scores) > 1 else ""
    label = "" if path.parent == PurePosixPath(".") else str(path.parent)
    pixels = [f"{value:.3f}" for part in (faces.points[index].ravel(), faces.boxes[index]) for value in part]
    return [name, crop, label, *pixels, f"{faces.scores[index]:.4f}", str(num_faces)]


def _finish(journal: Journal, root: Path, out: Path, names: set[str]) -> Card:
    """The list, its card and the failures, from what the journal holds of photos that are there."""
    failures, unfinished = list[Failure](), out.with_name(f".{out.name}.writing")
    num_rows = 0
    with unfinished.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(_COLUMNS)
        for found in _of(names, journal):
            writer.writerows(found.rows)
            num_rows += len(found.rows)
            if found.kind:
                failures.append(Failure(found.name, found.kind, found.detail))
    write_failures(out.parent, failures)
    if not num_rows:
        journal.remove()
        unfinished.unlink()
        first = f"{failures[0].name}: {failures[0].detail}"
        raise DataError(f"none of the {len(names)} photos below root={root} has a face; the first is {first}")
    unfinished.replace(out)
    card = Card("detect", num_images=num_rows, dropped=count_kinds(failures))
    card = replace(card, files_sha256=file_hashes(out.parent, [out]), files_bytes=file_sizes(out.parent, [out.name]))
    write_card(out.with_suffix(".card.json"), card)
    journal.remove()
    return card


def _of(names: set[str], journal: Journal) -> Iterator[Found]:
    return (found for found in journal if found.name in names)
