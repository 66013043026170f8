"""File and label lists of Trillion Pairs."""

from pathlib import Path

import pytest

from marginface.data.benchmark_files.trillion_pairs_lists import read_file_list, read_labels
from marginface.data.errors import DataError, DataNotFoundError


def test_landmarks_after_the_path_are_not_looked_at(tmp_path: Path) -> None:
    (tmp_path / "list").write_text("00/a.jpg 38.3 51.7 73.5 51.5\n00/b.jpg\n")
    assert read_file_list(tmp_path / "list") == ["00/a.jpg", "00/b.jpg"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1 of .* names no image"),
        ("a\n\nb\n", "line 2 of .* names no image"),
        ("a\n/b\n", "line 2 of .* names no image"),
        ("a\nc/../../b\n", "line 2 of .* names no image"),
        ("a 1\nb\na 2\n", "names a 2 times"),
    ],
)
def test_damaged_file_lists_are_refused(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "list").write_text(text)
    with pytest.raises(DataError, match=message):
        read_file_list(tmp_path / "list")


def test_labels_are_read_line_by_line(tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_text("3\n-1\n0\n")
    assert read_labels(tmp_path / "labels.txt", 3).tolist() == [3, -1, 0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1\n2\n", "2 labels for 3 images"),
        ("1\n2\nx\n", "no integer"),
        ("1\n2\n1.5\n", "no integer"),
        ("1\n2\n99999999999999999999\n", "no integer"),
        ("1\n-2\n1\n", "label 2 of .* is -2"),
    ],
)
def test_damaged_label_lists_are_refused(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_text(text)
    with pytest.raises(DataError, match=message):
        read_labels(tmp_path / "labels.txt", 3)


def test_missing_lists_say_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "testdata").mkdir()
    for read in (read_file_list, lambda file: read_labels(file, 1)):
        with pytest.raises(DataNotFoundError, match=r"absent is missing; .* holds testdata"):
            read(tmp_path / "absent")


def test_lists_that_are_no_text_are_refused(tmp_path: Path) -> None:
    (tmp_path / "list").write_bytes(b"a.jpg\n\xff\n")
    with pytest.raises(DataError, match="list is no text file"):
        read_file_list(tmp_path / "list")
    with pytest.raises(DataError, match="list is no text file"):
        read_labels(tmp_path / "list", 2)


@pytest.mark.parametrize("label", ["9" * 5000, "9" * 20, "1.0", "²", "١"])
def test_labels_that_are_no_integers_of_64_bits_are_refused(label: str, tmp_path: Path) -> None:
    (tmp_path / "list").write_text(f"0 {label}")
    with pytest.raises(DataError, match="has a label that is no integer"):
        read_labels(tmp_path / "list", 2)
