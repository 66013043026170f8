from pathlib import Path

import numpy as np
import pytest

from marginface.data.benchmark_files.ytf import in_time, read_splits, select_frames
from marginface.data.errors import DataNotFoundError, PairsError

ROWS = "1, 1, Ann/0, Ann/3, 1\n1, 2, Ann/0, Bob/1, 0\n\n2, 1, Cid/0, Bob/1, 0\n"


def written(folder: Path, text: str) -> Path:
    path = folder / "splits.txt"
    path.write_text(text)
    return path


@pytest.mark.parametrize("header", ["", "split number, pair number, first name, second name, is same\n"])
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_rows_become_pairs_of_numbered_videos(tmp_path: Path, header: str, ending: str) -> None:
    path = tmp_path / "splits.txt"
    path.write_bytes((header + ROWS).replace("\n", ending).encode())
    pairs = read_splits(path)
    assert pairs.videos == ["Ann/0", "Ann/3", "Bob/1", "Cid/0"]
    assert (pairs.first.tolist(), pairs.second.tolist()) == ([0, 0, 3], [1, 2, 2])
    assert (pairs.same.tolist(), pairs.fold.tolist()) == ([True, False, False], [0, 0, 1])


def test_some_pairs_keep_their_videos_and_folds(tmp_path: Path) -> None:
    pairs = read_splits(written(tmp_path, ROWS)).only(np.array([False, True, True]))
    assert pairs.videos == ["Ann/0", "Bob/1", "Cid/0"]
    assert (pairs.first.tolist(), pairs.second.tolist()) == ([0, 2], [1, 1])
    assert (pairs.same.tolist(), pairs.fold.tolist()) == ([False, False], [0, 1])


@pytest.mark.parametrize(
    "row", ["1, 1, Ann/0, Ann/1", "1, 1, Ann/0, Ann/1, 2", "1, 1, ../Ann/0, Ann/1, 1", "x, 1, a, b, 1"]
)
def test_a_row_of_another_form_is_refused_with_its_line(tmp_path: Path, row: str) -> None:
    with pytest.raises(PairsError, match=r"splits\.txt, line 2"):
        read_splits(written(tmp_path, f"1, 1, Ann/0, Ann/1, 1\n{row}\n"))


def test_a_list_that_is_missing_or_empty(tmp_path: Path) -> None:
    with pytest.raises(DataNotFoundError, match=r"splits\.txt is missing.*wolf/ytfaces"):
        read_splits(tmp_path / "splits.txt")
    with pytest.raises(PairsError, match="holds no pair"):
        read_splits(written(tmp_path, "split, pair, first, second, same\n"))


def test_frames_are_in_the_order_of_time_not_of_names() -> None:
    names = [f"aligned_detect_7.{n}.jpg" for n in (1000, 99, 100)] + ["cover.jpg"]
    assert in_time(names) == ["cover.jpg", *(f"aligned_detect_7.{n}.jpg" for n in (99, 100, 1000))]


def test_first_and_evenly_spaced_frames() -> None:
    frames = [str(i) for i in range(10)]
    assert select_frames(frames, 4) == ["0", "1", "2", "3"]
    assert select_frames(frames, 4, "even") == ["0", "2", "5", "7"]
    assert select_frames(frames, 10, "even") == select_frames(frames, 99) == select_frames(frames, None) == frames


def test_a_split_of_thousands_of_digits_is_malformed(tmp_path: Path) -> None:
    with pytest.raises(PairsError, match=r"line 2: expected 'split, pair"):
        read_splits(written(tmp_path, ROWS.replace("\n1,", f"\n{'9' * 5000},", 1)))
