"""A canvas on which parts of a head are drawn in the pose that the camera sees.

Positions in the picture are (..., 2): x right, y down, in pixels of the supersampled picture.
"""

from collections.abc import Iterable

import cv2
import numpy as np

from marginface.data.synthesis.curves import both, cut
from marginface.data.synthesis.identity import Colour
from marginface.data.synthesis.state import Pose

SIZE = 112  # pixels of a finished image, height and width
SOFT_SIZE = SIZE // 2  # pixels of the maps of soft shadows, light and beard
SCALE = 2  # supersampling
_NEUTRAL = 128  # value of the soft map that leaves the colours alone
_FIXED = 4  # fractional bits of the coordinates that cv2 draws
_PIVOT = np.array([0.0, -10.0])  # the point of the frontal face about which the head turns
_RADIUS = np.array([49.0, 70.0])  # half axes of the head's ellipsoid
_DEPTH = 44.0
_SLOPE = _DEPTH / _RADIUS
# where aligned faces have their eyes, nose tip and mouth corners (x + iy; the 112 x 112 template in common use)
_TEMPLATE = np.array(
    [38.2946 + 51.6963j, 73.5318 + 51.5014j, 56.0252 + 71.7366j, 41.5493 + 92.3655j, 70.7299 + 92.2041j]
)


class View:
    """Maps the frontal face to the picture: turns the head, then aligns five landmarks as face pipelines do.

    Args:
        pose: how the head is turned, and how badly the alignment works.
        landmarks: (5, 2) eyes, nose tip and mouth corners of the frontal face.
        lift: (5,) their height above the surface.
    """

    def __init__(self, pose: Pose, landmarks: np.ndarray, lift: np.ndarray) -> None:
        self.yaw = pose.yaw
        sin_yaw, cos_yaw = float(np.sin(pose.yaw)), float(np.cos(pose.yaw))
        # the skull is as deep as it is wide: turning it hardly narrows its outline
        self._widen = np.array([np.hypot(cos_yaw, 0.95 * sin_yaw) / cos_yaw, 1.0])
        self._focal, self._turn, self._offset = pose.focal, _rotation(pose.yaw, pose.pitch), np.zeros(2)
        flat = self._project(landmarks - _PIVOT, _height(landmarks - _PIVOT) + lift)
        seen = flat[:, 0] + 1j * flat[:, 1] + pose.jitter
        centred, target = seen - seen.mean(), _TEMPLATE - _TEMPLATE.mean()
        gain = complex(np.vdot(centred, target) / np.vdot(centred, centred)) * pose.frame * SCALE
        corner = (_TEMPLATE.mean() + pose.shift) * SCALE - gain * seen.mean() + (0.5 + 0.5j) * (SCALE - 1)
        align = np.array([(gain.real, gain.imag, 0.0), (-gain.imag, gain.real, 0.0), (0.0, 0.0, 1.0)])
        self._turn, self._offset = self._turn @ align, np.array([corner.real, corner.imag])

    def surface(self, points: np.ndarray, lift: float | np.ndarray = 0.0) -> np.ndarray:
        """Picture positions of frontal points (..., n, 2) that lie ``lift`` (number or (n,)) above the face."""
        centred = points - _PIVOT
        return self._project(centred, _height(centred) + lift)

    def pairs(self, parts: list[np.ndarray], lifts: list[float] | None = None) -> list[np.ndarray]:
        """Picture positions of several parts (n, 2) of the right half: (2, n, 2) each, the right and the left one."""
        counts = [len(part) for part in parts]
        lift = 0.0 if lifts is None else np.repeat(lifts, counts)
        return cut(self.surface(both(np.concatenate(parts)), lift), *counts)

    def outline(self, points: np.ndarray) -> np.ndarray:
        """Picture positions of points (..., 2) of the head's silhouette."""
        centred = points - _PIVOT
        forward = (centred[..., 1] * (20.0 / 55.0)).clip(0.0, 20.0)  # the chin stands in front of the ears
        return self._project(centred * self._widen, forward)

    def _project(self, centred: np.ndarray, height: np.ndarray) -> np.ndarray:
        turned = centred @ self._turn[:2]
        turned += height[..., None] * self._turn[2]
        placed = turned[..., :2] * (self._focal / (self._focal - turned[..., 2:]))
        placed += self._offset
        return np.asarray(placed)


