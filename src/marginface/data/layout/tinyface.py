"""Synthetic low-resolution faces in the layout of TinyFace's test set."""

from pathlib import Path

import cv2
import numpy as np

from marginface.data.decode import encode
from marginface.data.synthetic import SyntheticFaces

_SIDE = 20  # pixels of a face before it is enlarged to what models take


def write_tinyface(root: Path | str, num_identities: int = 4, num_distractors: int = 8, seed: int = 0) -> None:
    """Write ``Testing_Set/{Gallery_Match,Gallery_Distractor,Probe}``; the ``.mat`` lists are left out.

    Every identity, counted from 1, has two gallery images and one probe, ``<identity>_<number>.jpg``.

    Args:
        root: Folder to write to; made if missing.
        num_identities: People in the gallery and among the probes.
        num_distractors: People in the gallery only, one image each.
        seed: Seed of the faces.
    """
    folder = Path(root) / "Testing_Set"
    for name in ("Gallery_Match", "Gallery_Distractor", "Probe"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    faces = SyntheticFaces(num_identities + num_distractors, 3, seed)
    for identity in range(num_identities):
        for number, part in enumerate(("Gallery_Match", "Gallery_Match", "Probe"), start=1):
            _write(folder / part / f"{identity + 1}_{number}.jpg", faces, identity, number)
    for distractor in range(num_distractors):
        _write(folder / "Gallery_Distractor" / f"{distractor + 1}.jpg", faces, num_identities + distractor, 1)


def _write(path: Path, faces: SyntheticFaces, identity: int, number: int) -> None:
    face = faces.render(identity, number - 1)
    tiny = cv2.resize(face, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
    enlarged = cv2.resize(tiny, face.shape[1::-1], interpolation=cv2.INTER_CUBIC)
    path.write_bytes(encode(np.asarray(enlarged, dtype=np.uint8)))
