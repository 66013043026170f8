"""Draws a person's head with an expression on a canvas."""

from functools import cache
from typing import NamedTuple

import numpy as np

from marginface.data.synthesis.canvas import Canvas
from marginface.data.synthesis.identity import Colour, Identity, blend, shade

_MIRROR = np.array([-1.0, 1.0])
_SPAN = np.linspace(-1.0, 1.0, 9)
_BULGE = (1.0 - _SPAN**2) ** 0.75
_ANGLE = np.linspace(0.0, 2.0 * np.pi, 14, endpoint=False)
_CIRCLE = np.stack([np.cos(_ANGLE), np.sin(_ANGLE)], axis=1)


class Expression(NamedTuple):
    """What a face does in one picture; 0 is at rest."""

    smile: float = 0.0  # -1 sad .. 1 smiling
    mouth_open: float = 0.0  # 0 .. 1
    skew: float = 0.0  # mouth drawn to one side, pixels
    brow_raise: float = 0.0  # pixels
    frown: float = 0.0  # radians
    lids: float = 1.0  # 0 closed .. 1.3 wide open
    gaze_x: float = 0.0  # pixels
    gaze_y: float = 0.0  # pixels
    hair_lift: float = 0.0  # hair-do: extra volume, pixels
    hair_drop: float = 0.0  # hair-do: how much further the hair falls, pixels


def landmarks(person: Identity) -> tuple[np.ndarray, np.ndarray]:
    """Where the alignment finds the eyes, nose tip and mouth corners.

    Args:
        person: whose face.

    Returns:
        Frontal positions (5, 2), and heights above the face's surface (5,).
    """
    points = [
        (-person.eye_gap, person.eye_y),
        (person.eye_gap, person.eye_y),
        (0.0, person.nose_y),
        (-person.mouth_width, person.mouth_y),
        (person.mouth_width, person.mouth_y),
    ]
    return np.array(points), np.array([0.0, 0.0, person.nose_lift, 0.0, 0.0])


def draw_face(canvas: Canvas, person: Identity, face: Expression) -> None:
    """Draw a head, from its hair at the back to its hair in front.

    Args:
        canvas: where; its view decides the pose.
        person: who.
        face: the expression.
    """
    _draw_skull(canvas, person, face)
    _draw_shadows(canvas, person, face)
    _draw_eyes(canvas, person, face)
    _draw_brows(canvas, person, face)
    _draw_nose(canvas, person)
    _draw_mouth(canvas, person, face)
    _draw_marks(canvas, person)
    _draw_beard(canvas, person, face)
    _draw_front_hair(canvas, person, face)


def hairline(person: Identity, count: int = 21) -> np.ndarray:
    """Border between forehead and hair, frontal points (count, 2) from left to right."""
    width, top = person.head_width, person.hairline_y
    points = [
        (-0.97 * width, -12.0),
        (-0.86 * width, 0.62 * top),
        (-0.52 * width + 0.3 * person.hair_part, top - 1.0 - person.hair_sweep),
        (person.hair_part, top + person.hairline_peak),
        (0.52 * width + 0.3 * person.hair_part, top - 1.0 + person.hair_sweep),
        (0.86 * width, 0.62 * top),
        (0.97 * width, -12.0),
    ]
    return _spline(len(points), count, False) @ np.array(points)


def _draw_skull(canvas: Canvas, person: Identity, face: Expression) -> None:
    view = canvas.view
    canvas.fill([view.outline(_back_hair(person, face))], shade(person.hair, 0.72))
    neck = np.array([(-0.62, 20.0), (0.62, 20.0), (0.7, 95.0), (-0.7, 95.0)]) * (person.head_width, 1.0)
    canvas.fill([view.outline(neck)], shade(person.skin, 0.72))
    far, near = (_ear(person), _ear(person) * _MIRROR) if view.yaw > 0 else (_ear(person) * _MIRROR, _ear(person))
    skin = shade(person.skin, 0.93)
    canvas.fill([view.surface(far)], skin)
    outline = view.outline(_head(person, face))
    canvas.fill([outline], person.skin)
    canvas.fill([view.surface(near)], skin)
    canvas.soften_line([np.append(outline, outline[:1])], 0.78, 5)
    inner = view.surface((near - near.mean(axis=0)) * 0.5 + near.mean(axis=0))
    canvas.fill([inner], shade(person.skin, 0.72))


def _head(person: Identity, face: Expression) -> np.ndarray:
    width, drop = person.head_width, 5.0 * face.mouth_open
    chin = person.chin_y + drop
    return _symmetric(
        [
            (0.0, person.crown_y),
            (0.58 * width, person.crown_y + 6.0),
            (person.temple_width * width, -42.0),
            (width, -16.0),
            (0.5 * (1.0 + person.jaw_width) * width, 0.45 * person.jaw_y),
            (person.jaw_width * width, person.jaw_y + 0.5 * drop),
            (person.chin_width * width, chin - 3.0),
            (0.0, chin),
        ]
    )