class Canvas:
    """A supersampled picture with a soft map (shadows and highlights of the skin) and a beard map on top.

    Args:
        background: (..., 3) uint8 RGB of any size.
        view: how points of the face reach the picture.
    """

    def __init__(self, background: np.ndarray, view: View) -> None:
        self.view = view
        self._picture = cv2.resize(background, (SIZE * SCALE, SIZE * SCALE), interpolation=cv2.INTER_LINEAR)
        self._soft = np.full((SOFT_SIZE, SOFT_SIZE), _NEUTRAL, dtype=np.uint8)
        self._beard: np.ndarray | None = None

    def fill(self, shapes: Iterable[np.ndarray], colour: Colour) -> None:
        """Fill shapes, each (n, 2); where two overlap is a hole."""
        cv2.fillPoly(self._picture, _fixed(shapes, 1.0), colour, shift=_FIXED)

    def line(self, shapes: Iterable[np.ndarray], colour: Colour, width: int = 1, closed: bool = False) -> None:
        """Draw polylines, each (n, 2), ``width`` supersampled pixels wide."""
        cv2.polylines(self._picture, _fixed(shapes, 1.0), closed, colour, width, shift=_FIXED)

    def soften(self, shapes: Iterable[np.ndarray], factor: float) -> None:
        """Darken (factor below 1) or lighten the skin within shapes, with soft borders."""
        cv2.fillPoly(self._soft, _fixed(shapes, SOFT_SIZE / SIZE / SCALE), _soft_value(factor), shift=_FIXED)

    def soften_line(self, shapes: Iterable[np.ndarray], factor: float, width: int = 1) -> None:
        """Darken or lighten the skin along polylines, ``width`` pixels of the soft map wide."""
        where = _fixed(shapes, SOFT_SIZE / SIZE / SCALE)
        cv2.polylines(self._soft, where, False, _soft_value(factor), width, shift=_FIXED)

    def grow_beard(self, shapes: Iterable[np.ndarray], density: float) -> None:
        """Cover shapes with beard of a density 0..1, with soft borders."""
        if self._beard is None:
            self._beard = np.zeros((SOFT_SIZE, SOFT_SIZE), dtype=np.uint8)
        cv2.fillPoly(self._beard, _fixed(shapes, SOFT_SIZE / SIZE / SCALE), int(255 * density), shift=_FIXED)

    def cover(self, shapes: list[np.ndarray], colour: Colour) -> None:
        """Fill shapes with something that lies on the face and hides its shadows and beard."""
        self.fill(shapes, colour)
        self.soften(shapes, 1.0)
        if self._beard is not None:
            self.grow_beard(shapes, 0.0)

    def finish(self, beard: Colour) -> tuple[np.ndarray, np.ndarray]:
        """Reduce to the final size.

        Args:
            beard: colour of the beard.

        Returns:
            Picture (SIZE, SIZE, 3) uint8 RGB; shading (SOFT_SIZE, SOFT_SIZE) float32 of the skin, 1 is neutral.
        """
        picture = np.asarray(cv2.resize(self._picture, (SIZE, SIZE), interpolation=cv2.INTER_AREA))
        soft = cv2.GaussianBlur(self._soft, (5, 5), 1.0).astype(np.float32) * np.float32(1 / _NEUTRAL)
        if self._beard is None:
            return picture, soft
        density = cv2.GaussianBlur(self._beard, (3, 3), 0.75).astype(np.float32) * np.float32(1 / 255)
        share = np.asarray(cv2.resize(density, (SIZE, SIZE), interpolation=cv2.INTER_LINEAR))
        return cv2.blendLinear(picture, np.full_like(picture, beard), 1.0 - share, share), soft


def _height(centred: np.ndarray) -> np.ndarray:
    """Height (...) of the head's surface above the plane of the ears, at points (..., 2) about the pivot."""
    scaled = centred * _SLOPE
    scaled *= scaled
    return np.asarray(np.sqrt(np.maximum(_DEPTH**2 - scaled[..., 0] - scaled[..., 1], 0.0)))


def _rotation(yaw: float, pitch: float) -> np.ndarray:
    """Matrix that turns row vectors (x, y, towards the camera)."""
    sin_yaw, cos_yaw, sin_pitch, cos_pitch = np.sin(yaw), np.cos(yaw), np.sin(pitch), np.cos(pitch)
    return np.array(
        [
            (cos_yaw, sin_pitch * sin_yaw, -cos_pitch * sin_yaw),
            (0.0, cos_pitch, sin_pitch),
            (sin_yaw, -sin_pitch * cos_yaw, cos_pitch * cos_yaw),
        ]
    )


def _soft_value(factor: float) -> int:
    return int(min(max(_NEUTRAL * factor, 0.0), 255.0))


def _fixed(shapes: Iterable[np.ndarray], scale: float) -> list[np.ndarray]:
    """Positions as the fixed-point integers that cv2 draws."""
    scale *= 1 << _FIXED
    if isinstance(shapes, np.ndarray):  # many shapes of one length: all at once
        return list(np.rint(shapes * scale).astype(np.int32))
    return [np.rint(shape * scale).astype(np.int32) for shape in shapes]
