"""`src/preview.py`: the picture shows training images as the loader hands them over."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from hydra import compose, initialize_config_dir

from marginface.data import FaceRecords, decode, encode, write_face_records
from marginface.engine.previewing import preview

GAP, SIZE = 2, 112


def cells(path: Path) -> np.ndarray:
    """(N, M, H, W, 3) images of a picture; the lines between them are white."""
    grid = cv2.imread(str(path), cv2.IMREAD_COLOR_RGB)
    rows, columns = ((length - GAP) // (SIZE + GAP) for length in grid.shape[:2])
    assert grid.shape == (rows * (SIZE + GAP) + GAP, columns * (SIZE + GAP) + GAP, 3)
    assert (grid[:GAP] == 255).all()
    assert (grid[:, :GAP] == 255).all()
    grid = grid[GAP:, GAP:].reshape(rows, SIZE + GAP, columns, SIZE + GAP, 3)
    assert (grid[:, SIZE:] == 255).all()
    return grid[:, :SIZE, :, :SIZE].transpose(0, 2, 1, 3, 4)


@pytest.fixture
def run(root: Path, faces: Path, tmp_path: Path) -> Callable[..., np.ndarray]:
    """``run(*overrides)`` in this process, on the small pack; the images of the picture."""

    def go(*overrides: str) -> np.ndarray:
        words = ["data=records", f"data.root={faces}", f"run_dir={tmp_path}/run", "num_images=3", "num_draws=4"]
        with initialize_config_dir(str(root / "conf"), version_base="1.3"):
            return cells(preview(compose("preview", [*words, *overrides])))

    return go


@pytest.fixture(scope="module")
def images(faces: Path) -> list[np.ndarray]:
    pack = FaceRecords(faces)
    return [decode(pack.read(i), "") for i in range(len(pack))]


def found(image: np.ndarray, images: list[np.ndarray]) -> list[int]:
    return [i for i, other in enumerate(images) if np.array_equal(image, other)]


def test_the_command_says_where_the_picture_is(command, faces: Path, tmp_path: Path) -> None:
    words = ("data=records", f"data.root={faces}", "num_images=2", "num_draws=3", f"out={tmp_path}/pictures")
    done = command("preview", *words, "seed=5", f"hydra.run.dir={tmp_path}/run")
    assert done.stdout.splitlines()[-1] == f"2 images x 3 draws, seed 5: {tmp_path}/pictures/preview.png"
    assert cells(tmp_path / "pictures" / "preview.png").shape == (2, 3, SIZE, SIZE, 3)


def test_a_row_is_one_image_in_several_draws(run: Callable[..., np.ndarray], images: list[np.ndarray]) -> None:
    mirrored = [image[:, ::-1] for image in images]
    picture = run("augment=flip", "num_draws=12")
    for row in picture:
        numbers = [(found(cell, images) or found(cell, mirrored)) for cell in row]
        assert numbers[0]
        assert all(number == numbers[0] for number in numbers)
    plain = np.array([[bool(found(cell, images)) for cell in row] for row in picture])
    assert 0 < plain.mean() < 1
    assert len(np.unique(plain, axis=0)) > 1  # the images of a batch are not flipped together


def test_without_augmentation_all_draws_are_the_decoded_image(
    run: Callable[..., np.ndarray], images: list[np.ndarray]
) -> None:
    picture = run("augment=none")
    assert len({tuple(found(row[0], images)) for row in picture}) == 3
    assert (picture == picture[:, :1]).all()


def test_the_seed_decides(run: Callable[..., np.ndarray]) -> None:
    first = run("augment=adaface", "seed=1")
    np.testing.assert_array_equal(first, run("augment=adaface", "seed=1"))
    assert (first != run("augment=adaface", "seed=2")).any()


def test_a_set_smaller_than_a_batch_is_shown(run: Callable[..., np.ndarray], tmp_path: Path) -> None:
    write_face_records(tmp_path, [(0, encode(np.full((SIZE, SIZE, 3), 9, np.uint8)))])
    assert run(f"data.root={tmp_path}", "num_images=1").shape[:2] == (1, 4)
    with pytest.raises(ValueError, match="num_images=2 is more than the 1 training images"):
        run(f"data.root={tmp_path}", "num_images=2")


@pytest.mark.parametrize("word", ["num_images=0", "num_draws=0"])
def test_an_empty_picture_is_refused(run: Callable[..., np.ndarray], word: str) -> None:
    with pytest.raises(ValueError, match=f"{word} is less than 1"):
        run(word)


def test_unknown_keys_are_refused(run: Callable[..., np.ndarray]) -> None:
    with pytest.raises(ValueError, match=r"unknown config key\(s\) num_drows"):
        run("+num_drows=4")


def test_data_without_a_folder_are_refused(run: Callable[..., np.ndarray]) -> None:
    with pytest.raises(ValueError, match=r"data\.root must be set, as in data\.root=VALUE"):
        run("data.root=???")


def test_a_file_in_place_of_the_folder_is_refused_before_any_work(
    run: Callable[..., np.ndarray], tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match=r"out=.*file is a file: name the folder"):
        run(f"out={tmp_path}/file", "data.root=nowhere")
