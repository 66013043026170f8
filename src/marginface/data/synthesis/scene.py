"""A face that is cut out already, put back into a photo: larger, turned, anywhere."""

from math import ceil
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from marginface.data.synthesis.nuisance import draw_background

_SCALES = (1.0, 1.6)  # enlarged only: what the picture shows is still there after alignment
_MOST_ROLL = np.radians(35.0)
_MARGIN = 100  # most pixels between the face's square and the border, in each direction
_FEATHER = 6  # pixels over which the picture fades into the scene


class Scene(NamedTuple):
    """A photo of one person.

    Args:
        pixels: (H, W, 3) uint8 RGB.
        to_photo: (2, 3) float64, maps (x, y, 1) of the picture to (x, y) of the photo.
    """

    pixels: NDArray[np.uint8]
    to_photo: NDArray[np.float64]


def put_into_scene(picture: NDArray[np.uint8], rng: np.random.Generator, difficulty: float = 1.0) -> Scene:
    """Draw a scene and the picture of a face in it.

    Args:
        picture: (S, S, 3) uint8 RGB.
        rng: Random generator of this photo.
        difficulty: Factor on the roll and the scale, 0 to 1; 0 leaves the picture upright and as large as it is.

    Returns:
        The photo; the whole picture lies within it.
    """
    side = len(picture)
    turn = (_SCALES[0] + difficulty * rng.uniform(0.0, _SCALES[1] - _SCALES[0])) * np.exp(
        1j * difficulty * rng.uniform(-_MOST_ROLL, _MOST_ROLL)
    )
    half = side / 2 * (abs(turn.real) + abs(turn.imag))  # of the upright square around the turned one
    left, right, above, below = rng.uniform(0.0, _MARGIN, 4).tolist()
    width, height = ceil(2 * half + left + right), ceil(2 * half + above + below)
    rotation = np.array([(turn.real, -turn.imag), (turn.imag, turn.real)])
    shift = np.array([half + left, half + above]) - 0.5 - rotation @ np.full(2, (side - 1) / 2)
    to_photo = np.column_stack([rotation, shift])
    scene = cv2.resize(draw_background(rng, difficulty), (width, height), interpolation=cv2.INTER_LINEAR)
    drawn = cv2.warpAffine(picture, to_photo, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    share = cv2.warpAffine(_feathered(side), to_photo, (width, height), flags=cv2.INTER_LINEAR)
    pixels = cv2.blendLinear(drawn, scene, share, 1.0 - share)
    return Scene(np.asarray(pixels, np.uint8), to_photo)


def _feathered(side: int) -> NDArray[np.float32]:
    """How much of the picture is seen, (side, side): 1, but for a fading border."""
    from_border = np.minimum(np.arange(side), np.arange(side)[::-1]) + 1.0
    ramp = (from_border / _FEATHER).clip(0.0, 1.0).astype(np.float32)
    return np.minimum.outer(ramp, ramp)
