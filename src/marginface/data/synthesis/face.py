"""Draws a person's head with an expression on a canvas."""

from functools import cache
from itertools import accumulate, pairwise
from typing import NamedTuple

import numpy as np

from marginface.data.synthesis.canvas import Canvas, both
from marginface.data.synthesis.identity import Colour, Identity, blend, shade

_MIRROR = np.array([-1.0, 1.0])
_SPAN = np.linspace(-1.0, 1.0, 9)
_BULGE = (1.0 - _SPAN**2) ** 0.75
_ANGLE = np.linspace(0.0, 2.0 * np.pi, 14, endpoint=False)
_CIRCLE = np.stack([np.cos(_ANGLE), np.sin(_ANGLE)], axis=1)

_SCATTER = np.arange(1.0, 81.0).reshape(40, 2) ** 2 * 100.0 * np.sqrt(2.0)


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
    canvas.soften_line([np.concatenate([outline, outline[:1]])], 0.78, 3)
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
    wing, corner = person.nose_width, person.mouth_width
    socket = _CIRCLE * (12.0, 7.5) + (person.eye_gap - 1.0, person.eye_y - 1.5)
    bag = np.array([(-6.0, 6.0), (0.0, 8.0), (6.5, 5.5)]) + (person.eye_gap, person.eye_y)
    cheek = _CIRCLE * (7.0, 10.0) + (0.62 * person.head_width, 14.0)
    fold = np.array([(wing + 2.0, person.nose_y - 2.0), (corner + 3.0, 12.0), (corner + 5.0, person.mouth_y + 1.0)])
    forehead = np.array([(14.0, -36.0), (0.0, -37.5), (14.0, -41.0), (0.0, -42.5)])
    sockets, bags, cheeks, folds, lines = canvas.view.pairs([socket, bag, cheek, fold, forehead])
    canvas.soften(sockets, 0.86)
    canvas.soften_line(bags, 1.0 - 0.4 * max(person.eye_bag, 0.0))
    canvas.soften(cheeks, 1.0 - 0.25 * person.cheek_hollow)
    canvas.soften_line(folds, 1.0 - 0.35 * max(person.folds, 0.0) - 0.2 * max(face.smile, 0.0))
    if person.forehead_lines > 0.0:
        canvas.soften_line([*lines[:, :2], *lines[:, 2:]], 1.0 - 0.35 * person.forehead_lines)


def _draw_eyes(canvas: Canvas, person: Identity, face: Expression) -> None:
    lids, shape = max(face.lids, 0.05), _BULGE * person.eye_open
    upper = np.stack([_SPAN * person.eye_width, -lids * shape], axis=1)
    lower = np.stack([_SPAN[::-1] * person.eye_width, 0.75 * min(lids, 1.0) * shape], axis=1)
    almond = np.concatenate([upper, lower[1:-1]])
    rim = np.sign(almond) * (2.5, 4.5) + almond * (1.1, 1.0)
    crease = upper[1:-1] * (1.05, 0.8) - (0.0, person.lid_crease)
    still = np.concatenate([almond, rim, crease]) @ _rotation(-person.eye_tilt) + (person.eye_gap, person.eye_y)
    ball = np.concatenate([_CIRCLE, 0.45 * _CIRCLE]) * person.iris_size + (person.eye_gap, person.eye_y - 0.3)
    glint = _CIRCLE[::3] * 0.8 + (person.eye_gap - 1.2, person.eye_y - 1.7)
    eyes, rims, creases = _cut(canvas.view.surface(both(still)), len(almond), len(rim), len(crease))
    gaze = both(np.concatenate([ball, glint])) + (face.gaze_x, face.gaze_y)
    irises, pupils, glints = _cut(canvas.view.surface(gaze), len(_CIRCLE), len(_CIRCLE), len(glint))
    canvas.fill(eyes, (232.0, 228.0, 224.0))
    canvas.fill(irises, person.iris)
    canvas.fill(pupils, (12.0, 10.0, 12.0))
    canvas.fill(glints, (250.0, 250.0, 250.0))
    canvas.fill([*rims, *eyes], shade(person.skin, 0.9))  # the eye is a hole in its lids
    canvas.line(eyes[:, len(_SPAN) - 1 :], shade(person.skin, 0.62))
    canvas.line(eyes[:, : len(_SPAN)], blend(shade(person.skin, 0.5), (20.0, 14.0, 14.0), 0.7), 3)
    if person.lid_crease > 1.0:
        canvas.line(creases, shade(person.skin, 0.66), 2)


def _draw_brows(canvas: Canvas, person: Identity, face: Expression) -> None:
    thick = max(person.brow_thick, 0.6)
    taper = np.array([0.8, 1.0, 1.0, 1.0, 0.95, 0.85, 0.7, 0.45, 0.1]) * thick
    arch = -person.brow_arch * (1.0 - (_SPAN - 0.25) ** 2)
    upper = np.stack([_SPAN * person.brow_length, arch - taper], axis=1)
    lower = np.stack([_SPAN * person.brow_length, arch + taper], axis=1)[::-1]
    turned = np.concatenate([upper, lower]) @ _rotation(-person.brow_tilt + face.frown)
    place = (person.eye_gap + person.brow_shift + 0.5, person.eye_y + person.brow_y - face.brow_raise)
    colour = blend(person.skin, shade(person.hair, 0.7), 0.45 + 0.5 * min(max(person.brow_dark, 0.0), 1.0))
    canvas.fill(canvas.view.surface(both(turned + place), 1.0), colour)


