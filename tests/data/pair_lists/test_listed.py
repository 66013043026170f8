"""Reading of list files, and what no list may state."""

from pathlib import Path

import pytest

from marginface.data.errors import DataNotFoundError, PairsError
from marginface.data.pair_lists.listed import ListedPair, check_distinct, image_name, read_rows


def pair(first: str, second: str, line: int) -> ListedPair:
    return ListedPair(first, second, True, 0, f"list.txt, line {line}")


def test_rows_know_their_lines_however_these_end(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    path.write_bytes(b"\xef\xbb\xbfa\tb\r\n\r\n c  d\n")
    assert [(row.fields, row.where) for row in read_rows(path)] == [
        (["a", "b"], f"{path}, line 1"),
        (["c", "d"], f"{path}, line 3"),
    ]
    path.write_text("1, 2\n")
    assert [row.fields for row in read_rows(path, ",")] == [["1", "2"]]


def test_a_file_that_is_missing_or_no_text(tmp_path: Path) -> None:
    with pytest.raises(DataNotFoundError, match=r"list\.txt is missing"):
        list(read_rows(tmp_path / "list.txt"))
    (tmp_path / "list.txt").write_bytes(b"\xff\xd8\xff\xe0")
    with pytest.raises(PairsError, match=r"list\.txt is no text"):
        list(read_rows(tmp_path / "list.txt"))


@pytest.mark.parametrize("name", ["/etc/a.jpg", "../a.jpg", "a/../../b.jpg"])
def test_names_stay_below_the_folder(name: str) -> None:
    with pytest.raises(PairsError, match=r"line 7.*points out of the folder"):
        image_name(name, "list.txt, line 7")
    assert image_name("a..b/c.jpg", "list.txt, line 7") == "a..b/c.jpg"


def test_a_pair_stands_once_in_each_order() -> None:
    check_distinct([pair("a", "b", 1), pair("b", "a", 2), pair("a", "c", 3)])
    with pytest.raises(PairsError, match=r"line 3: the pair a, b stands already at list\.txt, line 1"):
        check_distinct([pair("a", "b", 1), pair("b", "a", 2), pair("a", "b", 3)])
    with pytest.raises(PairsError, match="line 2: a is paired with itself"):
        check_distinct([pair("a", "b", 1), pair("a", "a", 2)])
