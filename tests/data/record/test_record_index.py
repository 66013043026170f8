from pathlib import Path

import numpy as np
import pytest

from marginface.data.errors import RecordError
from marginface.data.record.record_index import read_index


def _write(folder: Path, text: str) -> Path:
    path = folder / "train.idx"
    path.write_text(text)
    return path


def test_keys_come_sorted_with_their_offsets(tmp_path: Path) -> None:
    index = read_index(_write(tmp_path, "3\t40\n1\t0\n2\t20\n0\t60\n"))
    assert index.keys.tolist() == [0, 1, 2, 3]
    assert index.offsets.tolist() == [60, 0, 20, 40]
    assert index.keys.dtype == index.offsets.dtype == np.int64


def test_offsets_beyond_32_bits_stay_exact(tmp_path: Path) -> None:
    assert read_index(_write(tmp_path, "1\t91234567896\n")).offsets.tolist() == [91234567896]


def test_rows_of_missing_keys_are_minus_one(tmp_path: Path) -> None:
    index = read_index(_write(tmp_path, "0\t0\n5\t20\n7\t40"))
    assert index.rows(np.array([7, 6, 0, 8, -1])).tolist() == [2, -1, 0, -1, -1]
    assert [index.row(key) for key in (7, 6, 0, 8, -1)] == [2, -1, 0, -1, -1]


def test_the_table_is_read_only(tmp_path: Path) -> None:
    index = read_index(_write(tmp_path, "0\t0\n1\t20\n"))
    with pytest.raises(ValueError, match="read-only"):
        index.keys[0] = 9


@pytest.mark.parametrize("text", ["0\t0\n1\tx\n", "0\t0\n1\n", "0\t0\n1 2 3\n", "0\t0.5\n", "\xff\n"])
def test_a_line_that_is_not_two_integers_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(RecordError, match=r"train\.idx is damaged"):
        read_index(_write(tmp_path, text))


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="is empty"):
        read_index(_write(tmp_path, "\n"))


def test_a_key_that_comes_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="key 4 comes twice"):
        read_index(_write(tmp_path, "4\t0\n5\t20\n4\t40\n"))


@pytest.mark.parametrize("keys", [[4, 5, 6, 7], [4, 5, 7, 8], [0], [-2, -1, 0]])
def test_rows_with_and_without_gaps(tmp_path: Path, keys: list[int]) -> None:
    index = read_index(_write(tmp_path, "".join(f"{key}\t{4 * row}\n" for row, key in enumerate(keys))))
    asked = range(-4, 12)
    assert [index.row(key) for key in asked] == [keys.index(key) if key in keys else -1 for key in asked]