def _back_hair(person: Identity, face: Expression) -> np.ndarray:
    width, volume = person.head_width, max(person.hair_volume + face.hair_lift, 0.5)
    side = max(person.hair_side + face.hair_drop, -14.0)
    points = _symmetric(
        [
            (0.0, person.crown_y - volume),
            (0.6 * width + 0.5 * volume, person.crown_y + 5.0 - 0.8 * volume),
            (width + volume, -42.0),
            (width + volume, -15.0),
            (width + 0.9 * volume, 0.5 * (side - 15.0) + 2.0),
            (0.9 * width + 0.7 * volume, side + 4.0),
            (0.5 * width, side + 8.0),
            (0.0, side + 8.0),
        ]
    )
    turns = np.linspace(0.0, 2.0 * np.pi, len(points), endpoint=False)
    waves = 1.0 + max(person.hair_wave, 0.0) * np.sin(round(person.hair_curls) * turns)
    return points * waves[:, None]


def _ear(person: Identity) -> np.ndarray:
    size = person.ear_size
    return _CIRCLE * (0.45 * size, size) + (-person.head_width + 1.5 - max(person.ear_out, 0.0), person.ear_y)


def _draw_shadows(canvas: Canvas, person: Identity, face: Expression) -> None:
    view = canvas.view
    socket = _CIRCLE * (12.0, 7.5) + (person.eye_gap - 1.0, person.eye_y - 1.5)
    canvas.soften(view.surface(_both(socket)), 0.86)
    bag = np.array([(-6.0, 6.0), (0.0, 8.0), (6.5, 5.5)]) + (person.eye_gap, person.eye_y)
    canvas.soften_line(view.surface(_both(bag)), 1.0 - 0.4 * max(person.eye_bag, 0.0))
    cheek = _CIRCLE * (7.0, 10.0) + (0.62 * person.head_width, 14.0)
    canvas.soften(view.surface(_both(cheek)), 1.0 - 0.25 * person.cheek_hollow)
    wing, corner = person.nose_width, person.mouth_width
    fold = np.array([(wing + 2.0, person.nose_y - 2.0), (corner + 3.0, 12.0), (corner + 5.0, person.mouth_y + 1.0)])
    strength = max(person.folds, 0.0) * 0.35 + 0.2 * max(face.smile, 0.0)
    canvas.soften_line(view.surface(_both(fold)), 1.0 - strength)
    if person.forehead_lines > 0.0:
        lines = [np.array([(-14.0, y), (0.0, y - 1.5), (14.0, y)]) for y in (-36.0, -41.0)]
        canvas.soften_line([view.surface(line) for line in lines], 1.0 - 0.35 * person.forehead_lines, 1)


def _draw_eyes(canvas: Canvas, person: Identity, face: Expression) -> None:
    view, lids = canvas.view, max(face.lids, 0.05)
    upper = np.stack([_SPAN * person.eye_width, -_BULGE * person.eye_open * lids], axis=1)
    lower = np.stack([_SPAN[::-1] * person.eye_width, _BULGE * 0.75 * person.eye_open * min(lids, 1.0)], axis=1)
    almond = np.concatenate([upper, lower[1:-1]])
    rim = np.sign(almond) * (2.5, 4.5) + almond * (1.1, 1.0)
    eyes = view.surface(_eyes(person, almond))
    canvas.fill(eyes, (232.0, 228.0, 224.0))
    for scale, colour in ((1.0, person.iris), (0.45, (12.0, 10.0, 12.0))):
        disc = _CIRCLE * (scale * person.iris_size)
        canvas.fill(view.surface(_eyes(person, disc, face)), colour)
    glint = _CIRCLE[::3] * 0.8 + (-1.2, -1.4)
    canvas.fill(view.surface(_eyes(person, glint, face)), (250.0, 250.0, 250.0))
    rims = view.surface(_eyes(person, rim))
    canvas.fill([*rims, *eyes], shade(person.skin, 0.9))
    lashes = blend(shade(person.skin, 0.5), (20.0, 14.0, 14.0), 0.7)
    canvas.line([eye[: len(_SPAN)] for eye in eyes], lashes, 3)
    canvas.line([eye[len(_SPAN) - 1 :] for eye in eyes], shade(person.skin, 0.62), 1)
    if person.lid_crease > 1.0:
        crease = upper[1:-1] * (1.05, 0.8) - (0.0, person.lid_crease)
        lines = view.surface(_eyes(person, crease))
        canvas.line(lines, shade(person.skin, 0.66), 2)


