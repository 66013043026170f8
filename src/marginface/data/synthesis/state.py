"""What a head does in one picture: its pose, its expression."""

from typing import NamedTuple

import numpy as np


class Pose(NamedTuple):
    """How the head is turned towards the camera, angles in radians, lengths in pixels of the finished image."""

    yaw: float
    pitch: float
    focal: float  # distance of the camera: small values exaggerate the nose
    jitter: np.ndarray  # (5,) complex: error of the landmarks that align the face
    frame: complex  # similarity (scale and rotation) applied after the alignment
    shift: complex  # translation applied after the alignment


class Expression(NamedTuple):
    """What a face does, lengths in pixels of the frontal face; 0 is at rest."""

    smile: float = 0.0  # -1 sad .. 1 smiling
    mouth_open: float = 0.0  # 0 .. 1
    skew: float = 0.0  # mouth drawn to one side
    brow_raise: float = 0.0
    frown: float = 0.0  # radians
    lids: float = 1.0  # 0 closed .. 1.3 wide open
    gaze_x: float = 0.0
    gaze_y: float = 0.0
    hair_lift: float = 0.0  # hair-do: extra volume
    hair_drop: float = 0.0  # hair-do: how much further the hair falls
