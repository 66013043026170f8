"""Synthetic photos as one's own may lie: not aligned, with lists of landmarks and of pairs, with a few mistakes."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from marginface.data.alignment import TEMPLATE_112
from marginface.data.decode import encode
from marginface.data.layout.drawn_pairs import DrawnPairs, Portrait
from marginface.data.synthesis.scene import put_into_scene
from marginface.data.synthetic import SyntheticFaces

LANDMARKS_NAME = "landmarks.csv"
PAIRS_NAME = "pairs.txt"
_COLUMNS = ("path", "label", *(f"{axis}{point}" for point in range(1, 6) for axis in "xy"))
_SHAKE = 0.5  # pixels by which a point is off, as a detector's


class _Photo(NamedTuple):
    """A photo to write.

    Args:
        person: Number of the folder that it is in.
        number: Of the photo in its folder.
        shows: Number of the identity that it shows.
        sample: Number of the picture among the identity's.
        marked: Whether its landmarks are listed.
    """

    person: int
    number: int
    shows: int
    sample: int
    marked: bool = True

    @property
    def label(self) -> str:
        return f"person_{self.person:03d}"

    @property
    def path(self) -> str:
        return f"{self.label}/{self.number}.jpg"


def write_photos(
    root: Path | str,
    num_people: int = 30,
    photos_per_person: int = 8,
    num_duplicates: int = 3,
    num_misfiled: int = 3,
    num_unmarked: int = 1,
    num_folds: int = 10,
    num_pairs: int = 4,
    seed: int = 0,
    quality: int = 90,
) -> None:
    """Write `train/`, photos to train on, and `pairs/`, photos of other people to verify with.

    Each has `<person>/<number>.jpg` and `landmarks.csv`, a list that `marginface.prepare.read_landmarks` reads.
    Mistakes come last in their folders: copies with the first people, photos of somebody else with the last ones,
    photos without landmarks with those before the last. `pairs/pairs.txt` has `path1 path2 label fold`; no two
    folds share a person. The same arguments give the same bytes.

    Args:
        root: Folder to write to; made if missing.
        num_people: People to train on.
        photos_per_person: Photos of each of them, besides the mistakes.
        num_duplicates: Photos that are copies of another one.
        num_misfiled: Photos that show people who are in no other photo.
        num_unmarked: Photos whose row in the list has no landmarks.
        num_folds: Folds of the pairs.
        num_pairs: Pairs of one person in a fold, and of two people.
        seed: Seed of everything.
        quality: JPEG quality.

    Raises:
        ValueError: There are more mistakes of a kind than people, or an argument is outside its range.
    """
    mistakes = {"num_duplicates": num_duplicates, "num_misfiled": num_misfiled, "num_unmarked": num_unmarked}
    for name, count in mistakes.items():
        if not 0 <= count < num_people:
            raise ValueError(f"{name}={count}: choose 0 to {num_people - 1}, for num_people is {num_people}.")
    drawn, root = DrawnPairs(num_folds, num_pairs, seed), Path(root)
    right = list(_right(num_people, photos_per_person, drawn.num_people))
    _write(root / "train", [*right, *_wrong(num_people, photos_per_person, drawn.num_people, mistakes)], seed, quality)
    _write(root / "pairs", list(_right(drawn.num_people, drawn.num_images, 0)), seed, quality)
    _write_pairs(root / "pairs" / PAIRS_NAME, drawn)


def _right(num_people: int, photos_per_person: int, first: int) -> Iterator[_Photo]:
    for person in range(num_people):
        for number in range(photos_per_person):
            yield _Photo(person, number, first + person, number)


def _wrong(num_people: int, photos_per_person: int, first: int, mistakes: Mapping[str, int]) -> Iterator[_Photo]:
    number, last = photos_per_person, num_people - 1
    for k in range(mistakes["num_duplicates"]):
        yield _Photo(k, number, first + k, 0)
    for k in range(mistakes["num_misfiled"]):
        yield _Photo(last - k, number + 1, first + num_people + k, 0)
    for k in range(mistakes["num_unmarked"]):
        person = (last - 1 - k) % num_people
        yield _Photo(person, number + 2, first + person, number, marked=False)


def _write(folder: Path, photos: Sequence[_Photo], seed: int, quality: int) -> None:
    rows = []
    faces = SyntheticFaces(1, 1, seed)
    for photo in photos:
        path = folder / photo.path
        path.parent.mkdir(parents=True, exist_ok=True)
        rng = np.random.default_rng((seed, photo.shows, photo.sample))
        scene = put_into_scene(faces.render(photo.shows, photo.sample), rng)
        path.write_bytes(encode(scene.pixels, quality))
        points = np.column_stack([TEMPLATE_112, np.ones(5)]) @ scene.to_photo.T
        rows.append([photo.path, photo.label, *_words(points + rng.normal(0.0, _SHAKE, (5, 2)), photo.marked)])
    with (folder / LANDMARKS_NAME).open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows([_COLUMNS, *sorted(rows)])


def _words(points: NDArray[np.float64], marked: bool) -> list[str]:
    return [f"{value:.3f}" if marked else "" for value in points.ravel().tolist()]


def _write_pairs(path: Path, drawn: DrawnPairs) -> None:
    lines = []
    for number, fold in enumerate(drawn.folds):
        for same, pairs in ((1, fold.same), (0, fold.different)):
            lines += [f"{_path(first)}\t{_path(second)}\t{same}\t{number}\n" for first, second in pairs]
    path.write_text("".join(lines), encoding="utf-8")


def _path(portrait: Portrait) -> str:
    return _Photo(portrait.person, portrait.number, portrait.person, portrait.number).path