def _draw_nose(canvas: Canvas, person: Identity) -> None:
    tip, lift = person.nose_y + person.nose_tip, person.nose_lift
    wing, bridge, low = person.nose_width, max(person.nose_bridge, 1.5), person.nose_y
    flank = [(bridge, person.eye_y), (bridge + 1.5, -9.0), (wing, low), (wing + 2.5, low), (bridge + 4.0, -9.0)]
    flank.append((bridge + 5.0, person.eye_y))
    ridge = [(0.0, person.eye_y), (0.5 * bridge, person.eye_y), (2.2, tip - 3.0), (0.0, tip - 3.0)]
    under = [(0.0, low + 3.5), (wing, low + 3.5), (4.0, tip + 7.0), (0.0, tip + 7.0)]
    base = [(wing, low - 4.0), (wing + 0.8, low + 0.5), (wing - 2.0, low + 3.0), (3.4, low + 2.2), (0.0, tip + 4.0)]
    curve = _spline(len(base), 13, False) @ np.array(base)
    hole = _CIRCLE * (person.nostril * 1.25, person.nostril * 0.75) + (0.5 * wing, low + 2.0)
    parts = [np.array(flank), np.array(ridge), np.array(under), curve, hole]
    flanks, ridges, unders, bases, holes = canvas.view.pairs(
        parts, [0.5 * lift, 0.9 * lift, 2.0, 0.7 * lift, 0.75 * lift]
    )
    canvas.soften(flanks, 0.84)
    canvas.soften(ridges, 1.12)
    canvas.soften(unders, 0.86)
    canvas.line(bases, shade(person.skin, 0.6), 2)
    canvas.fill(holes, shade(person.skin, 0.34))


def _draw_mouth(canvas: Canvas, person: Identity, face: Expression) -> None:
    opening = 9.0 * face.mouth_open
    width = person.mouth_width * (1.0 + 0.14 * face.smile - 0.12 * face.mouth_open)
    corner = person.mouth_y - 3.2 * face.smile - person.mouth_corner
    lip_up, lip_low = person.mouth_y - 0.25 * opening, person.mouth_y + 0.75 * opening  # edges inside
    top, bottom = lip_up - max(person.upper_lip, 0.7), lip_low + max(person.lower_lip, 1.0)
    teeth = lip_up + min(3.2, 0.5 * opening)
    half, bow = 0.54 * width, 0.52 * width
    upper = [(-bow, top + 1.0), (-2.8, top - 0.4), (0.0, top + person.cupid_bow), (2.8, top - 0.4), (bow, top + 1.0)]
    edge_up = [(half, lip_up), (0.0, lip_up + 0.4), (-half, lip_up)]
    edge_low = [(-half, lip_low), (0.0, lip_low + 0.4), (half, lip_low)]
    rim = [(0.6 * width, bottom - 1.2), (0.0, bottom), (-0.6 * width, bottom - 1.2)]
    biting = [(-half, teeth), (0.0, teeth), (half, teeth)]
    left, right = [(-width, corner)], [(width, corner)]
    shapes = [left + upper + right + edge_up, left + edge_low + right + rim, left + edge_low + right + edge_up]
    points = np.array(sum(shapes, edge_up + biting)) + (face.skew, 0.0)
    placed = canvas.view.surface(points, 2.0)
    between, upper_lip, lower_lip, hollow = _cut(placed, 6, *map(len, shapes))
    canvas.fill([hollow], (56.0, 20.0, 22.0))
    if opening > 1.0:
        canvas.fill([between], (226.0, 220.0, 208.0))
    canvas.fill([upper_lip], shade(person.lips, 0.88))
    canvas.fill([lower_lip], person.lips)
    canvas.line([hollow[:5]], shade(person.lips, 0.5), 2)
    canvas.soften([canvas.view.surface(_CIRCLE * (0.5 * width, 1.8) + (0.0, bottom + 2.5))], 0.86)


def _draw_marks(canvas: Canvas, person: Identity) -> None:
    """Moles and freckles: the digits of one trait scatter them."""
    places = np.modf(abs(person.mark_seed) * _SCATTER)[0]
    count = int(4 * places[0, 0])
    if count:
        moles = _CIRCLE[::2] * (0.7 + 0.8 * places[:count, :1, None]) + (places[1 : count + 1, None] * 2 - 1) * (30.0, 38.0)
        canvas.fill(canvas.view.surface(moles), shade(person.skin, 0.42))
    if person.freckles >= 1.0:
        freckles = (places[4 : 4 + int(person.freckles), None] * 2 - 1) * (28.0, 11.0)
        canvas.fill(canvas.view.surface(_CIRCLE[::4] * 0.6 + freckles), shade(person.skin, 0.7))


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
    if person.hair_volume < 0.0:
        return  # shaved
    back = _back_hair(person, face)
    top = back[(back[:, 1] < -13.0)]
    order = np.argsort(np.arctan2(top[:, 0], -(top[:, 1] + 13.0)))
    lower, upper = canvas.view.surface(hairline(person)), canvas.view.outline(top[order])
    canvas.cover([np.concatenate([lower, upper[::-1]])], person.hair)
    ends = upper[np.linspace(2, len(upper) - 3, 13).astype(np.int64)]
    starts = lower[np.linspace(2, len(lower) - 3, 13).astype(np.int64)]
    bent = 0.55 * starts + 0.45 * ends + person.hair_sweep
    strands = np.stack([starts, bent, ends], axis=1)
    canvas.line(strands[::2], shade(person.hair, 0.75), 2)
    canvas.line(strands[1::2], shade(person.hair, 1.25), 2)


def _cut(points: np.ndarray, *counts: int) -> list[np.ndarray]:
    """Cut points (..., n, 2) into consecutive runs of so many points each."""
    return [points[..., start:end, :] for start, end in pairwise([0, *accumulate(counts)])]


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
