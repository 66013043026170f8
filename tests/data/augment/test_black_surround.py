"""The crop of AdaFace: what it keeps stays in its place, at the sizes and forms that it was told."""

import numpy as np
import pytest

from marginface.data.augment.black_surround import BlackSurround

IMAGE = np.random.default_rng(0).integers(1, 256, (112, 96, 3)).astype(np.uint8)  # nothing in it is black


def boxes(transform: BlackSurround, num_draws: int) -> list[np.ndarray]:
    """(H, W) masks of what was kept."""
    kept = []
    for _ in range(num_draws):
        image = transform(image=IMAGE)["image"]
        mask = (image > 0).all(2)
        np.testing.assert_array_equal(image, np.where(mask[..., None], IMAGE, 0))
        kept.append(mask)
    return kept


def test_a_box_stays_in_its_place_and_the_rest_is_black() -> None:
    transform = BlackSurround(scale=(0.2, 0.9), p=1.0)
    transform.set_random_seed(0)
    kept = boxes(transform, 200)
    for mask in kept:
        rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
        height, width = np.ptp(rows) + 1, np.ptp(columns) + 1
        assert mask.sum() == height * width  # one full rectangle
        assert 0.19 <= mask.mean() <= 0.91  # rounded to pixels
        assert 0.73 <= width / height <= 1.37
    assert np.mean(kept) == pytest.approx(0.5, abs=0.06)
    assert any(mask[0].any() for mask in kept)
    assert any(mask[-1].any() for mask in kept)


def test_a_box_that_never_fits_leaves_the_image_whole() -> None:
    (mask,) = boxes(BlackSurround(scale=(1.0, 1.0), ratio=(2.0, 2.0), p=1.0), 1)
    assert mask.all()


def test_the_seed_decides() -> None:
    transform = BlackSurround(p=0.5)

    def draws(seed: int) -> np.ndarray:
        transform.set_random_seed(seed)
        return np.stack(boxes(transform, 20))

    np.testing.assert_array_equal(draws(1), draws(1))
    assert (draws(1) != draws(2)).any()


def test_the_image_that_came_in_is_not_written_to() -> None:
    image = IMAGE.copy()
    BlackSurround(scale=(0.2, 0.2), p=1.0)(image=image)
    np.testing.assert_array_equal(image, IMAGE)


@pytest.mark.parametrize("wrong", [{"scale": (0.0, 1.0)}, {"scale": (0.5, 0.2)}, {"scale": (0.5, 1.1)}])
def test_a_scale_that_is_no_range_is_refused(wrong: dict) -> None:
    with pytest.raises(ValueError, match="scale="):
        BlackSurround(**wrong)


@pytest.mark.parametrize("ratio", [(0.0, 1.0), (2.0, 1.0)])
def test_a_ratio_that_is_no_range_is_refused(ratio: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="ratio="):
        BlackSurround(ratio=ratio)
