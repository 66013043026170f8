"""Random permutations of which any part is computed by itself, however long they are.

Source: J. Black and P. Rogaway, "Ciphers with Arbitrary Finite Domains", CT-RSA 2002: a Feistel network on the pairs
(left, right) in [0, a) x [0, b), where a b is hardly more than n, walked until it falls below n.

Shapes: T places.
"""

import numpy as np
from numpy.typing import NDArray

NUM_ROUNDS = 12  # with 8, orders of five items differ in frequency by 15 %

Words = NDArray[np.uint64]
_EVEN_BITS = np.uint64(0xBF58476D1CE4E5B9)  # odd multipliers without a pattern in their bits, those of splitmix64
_ODD_BITS = np.uint64(0x94D049BB133111EB)
_HALF = np.uint64(32)
_STEP = 0x9E3779B97F4A7C15  # 2^64 / golden ratio


def permuted(places: NDArray[np.int64], size: NDArray[np.int64] | int, key: Words | int) -> NDArray[np.int64]:
    """Where a random permutation puts some places.

    Args:
        places: (T,) in [0, size).
        size: Length of the permutation, less than 2^52: one number, or one for each place (T,).
        key: Chooses the permutation, 64 bits: one number, or one for each place (T,).

    Returns:
        (T,) int64 in [0, size), all different where places of one key and size are.
    """
    sizes = np.broadcast_to(np.asarray(size, dtype=np.uint64), np.shape(places))
    keys = np.broadcast_to(np.asarray(key, dtype=np.uint64), np.shape(places))
    found = _feistel(np.asarray(places, dtype=np.uint64), sizes, keys)
    outside = np.flatnonzero(found >= sizes)
    while len(outside):
        found[outside] = _feistel(found[outside], sizes[outside], keys[outside])
        outside = outside[found[outside] >= sizes[outside]]
    return found.view(np.int64)


def keys_of(seed: int, numbers: NDArray[np.int64]) -> Words:
    """A key for each of some numbers in [0, 2^32), well mixed; (T,) for (T,).

    Args:
        seed: In [0, 2^32); each seed gives other keys.
        numbers: What the keys are for.
    """
    words = np.asarray(numbers, dtype=np.uint64) + np.uint64(seed << 32)
    words = (words ^ (words >> np.uint64(30))) * _EVEN_BITS
    words = (words ^ (words >> np.uint64(27))) * _ODD_BITS
    mixed: Words = words ^ (words >> np.uint64(31))
    return mixed


def _feistel(places: Words, sizes: Words, keys: Words) -> Words:
    """A permutation of [0, a b), where a is the root of the size, rounded up."""
    a = np.ceil(np.sqrt(sizes)).astype(np.uint64)
    b = (sizes + a - np.uint64(1)) // a
    left, right = np.divmod(places, b)
    for number in range(0, NUM_ROUNDS, 2):
        left = (left + _random(right, keys, number)) % a
        right = (right + _random(left, keys, number + 1)) % b
    joined: Words = left * b + right
    return joined


def _random(values: Words, keys: Words, number: int) -> Words:
    """32 bits for each value in [0, 2^32), another function for each key and round."""
    words = (values + np.uint64(_STEP * (number + 1) % 2**64) ^ keys) * _EVEN_BITS
    words ^= words >> _HALF
    words *= _ODD_BITS
    words >>= _HALF
    return words
