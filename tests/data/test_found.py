"""Whether data are there, and in words what stands in their place."""

from pathlib import Path

import pytest

from marginface.data.found import found, is_there


def test_entries_are_named_a_few_of_many(tmp_path: Path) -> None:
    assert found(tmp_path / "absent") == f"{tmp_path / 'absent'} is no folder"
    assert found(tmp_path) == f"{tmp_path} is empty"
    for name in "cab":
        (tmp_path / name).touch()
    assert found(tmp_path) == f"{tmp_path} holds a, b, c"
    for name in "defghij":
        (tmp_path / name).touch()
    assert found(tmp_path) == f"{tmp_path} holds a, b, c, d, e, f, g, h and 2 more"


@pytest.mark.parametrize("name", ["absent", "x" * 300, "x/" * 3000, "a\0b", "\ud800", "a/b", "."])
def test_what_is_no_file_is_not_there(tmp_path: Path, name: str) -> None:
    (tmp_path / "a").touch()
    assert is_there(tmp_path / "a")
    assert not is_there(tmp_path / name)
