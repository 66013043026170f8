"""Verification pairs: what they are, where they come from.

Shapes: P pairs, K distinct images.
"""

import pickle
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from marginface.data.errors import DataNotFoundError, PairsError
from marginface.data.image_set import SourceImages
from marginface.data.pair_sampling import draw_pairs
from marginface.data.source import FaceSource
from marginface.data.unpickle import load_pairs_pickle

_PROTOCOL = 4  # bytes and lists are the same in all later ones, and Python 3.4 reads it


@dataclass(frozen=True, eq=False)
class FacePairs:
    """Pairs of faces with their truth; every distinct image is held, and so embedded, once.

    Attributes:
        images: Distinct encoded images, K of them.
        first: Index into `images` of each pair's first face, (P,) int64.
        second: Index into `images` of each pair's second face, (P,) int64.
        same: Whether both faces are one person, (P,) bool.

    Raises:
        PairsError: No pair, arrays of different length or of another type, or an index outside `images`.
    """

    images: Sequence[bytes]
    first: NDArray[np.int64]
    second: NDArray[np.int64]
    same: NDArray[np.bool_]

    def __post_init__(self) -> None:
        for name, kind in (("first", "i"), ("second", "i"), ("same", "b")):
            array = np.asarray(getattr(self, name))
            if array.dtype.kind != kind or array.shape != (len(self),) or len(self) == 0:
                raise PairsError(
                    f"{name} is {array.dtype} {array.shape}: pass first, second (int64), same (bool), all (P,), P > 0."
                )
            object.__setattr__(self, name, array.astype(np.int64 if kind == "i" else np.bool_, copy=False))
        for name in ("first", "second"):
            index = getattr(self, name)
            if index.min() < 0 or index.max() >= len(self.images):
                raise PairsError(
                    f"{name} runs from {index.min()} to {index.max()}, but there are {len(self.images)} images: "
                    f"pass indices in [0, {len(self.images)})."
                )

    def __len__(self) -> int:
        return len(self.same)


def read_pairs(path: Path | str) -> FacePairs:
    """Read an insightface verification file (lfw.bin, cfp_fp.bin, agedb_30.bin, ...) without running what it says.

    Args:
        path: The `.bin` file; elements may be bytes or numpy uint8 arrays, pickled by Python 2 or 3.

    Returns:
        Its pairs in their order; images with equal bytes are one image.

    Raises:
        DataNotFoundError: No such file.
        PairsError: Hostile, truncated or another kind of file; images and flags that do not match in number.
    """
    path = Path(path)
    if not path.is_file():
        raise DataNotFoundError(
            f"{path} is missing: expected a verification .bin. Check the data folder, or fetch the data (dvc pull)."
        )
    with path.open("rb") as file:
        # A pickled pair begins so; a .rec of many gigabytes given by mistake is not read to find out.
        if file.read(1) not in (b"\x80", b"(", b"]"):
            raise _unreadable(path, "is no pickle")
        file.seek(0)
        data = file.read()
    try:
        images, same = load_pairs_pickle(data)
    except pickle.UnpicklingError as error:
        raise _unreadable(path, str(error)) from error
    if len(images) % 2:
        raise _unreadable(path, f"holds {len(images)} images, an odd number")
    if len(images) != 2 * len(same) or not same:
        raise _unreadable(path, f"holds {len(images)} images but {len(same)} flags issame, not two images a flag")
    number: dict[bytes, int] = {}
    index = np.array([number.setdefault(image, len(number)) for image in images], dtype=np.int64)
    return FacePairs(tuple(number), index[0::2], index[1::2], np.array(same, dtype=np.bool_))


def write_pairs(path: Path | str, pairs: FacePairs | tuple[Sequence[bytes], Sequence[bool]]) -> None:
    """Write pairs as an insightface verification file.

    Args:
        path: The `.bin` file to make; appears only when complete.
        pairs: The pairs; or (bins, issame): two encoded images a pair in a row, whether each pair is one person.

    Raises:
        PairsError: `bins` has not two images for each of `issame`, or there is no pair.
    """
    path = Path(path)
    if isinstance(pairs, FacePairs):
        images = list(pairs.images)
        bins = [images[i] for i in np.stack([pairs.first, pairs.second], axis=1).ravel()]
        same = pairs.same.tolist()
    else:
        bins, same = [bytes(image) for image in pairs[0]], [bool(flag) for flag in pairs[1]]
    if len(bins) != 2 * len(same) or not same:
        raise PairsError(f"pairs: {len(bins)} images for {len(same)} flags; pass two images a flag, one flag at least.")
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".writing-", dir=path.parent) as folder:
        unfinished = Path(folder) / path.name
        with unfinished.open("wb") as file:
            pickle.dump((bins, same), file, protocol=_PROTOCOL)
        unfinished.replace(path)


def sample_pairs(
    source: FaceSource, indices: NDArray[np.int64], num_pairs: int, seed: int, *, num_folds: int = 10
) -> FacePairs:
    """Make verification pairs of labelled samples, usually those of held-out identities.

    Half of the pairs are genuine, half impostor, alternating; the contiguous folds share no identity; no pair comes
    twice. Images stay in the source and are read when asked for.

    Args:
        source: The labelled samples.
        indices: The samples to use, (K,) integers.
        num_pairs: P, a multiple of 2 * `num_folds`.
        seed: Seed of the draw; the same seed gives the same pairs.
        num_folds: Folds that the metric will cut the pairs into.

    Returns:
        The pairs.

    Raises:
        PairsError: `num_pairs` is no such multiple, or the samples have too few identities or images for it.
    """
    indices = np.asarray(indices, dtype=np.int64)
    first, second, same = draw_pairs(source.labels[indices], num_pairs, seed, num_folds)
    used, index = np.unique(np.stack([first, second]), return_inverse=True)
    index = index.reshape(2, num_pairs)
    return FacePairs(SourceImages(source, indices[used]), index[0], index[1], same)


def _unreadable(path: Path, what: str) -> PairsError:
    return PairsError(
        f"{path} {what}. Nothing in it was run. Expected a pickle of (images, issame) as insightface makes it: "
        "copy or download the file again."
    )
