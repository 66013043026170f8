"""The low resolution of AdaFace: as small as it was told, by every interpolation, back at the old size."""

from itertools import product

import cv2
import numpy as np
import pytest

from marginface.data.augment.low_resolution import LowResolution

IMAGE = np.random.default_rng(0).integers(0, 256, (28, 24, 3)).astype(np.uint8)
WAYS = (cv2.INTER_NEAREST, cv2.INTER_LINEAR, cv2.INTER_AREA, cv2.INTER_CUBIC, cv2.INTER_LANCZOS4)


def resized(down: int, up: int) -> bytes:
    small = cv2.resize(IMAGE, (14, 16), interpolation=down)
    return cv2.resize(small, (24, 28), interpolation=up).tobytes()


def test_all_pairs_of_interpolations_come_equally_often() -> None:
    transform = LowResolution(scale=(0.6, 0.6), p=1.0)
    transform.set_random_seed(0)
    drawn = [transform(image=IMAGE)["image"].tobytes() for _ in range(2000)]
    expected = {resized(down, up) for down, up in product(WAYS, WAYS)}
    assert len(expected) == 25
    assert set(drawn) == expected
    counts = [drawn.count(way) for way in expected]
    assert (min(counts) > 45, max(counts) < 120) == (True, True)  # 80 of each, give or take 4 standard deviations


def test_the_factor_spans_its_range() -> None:
    image = np.tile(np.arange(100, dtype=np.uint8), (100, 1))[..., None].repeat(3, 2)
    transform = LowResolution(scale=(0.2, 0.8), p=1.0)
    transform.set_random_seed(0)
    levels = []
    for _ in range(300):
        factor = transform.get_params()["factor"]
        shrunk = transform.apply(image, factor, (cv2.INTER_NEAREST, cv2.INTER_NEAREST))
        assert shrunk.shape == image.shape
        assert len(np.unique(shrunk)) == int(factor * 100)
        levels.append(factor)
    assert 0.2 <= min(levels) < 0.22
    assert 0.78 < max(levels) <= 0.8


def test_the_seed_decides() -> None:
    transform = LowResolution(p=0.5)

    def draws(seed: int) -> np.ndarray:
        transform.set_random_seed(seed)
        return np.stack([transform(image=IMAGE)["image"] for _ in range(20)])

    np.testing.assert_array_equal(draws(1), draws(1))
    assert (draws(1) != draws(2)).any()


@pytest.mark.parametrize("scale", [(0.0, 1.0), (0.5, 0.2), (0.5, 1.1)])
def test_a_scale_that_is_no_range_is_refused(scale: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="scale="):
        LowResolution(scale=scale)
