"""Draw of verification pairs from labelled samples.

Shapes: M samples, P pairs, F folds.
"""

import math

import numpy as np
from numpy.typing import NDArray

from marginface.data.errors import PairsError


def draw_pairs(
    labels: NDArray[np.int64], num_pairs: int, seed: int, num_folds: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
    """Draw distinct pairs in balanced folds that share no identity.

    Fold f is pairs f*P/F .. (f+1)*P/F - 1; within it genuine and impostor pairs alternate. Pairs are spread over the
    identities (genuine) or pairs of identities (impostor) as evenly as these can give, so nobody dominates.

    Args:
        labels: Identity of each sample, (M,) integers.
        num_pairs: P, a multiple of 2 * `num_folds`.
        seed: Seed of the draw.
        num_folds: F.

    Returns:
        First sample, second sample of each pair, (P,) int64; whether they show one person, (P,) bool.

    Raises:
        PairsError: `num_pairs` is no such multiple, or the identities cannot give that many pairs.
    """
    if num_folds < 1 or num_pairs < 1 or num_pairs % (2 * num_folds):
        raise PairsError(
            f"num_pairs={num_pairs} cannot be cut into {num_folds} folds of half genuine, half impostor pairs: "
            f"choose a positive multiple of {2 * max(num_folds, 1)}."
        )
    rng = np.random.default_rng(seed)
    members = _members(labels, rng)
    need = num_pairs // (2 * num_folds)
    folds = [members[fold::num_folds] for fold in range(num_folds)]
    _check_capacity(folds, need, num_pairs)
    pairs = np.empty((num_folds, need, 2, 2), dtype=np.int64)  # fold, pair, genuine | impostor, first | second
    for fold, persons in enumerate(folds):
        pairs[fold, :, 0] = _genuine(persons, need, rng)
        pairs[fold, :, 1] = _impostor(persons, need, rng)
    flat = pairs.reshape(-1, 2)
    return flat[:, 0].copy(), flat[:, 1].copy(), np.tile([True, False], num_pairs // 2)


def _members(labels: NDArray[np.int64], rng: np.random.Generator) -> list[NDArray[np.int64]]:
    """Samples of each identity; most samples first, equals in random order, so that folds dealt from it are alike."""
    order = np.argsort(labels, kind="stable")
    starts = np.unique(labels[order], return_index=True)[1]
    members = np.split(order, starts[1:])
    return sorted((members[i] for i in rng.permutation(len(members))), key=len, reverse=True)


def _num_pairs_of(person: NDArray[np.int64]) -> int:
    return math.comb(len(person), 2)


def _num_impostor(persons: list[NDArray[np.int64]]) -> int:
    return math.comb(sum(map(len, persons)), 2) - sum(map(_num_pairs_of, persons))


def _check_capacity(folds: list[list[NDArray[np.int64]]], need: int, num_pairs: int) -> None:
    fewest = min(min(sum(map(_num_pairs_of, persons)), _num_impostor(persons)) for persons in folds)
    if fewest >= need:
        return
    num_identities, possible = sum(map(len, folds)), 2 * len(folds) * fewest
    remedy = f"ask for at most num_pairs={possible}, or hold out" if possible else "hold out"
    raise PairsError(
        f"num_pairs={num_pairs}: the {num_identities} identities given are too few for {len(folds)} folds that share "
        f"no identity, each with {need} genuine and {need} impostor pairs. "
        f"Remedy: {remedy} more identities with 2 or more images."
    )


def _genuine(persons: list[NDArray[np.int64]], need: int, rng: np.random.Generator) -> NDArray[np.int64]:
    capacity = np.array([_num_pairs_of(person) for person in persons])
    pairs = []
    for person, code in _spread(capacity, need, rng):
        second = (1 + math.isqrt(1 + 8 * code)) // 2  # code = second * (second - 1) / 2 + first, first < second
        pairs.append((persons[person][code - second * (second - 1) // 2], persons[person][second]))
    return np.array(pairs, dtype=np.int64)


def _impostor(persons: list[NDArray[np.int64]], need: int, rng: np.random.Generator) -> NDArray[np.int64]:
    left, right = np.triu_indices(len(persons), k=1)
    sizes = np.array([len(person) for person in persons])
    pairs = []
    for row, code in _spread(sizes[left] * sizes[right], need, rng):
        one, other = persons[left[row]], persons[right[row]]
        pairs.append((one[code // len(other)], other[code % len(other)]))
    return np.array(pairs, dtype=np.int64)


def _spread(capacity: NDArray[np.int64], need: int, rng: np.random.Generator) -> list[tuple[int, int]]:
    """Draw `need` distinct (group, item), item < capacity[group], from all groups alike as far as they last."""
    level = 0
    while np.minimum(capacity, level + 1).sum() <= need and level < capacity.max():
        level += 1
    count = np.minimum(capacity, level)
    extra = rng.permutation(np.flatnonzero(capacity > level))[: need - count.sum()]
    count[extra] += 1
    drawn = [
        (int(group), int(item))
        for group in np.flatnonzero(count)
        for item in rng.choice(capacity[group], size=count[group], replace=False)
    ]
    return [drawn[i] for i in rng.permutation(len(drawn))]
