"""Outlines of face parts as arrays of points (n, 2): x right, y down."""

from collections.abc import Sequence
from functools import cache
from itertools import accumulate, pairwise

import numpy as np

_ANGLE = np.linspace(0.0, 2.0 * np.pi, 14, endpoint=False)
CIRCLE = np.stack([np.cos(_ANGLE), np.sin(_ANGLE)], axis=1)
_MIRROR = np.array([-1.0, 1.0])

Points = Sequence[tuple[float, float]]


def move(points: np.ndarray | Points, x: float, y: float) -> np.ndarray:
    """Shift points (..., 2) by (x, y)."""
    return np.asarray(np.asarray(points) + np.array((x, y)))


def ellipse(width: float, height: float, x: float, y: float) -> np.ndarray:
    """Ellipse of half axes ``width``, ``height`` about (x, y)."""
    return np.asarray(CIRCLE * (width, height) + (x, y))


def tilt(points: np.ndarray, angle: float) -> np.ndarray:
    """Turn points (n, 2) about the origin by ``angle`` radians, clockwise as seen in a picture."""
    cosine, sine = float(np.cos(angle)), float(np.sin(angle))
    return np.asarray(points @ np.array([(cosine, sine), (-sine, cosine)]))


def both(right: np.ndarray) -> np.ndarray:
    """Points (n, 2) and their mirror image, (2, n, 2)."""
    pair = np.empty((2, *right.shape))
    pair[0], pair[1] = right, right * _MIRROR
    return pair


def across(right: np.ndarray | Points) -> np.ndarray:
    """Points of a right half followed by its mirror image in reverse, (2n, 2): a symmetric outline."""
    half = np.asarray(right)
    return np.concatenate([half, (half * _MIRROR)[::-1]])


def cut(points: np.ndarray, *counts: int) -> list[np.ndarray]:
    """Cut points (..., n, 2) into consecutive runs of so many points each."""
    return [points[..., start:end, :] for start, end in pairwise([0, *accumulate(counts)])]


def smooth(points: np.ndarray | Points, count: int) -> np.ndarray:
    """Smooth curve (count, 2) through points, from the first to the last."""
    return np.asarray(_spline(len(points), count, False) @ np.asarray(points))


def smooth_head(right: Points) -> np.ndarray:
    """Smooth closed symmetric outline from its right half, top to bottom; both ends lie in the middle."""
    half = np.asarray(right)
    loop = np.concatenate([half, (half[1:-1] * _MIRROR)[::-1]])
    return np.asarray(_spline(len(loop), 5 * len(loop), True) @ loop)


@cache
def _spline(controls: int, count: int, closed: bool) -> np.ndarray:
    """Weights (count, controls) of a Catmull-Rom curve through the control points."""
    segments = controls if closed else controls - 1
    place = np.linspace(0.0, segments, count, endpoint=not closed)
    start = np.minimum(place.astype(np.int64), segments - 1)
    t = place - start
    weights = np.zeros((count, controls))
    basis = (-t + 2 * t**2 - t**3, 2 - 5 * t**2 + 3 * t**3, t + 4 * t**2 - 3 * t**3, -(t**2) + t**3)
    for offset, weight in zip((-1, 0, 1, 2), basis, strict=True):
        column = (start + offset) % controls if closed else (start + offset).clip(0, controls - 1)
        np.add.at(weights, (np.arange(count), column), 0.5 * weight)
    return weights
