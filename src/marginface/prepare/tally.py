"""Counts and one hash of the images that pass."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256

import numpy as np
from tqdm import tqdm

from marginface.data.source import FaceSource
from marginface.prepare.sample import Sample

_MODULUS = 1 << 256


@dataclass
class Tally:
    """Watches labelled images go by; takes no memory for them.

    Attributes:
        num_images: Images so far.
        num_identities: Largest label so far + 1.
    """

    num_images: int = 0
    num_identities: int = 0
    _sum: int = 0

    def watch(self, samples: Iterator[Sample]) -> Iterator[Sample]:
        """The same samples."""
        for sample in samples:
            self.num_images += 1
            self.num_identities = max(self.num_identities, sample.label + 1)
            digest = sha256(b"%d " % sample.label + sample.image).digest()
            self._sum = (self._sum + int.from_bytes(digest, "big")) % _MODULUS
            yield sample

    def faces_sha256(self) -> str:
        """Sum modulo 2^256 of the SHA-256 of each (label, image): the same in any order and in any layout."""
        return f"{self._sum:064x}"


def source_sha256(source: FaceSource, progress: bool = False) -> str:
    """The same of a whole set, whose labels are closed up where one has no image."""
    labels = np.searchsorted(np.unique(source.labels), source.labels).tolist()
    numbered = enumerate(tqdm(labels, unit=" images", disable=not progress))
    tally = Tally()
    for _ in tally.watch(Sample(index + 1, label, source.read(index)) for index, label in numbered):
        pass
    return tally.faces_sha256()


def bytes_sha256(images: Iterable[bytes]) -> str:
    """The same for images without label."""
    return f"{sum(int.from_bytes(sha256(image).digest(), 'big') for image in images) % _MODULUS:064x}"
