"""The traits that make a synthetic person: geometry and colours sampled once per identity."""

from dataclasses import dataclass, field, fields
from typing import cast

import numpy as np

Colour = tuple[float, float, float]

_LIMIT = 2.2  # standard deviations: rarer faces would look broken
_SKIN = ((250, 222, 202), (236, 190, 158), (202, 146, 108), (142, 92, 62), (78, 48, 36))
_IRIS = ((110, 150, 185), (110, 140, 105), (120, 95, 50), (75, 45, 25), (35, 22, 16))
_HAIR = ((226, 196, 138), (168, 122, 72), (104, 66, 40), (56, 37, 26), (22, 18, 18))


def _trait(mean: float, std: float) -> float:
    """Declare a trait with its mean and standard deviation over the population."""
    return cast(float, field(metadata={"mean": mean, "std": std}))


@dataclass(frozen=True)
class Identity:
    """One person. Lengths are pixels of the 112 x 112 frame about the face's middle (x right, y down), fractions 0..1.

    A trait that has no unit below is such a length, or a tone: 0 light .. 1 dark.
    """

    # skull and jaw: half widths, heights
    head_width: float = _trait(42.0, 2.6)
    temple_width: float = _trait(0.93, 0.035)  # of head_width
    jaw_width: float = _trait(0.79, 0.075)  # of head_width
    chin_width: float = _trait(0.36, 0.085)  # of head_width
    chin_y: float = _trait(45.0, 3.4)
    jaw_y: float = _trait(23.0, 3.6)
    crown_y: float = _trait(-66.0, 3.5)
    cheek_hollow: float = _trait(0.1, 0.35)
    # eyes
    eye_gap: float = _trait(17.6, 1.7)  # half distance between the centres
    eye_y: float = _trait(-20.0, 1.6)
    eye_width: float = _trait(8.8, 1.0)
    eye_open: float = _trait(4.3, 0.85)
    eye_tilt: float = _trait(0.05, 0.11)  # radians
    eye_bag: float = _trait(0.25, 0.3)
    lid_crease: float = _trait(3.4, 1.5)
    iris_size: float = _trait(4.2, 0.4)
    iris_tone: float = _trait(0.6, 0.32)
    # brows
    brow_y: float = _trait(-11.0, 1.7)  # from the eye
    brow_length: float = _trait(11.5, 1.6)
    brow_shift: float = _trait(0.0, 1.3)
    brow_thick: float = _trait(2.3, 0.95)
    brow_arch: float = _trait(2.4, 1.7)
    brow_tilt: float = _trait(0.02, 0.13)  # radians
    brow_dark: float = _trait(0.6, 0.25)
    # nose
    nose_y: float = _trait(-2.0, 2.4)
    nose_width: float = _trait(8.4, 1.6)
    nose_bridge: float = _trait(4.2, 1.1)
    nose_lift: float = _trait(13.0, 3.0)  # how far the tip stands out
    nose_tip: float = _trait(1.0, 1.7)  # how far the tip hangs below the wings
    nostril: float = _trait(1.7, 0.45)
    # mouth
    mouth_y: float = _trait(21.5, 2.0)
    mouth_width: float = _trait(14.3, 1.9)
    upper_lip: float = _trait(2.8, 0.95)
    lower_lip: float = _trait(4.0, 1.15)
    cupid_bow: float = _trait(1.1, 0.7)
    mouth_corner: float = _trait(0.0, 1.1)
    lip_red: float = _trait(0.4, 0.22)
    # ears
    ear_size: float = _trait(10.0, 1.8)
    ear_out: float = _trait(3.6, 1.9)
    ear_y: float = _trait(-9.0, 2.6)
    # hair
    hairline_y: float = _trait(-47.0, 5.0)
    hairline_peak: float = _trait(0.0, 4.0)
    hair_volume: float = _trait(6.0, 3.4)
    hair_side: float = _trait(10.0, 28.0)  # how far down it falls
    hair_part: float = _trait(0.0, 14.0)
    hair_sweep: float = _trait(0.0, 5.0)
    hair_wave: float = _trait(0.02, 0.022)
    hair_curls: float = _trait(17.0, 7.0)  # waves around the outline
    hair_tone: float = _trait(0.62, 0.3)
    hair_red: float = _trait(0.1, 0.22)
    hair_grey: float = _trait(-0.15, 0.32)
    # skin
    skin_tone: float = _trait(0.4, 0.25)
    skin_red: float = _trait(0.0, 7.0)
    skin_yellow: float = _trait(0.0, 7.0)
    beard: float = _trait(-0.1, 0.4)
    moustache: float = _trait(-0.1, 0.4)
    freckles: float = _trait(-3.0, 12.0)  # how many
    folds: float = _trait(0.3, 0.3)
    forehead_lines: float = _trait(0.0, 0.4)
    mark_seed: float = _trait(0.0, 1.0)  # where moles and freckles sit

    @property
    def skin(self) -> Colour:
        """Skin colour, RGB 0..255."""
        red, green, blue = ramp(_SKIN, self.skin_tone)
        return red + 0.6 * self.skin_red, green - 0.4 * self.skin_red, blue - self.skin_yellow

    @property
    def hair(self) -> Colour:
        """Hair colour, RGB 0..255."""
        tinted = blend(ramp(_HAIR, self.hair_tone), (168.0, 74.0, 34.0), min(max(self.hair_red, 0.0), 0.8))
        return blend(tinted, (190.0, 188.0, 186.0), min(max(self.hair_grey, 0.0), 0.9))

    @property
    def iris(self) -> Colour:
        """Iris colour, RGB 0..255."""
        return ramp(_IRIS, self.iris_tone)

    @property
    def lips(self) -> Colour:
        """Lip colour, RGB 0..255."""
        red, green, blue = self.skin
        rosy = (0.55 * red + 85.0, 0.45 * green + 20.0, 0.45 * blue + 30.0)
        return blend((0.86 * red, 0.74 * green, 0.74 * blue), rosy, min(max(self.lip_red, 0.0), 1.0))


