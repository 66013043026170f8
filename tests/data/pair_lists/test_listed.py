"""Reading of list files, and what no list may state."""

from pathlib import Path

import pytest

from marginface.data.errors import DataNotFoundError, PairsError
from marginface.data.pair_lists.listed import (
    ListedPair,
    Row,
    check_distinct,
    image_name,
    malformed,
    read_rows,
    whole_number,
)


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


@pytest.mark.parametrize("name", ["/etc/a.jpg", "../a.jpg", "a/../../b.jpg", "a\0.jpg"])
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


@pytest.mark.parametrize(
    ("text", "value"), [("0", 0), ("007", 7), ("9" * 18, 10**18 - 1), ("9" * 5000, None), ("²", None), ("١", None)]
)
def test_whole_numbers_are_plain_digits_of_a_sane_length(text: str, value: int | None) -> None:
    assert whole_number(text) == value


@pytest.mark.parametrize("text", ["", "-1", "+1", "1.0", "1_0", " 1"])
def test_other_words_are_no_whole_numbers(text: str) -> None:
    assert whole_number(text) is None


def test_messages_stay_short() -> None:
    assert len(str(malformed(Row(["x" * 10_000], "list.txt, line 1"), "a name"))) < 400
