"""People and pairs that small pair sets are written from; no two folds share a person.

Shapes: F folds, N pairs of one person in a fold, and of two people.
"""

from collections.abc import Sequence
from itertools import combinations, product
from typing import NamedTuple

import numpy as np

from marginface.data.synthetic import SyntheticFaces

_PEOPLE_OF_FOLD = 2


class Portrait(NamedTuple):
    """An image of a synthetic person.

    Args:
        person: Number of the person, from 0.
        number: Number of the image among the person's, from 0.
    """

    person: int
    number: int


class FoldOfPairs(NamedTuple):
    """Pairs of a fold.

    Args:
        same: N pairs of one person.
        different: N pairs of two people.
    """

    same: list[tuple[Portrait, Portrait]]
    different: list[tuple[Portrait, Portrait]]


class DrawnPairs:
    """Pairs of synthetic people.

    Args:
        num_folds: F.
        num_pairs: N.
        seed: The same seed gives the same people and pairs.
    """

    def __init__(self, num_folds: int, num_pairs: int, seed: int) -> None:
        self.num_people, self.num_images = _PEOPLE_OF_FOLD * num_folds, 2
        while _PEOPLE_OF_FOLD * self.num_images * (self.num_images - 1) // 2 < num_pairs:
            self.num_images += 1
        self.faces = SyntheticFaces(self.num_people, self.num_images, seed)
        rng = np.random.default_rng(seed)
        self.folds = [draw_fold(portraits := self._portraits(f), portraits, num_pairs, rng) for f in range(num_folds)]

    @property
    def portraits(self) -> list[Portrait]:
        """All images, person by person."""
        return list(map(Portrait._make, product(range(self.num_people), range(self.num_images))))

    def read(self, portrait: Portrait) -> bytes:
        """An image, as JPEG."""
        return self.faces.read(portrait.person * self.num_images + portrait.number)

    def _portraits(self, fold: int) -> list[Portrait]:
        return [each for each in self.portraits if each.person // _PEOPLE_OF_FOLD == fold]


def draw_fold(
    left: Sequence[Portrait], right: Sequence[Portrait], num_pairs: int, rng: np.random.Generator
) -> FoldOfPairs:
    """Distinct pairs of a fold.

    Args:
        left: Images for the first place.
        right: Images for the second place; the same object as ``left`` pairs the images with each other.
        num_pairs: N.
        rng: Where chance comes from.

    Raises:
        ValueError: There are fewer pairs.
    """
    pairs = list(combinations(left, 2) if right is left else product(left, right))
    kinds = [[pair for pair in pairs if (pair[0].person == pair[1].person) == same] for same in (True, False)]
    if min(map(len, kinds)) < num_pairs:
        raise ValueError(f"num_pairs={num_pairs}, but the images of a fold make {min(map(len, kinds))} at most")
    drawn = [[kind[i] for i in sorted(rng.choice(len(kind), num_pairs, replace=False))] for kind in kinds]
    return FoldOfPairs(*drawn)
