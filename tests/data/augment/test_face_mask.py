"""The drawn mask: where it lies, that it has one colour, that its seed decides."""

import numpy as np
import pytest

from marginface.data.augment.face_mask import FaceMask


@pytest.mark.parametrize("size", [(112, 112), (112, 96)])
def test_a_mask_covers_the_mouth_and_leaves_the_eyes(size: tuple[int, int]) -> None:
    height, width = size
    image = np.random.default_rng(0).integers(0, 256, (*size, 3)).astype(np.uint8)
    before = image.copy()
    transform = FaceMask(p=1.0)
    transform.set_random_seed(0)
    colours = set()
    for _ in range(50):
        covered = transform(image=image)["image"]
        mouth = covered[round(0.82 * height), width // 2 - 15 : width // 2 + 15]  # where aligned faces have it
        assert len(np.unique(mouth, axis=0)) == 1
        changed = (covered != image).any(2)
        assert not changed[: height // 2].any()
        assert len(np.unique(covered[changed], axis=0)) == 1
        colours.add(tuple(mouth[0].tolist()))
    np.testing.assert_array_equal(image, before)
    assert len(colours) > 40


def test_the_upper_edge_is_where_it_was_told() -> None:
    image = np.zeros((100, 100, 3), np.uint8)
    transform = FaceMask(top=(0.7, 0.7), jitter=0.0, p=1.0)
    rows = np.flatnonzero(transform(image=image)["image"].any((1, 2)))
    assert (rows[0], rows[-1]) == (70, 99)


def test_the_seed_decides() -> None:
    image = np.zeros((112, 112, 3), np.uint8)
    transform = FaceMask(p=0.5)

    def draws(seed: int) -> np.ndarray:
        transform.set_random_seed(seed)
        return np.stack([transform(image=image)["image"] for _ in range(20)])

    np.testing.assert_array_equal(draws(1), draws(1))
    assert (draws(1) != draws(2)).any()


@pytest.mark.parametrize(
    ("wrong", "name"), [({"top": (0.8, 0.5)}, "top"), ({"top": (0.5, 1.2)}, "top"), ({"jitter": -0.1}, "jitter")]
)
def test_a_number_out_of_range_is_refused(wrong: dict, name: str) -> None:
    with pytest.raises(ValueError, match=f"{name}="):
        FaceMask(**wrong)
