import albumentations as A
import numpy as np

from marginface.data.augment.run_seed import RUN, RunSeed


class Recorded:
    """Keeps its seeds."""

    def __init__(self) -> None:
        self.seeds: list[int] = []

    def __call__(self, *, image: np.ndarray) -> dict:
        return {"image": image}

    def set_random_seed(self, seed: int | None) -> None:
        self.seeds.append(seed)


def seeds(first: int, count: int) -> list[int]:
    transform = Recorded()
    runs = RunSeed(transform)
    runs.begin()
    for place in range(count):
        runs.reach(first, place)
    return transform.seeds


def test_each_run_has_one_seed_of_32_bits_wherever_a_batch_begins() -> None:
    big = 5 << 70
    whole = seeds(big, 4 * RUN)
    assert len(set(whole)) == 4
    assert all(0 <= seed < 2**32 for seed in whole)
    assert seeds(big + RUN, 2 * RUN) == whole[1:3]
    cut = seeds(big + RUN + 3, RUN)
    assert cut[1] == whole[2]
    assert cut[0] not in whole, "its images would draw what those at the head of the run have drawn"


def test_each_batch_begins_anew() -> None:
    transform = Recorded()
    runs = RunSeed(transform)
    for _ in range(2):
        runs.begin()
        runs.reach(3, 0)
    assert transform.seeds[0] == transform.seeds[1]


def test_transforms_of_a_chain_draw_independently() -> None:
    image = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    chain = A.Compose([A.HorizontalFlip(p=0.5), A.VerticalFlip(p=0.5)])
    runs, both = RunSeed(chain), np.zeros((2, 2))
    runs.begin()
    for number in range(800):
        runs.reach(number * RUN, 0)
        out = chain(image=image)["image"]
        where = np.argwhere((out == image[0, 0]).all(axis=2))[0]
        both[where[0], where[1]] += 1
    assert (abs(both - 200) < 50).all(), "four standard deviations"


def test_generators_of_numpy_are_seeded_too() -> None:
    image = np.full((20, 20, 3), 128, dtype=np.uint8)
    chain = A.Compose([A.GaussNoise(p=1.0)])
    runs, images = RunSeed(chain), []
    for first in (0, 0, RUN):
        runs.begin()
        runs.reach(first, 0)
        images.append(chain(image=image)["image"])
    assert np.array_equal(images[0], images[1])
    assert not np.array_equal(images[0], images[2])
