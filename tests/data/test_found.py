"""What stands in place of missing data, in words."""

from pathlib import Path

from marginface.data.found import found


def test_entries_are_named_a_few_of_many(tmp_path: Path) -> None:
    assert found(tmp_path / "absent") == f"{tmp_path / 'absent'} is no folder"
    assert found(tmp_path) == f"{tmp_path} is empty"
    for name in "cab":
        (tmp_path / name).touch()
    assert found(tmp_path) == f"{tmp_path} holds a, b, c"
    for name in "defghij":
        (tmp_path / name).touch()
    assert found(tmp_path) == f"{tmp_path} holds a, b, c, d, e, f, g, h and 2 more"
