"""Things that hide parts of a face: glasses, hair, headwear, scarves, patches."""

from collections.abc import Callable

import numpy as np

from marginface.data.synthesis.canvas import SCALE, SIZE, Canvas
from marginface.data.synthesis.curves import both, move
from marginface.data.synthesis.head import hairline, is_shaved
from marginface.data.synthesis.identity import Colour, Identity, blend, shade

_ANGLE = np.linspace(0.0, 2.0 * np.pi, 16, endpoint=False)
_ROUND = np.stack([np.cos(_ANGLE), np.sin(_ANGLE)], axis=1)


def occlude(canvas: Canvas, person: Identity, rng: np.random.Generator, difficulty: float) -> None:
    """Hide parts of the face, each kind of occlusion with its own probability.

    Args:
        canvas: the drawn face.
        person: whose face; supplies the places and the hair's colour, nothing else depends on it.
        rng: random generator of this picture.
        difficulty: factor on the probabilities.
    """
    chances = rng.random(len(_KINDS))
    for chance, (probability, draw) in zip(chances, _KINDS, strict=True):
        if chance < probability * difficulty:
            draw(canvas, person, rng)


def any_colour(rng: np.random.Generator) -> Colour:
    """A colour from the whole RGB cube, 0..255."""
    red, green, blue = rng.uniform(5.0, 250.0, 3).tolist()
    return red, green, blue


def _wear_glasses(canvas: Canvas, person: Identity, rng: np.random.Generator) -> None:
    width, height, gap, drop, square = rng.uniform((11.0, 7.0, 15.8, -2.0, 0.35), (15.5, 12.0, 19.5, 4.0, 1.0)).tolist()
    lens = np.sign(_ROUND) * np.abs(_ROUND) ** square * (width, height) + (gap, person.eye_y + drop)
    lenses = canvas.view.surface(both(lens), 6.0)
    colour = blend((20.0, 18.0, 18.0), any_colour(rng), float(rng.random()) * 0.7)
    if rng.random() < 0.25:
        canvas.cover(list(lenses), blend((15.0, 15.0, 20.0), any_colour(rng), 0.3))
    bridge = move([(width - gap, 0.0), (0.0, -1.5), (gap - width, 0.0)], 0.0, person.eye_y + drop - 2.0)
    arm = move([(gap + width, 0.0), (person.head_width + 2.0, -1.0)], 0.0, person.eye_y + drop - 3.0)
    thickness = int(rng.integers(2, 7))
    canvas.line(lenses, colour, thickness, closed=True)
    canvas.line([canvas.view.surface(bridge, 7.0)], colour, thickness)
    canvas.line(canvas.view.surface(both(arm), 2.0), colour, thickness)


def _drop_fringe(canvas: Canvas, person: Identity, rng: np.random.Generator) -> None:
    if is_shaved(person):
        return
    top = move(hairline(person)[2:-2], 0.0, -4.0)
    low = np.full(len(top), person.eye_y + rng.uniform(-12.0, 5.0)) + rng.uniform(-4.0, 4.0, len(top))
    if rng.random() < 0.6:  # swept to one side
        low -= rng.uniform(12.0, 26.0) * np.linspace(0.0, 1.0, len(top))[:: int(rng.choice((-1, 1)))]
    ends = np.stack([top[:, 0] * 0.95 + rng.uniform(-4.0, 4.0), np.maximum(low, top[:, 1])], axis=1)
    starts, ends = canvas.view.surface(top, 2.0), canvas.view.surface(ends, 3.0)
    canvas.cover([np.concatenate([starts, ends[::-1]])], person.hair)
    strands = np.stack([starts, ends], axis=1)
    canvas.line(strands[::2], shade(person.hair, 0.7), 2)
    canvas.line(strands[1::3], shade(person.hair, 1.25), 1)


def _wear_hat(canvas: Canvas, person: Identity, rng: np.random.Generator) -> None:
    width, brim = person.head_width + rng.uniform(2.0, 8.0), person.eye_y + rng.uniform(-30.0, -13.0)
    top = person.crown_y - rng.uniform(4.0, 16.0)
    half = [(0.0, top), (0.6 * width, top + 3.0), (0.95 * width, top + 16.0), (width, brim - 2.0)]
    outer = np.array([(-x, y) for x, y in half[:0:-1]] + half)
    bend = rng.uniform(-6.0, 4.0)
    edge = np.array([(0.7 * width, brim + 0.5 * bend), (0.0, brim + bend), (-0.7 * width, brim + 0.5 * bend)])
    colour = any_colour(rng)
    lower = canvas.view.surface(edge, 2.0)
    canvas.cover([np.concatenate([canvas.view.outline(outer), lower])], colour)
    canvas.line([lower], shade(colour, float(rng.uniform(0.4, 1.5))), int(rng.integers(3, 16)))


def _wear_scarf(canvas: Canvas, person: Identity, rng: np.random.Generator) -> None:
    top, width = rng.uniform(person.nose_y + 3.0, person.mouth_y + 14.0), person.head_width + 6.0
    sag = rng.uniform(-4.0, 6.0)
    edge = np.array(
        [(-width, top - 6.0), (-0.5 * width, top), (0.0, top + sag), (0.5 * width, top), (width, top - 6.0)]
    )
    corners = np.array([(SIZE + 10.0, SIZE + 10.0), (-10.0, SIZE + 10.0)]) * SCALE
    colour = any_colour(rng)
    upper = canvas.view.surface(edge, 4.0)
    canvas.cover([np.concatenate([upper, corners])], colour)
    for fold in range(int(rng.integers(0, 5))):
        canvas.line(
            [move(upper, 0.0, 8.0 + fold * rng.uniform(8.0, 14.0))], shade(colour, float(rng.uniform(0.5, 1.4))), 4
        )


def _put_patch(canvas: Canvas, person: Identity, rng: np.random.Generator) -> None:
    radius = rng.uniform(6.0, 22.0, 2)
    rough = rng.uniform(0.75, 1.25, (len(_ROUND), 1))
    centre = rng.uniform(5.0, SIZE - 5.0, 2)
    canvas.cover([(_ROUND * rough * radius + centre) * SCALE], any_colour(rng))


_KINDS: tuple[tuple[float, Callable[[Canvas, Identity, np.random.Generator], None]], ...] = (
    (0.10, _drop_fringe),
    (0.15, _wear_glasses),
    (0.09, _wear_hat),
    (0.07, _wear_scarf),
    (0.09, _put_patch),
)
