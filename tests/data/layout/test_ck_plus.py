"""The synthetic CK+ is in the authors' layout."""

import re
from pathlib import Path

import cv2
import numpy as np
import pytest

from marginface.data.ck_plus_sequences import EXPRESSIONS, read_part, read_sequences
from marginface.data.layout.ck_plus import write_ck_plus


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ck_plus")
    write_ck_plus(folder, num_subjects=14, num_sequences=3, num_frames=(3, 5))
    return folder


def test_names_and_label_files_are_the_authors(written: Path) -> None:
    images = sorted(path.relative_to(written).as_posix() for path in (written / "cohn-kanade-images").rglob("*.*"))
    assert images[0] == "cohn-kanade-images/S005/001/S005_001_00000001.png"
    for name in images:
        assert re.fullmatch(r"cohn-kanade-images/(S\d{3})/(\d{3})/\1_\2_\d{8}\.png", name)
    labels = sorted((written / "Emotion").rglob("*.*"))
    assert len(labels) == 14 * 3
    for path in labels:
        name = path.relative_to(written).as_posix()
        match = re.fullmatch(r"Emotion/(S\d{3})/(\d{3})/\1_\2_(\d{8})_emotion\.txt", name)
        assert re.fullmatch(rb"   [1-7]\.0000000e\+00\n", path.read_bytes())
        frames = sorted((written / "cohn-kanade-images" / match[1] / match[2]).iterdir())
        assert frames[-1].name == f"{match[1]}_{match[2]}_{match[3]}.png"  # the label names the last frame
        assert [int(frame.stem[-8:]) for frame in frames] == list(range(1, len(frames) + 1))
        assert 3 <= len(frames) <= 5


def test_some_sequences_have_no_label(written: Path) -> None:
    empty = [path for path in sorted((written / "Emotion").glob("*/*")) if not list(path.iterdir())]
    assert [path.parent.name for path in empty] == ["S005", "S014", "S023", "S032", "S041"]
    for path in empty:
        assert list((written / "cohn-kanade-images" / path.parent.name / path.name).iterdir())


def test_it_is_read_back_with_all_expressions_in_any_nine_folds(written: Path) -> None:
    assert len(read_sequences(written)) == 14 * 3
    for fold in range(10):
        part = read_part(written, fold, held_out=False)
        assert {each.expression for each in part.sequences} == set(range(len(EXPRESSIONS)))
        assert part.num_excluded == 0


def test_images_are_grey_or_in_colour_and_expressions_grow(written: Path) -> None:
    def pixels(name: str) -> np.ndarray:
        return cv2.imread(str(written / "cohn-kanade-images" / name), cv2.IMREAD_UNCHANGED)

    assert pixels("S005/001/S005_001_00000001.png").shape == (112, 112)
    assert pixels("S014/001/S014_001_00000001.png").shape == (112, 112, 3)
    first, second, third = (pixels(f"S005/001/S005_001_0000000{n}.png").astype(float) for n in (1, 2, 3))
    assert np.abs(second - first).mean() < np.abs(third - first).mean()


def test_the_seed_decides(tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        write_ck_plus(tmp_path / name, num_subjects=1, num_sequences=1, num_frames=(2, 9), seed=seed)

    def files(name: str) -> dict[str, bytes]:
        return {
            str(path.relative_to(tmp_path / name)): path.read_bytes()
            for path in (tmp_path / name).rglob("*")
            if path.is_file()
        }

    assert files("a") == files("b") != files("c")


def test_more_subjects_than_numbers_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"num_subjects=301 is outside \[1, 300\]"):
        write_ck_plus(tmp_path, num_subjects=301)
