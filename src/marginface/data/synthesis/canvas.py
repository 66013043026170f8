"""A canvas on which parts of a head are drawn in the pose that the camera sees."""

from collections.abc import Iterable
from typing import NamedTuple

import cv2
import numpy as np

from marginface.data.synthesis.identity import Colour

SIZE = 112  # pixels of a finished image, height and width
NEUTRAL = 128  # value of the soft map that leaves the colours alone
_SCALE = 2  # supersampling
_FIXED = 4  # fractional bits of the coordinates that cv2 draws
_PIVOT = np.array([0.0, -10.0])  # the point of the frontal face about which the head turns
_CURVATURE = np.array([49.0**-2, 70.0**-2])
# where aligned faces have their eyes, nose tip and mouth corners (x + iy; the 112 x 112 template in common use)
_TEMPLATE = np.array(
    [38.2946 + 51.6963j, 73.5318 + 51.5014j, 56.0252 + 71.7366j, 41.5493 + 92.3655j, 70.7299 + 92.2041j]
)


class Pose(NamedTuple):
    """How the head is turned towards the camera, angles in radians, lengths in pixels of the frame."""

    yaw: float
    pitch: float
    focal: float  # distance of the camera: small values exaggerate the nose
    jitter: np.ndarray  # (5,) complex: error of the landmarks that align the face
    frame: complex  # similarity (scale and rotation) applied after the alignment
    shift: complex  # translation applied after the alignment


def depth(points: np.ndarray) -> np.ndarray:
    """Height (...) of the face's surface above the plane of the ears, at points (..., 2) of the frontal face."""
    squared = (points - _PIVOT) ** 2 @ _CURVATURE
    return 44.0 * np.sqrt(np.maximum(1.0 - squared, 0.0))


class View:
    """Maps the frontal face to the picture: turns the head, then aligns five landmarks as face pipelines do.

    Args:
        pose: how the head is turned, and how badly the alignment works.
        landmarks: (5, 2) eyes, nose tip and mouth corners of the frontal face.
        lift: (5,) their height above the surface.
    """

    def __init__(self, pose: Pose, landmarks: np.ndarray, lift: np.ndarray) -> None:
        self._focal = pose.focal
        sin_yaw, cos_yaw = np.sin(pose.yaw), np.cos(pose.yaw)
        sin_pitch, cos_pitch = np.sin(pose.pitch), np.cos(pose.pitch)
        self._turn = np.array(
            [
                [cos_yaw, 0.0, sin_yaw],
                [sin_pitch * sin_yaw, cos_pitch, -sin_pitch * cos_yaw],
                [-cos_pitch * sin_yaw, sin_pitch, cos_pitch * cos_yaw],
            ]
        ).T
        self.yaw = pose.yaw
        # the skull is as deep as it is wide: turning it hardly narrows its outline
        self._widen = np.hypot(cos_yaw, 0.95 * sin_yaw) / cos_yaw
        self._gain, self._offset = 1.0 + 0j, 0j
        seen = self._project(landmarks, depth(landmarks) + lift) + pose.jitter
        centred, target = seen - seen.mean(), _TEMPLATE - _TEMPLATE.mean()
        gain = np.vdot(centred, target) / np.vdot(centred, centred) * pose.frame
        centre = _TEMPLATE.mean() + pose.shift + 0.5 + 0.5j
        self._gain = complex(gain) * _SCALE
        self._offset = complex(centre - gain * seen.mean()) * _SCALE - (0.5 + 0.5j)

    def _project(self, points: np.ndarray, height: np.ndarray) -> np.ndarray:
        turned = (points - _PIVOT) @ self._turn[:2] + height[..., None] * self._turn[2]
        flat = turned[..., 0] + 1j * turned[..., 1]
        return flat * (self._gain * self._focal / (self._focal - turned[..., 2])) + self._offset

    def surface(self, points: np.ndarray, lift: float = 0.0) -> np.ndarray:
        """Picture positions (...) complex of frontal points (..., 2) that lie ``lift`` above the face's surface."""
        return self._project(points, depth(points) + lift)

    def outline(self, points: np.ndarray) -> np.ndarray:
        """Picture positions (...) complex of points (..., 2) of the head's silhouette."""
        forward = ((points[..., 1] - _PIVOT[1]) / 55.0).clip(0.0, 1.0) * 20.0  # the chin stands in front of the ears
        return self._project(points * (self._widen, 1.0), forward)

    def flat(self, points: np.ndarray) -> np.ndarray:
        """Picture positions (...) complex of points (..., 2) given in pixels of the finished picture."""
        return (points[..., 0] + 1j * points[..., 1]) * _SCALE