def _eyes(person: Identity, points: np.ndarray, gaze: Expression | None = None) -> np.ndarray:
    """Both eyes (2, n, 2) from points (n, 2) of a right eye at the origin; with a gaze both look the same way."""
    pair = _both(points @ _rotation(-person.eye_tilt) + (person.eye_gap, person.eye_y))
    return pair if gaze is None else pair + (gaze.gaze_x, gaze.gaze_y - 0.3)


def _draw_brows(canvas: Canvas, person: Identity, face: Expression) -> None:
    thick = max(person.brow_thick, 0.6)
    taper = np.array([0.8, 1.0, 1.0, 1.0, 0.95, 0.85, 0.7, 0.45, 0.1]) * thick
    arch = -person.brow_arch * (1.0 - (_SPAN - 0.25) ** 2)
    upper = np.stack([_SPAN * person.brow_length, arch - taper], axis=1)
    lower = np.stack([_SPAN * person.brow_length, arch + taper], axis=1)[::-1]
    turned = np.concatenate([upper, lower]) @ _rotation(-person.brow_tilt + face.frown)
    place = (person.eye_gap + person.brow_shift + 0.5, person.eye_y + person.brow_y - face.brow_raise)
    colour = blend(person.skin, shade(person.hair, 0.7), 0.45 + 0.5 * min(max(person.brow_dark, 0.0), 1.0))
    canvas.fill(canvas.view.surface(_both(turned + place), 1.0), colour)


def _draw_nose(canvas: Canvas, person: Identity) -> None:
    view, skin, tip = canvas.view, person.skin, person.nose_y + person.nose_tip
    wing, bridge = person.nose_width, max(person.nose_bridge, 1.5)
    flank = np.array([(bridge, person.eye_y), (bridge + 1.5, -9.0), (wing, person.nose_y), (wing + 2.5, person.nose_y)])
    flank = np.concatenate([flank, [(bridge + 4.0, -9.0), (bridge + 5.0, person.eye_y)]])
    canvas.soften(view.surface(_both(flank), 0.5 * person.nose_lift), 0.84)
    ridge = np.array([(-0.5 * bridge, person.eye_y), (0.5 * bridge, person.eye_y), (2.2, tip - 3.0), (-2.2, tip - 3.0)])
    canvas.soften([view.surface(ridge, 0.9 * person.nose_lift)], 1.12)
    under = np.array([(-wing, person.nose_y + 3.5), (wing, person.nose_y + 3.5), (4.0, tip + 7.0), (-4.0, tip + 7.0)])
    canvas.soften([view.surface(under, 2.0)], 0.86)
    base = np.array([(wing, -4.0), (wing + 0.8, 0.5), (wing - 2.0, 3.0), (3.4, 2.2)]) + (0.0, person.nose_y)
    base = np.concatenate([base, [(0.0, tip + 4.0)], (base * _MIRROR)[::-1]])
    height = view.surface(_spline(len(base), 25, False) @ base, 0.7 * person.nose_lift)
    canvas.line([height], shade(skin, 0.6), 2)
    hole = _CIRCLE * (person.nostril * 1.25, person.nostril * 0.75) + (0.5 * wing, person.nose_y + 2.0)
    canvas.fill(view.surface(_both(hole), 0.75 * person.nose_lift), shade(skin, 0.34))


def _draw_mouth(canvas: Canvas, person: Identity, face: Expression) -> None:
    view, middle, opening = canvas.view, person.mouth_y, 9.0 * face.mouth_open
    width = person.mouth_width * (1.0 + 0.14 * face.smile - 0.12 * face.mouth_open)
    corner = middle - 3.2 * face.smile - person.mouth_corner
    parting_up, parting_low = middle - 0.25 * opening, middle + 0.75 * opening
    top, bottom = parting_up - max(person.upper_lip, 0.7), parting_low + max(person.lower_lip, 1.0)
    upper = [(0.52 * width, top + 1.0), (2.8, top - 0.4), (0.0, top + person.cupid_bow)]
    skew = (face.skew, 0.0)
    ends = np.array([(-width, corner), (width, corner)])
    bow = np.array([(-x, y) for x, y in upper[:2]] + upper[::-1])
    edge_up = np.array([(0.55 * width, parting_up), (0.0, parting_up + 0.4), (-0.55 * width, parting_up)])
    edge_low = np.array([(-0.55 * width, parting_low), (0.0, parting_low + 0.4), (0.55 * width, parting_low)])
    rim = np.array([(0.6 * width, bottom - 1.2), (0.0, bottom), (-0.6 * width, bottom - 1.2)])
    upper_lip = _place(canvas, [ends[:1], bow, ends[1:], edge_up], skew)
    lower_lip = _place(canvas, [ends[:1], edge_low, ends[1:], rim], skew)
    hollow = _place(canvas, [ends[:1], edge_low, ends[1:], edge_up], skew)
    canvas.fill([hollow], (56.0, 20.0, 22.0))
    if opening > 1.0:
        teeth = edge_up + (0.0, min(3.2, 0.5 * opening))
        canvas.fill([_place(canvas, [edge_up, teeth[::-1]], skew)], (226.0, 220.0, 208.0))
    canvas.fill([upper_lip], shade(person.lips, 0.88))
    canvas.fill([lower_lip], person.lips)
    canvas.line([_place(canvas, [ends[:1], edge_low, ends[1:]], skew)], shade(person.lips, 0.5), 2)
    below = _CIRCLE * (0.5 * width, 1.8) + (0.0, bottom + 2.5)
    canvas.soften([view.surface(below)], 0.86)