_MEAN = np.array([trait.metadata["mean"] for trait in fields(Identity)])
_STD = np.array([trait.metadata["std"] for trait in fields(Identity)])


def sample_identity(rng: np.random.Generator) -> np.ndarray:
    """Sample a person as a point of trait space.

    Args:
        rng: random generator that belongs to this identity alone.

    Returns:
        Standard scores (T,) of the T traits, each within +-2.2.
    """
    return rng.standard_normal(len(_MEAN)).clip(-_LIMIT, _LIMIT)


def identity_from(scores: np.ndarray) -> Identity:
    """Turn a point of trait space into a person.

    Args:
        scores: standard scores (T,), one per trait in the order of the fields of ``Identity``.

    Returns:
        The person with these traits.
    """
    return Identity(*(_MEAN + _STD * scores).tolist())


def blend(first: Colour, second: Colour, share: float) -> Colour:
    """Mix two colours; ``share`` is the second one's part, 0..1."""
    keep = 1.0 - share
    return (
        keep * first[0] + share * second[0],
        keep * first[1] + share * second[1],
        keep * first[2] + share * second[2],
    )


def ramp(colours: tuple[tuple[int, int, int], ...], position: float) -> Colour:
    """Colour at a position 0..1 (clipped) along a list of at least two colours."""
    place = min(max(position, 0.0), 1.0) * (len(colours) - 1)
    start = min(int(place), len(colours) - 2)
    return blend(colours[start], colours[start + 1], place - start)


def shade(colour: Colour, factor: float) -> Colour:
    """Darken (factor below 1) or lighten (above 1) a colour; channels stay within 0..255."""
    return min(colour[0] * factor, 255.0), min(colour[1] * factor, 255.0), min(colour[2] * factor, 255.0)