class Canvas:
    """A supersampled picture with a soft map (shadows and highlights of the skin) and a beard map on top.

    Args:
        background: (SIZE, SIZE, 3) uint8 RGB.
        view: how points of the face reach the picture.
    """

    def __init__(self, background: np.ndarray, view: View) -> None:
        size = (SIZE * _SCALE, SIZE * _SCALE)
        self.view = view
        self._picture = cv2.resize(background, size, interpolation=cv2.INTER_LINEAR)
        self._soft = np.full((SIZE, SIZE), NEUTRAL, dtype=np.uint8)
        self._beard = np.zeros((SIZE, SIZE), dtype=np.uint8)

    def fill(self, shapes: Iterable[np.ndarray], colour: Colour) -> None:
        """Fill shapes, each (n,) complex picture positions; a shape inside another one is a hole."""
        cv2.fillPoly(self._picture, [_fixed(shape) for shape in shapes], colour, shift=_FIXED)

    def line(self, shapes: Iterable[np.ndarray], colour: Colour, width: int = 1, closed: bool = False) -> None:
        """Draw polylines, each (n,) complex, ``width`` supersampled pixels wide."""
        cv2.polylines(self._picture, [_fixed(shape) for shape in shapes], closed, colour, width, shift=_FIXED)

    def soften(self, shapes: Iterable[np.ndarray], factor: float) -> None:
        """Darken (factor below 1) or lighten the skin within shapes, with soft borders."""
        value = int(min(max(NEUTRAL * factor, 0.0), 255.0))
        cv2.fillPoly(self._soft, [_fixed(shape / _SCALE) for shape in shapes], value, shift=_FIXED)

    def soften_line(self, shapes: Iterable[np.ndarray], factor: float, width: int = 2) -> None:
        """Darken or lighten the skin along polylines, ``width`` finished pixels wide."""
        value = int(min(max(NEUTRAL * factor, 0.0), 255.0))
        cv2.polylines(self._soft, [_fixed(shape / _SCALE) for shape in shapes], False, value, width, shift=_FIXED)

    def grow_beard(self, shapes: Iterable[np.ndarray], density: float) -> None:
        """Cover shapes with beard of a density 0..1, with soft borders."""
        cv2.fillPoly(self._beard, [_fixed(shape / _SCALE) for shape in shapes], int(255 * density), shift=_FIXED)

    def cover(self, shapes: Iterable[np.ndarray], colour: Colour) -> None:
        """Fill shapes with something that lies on the face and hides its shadows and beard."""
        shapes = list(shapes)
        self.fill(shapes, colour)
        self.soften(shapes, 1.0)
        self.grow_beard(shapes, 0.0)

    def finish(self, beard: Colour) -> tuple[np.ndarray, np.ndarray]:
        """Reduce to the final size.

        Args:
            beard: colour of the beard.

        Returns:
            Picture (SIZE, SIZE, 3) float32 in 0..255, soft map (SIZE, SIZE) float32 where 1 is neutral.
        """
        picture = cv2.resize(self._picture, (SIZE, SIZE), interpolation=cv2.INTER_AREA)
        soft = cv2.GaussianBlur(self._soft, (9, 9), 2.0).astype(np.float32) * np.float32(1 / NEUTRAL)
        if not self._beard.any():
            return picture.astype(np.float32), soft
        share = cv2.GaussianBlur(self._beard, (7, 7), 1.5).astype(np.float32)[..., None] * np.float32(1 / 255)
        return picture + share * (np.array(beard, dtype=np.float32) - picture), soft


def _fixed(shape: np.ndarray) -> np.ndarray:
    """Complex positions (n,) as the fixed-point integers (n, 1, 2) that cv2 draws."""
    pairs = shape.view(np.float64).reshape(-1, 1, 2)
    return np.rint(pairs * (1 << _FIXED)).astype(np.int32)