def _place(canvas: Canvas, parts: list[np.ndarray], skew: tuple[float, float]) -> np.ndarray:
    return canvas.view.surface(np.concatenate(parts) + skew, 2.0)


def _draw_marks(canvas: Canvas, person: Identity) -> None:
    """Moles and freckles; their places are a function of one trait, continuous in none."""
    rng = np.random.default_rng(int(abs(person.mark_seed) * 1e9))
    moles = rng.uniform((-30.0, -38.0), (30.0, 38.0), (rng.integers(0, 4), 2))
    for x, y in moles:
        spot = _CIRCLE[::2] * rng.uniform(0.7, 1.5) + (x, y)
        canvas.fill([canvas.view.surface(spot)], shade(person.skin, 0.42))
    if person.freckles >= 1.0:
        places = rng.uniform((-28.0, -12.0), (28.0, 10.0), (int(person.freckles), 1, 2))
        spots = (_CIRCLE[::4] * 0.6 + places).reshape(-1, 2)
        shapes = canvas.view.surface(spots).reshape(len(places), -1)
        canvas.fill(list(shapes), shade(person.skin, 0.7))


def _draw_beard(canvas: Canvas, person: Identity, face: Expression) -> None:
    width, drop = person.head_width, 5.0 * face.mouth_open
    if person.beard > 0.05:
        outer = _head(person, face)
        outer = outer[outer[:, 1] > 2.0]
        inner = np.array([(-0.75 * width, 10.0), (-17.0, person.mouth_y + 2.0), (0.0, person.mouth_y + 10.0 + drop)])
        inner = np.concatenate([inner, (inner[:2] * _MIRROR)[::-1]])
        shape = np.concatenate([canvas.view.outline(outer), canvas.view.surface(inner)])
        canvas.grow_beard([shape], min(person.beard, 0.85))
    if person.moustache > 0.05:
        strip = np.array([(0.0, -11.0), (8.0, -9.0), (person.mouth_width + 2.0, 0.0), (9.0, -4.5), (0.0, -5.0)])
        strip = np.concatenate([strip, (strip * _MIRROR)[::-1]]) + (0.0, person.mouth_y)
        canvas.grow_beard([canvas.view.surface(strip, 2.0)], min(person.moustache, 0.85))


def _draw_front_hair(canvas: Canvas, person: Identity, face: Expression) -> None:
    if person.hair_volume + face.hair_lift < 0.0:
        return  # shaved
    back = _back_hair(person, face)
    top = back[(back[:, 1] < -13.0)]
    order = np.argsort(np.arctan2(top[:, 0], -(top[:, 1] + 13.0)))
    lower, upper = canvas.view.surface(hairline(person)), canvas.view.outline(top[order])
    canvas.cover([np.concatenate([lower, upper[::-1]])], person.hair)
    ends = upper[np.linspace(2, len(upper) - 3, 13).astype(np.int64)]
    starts = lower[np.linspace(2, len(lower) - 3, 13).astype(np.int64)]
    bent = 0.55 * starts + 0.45 * ends + (1.0 + 1.0j) * person.hair_sweep
    strands = list(np.stack([starts, bent, ends], axis=1))
    canvas.line(strands[::2], shade(person.hair, 0.75), 2)
    canvas.line(strands[1::2], shade(person.hair, 1.25), 2)


def _both(points: np.ndarray) -> np.ndarray:
    return np.stack([points, points * _MIRROR])


def _rotation(angle: float) -> np.ndarray:
    cosine, sine = np.cos(angle), np.sin(angle)
    return np.array([(cosine, sine), (-sine, cosine)])


def _symmetric(right: list[tuple[float, float]]) -> np.ndarray:
    """Smooth closed outline (n, 2) from its right half's control points, top to bottom."""
    half = np.array(right)
    loop = np.concatenate([half, (half[1:-1] * _MIRROR)[::-1]])
    return _spline(len(loop), 5 * len(loop), True) @ loop


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


def beard_colour(person: Identity) -> Colour:
    """Colour of a person's beard, RGB 0..255."""
    return shade(blend(person.hair, person.skin, 0.12), 0.8)
