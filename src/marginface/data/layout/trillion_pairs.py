"""A tiny synthetic Trillion Pairs in the layout of DeepGlint's test data.

::

    testdata_lmk.txt        sorted, a line an image: ``00/0f3c...jpg x1 y1 ... x5 y5``, path and landmarks
    testdata/00/0f3c...jpg  probes and gallery mixed up (how the official files are named is unconfirmed)
    labels.txt              one's own, for scoring: an integer a line, -1 for the gallery

A submission is one binary file, see `marginface.data.benchmark_files.feature_file`.
"""

from pathlib import Path

import numpy as np

from marginface.data.benchmark_files.trillion_pairs_lists import STRANGER
from marginface.data.decode import encode
from marginface.data.synthetic import SyntheticFaces

_LANDMARKS = (38.3, 51.7, 73.5, 51.5, 56.0, 71.7, 41.5, 92.4, 70.7, 92.2)  # of an aligned face of 112 x 112 pixels


def write_trillion_pairs(
    root: Path | str, num_identities: int = 3, images_per_identity: int = 3, num_strangers: int = 12, seed: int = 0
) -> None:
    """Write drawn probes and a gallery of mere noise; the same arguments give the same bytes.

    Args:
        root: Folder to write to; made if missing.
        num_identities: Identities of probes.
        images_per_identity: Images of each.
        num_strangers: Images of the gallery.
        seed: Seed of everything.
    """
    root, rng = Path(root), np.random.default_rng(seed)
    faces = SyntheticFaces(num_identities, images_per_identity, seed)
    images = [(int(label), faces.read(number)) for number, label in enumerate(faces.labels)]
    noise = (rng.integers(0, 256, (112, 112, 3), np.uint8) for _ in range(num_strangers))
    images += [(STRANGER, encode(pixels, quality=10)) for pixels in noise]
    names = sorted(f"{name[:2]}/{name}.jpg" for name in (rng.bytes(8).hex() for _ in images))
    order = rng.permutation(len(images))
    for name, number in zip(names, order, strict=True):
        path = root / "testdata" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(images[number][1])
    marks = " ".join(str(mark) for mark in _LANDMARKS)
    (root / "testdata_lmk.txt").write_text("".join(f"{name} {marks}\n" for name in names))
    (root / "labels.txt").write_text("".join(f"{images[number][0]}\n" for number in order))
