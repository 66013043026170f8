"""Seeded synthetic faces, in place of a data set that cannot be shared.

Shapes: M = num_identities * images_per_identity samples.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from marginface.data.decode import encode
from marginface.data.pairs import sample_pairs, write_pairs
from marginface.data.record.face_records import write_face_records
from marginface.data.synthesis.canvas import SIZE, Canvas, View
from marginface.data.synthesis.face import draw_face, landmarks
from marginface.data.synthesis.head import beard_colour
from marginface.data.synthesis.identity import identity_from, sample_identity
from marginface.data.synthesis.nuisance import develop, draw_background, sample_expression, sample_pose
from marginface.data.synthesis.occlusion import occlude

PAIRS_NAME = "synthetic.bin"


class SyntheticFaces:
    """Drawn faces of people who do not exist, aligned like real ones.

    An identity is a point in a continuous space of face geometry and colours. Its pictures differ in pose, expression,
    hair-do, light, background, occlusion, alignment error, blur, noise and JPEG quality, none of which depends on the
    identity. A picture is a function of (seed, identity number, sample number, difficulty, quality) alone.

    Args:
        num_identities: Number of people.
        images_per_identity: Pictures of each.
        seed: Seed of the population: another seed gives other people.
        difficulty: Strength of everything that is not identity; 0 gives the same frontal picture always.
        first_identity: Number of the first person; people of other numbers are other people.
        quality: Highest JPEG quality, 1..100; pictures go down to about half of it at difficulty 1.

    Attributes:
        labels: Class index of each sample, (M,) int64: all samples of 0, then all of 1, ...
        num_classes: Number of identities.
        image_size: Height, width in pixels.

    Raises:
        ValueError: An argument is outside its range.
    """

    def __init__(
        self,
        num_identities: int,
        images_per_identity: int,
        seed: int = 0,
        difficulty: float = 1.0,
        first_identity: int = 0,
        quality: int = 90,
    ) -> None:
        _require("num_identities", num_identities, 1)
        _require("images_per_identity", images_per_identity, 1)
        _require("seed", seed, 0)
        _require("difficulty", difficulty, 0.0, 3.0)
        _require("first_identity", first_identity, 0)
        _require("quality", quality, 1, 100)
        self.num_classes = num_identities
        self.image_size = (SIZE, SIZE)
        self.labels: NDArray[np.int64] = np.repeat(np.arange(num_identities, dtype=np.int64), images_per_identity)
        self._images_per_identity = images_per_identity
        self._seed, self._difficulty, self._first, self._quality = seed, float(difficulty), first_identity, quality

    def __len__(self) -> int:
        return len(self.labels)

    def read(self, index: int) -> bytes:
        """Encoded image (JPEG) of sample `index`."""
        image, rng = self._picture(*self._person_and_sample(index))
        loss = 0.5 * min(self._difficulty, 1.0) * rng.random()
        return encode(image, max(round(self._quality * (1.0 - loss)), 1))

    def where(self, index: int) -> str:
        """Seed, identity number and sample number of sample `index`, in words."""
        identity, sample = self._person_and_sample(index)
        return f"synthetic face (seed {self._seed}, identity {identity}, sample {sample})"

    def render(self, identity: int, sample: int) -> NDArray[np.uint8]:
        """Draw one picture, before its JPEG compression.

        Args:
            identity: Identity number, 0 or more: label `k` of this source is number `first_identity + k`.
            sample: Sample number, 0 or more.

        Returns:
            Picture (H, W, 3) uint8 RGB.

        Raises:
            ValueError: A number is negative.
        """
        _require("identity", identity, 0)
        _require("sample", sample, 0)
        return self._picture(identity, sample)[0]

    def _person_and_sample(self, index: int) -> tuple[int, int]:
        if not 0 <= index < len(self):
            raise IndexError(f"index {index}: the source has samples 0 to {len(self) - 1}.")
        label, sample = divmod(int(index), self._images_per_identity)
        return self._first + label, sample

    def _picture(self, identity: int, sample: int) -> tuple[NDArray[np.uint8], np.random.Generator]:
        """The picture, and its generator for what is left to draw by lot."""
        # Seeds of one length: NumPy pads shorter ones with zeros, (seed, identity) would equal (seed, identity, 0).
        scores = sample_identity(np.random.default_rng((self._seed, identity, 0)))
        rng, difficulty = np.random.default_rng((self._seed, identity, 1 + sample)), self._difficulty
        person = identity_from(scores)
        view = View(sample_pose(rng, difficulty), *landmarks(person))
        canvas = Canvas(draw_background(rng, difficulty), view)
        draw_face(canvas, person, sample_expression(rng, difficulty))
        occlude(canvas, person, rng, difficulty)
        return develop(*canvas.finish(beard_colour(person)), rng, difficulty), rng


def write_synthetic(
    root: Path | str,
    num_identities: int,
    images_per_identity: int,
    num_test_identities: int,
    num_pairs: int,
    seed: int = 0,
    difficulty: float = 1.0,
    quality: int = 90,
) -> None:
    """Write a data set in the layout of CASIA-WebFace: `train.rec`, `train.idx`, `property`, `synthetic.bin`.

    The same arguments give the same bytes.

    Args:
        root: Folder to write to; made if missing.
        num_identities: Identities to train on.
        images_per_identity: Pictures of each identity, of test identities too.
        num_test_identities: Further identities, whom the verification pairs show.
        num_pairs: Verification pairs, a multiple of 20 (10 folds of half genuine, half impostor pairs).
        seed: Seed of everything.
        difficulty: Strength of everything that is not identity, see `SyntheticFaces`.
        quality: Highest JPEG quality, 1..100.

    Raises:
        ValueError: An argument is outside its range, or the test identities are too few for that many pairs.
    """
    _require("num_test_identities", num_test_identities, 1)
    root = Path(root)
    train = SyntheticFaces(num_identities, images_per_identity, seed, difficulty, 0, quality)
    test = SyntheticFaces(num_test_identities, images_per_identity, seed, difficulty, num_identities, quality)
    pairs = sample_pairs(test, np.arange(len(test)), num_pairs, seed)
    write_face_records(root, _samples(train), image_size=train.image_size)
    write_pairs(root / PAIRS_NAME, pairs)


def _samples(source: SyntheticFaces) -> Iterator[tuple[int, bytes]]:
    for index, label in enumerate(source.labels.tolist()):
        yield label, source.read(index)


def _require(name: str, value: float, low: float, high: float = float("inf")) -> None:
    if not low <= value <= high:  # false for NaN too
        limit = f"{low} or more" if high == float("inf") else f"{low} to {high}"
        raise ValueError(f"{name}={value} is out of range: choose {limit}.")
