"""Draws what surrounds the features of a face: skull, ears, hair, beard."""

import numpy as np

from marginface.data.synthesis.canvas import Canvas
from marginface.data.synthesis.curves import across, ellipse, move, smooth, smooth_head
from marginface.data.synthesis.identity import Colour, Identity, blend, shade
from marginface.data.synthesis.state import Expression

_STRANDS = 13


def draw_skull(canvas: Canvas, person: Identity, face: Expression) -> None:
    """Draw the hair at the back, the neck, the ears, the head."""
    view = canvas.view
    canvas.fill([view.outline(_hair_outline(person, face))], shade(person.hair, 0.72))
    neck = across([(0.62 * person.head_width, 20.0), (0.7 * person.head_width, 95.0)])
    canvas.fill([view.outline(neck)], shade(person.skin, 0.72))
    size = person.ear_size
    ear = ellipse(0.45 * size, size, person.head_width - 1.5 + max(person.ear_out, 0.0), person.ear_y)
    inner = ellipse(0.22 * size, 0.5 * size, person.head_width - 1.5 + max(person.ear_out, 0.0), person.ear_y)
    ears, inners = view.pairs([ear, inner])
    near = 0 if view.yaw < 0 else 1
    canvas.fill(ears[1 - near : 2 - near], shade(person.skin, 0.93))
    outline = view.outline(_head_outline(person, face))
    canvas.fill([outline], person.skin)
    canvas.soften_line([np.concatenate([outline, outline[:1]])], 0.78, 3)
    canvas.fill(ears[near : near + 1], shade(person.skin, 0.93))
    canvas.fill(inners[near : near + 1], shade(person.skin, 0.72))


def draw_beard(canvas: Canvas, person: Identity, face: Expression) -> None:
    """Grow a beard along the jaw, a moustache above the lip."""
    width, drop = person.head_width, 5.0 * face.mouth_open
    if person.beard > 0.05:
        outer = _head_outline(person, face)
        outer = outer[outer[:, 1] > 2.0]
        inner = across([(0.75 * width, 10.0), (17.0, person.mouth_y + 2.0), (0.0, person.mouth_y + 10.0 + drop)])
        shape = np.concatenate([canvas.view.outline(outer), canvas.view.surface(inner)[::-1]])
        canvas.grow_beard([shape], min(person.beard, 0.85))
    if person.moustache > 0.05:
        strip = across([(0.0, -11.0), (8.0, -9.0), (person.mouth_width + 2.0, 0.0), (9.0, -4.5), (0.0, -5.0)])
        canvas.grow_beard([canvas.view.surface(move(strip, 0.0, person.mouth_y), 2.0)], min(person.moustache, 0.85))


def draw_front_hair(canvas: Canvas, person: Identity, face: Expression) -> None:
    """Draw the hair between hairline and crown, unless the head is shaved."""
    if is_shaved(person):
        return
    back = _hair_outline(person, face)
    top = back[back[:, 1] < -13.0]
    order = np.argsort(np.arctan2(top[:, 0], -(top[:, 1] + 13.0)))
    lower, upper = canvas.view.surface(hairline(person)), canvas.view.outline(top[order])
    canvas.cover([np.concatenate([lower, upper[::-1]])], person.hair)
    starts = lower[np.linspace(2, len(lower) - 3, _STRANDS).astype(np.int64)]
    ends = upper[np.linspace(2, len(upper) - 3, _STRANDS).astype(np.int64)]
    bent = 0.55 * starts + 0.45 * ends + person.hair_sweep
    strands = np.stack([starts, bent, ends], axis=1)
    canvas.line(strands[::2], shade(person.hair, 0.75), 2)
    canvas.line(strands[1::2], shade(person.hair, 1.25), 2)


def is_shaved(person: Identity) -> bool:
    """Whether nothing grows above the forehead."""
    return person.hair_volume < 0.0


def hairline(person: Identity, count: int = 21) -> np.ndarray:
    """Border between forehead and hair, frontal points (count, 2) from left to right."""
    width, top, part = person.head_width, person.hairline_y, person.hair_part
    points = [
        (-0.97 * width, -12.0),
        (-0.86 * width, 0.62 * top),
        (-0.52 * width + 0.3 * part, top - 1.0 - person.hair_sweep),
        (part, top + person.hairline_peak),
        (0.52 * width + 0.3 * part, top - 1.0 + person.hair_sweep),
        (0.86 * width, 0.62 * top),
        (0.97 * width, -12.0),
    ]
    return smooth(points, count)


def beard_colour(person: Identity) -> Colour:
    """Colour of a person's beard, RGB 0..255."""
    return shade(blend(person.hair, person.skin, 0.12), 0.8)


def _head_outline(person: Identity, face: Expression) -> np.ndarray:
    width, drop = person.head_width, 5.0 * face.mouth_open
    chin = person.chin_y + drop
    return smooth_head(
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


def _hair_outline(person: Identity, face: Expression) -> np.ndarray:
    width, volume = person.head_width, max(person.hair_volume + face.hair_lift, 0.5)
    side = max(person.hair_side + face.hair_drop, -14.0)
    points = smooth_head(
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
    return np.asarray(points * waves[:, None])
