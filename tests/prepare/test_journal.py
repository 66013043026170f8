"""What an interrupted detection has found, or why it cannot be used."""

from pathlib import Path

import pytest

from marginface.data import DataError
from marginface.prepare.journal import Found, Journal

SETTINGS = {"choose": "centre"}
FOUND = [Found("a.jpg", [["a.jpg", "1"]]), Found("b.jpg", [], "no face", "the detector finds none")]


def filled(path: Path) -> Path:
    with Journal(path, SETTINGS).appending() as write:
        for found in FOUND:
            write(found)
    return path


def test_a_cut_last_line_is_taken_off(tmp_path: Path) -> None:
    path = filled(tmp_path / "journal")
    assert list(Journal(path, SETTINGS)) == FOUND
    path.write_bytes(path.read_bytes()[:-3])
    assert Journal(path, SETTINGS).done == {"a.jpg"}


@pytest.mark.parametrize(
    "line", [b"\xff", b"5", b"[]", b'["b.jpg", [[1]], "", ""]', b'["b.jpg", 3, "", ""]', b"[" * 9999]
)
def test_a_damaged_line_is_named(tmp_path: Path, line: bytes) -> None:
    path = filled(tmp_path / "journal")
    path.write_bytes(path.read_bytes() + line + b"\n")
    with pytest.raises(DataError, match="journal line 4 is damaged"):
        Journal(path, SETTINGS)


@pytest.mark.parametrize("line", [b"\xff", b"5", b"[" * 9999])
def test_another_file_is_no_journal(tmp_path: Path, line: bytes) -> None:
    path = filled(tmp_path / "journal")
    path.write_bytes(line + b"\n" + path.read_bytes())
    with pytest.raises(DataError, match="journal is no journal of a detection"):
        Journal(path, SETTINGS)
