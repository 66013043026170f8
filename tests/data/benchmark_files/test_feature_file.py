"""The two kinds of feature files, byte by byte, and what is refused."""

import struct
from pathlib import Path

import numpy as np
import pytest

from marginface.data.benchmark_files.feature_file import map_matrix, read_feature, write_feature, write_matrix
from marginface.data.errors import DataError, DataNotFoundError

# 1.0 is 0000803f, -2.5 is 000020c0 in little endian
ONE_IMAGE = bytes.fromhex("02000000 01000000 04000000 05000000 0000803f 000020c0")


def test_a_feature_is_a_column_behind_its_header(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    write_feature(path, np.array([1.0, -2.5], np.float32))
    assert path.read_bytes() == ONE_IMAGE
    assert read_feature(path).tolist() == [1.0, -2.5]
    assert read_feature(path).dtype == np.float32


def test_a_matrix_is_written_in_parts_and_read_where_it_is_looked_at(tmp_path: Path) -> None:
    path, rows = tmp_path / "a.bin", np.arange(15, dtype=np.float32).reshape(5, 3)
    write_matrix(path, (5, 3), (rows[start : start + 2] for start in (0, 2, 4)))
    assert path.read_bytes() == struct.pack("<4i", 5, 3, 12, 5) + rows.tobytes()
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.bin"]
    read = map_matrix(path)
    assert isinstance(read, np.memmap)
    assert read.tolist() == rows.tolist()
    read[0, 0] = 7
    assert map_matrix(path)[0, 0] == 0  # the file stays as it is


def test_parts_that_do_not_make_up_the_matrix_leave_no_file(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    with pytest.raises(ValueError, match="4 rows in all: pass 5"):
        write_matrix(path, (5, 3), [np.zeros((4, 3), np.float32)])
    with pytest.raises(ValueError, match=r"a part is \(5, 2\): pass rows of length 3"):
        write_matrix(path, (5, 3), [np.zeros((5, 2), np.float32)])
    assert not path.exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (ONE_IMAGE[:10], "10 bytes, fewer than its header of 16"),
        (ONE_IMAGE[:-1], r"23 bytes, 2 x 1 floats and the header need 24"),
        (ONE_IMAGE + b"\0", "25 bytes"),
        (struct.pack("<4i", 2, 1, 4, 6) + bytes(8), "type=6"),
        (struct.pack("<4i", 2, 1, 8, 5) + bytes(8), "stride=8"),
        (struct.pack("<4i", -1, 1, 4, 5) + bytes(8), "rows=-1"),
        (struct.pack(">4i", 2, 1, 4, 5) + bytes(8), "little endian"),
    ],
)
def test_damaged_files_are_refused(content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "damaged.bin"
    path.write_bytes(content)
    for read in (read_feature, map_matrix):
        with pytest.raises(DataError, match=rf"damaged\.bin.*{message}"):
            read(path)


def test_a_row_is_no_feature_of_one_image(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    write_matrix(path, (1, 3), [np.zeros((1, 3), np.float32)])
    with pytest.raises(DataError, match="has 3 columns"):
        read_feature(path)


def test_a_missing_matrix(tmp_path: Path) -> None:
    with pytest.raises(DataNotFoundError, match=r"absent\.bin is no file"):
        map_matrix(tmp_path / "absent.bin")
