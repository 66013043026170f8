"""IJB-B or IJB-C in the packing of insightface, with synthetic faces.

    <root>/loose_crop/1.jpg ...                        a face with some of its surroundings
    <root>/meta/<edition>_face_tid_mid.txt             img tid mid
    <root>/meta/<edition>_name_5pts_score.txt          img x1 y1 x2 y2 x3 y3 x4 y4 x5 y5 score
    <root>/meta/<edition>_template_pair_label.txt      tid1 tid2 label
    <root>/meta/<edition>_1N_gallery_{S1,S2|G1,G2}.csv header; TEMPLATE_ID,SUBJECT_ID,... a row an image
    <root>/meta/<edition>_1N_probe_mixed.csv           likewise

Words of a ``.txt`` are parted by single spaces, lines end in a line feed.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from marginface.data.alignment import TEMPLATE_112
from marginface.data.benchmark_files.ijb import GALLERIES
from marginface.data.decode import decode, encode
from marginface.data.synthetic import SyntheticFaces

_HEADER = "TEMPLATE_ID,SUBJECT_ID,FILENAME,SIGHTING_ID,FACE_X,FACE_Y,FACE_WIDTH,FACE_HEIGHT,FRAME_NUM"
_STILLS, _FRAMES = 2, 3  # images of a subject's gallery template, frames of its probes' video
_PER_SUBJECT = _STILLS + 1 + _FRAMES + 1
_LOOSE = (160, 140)  # height, width of a loose crop in pixels
_FIRST_SUBJECT, _FIRST_MEDIUM = 101, 1001


class _Row(NamedTuple):
    image: str
    template: int
    subject: int
    media: int
    listed: str  # the list of 1:N that has the template


def write_ijb(root: Path | str, edition: str = "ijbc", num_subjects: int = 6, seed: int = 0) -> None:
    """Write a small benchmark in the official layout.

    Each subject has a gallery template of two stills, in the first gallery and the second by turns; a probe of a still
    and three frames of one video; and a probe of a single still. Every gallery template is paired with every probe.

    Args:
        root: Folder to write to; made if missing.
        edition: ``ijbb`` or ``ijbc``.
        num_subjects: Number of people, at least 2.
        seed: Of the people and their pictures; the same arguments give the same bytes.

    Raises:
        ValueError: An unknown edition, or fewer than two subjects.
    """
    if edition not in GALLERIES or num_subjects < 2:
        raise ValueError(
            f"edition={edition!r}, num_subjects={num_subjects}: choose one of {', '.join(GALLERIES)}, and 2 or more"
        )
    root = Path(root)
    for folder in ("loose_crop", "meta"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    rows = list(_rows(edition, num_subjects))
    _write(root, edition, "face_tid_mid.txt", [f"{r.image} {r.template} {r.media}" for r in rows])
    _write(root, edition, "name_5pts_score.txt", _write_crops(root / "loose_crop", rows, num_subjects, seed))
    _write(root, edition, "template_pair_label.txt", _pairs(rows))
    for name in (*(f"gallery_{g}" for g in GALLERIES[edition]), "probe_mixed"):
        lines = [_csv_row(row) for row in rows if row.listed == name]
        _write(root, edition, f"1N_{name}.csv", [_HEADER, *lines])


def _rows(edition: str, num_subjects: int) -> Iterator[_Row]:
    """All images, by template: galleries first."""
    image, media = 0, _FIRST_MEDIUM - 1
    probe = num_subjects
    for gallery in (True, False):
        for person in range(num_subjects):
            kinds = [[1] * _STILLS] if gallery else [[1, _FRAMES], [1]]  # images of each medium of each template
            for template in kinds:
                probe += not gallery
                listed = f"gallery_{GALLERIES[edition][person % 2]}" if gallery else "probe_mixed"
                for num_images in template:
                    media += 1
                    for _ in range(num_images):
                        image += 1
                        tid = person + 1 if gallery else probe
                        yield _Row(f"{image}.jpg", tid, _FIRST_SUBJECT + person, media, listed)


def _pairs(rows: list[_Row]) -> list[str]:
    """Every gallery template with every probe, the genuine pairs first."""
    subject = {row.template: row.subject for row in rows}
    probes = sorted({row.template for row in rows if row.listed == "probe_mixed"})
    enrolled = sorted(subject.keys() - set(probes))
    pairs = [(a, b, int(subject[a] == subject[b])) for a in enrolled for b in probes]
    return [f"{a} {b} {label}" for a, b, label in sorted(pairs, key=lambda pair: -pair[2])]


def _csv_row(row: _Row) -> str:
    height, width = _LOOSE
    return f"{row.template},{row.subject},img/{row.image},{row.media},0,0,{width},{height},"


def _write_crops(folder: Path, rows: list[_Row], num_subjects: int, seed: int) -> list[str]:
    """Write the images; returns the rows of landmarks."""
    faces = SyntheticFaces(num_subjects, _PER_SUBJECT, seed)
    rng = np.random.default_rng(seed)
    used = [0] * num_subjects
    lines = []
    for row in rows:
        person = row.subject - _FIRST_SUBJECT
        index = person * _PER_SUBJECT + used[person]
        used[person] += 1
        matrix = _placement(rng)
        face = decode(faces.read(index), faces.where(index))
        loose = cv2.warpAffine(face, matrix, _LOOSE[::-1], borderMode=cv2.BORDER_REPLICATE)
        (folder / row.image).write_bytes(encode(np.asarray(loose, np.uint8)))
        points = " ".join(f"{value:.3f}" for value in (TEMPLATE_112 @ matrix[:, :2].T + matrix[:, 2]).ravel())
        lines.append(f"{row.image} {points} {rng.uniform(0.9, 1):.3f}")
    return lines


def _placement(rng: np.random.Generator) -> NDArray[np.float64]:
    """Where an aligned face lies in its loose crop, a similarity (2, 3)."""
    angle, scale = rng.uniform(-0.2, 0.2), rng.uniform(0.8, 1.1)
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    centre = np.array(_LOOSE[::-1]) / 2 + rng.uniform(-5, 5, 2)
    return np.column_stack([turn, centre - turn @ [56, 56]])


def _write(root: Path, edition: str, name: str, lines: list[str]) -> None:
    (root / "meta" / f"{edition}_{name}").write_bytes("".join(f"{line}\n" for line in lines).encode())
