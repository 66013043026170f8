"""Random Erasing: one rectangle of random pixels, of the areas and forms of the paper."""

import numpy as np
import pytest

from marginface.data.augment.random_erasing import RandomErasing

IMAGE = np.full((112, 96, 3), 44, dtype=np.uint8)


def rectangles(transform: RandomErasing, num_draws: int) -> np.ndarray:
    """(N, 4) top, left, height, width; pixels within are random, those outside as before."""
    found = []
    for _ in range(num_draws):
        erased = transform(image=IMAGE)["image"]
        rows, columns = (np.flatnonzero((erased != IMAGE).any((axis, 2))) for axis in (1, 0))
        top, left, height, width = rows[0], columns[0], np.ptp(rows) + 1, np.ptp(columns) + 1
        inside = erased[top : top + height, left : left + width]
        assert (inside != IMAGE[0, 0]).mean() > 0.97
        assert 100 < inside.mean() < 155
        found.append((top, left, height, width))
    return np.array(found)


def test_area_form_and_place_are_those_of_the_paper() -> None:
    transform = RandomErasing(p=1.0)
    transform.set_random_seed(0)
    top, left, height, width = rectangles(transform, 400).T
    area, ratio = height * width / (112 * 96), height / width
    assert 0.018 < area.min() < 0.03
    assert 0.36 < area.max() < 0.42  # the ends of the range are reached
    assert 0.26 < ratio.min() < 0.4
    assert 2.6 < ratio.max() < 3.6
    assert (ratio > 1).mean() > 0.6  # uniform in height / width: tall ones are more likely
    assert top.min() == 0
    assert (top + height).max() == 112
    assert left.min() == 0
    assert (left + width).max() == 96


def test_a_rectangle_that_never_fits_leaves_the_image_whole() -> None:
    transform = RandomErasing(area=(0.9, 0.9), ratio=(3.0, 3.0), p=1.0)
    np.testing.assert_array_equal(transform(image=IMAGE)["image"], IMAGE)


def test_the_seed_decides_and_the_image_that_came_in_is_not_written_to() -> None:
    transform, image = RandomErasing(p=0.5), IMAGE.copy()

    def draws(seed: int) -> np.ndarray:
        transform.set_random_seed(seed)
        return np.stack([transform(image=image)["image"] for _ in range(20)])

    np.testing.assert_array_equal(draws(1), draws(1))
    assert (draws(1) != draws(2)).any()
    assert 0.2 < (draws(1) != IMAGE).any((1, 2, 3)).mean() < 0.8
    np.testing.assert_array_equal(image, IMAGE)


@pytest.mark.parametrize("wrong", [{"area": (0.0, 0.4)}, {"area": (0.4, 0.02)}, {"area": (0.5, 1.0)}])
def test_an_area_that_is_no_range_is_refused(wrong: dict) -> None:
    with pytest.raises(ValueError, match="area="):
        RandomErasing(**wrong)


@pytest.mark.parametrize("ratio", [(0.0, 1.0), (2.0, 1.0)])
def test_a_ratio_that_is_no_range_is_refused(ratio: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="ratio="):
        RandomErasing(ratio=ratio)
