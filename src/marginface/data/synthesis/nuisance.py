"""What changes from picture to picture of one person: pose, expression, background, light, camera."""

import cv2
import numpy as np

from marginface.data.synthesis.canvas import SIZE, SOFT_SIZE
from marginface.data.synthesis.state import Expression, Pose

_GREY = 128
_GRID_Y, _GRID_X = (np.mgrid[0:SOFT_SIZE, 0:SOFT_SIZE].astype(np.float32) - SOFT_SIZE / 2) / (0.62 * SOFT_SIZE)
_FLAT = np.sqrt(1.25 - np.minimum(_GRID_X**2 + _GRID_Y**2, 1.0))  # towards the camera: a head is a ball
_LEVELS = np.arange(256, dtype=np.float64) / 255.0


def sample_pose(rng: np.random.Generator, difficulty: float) -> Pose:
    """Turn the head and spoil the alignment.

    Args:
        rng: random generator of this picture.
        difficulty: factor on every deviation from a frontal, well aligned face.

    Returns:
        The pose.
    """
    yaw, pitch, roll, zoom, right, down = (difficulty * rng.standard_normal(6).clip(-2.0, 2.0)).tolist()
    error = difficulty * 0.55 * rng.standard_normal((5, 2)).clip(-2.0, 2.0)
    return Pose(
        yaw=min(max(0.24 * yaw, -0.85), 0.85),
        pitch=min(max(0.13 * pitch, -0.5), 0.5),
        focal=float(400.0 - min(difficulty, 2.0) * rng.uniform(0.0, 110.0)),
        jitter=error[:, 0] + 1j * error[:, 1],
        frame=complex((1.0 + 0.025 * zoom) * np.exp(0.04j * roll)),
        shift=0.8 * complex(right, down),
    )


def sample_expression(rng: np.random.Generator, difficulty: float) -> Expression:
    """Sample an expression, and how the hair is done.

    Args:
        rng: random generator of this picture.
        difficulty: factor on every deviation from a face at rest.

    Returns:
        The expression.
    """
    strength = (difficulty * rng.standard_normal(9).clip(-2.0, 2.0)).tolist()
    smile, opening, skew, lift, frown, lids, gaze_x, gaze_y, volume = strength
    return Expression(
        smile=min(max(0.4 * smile, -1.2), 1.3),
        mouth_open=min(max(0.3 * opening, 0.0), 1.0),
        skew=0.8 * skew,
        brow_raise=1.1 * lift,
        frown=0.08 * frown,
        lids=min(max(1.0 + 0.19 * lids, 0.0), 1.35),
        gaze_x=1.1 * gaze_x,
        gaze_y=0.5 * gaze_y,
        hair_lift=1.1 * volume,
        hair_drop=float(9.0 * difficulty * rng.standard_normal()),
    )


def draw_background(rng: np.random.Generator, difficulty: float) -> np.ndarray:
    """Paint a blurred scene.

    Args:
        rng: random generator of this picture.
        difficulty: 0 is a flat grey; above 0 the strength of the texture's contrast.

    Returns:
        Picture (h, w, 3) uint8 RGB, at low resolution.
    """
    if difficulty == 0.0:
        return np.full((1, 1, 3), _GREY, dtype=np.uint8)
    size, base = SOFT_SIZE, rng.uniform(10.0, 245.0, 3)
    texture = base + min(difficulty, 1.5) * 40.0 * rng.standard_normal((*rng.integers(2, 7, 2), 3))
    scene = cv2.resize(texture.clip(0, 255).astype(np.uint8), (size, size), interpolation=cv2.INTER_CUBIC)
    for _ in range(int(rng.integers(0, 5))):
        left, top, right, bottom = rng.integers(-10, size + 10, 4).tolist()
        colour = rng.uniform(0.0, 255.0, 3).tolist()
        if rng.random() < 0.5:
            cv2.rectangle(scene, (left, top), (right, bottom), colour, -1)
        else:
            cv2.line(scene, (left, top), (right, bottom), colour, int(rng.integers(1, 6)))
    return scene


def develop(picture: np.ndarray, soft: np.ndarray, rng: np.random.Generator, difficulty: float) -> np.ndarray:
    """Light the scene and take the picture.

    Args:
        picture: (SIZE, SIZE, 3) uint8 RGB.
        soft: (SOFT_SIZE, SOFT_SIZE) float32 shading of the skin, 1 is neutral.
        rng: random generator of this picture.
        difficulty: factor on every deviation from even, white light and a sharp, noiseless camera.

    Returns:
        Picture (SIZE, SIZE, 3) uint8 RGB.
    """
    light = cv2.resize(soft * _light(rng, difficulty), (SIZE, SIZE), interpolation=cv2.INTER_LINEAR)
    lit = cv2.multiply(picture, cv2.merge((light, light, light)), dtype=cv2.CV_8U)
    lit = cv2.LUT(lit, _tone(rng, difficulty))
    blur = difficulty * rng.uniform(-0.3, 1.0)
    if blur > 0.3:
        lit = cv2.GaussianBlur(lit, (7, 7), blur)
    noise = difficulty * rng.uniform(0.0, 5.0)
    if noise > 0.5:
        grain = np.frombuffer(rng.bytes(lit.size), dtype=np.uint8).reshape(lit.shape)
        lit = cv2.addWeighted(lit, 1.0, grain, noise / 74.0, -127.5 * noise / 74.0)  # 74: std of the grain
    return np.asarray(lit)


def _light(rng: np.random.Generator, difficulty: float) -> np.ndarray:
    """Brightness (SOFT_SIZE, SOFT_SIZE) float32 under a lamp from one side, perhaps half shadowed."""
    right, down, angle, place = rng.uniform(-1.0, 1.0, 4).astype(np.float32).tolist()
    slope_x, slope_y = 0.5 * difficulty * right, 0.3 * difficulty * down
    light = (_FLAT + slope_x * _GRID_X + slope_y * _GRID_Y).clip(0.15, 2.0)
    if rng.random() < 0.2 * difficulty:
        distance = np.cos(np.pi * angle) * _GRID_X + np.sin(np.pi * angle) * _GRID_Y - 0.6 * place
        depth = rng.uniform(0.2, 0.7)
        light *= (1.0 - depth * (0.5 + rng.uniform(2.0, 12.0) * distance).clip(0.0, 1.0)).astype(np.float32)
    return np.asarray(light, dtype=np.float32)


def _tone(rng: np.random.Generator, difficulty: float) -> np.ndarray:
    """Colour temperature, exposure, contrast and gamma as a table (1, 256, 3) uint8; now and then black-and-white."""
    warm, tint, gain, gamma, base = (difficulty * rng.standard_normal(5).clip(-2.0, 2.0)).tolist()
    gains = np.exp([0.09 * warm, 0.035 * tint, -0.09 * warm]) * np.exp(0.14 * gain - 0.08 * difficulty)
    curve = (_LEVELS[:, None] * gains).clip(0.0, 1.0) ** np.exp(0.15 * gamma)
    lifted = (curve + 0.03 * base) * 255.0
    return np.asarray(np.rint(lifted.clip(0.0, 255.0))[None], dtype=np.uint8)
