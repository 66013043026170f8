"""Photos of MegaFace that take part: what the lists name, less what is noise, missing, or without a mate.

Shapes: P probes, N distractors.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from marginface.data.benchmark_files.megaface_distractors import Distractors, without
from marginface.data.benchmark_files.megaface_lists import PhotoList, is_noise, read_noises, read_photo_list
from marginface.data.errors import DataError
from marginface.data.found import is_there


@dataclass(frozen=True)
class MegaFacePhotos:
    """Probes and distractors in the order of their lists.

    Args:
        probe: Paths below the folder of probes, (P,).
        identity: Who is on each probe, (P,) int64.
        distractors: The others.
        excluded: What was left out, by reason.
    """

    probe: Sequence[str]
    identity: NDArray[np.int64]
    distractors: Distractors
    excluded: dict[str, int]


def read_photos(
    probe_list: Path,
    distractors: Distractors,
    *,
    probe_noises: Path | None = None,
    distractor_noises: Path | None = None,
    probe_images: Path | None = None,
    distractor_images: Path | None = None,
) -> MegaFacePhotos:
    """Read the list of probes, and leave out what does not take part.

    Args:
        probe_list: File with the list of probes.
        distractors: All of them.
        probe_noises: Noise list of the probes.
        distractor_noises: Noise list of the distractors.
        probe_images: Folder; probes without an image there are left out. None asks for no image.
        distractor_images: The same for distractors.

    Raises:
        DataNotFoundError: A list is missing.
        DataError: A list is damaged, or no photo is left that a probe could be recognised by.
    """
    listed = read_photo_list(probe_list, with_identity=True)
    excluded: dict[str, int] = {}
    probe_out = _left_out(listed.path, "probes", probe_noises, probe_images, excluded)
    other_out = _left_out(distractors.path, "distractors", distractor_noises, distractor_images, excluded)
    path, name = _with_mates(listed, probe_out, excluded)
    left = without(distractors, other_out)
    if not path or not left.num_whole:
        raise DataError(
            f"{probe_list} leaves {len(path)} probes with another photo of their identity, the lists of distractors "
            f"leave {left.num_whole} photos; left out are {excluded}: check the lists and the folders of images"
        )
    number = {identity: place for place, identity in enumerate(dict.fromkeys(name))}
    return MegaFacePhotos(path, np.array([number[each] for each in name], np.int64), left, excluded)


def _left_out(
    path: Sequence[str], what: str, noises: Path | None, images: Path | None, excluded: dict[str, int]
) -> NDArray[np.bool_]:
    """Which photos are noise or have no image, (len(path),); counted in ``excluded``."""
    out = np.zeros(len(path), np.bool_)
    if noises is not None:
        named = read_noises(noises)
        out |= np.array([is_noise(each, named) for each in path])
        excluded[f"{what} named as noise"] = int(out.sum())
    if images is not None:
        missing = ~out & np.array([not is_there(images / each) for each in path])
        excluded[f"{what} with a missing image"] = int(missing.sum())
        out |= missing
    return out


def _with_mates(listed: PhotoList, out: NDArray[np.bool_], excluded: dict[str, int]) -> tuple[list[str], list[str]]:
    """Paths and identities of the photos that are left and have another of their identity."""
    assert listed.identity is not None
    left = [(path, name) for path, name, gone in zip(listed.path, listed.identity, out, strict=True) if not gone]
    photos = Counter(name for _, name in left)
    mated = [(path, name) for path, name in left if photos[name] > 1]
    if len(mated) < len(left):
        excluded["probes without another photo of their identity"] = len(left) - len(mated)
    return [path for path, _ in mated], [name for _, name in mated]
