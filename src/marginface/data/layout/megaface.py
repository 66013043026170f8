"""A tiny synthetic MegaFace in the layout of the development kit.

::

    devkit/templatelists/facescrub_features_list.json             {"path": ["Ada_Ash/Ada_Ash_17.png", ...], "id": [...]}
    devkit/templatelists/megaface_features_list.json_10_1         {"path": ["534/53415754@N00/37731000_1.jpg", ...]}
    devkit/templatelists/megaface_features_list.json_1000000_1
    facescrub_images/Ada_Ash/Ada_Ash_17.png
    megaface_images/534/53415754@N00/37731000_1.jpg
    facescrub_noises.txt  megaface_noises.txt                     ArcFace's lists, a photo a line

FG-NET has ``fgnet_features_list.json`` and ``fgnet_images/001A02.JPG`` (the paths of its list are unconfirmed).
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np

from marginface.data.benchmark_files.megaface_distractors import list_name
from marginface.data.benchmark_files.megaface_lists import PhotoList, write_photo_list
from marginface.data.decode import encode
from marginface.data.synthetic import SyntheticFaces

LISTS = "devkit/templatelists"
WHOLE = 1_000_000  # size in the name of the list with all distractors
_NAMES = ("Ada_Ash", "Bo_Birch", "Cy_Cedar", "Di_Dogwood", "Ed_Elm", "Flo_Fir")


def write_megaface(
    root: Path | str,
    probe: str = "facescrub",
    num_identities: int = 3,
    photos_per_identity: int = 3,
    num_distractors: int = 20,
    sizes: Sequence[int] = (10,),
    seed: int = 0,
) -> None:
    """Write set 1 with drawn probes and distractors of mere noise; the same arguments give the same bytes.

    Args:
        root: Folder to write to; made if missing.
        probe: ``facescrub`` or ``fgnet``.
        num_identities: Probe identities, at most 6.
        photos_per_identity: Photos of each.
        num_distractors: Distractors; all are in the list that claims a million.
        sizes: Distractors in further lists, drawn from these.
        seed: Seed of everything.
    """
    root, rng = Path(root), np.random.default_rng(seed)
    lists = root / LISTS
    lists.mkdir(parents=True, exist_ok=True)
    faces = SyntheticFaces(num_identities, photos_per_identity, seed)
    probes = _probes(probe, num_identities, photos_per_identity)
    for number, path in enumerate(probes.path):
        _, content = cv2.imencode(
            Path(path).suffix.lower(), faces.render(*divmod(number, photos_per_identity))[..., ::-1]
        )
        _write(root / f"{probe}_images" / path, content.tobytes())
    write_photo_list(lists / f"{probe}_features_list.json", probes)
    distractors = list(_distractors(num_distractors, rng))
    for path in distractors:
        _write(root / "megaface_images" / path, encode(rng.integers(0, 256, (112, 112, 3), np.uint8), quality=10))
    write_photo_list(lists / list_name(WHOLE, 1), PhotoList(distractors))
    for size in sizes:
        drawn = rng.choice(num_distractors, size, replace=False)
        write_photo_list(lists / list_name(size, 1), PhotoList([distractors[number] for number in drawn]))
    comment = "#Made up, in the form of the lists of InsightFace.\n"
    (root / f"{probe}_noises.txt").write_text(comment + Path(probes.path[0]).name + "\n")
    (root / "megaface_noises.txt").write_text(comment + distractors[0] + "\n")


def _probes(probe: str, num_identities: int, photos_per_identity: int) -> PhotoList:
    path, identity = [], []
    for number, name in enumerate(_NAMES[:num_identities]):
        for photo in range(photos_per_identity):
            age = f"{number + 1:03d}A{2 + 5 * photo:02d}.JPG"
            path.append(age if probe == "fgnet" else f"{name}/{name}_{100 * number + 11 * photo}.png")
            identity.append(age[:3] if probe == "fgnet" else name)
    return PhotoList(path, identity)


def _distractors(number: int, rng: np.random.Generator) -> Iterator[str]:
    for photo in range(number):
        owner = int(rng.integers(10**7, 10**8))
        yield f"{str(owner)[:3]}/{owner}@N0{owner % 10}/{rng.integers(10**8, 10**9)}{photo}_{photo % 3}.jpg"


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
