"""Draws a person's face with an expression on a canvas."""

import numpy as np

from marginface.data.synthesis.canvas import Canvas
from marginface.data.synthesis.curves import CIRCLE, both, cut, ellipse, move, smooth, tilt
from marginface.data.synthesis.head import draw_beard, draw_front_hair, draw_skull
from marginface.data.synthesis.identity import Identity, blend, shade
from marginface.data.synthesis.state import Expression

_SPAN = np.linspace(-1.0, 1.0, 9)
_BULGE = (1.0 - _SPAN**2) ** 0.75
_TAPER = np.array([0.8, 1.0, 1.0, 1.0, 0.95, 0.85, 0.7, 0.45, 0.1])  # of a brow, from the nose outwards
_SCATTER = np.arange(1.0, 81.0).reshape(40, 2) ** 2 * 100.0 * np.sqrt(2.0)


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
    draw_skull(canvas, person, face)
    _draw_shadows(canvas, person, face)
    _draw_eyes(canvas, person, face)
    _draw_brows(canvas, person, face)
    _draw_nose(canvas, person)
    _draw_mouth(canvas, person, face)
    _draw_marks(canvas, person)
    draw_beard(canvas, person, face)
    draw_front_hair(canvas, person, face)


def _draw_shadows(canvas: Canvas, person: Identity, face: Expression) -> None:
    wing, corner = person.nose_width, person.mouth_width
    socket = ellipse(12.0, 7.5, person.eye_gap - 1.0, person.eye_y - 1.5)
    bag = move([(-6.0, 6.0), (0.0, 8.0), (6.5, 5.5)], person.eye_gap, person.eye_y)
    cheek = ellipse(7.0, 10.0, 0.62 * person.head_width, 14.0)
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
    gap, height, lids, shape = person.eye_gap, person.eye_y, max(face.lids, 0.05), _BULGE * person.eye_open
    upper = np.stack([_SPAN * person.eye_width, -lids * shape], axis=1)
    lower = np.stack([_SPAN[::-1] * person.eye_width, 0.75 * min(lids, 1.0) * shape], axis=1)
    almond = np.concatenate([upper, lower[1:-1]])
    rim = np.sign(almond) * (2.5, 4.5) + almond * (1.1, 1.0)
    crease = upper[1:-1] * (1.05, 0.8) - (0.0, person.lid_crease)
    still = move(tilt(np.concatenate([almond, rim, crease]), -person.eye_tilt), gap, height)
    eyes, rims, creases = cut(canvas.view.surface(both(still)), len(almond), len(rim), len(crease))
    iris, pupil = (ellipse(size, size, gap, height - 0.3) for size in (person.iris_size, 0.45 * person.iris_size))
    glint = move(CIRCLE[::3] * 0.8, gap - 1.2, height - 1.7)
    gaze = move(both(np.concatenate([iris, pupil, glint])), face.gaze_x, face.gaze_y)
    irises, pupils, glints = cut(canvas.view.surface(gaze), len(iris), len(pupil), len(glint))
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
    half = max(person.brow_thick, 0.6) * _TAPER
    arch = -person.brow_arch * (1.0 - (_SPAN - 0.25) ** 2)
    upper = np.stack([_SPAN * person.brow_length, arch - half], axis=1)
    lower = np.stack([_SPAN * person.brow_length, arch + half], axis=1)[::-1]
    tilted = tilt(np.concatenate([upper, lower]), face.frown - person.brow_tilt)
    right = move(tilted, person.eye_gap + person.brow_shift + 0.5, person.eye_y + person.brow_y - face.brow_raise)
    dark = 0.45 + 0.5 * min(max(person.brow_dark, 0.0), 1.0)
    canvas.fill(canvas.view.surface(both(right), 1.0), blend(person.skin, shade(person.hair, 0.7), dark))


def _draw_nose(canvas: Canvas, person: Identity) -> None:
    low, lift, tip = person.nose_y, person.nose_lift, person.nose_y + person.nose_tip
    wing, bridge, top = person.nose_width, max(person.nose_bridge, 1.5), person.eye_y
    flank = [(bridge, top), (bridge + 1.5, -9.0), (wing, low), (wing + 2.5, low), (bridge + 4.0, -9.0)]
    flank.append((bridge + 5.0, top))
    ridge = [(0.0, top), (0.5 * bridge, top), (2.2, tip - 3.0), (0.0, tip - 3.0)]
    under = [(0.0, low + 3.5), (wing, low + 3.5), (4.0, tip + 7.0), (0.0, tip + 7.0)]
    base = [(wing, low - 4.0), (wing + 0.8, low + 0.5), (wing - 2.0, low + 3.0), (3.4, low + 2.2), (0.0, tip + 4.0)]
    hole = ellipse(person.nostril * 1.25, person.nostril * 0.75, 0.5 * wing, low + 2.0)
    flanks, ridges, unders, bases, holes = canvas.view.pairs(
        [np.array(flank), np.array(ridge), np.array(under), smooth(base, 13), hole],
        [0.5 * lift, 0.9 * lift, 2.0, 0.7 * lift, 0.75 * lift],
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
    bite, half, bow = lip_up + min(3.2, 0.5 * opening), 0.54 * width, 0.52 * width
    upper = [(-bow, top + 1.0), (-2.8, top - 0.4), (0.0, top + person.cupid_bow), (2.8, top - 0.4), (bow, top + 1.0)]
    edge_up = [(half, lip_up), (0.0, lip_up + 0.4), (-half, lip_up)]
    edge_low = [(-half, lip_low), (0.0, lip_low + 0.4), (half, lip_low)]
    rim = [(0.6 * width, bottom - 1.2), (0.0, bottom), (-0.6 * width, bottom - 1.2)]
    teeth = [*edge_up, (-half, bite), (0.0, bite), (half, bite)]
    left, right = (-width, corner), (width, corner)
    inside = [left, *edge_low, right, *edge_up]
    shapes = [inside, teeth, [left, *upper, right, *edge_up], [left, *edge_low, right, *rim]]
    points = move([point for shape in shapes for point in shape], face.skew, 0.0)
    inside_, teeth_, upper_lip, lower_lip = cut(canvas.view.surface(points, 2.0), *map(len, shapes))
    canvas.fill([inside_], (56.0, 20.0, 22.0))
    if opening > 1.0:
        canvas.fill([teeth_], (226.0, 220.0, 208.0))
    canvas.fill([upper_lip], shade(person.lips, 0.88))
    canvas.fill([lower_lip], person.lips)
    canvas.line([inside_[:5]], shade(person.lips, 0.5), 2)
    canvas.soften([canvas.view.surface(ellipse(0.5 * width, 1.8, 0.0, bottom + 2.5))], 0.86)


def _draw_marks(canvas: Canvas, person: Identity) -> None:
    """Moles and freckles: the digits of one trait scatter them."""
    places = np.modf(abs(person.mark_seed) * _SCATTER)[0][:, None]
    count = int(4 * places[0, 0, 0])
    if count:
        sizes, centres = 0.7 + 0.8 * places[:count, :, :1], places[1 : count + 1] * 2 - 1
        canvas.fill(canvas.view.surface(CIRCLE[::2] * sizes + centres * (30.0, 38.0)), shade(person.skin, 0.42))
    if person.freckles >= 1.0:
        centres = places[4 : 4 + int(person.freckles)] * 2 - 1
        canvas.fill(canvas.view.surface(CIRCLE[::4] * 0.6 + centres * (28.0, 11.0)), shade(person.skin, 0.7))
