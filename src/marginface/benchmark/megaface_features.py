"""Features of photos as MegaFace exchanges them: a file an image, in folders like those of the images.

``<folder>/<set>/<path in the list>_<algorithm>.bin``, the set being ``facescrub``, ``fgnet`` or ``megaface``: the two
folders are what ``run_experiment.py`` of the development kit takes, with ``_<algorithm>.bin`` as the file ending.

Shapes: N photos, D feature.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from marginface.data.benchmark_files.feature_file import read_feature, write_feature
from marginface.data.errors import DataError, DataNotFoundError
from marginface.data.found import found, is_there
from marginface.embedding import Embeddings

_CHUNK = 4096  # photos merged at a time


def write_photo_features(embeddings: Embeddings, folder: Path, names: Sequence[str], algorithm: str) -> None:
    """Write one file a photo, of unit length, its views merged.

    Args:
        embeddings: Of N photos.
        folder: Where the files go; made if missing.
        names: Set and path of each photo.
        algorithm: Name of what made the features.

    Raises:
        ValueError: There are not as many embeddings as photos.
    """
    if len(embeddings) != len(names):
        raise ValueError(f"there are {len(embeddings)} embeddings for {len(names)} photos: they are of other lists")
    rows = embeddings.unit()
    for start in range(0, len(names), _CHUNK):
        part = rows[start : start + _CHUNK].numpy()
        for name, feature in zip(names[start : start + _CHUNK], part, strict=True):
            file = _file(folder, name, algorithm)
            file.parent.mkdir(parents=True, exist_ok=True)
            write_feature(file, feature)


def read_photo_features(folder: Path, names: Sequence[str], algorithm: str) -> Embeddings:
    """Read the file of each photo.

    Args:
        folder: Where the files lie.
        names: Set and path of each photo.
        algorithm: Name of what made the features.

    Returns:
        N embeddings with one view each.

    Raises:
        DataNotFoundError: Files are missing; says how many are, and names the first.
        DataError: A file is damaged, or of another dimension than the first.
    """
    missing = [name for name in names if not is_there(_file(folder, name, algorithm))]
    if missing:
        raise DataNotFoundError(
            f"{len(missing)} of {len(names)} feature files are missing, the first is "
            f"{_file(folder, missing[0], algorithm)}; {found(folder)}: write them, or set algorithm={algorithm} to "
            "what stands in their names"
        )
    first = read_feature(_file(folder, names[0], algorithm))
    rows = np.empty((len(names), 1, len(first)), np.float32)
    for row, name in zip(rows, names, strict=True):
        feature = read_feature(_file(folder, name, algorithm))
        if len(feature) != len(first):
            raise DataError(
                f"{_file(folder, name, algorithm)} has {len(feature)} numbers, {_file(folder, names[0], algorithm)} "
                f"has {len(first)}: all features must come from one model"
            )
        row[0] = feature
    return Embeddings(rows)


def _file(folder: Path, name: str, algorithm: str) -> Path:
    return folder / f"{name}_{algorithm}.bin"
