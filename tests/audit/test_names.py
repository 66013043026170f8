from pathlib import Path

import pytest

from marginface.audit import read_names, shared_names
from marginface.data import DataError, DataNotFoundError


def test_spelling_does_not_hide_a_person() -> None:
    classes = ["Aaron_Eckhart", "jose garcia", "Li Wei", "Garcia"]
    assert shared_names(classes, ["aaron eckhart", "José_García", "LI-WEI"]) == [0, 1, 2]
    assert shared_names(classes, ["Jose", "___"]) == []
    assert shared_names(["__"], ["--"]) == []  # nothing left to compare


def test_names_are_read(tmp_path: Path) -> None:
    path = tmp_path / "names.txt"
    path.write_text("\ufeffAnn B\n\n  Carl \n", encoding="utf-8")
    assert read_names(path) == ["Ann B", "Carl"]


def test_a_list_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataNotFoundError, match=r"none\.txt is missing"):
        read_names(tmp_path / "none.txt")
    path = tmp_path / "names.txt"
    path.write_text("\n \n")
    with pytest.raises(DataError, match="holds no name"):
        read_names(path)
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match="no UTF-8 text"):
        read_names(path)
