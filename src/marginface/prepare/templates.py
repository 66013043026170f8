"""Where the five points of a face come to lie, by which least squares.

Source: SphereFace's `face_align_demo.m` (112 x 96, `cp2tform`), insightface's `face_align.py` (112 x 112, Umeyama).
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from marginface.data.alignment import TEMPLATE_112, similarity

TEMPLATES = {(112, 112): TEMPLATE_112, (112, 96): TEMPLATE_112 - np.array([8.0, 0.0])}
"""Points (5, 2), x and y in pixels, by the (height, width) of the crop."""


def similarity_cp2tform(
    landmarks: NDArray[np.floating], template: NDArray[np.floating] = TEMPLATE_112
) -> NDArray[np.float64]:
    """Similarity as MATLAB's `cp2tform` finds it: least squares in the photo, not in the template.

    The template is fitted to the landmarks, and that map is turned round. Rotation and centroids are those of
    :func:`marginface.data.alignment.similarity`; the scale is 1 / rho^2 of it, rho the correlation of the two point
    sets, so that noisy or profile landmarks give larger faces. A mirrored fit, which `cp2tform` keeps where it is the
    better one, is not tried: see :func:`is_mirrored`.

    Args:
        landmarks: (..., 5, 2), x and y in pixels.
        template: (5, 2), where they should come to lie.

    Returns:
        Matrices (..., 2, 3) float64 that map (x, y, 1) of the photo to (x, y) of the crop.

    Raises:
        ValueError: Landmarks that are not finite, or that lie all in one point.
    """
    matrix = similarity(landmarks, template)
    point, goal = (np.asarray(p, np.float64) @ [1, 1j] for p in (landmarks, template))
    point_mean, goal_mean = point.mean(-1, keepdims=True), goal.mean()
    centred, goal = point - point_mean, goal - goal_mean
    shared = np.abs((centred.conj() * goal).sum(-1)) ** 2
    if not (shared > 0).all():
        raise ValueError("landmarks have nothing in common with the template: leave the image out")
    larger = (np.abs(centred) ** 2).sum(-1) * (np.abs(goal) ** 2).sum() / shared
    turn = matrix[..., :2] * larger[..., None, None]
    centre = np.stack([point_mean[..., 0].real, point_mean[..., 0].imag], -1)
    shift = np.array([goal_mean.real, goal_mean.imag]) - (turn @ centre[..., None])[..., 0]
    return np.concatenate([turn, shift[..., None]], -1)


def is_mirrored(landmarks: NDArray[np.floating], template: NDArray[np.floating] = TEMPLATE_112) -> NDArray[np.bool_]:
    """Whether a mirrored template fits better: left and right are confused, and no rotation makes a face of it.

    A face that is seen from any side, or turned upside down, is not mirrored.

    Args:
        landmarks: (..., 5, 2), x and y in pixels.
        template: (5, 2), of the same order.

    Returns:
        (...) bool.
    """
    point, goal = (np.asarray(p, np.float64) @ [1, 1j] for p in (landmarks, template))
    point, goal = point - point.mean(-1, keepdims=True), goal - goal.mean()
    # The least squares of both maps leave what the larger correlation does not explain.
    return np.asarray(np.abs((point * goal).sum(-1)) > np.abs((point.conj() * goal).sum(-1)))


CONVENTIONS: dict[str, Callable[[NDArray[np.floating], NDArray[np.floating]], NDArray[np.float64]]] = {
    "umeyama": similarity,
    "cp2tform": similarity_cp2tform,
}
"""Similarities by their names: `umeyama` is insightface's, `cp2tform` SphereFace's."""
