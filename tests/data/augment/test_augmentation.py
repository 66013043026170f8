import albumentations as A
import numpy as np
import pytest

from marginface.data.augment.augmentation import Augmentation
from marginface.data.augment.run_seed import RunSeed

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (32, 14, 12, 3), dtype=np.uint8)
CHAINS = {
    "flip": [A.HorizontalFlip(p=0.5)],
    "flip always": [A.HorizontalFlip(p=1.0)],
    "flip never": [A.HorizontalFlip(p=0.0)],
    "rare flip": [A.HorizontalFlip(p=0.1)],
    "flip first": [A.HorizontalFlip(p=0.5), A.RandomBrightnessContrast(p=0.8), A.CoarseDropout(p=0.5)],
    "two flips": [A.HorizontalFlip(p=0.5), A.HorizontalFlip(p=0.5)],
    "flip last": [A.RandomBrightnessContrast(p=0.8), A.HorizontalFlip(p=0.5)],
    "one of": [A.HorizontalFlip(p=0.5), A.OneOf([A.ToGray(p=1.0), A.VerticalFlip(p=1.0)], p=0.7)],
    "nested": [A.Sequential([A.HorizontalFlip(p=0.5)], p=0.5)],
    "nothing": [],
}


def augmented(transform, seed: int) -> np.ndarray:
    images = IMAGES.copy()
    Augmentation(transform)(images, seed)
    return images


def by_albumentations(transform, seed: int) -> np.ndarray:
    """Images of the whole chain, seeded for each run."""
    runs, images = RunSeed(transform), []
    runs.begin()
    for place, image in enumerate(IMAGES):
        runs.reach(seed, place)
        images.append(transform(image=image)["image"])
    return np.stack(images)


@pytest.mark.parametrize("chain", CHAINS)
@pytest.mark.parametrize("p", [1.0, 0.5])
def test_a_chain_does_bit_for_bit_what_albumentations_does(chain: str, p: float) -> None:
    for seed in range(5):
        expected = by_albumentations(A.Compose(CHAINS[chain], p=p), seed)
        assert np.array_equal(augmented(A.Compose(CHAINS[chain], p=p), seed), expected)


def test_one_seed_after_another_does_not_remember_the_first() -> None:
    augmentation = Augmentation(A.Compose(CHAINS["flip first"]))
    augmentation(IMAGES[:5].copy(), 8)
    images = IMAGES.copy()
    augmentation(images, 3)
    assert np.array_equal(images, by_albumentations(A.Compose(CHAINS["flip first"]), 3))


def test_an_image_is_augmented_alike_in_any_batch_of_whole_runs() -> None:
    transform = A.Compose(CHAINS["flip first"])
    parts = IMAGES.copy()
    Augmentation(transform)(parts[16:], 3 * 16 + 16)
    Augmentation(transform)(parts[:16], 3 * 16)
    assert np.array_equal(parts, augmented(transform, 3 * 16))


def test_what_is_left_out_of_a_batch_changes_its_own_run_at_most() -> None:
    transform, kept = A.Compose(CHAINS["flip first"]), [*range(5), *range(6, 32)]
    images = IMAGES[kept]
    Augmentation(transform)(images, 0, kept)
    whole = augmented(transform, 0)
    assert np.array_equal(images[:5], whole[:5])
    assert np.array_equal(images[15:], whole[16:])


def test_the_chain_itself_stays_whole() -> None:
    transform = A.Compose(CHAINS["flip first"])
    augmented(transform, 0)
    assert len(transform.transforms) == 3


def test_half_of_the_images_are_turned() -> None:
    turned = np.concatenate([augmented(A.Compose(CHAINS["flip"]), seed)[:, 0, 0] for seed in range(40)])
    share = (turned == np.tile(IMAGES[:, 0, -1], (40, 1))).all(-1).mean()
    assert abs(share - 0.5) < 4 * 0.5 / np.sqrt(40 * 32)  # four standard deviations


def test_a_subclass_keeps_its_own_ways() -> None:
    class Twice(A.HorizontalFlip):
        def apply(self, img: np.ndarray, **params) -> np.ndarray:
            return img // 2

    assert np.array_equal(augmented(A.Compose([Twice(p=1.0)]), 0), IMAGES // 2)


def test_any_callable_of_that_form_will_do() -> None:
    class Invert:
        seed = None

        def set_random_seed(self, seed: int | None) -> None:
            self.seed = seed

        def __call__(self, *, image: np.ndarray) -> dict:
            return {"image": 255 - image}

    transform = Invert()
    assert np.array_equal(augmented(transform, 7), 255 - IMAGES)
    assert 0 <= transform.seed < 2**32
    assert np.array_equal(augmented(None, 7), IMAGES)


@pytest.mark.parametrize("change", [A.Resize(7, 7), A.ToFloat(max_value=255)])
def test_a_change_of_size_or_type_is_refused(change: A.BasicTransform) -> None:
    with pytest.raises(ValueError, match=r"transform returns .* for a uint8 \(14, 12, 3\) image"):
        augmented(A.Compose([change]), 0)
