"""Text tables: both ways of reading agree, blocks join without a seam, every damaged line is named."""

from pathlib import Path

import numpy as np
import pytest

from marginface.data import text_table
from marginface.data.errors import DataError
from marginface.data.text_table import TextTable

COLUMNS = ("a", "b", "c")


def read(table: TextTable) -> np.ndarray:
    return np.concatenate([block.numbers for block in table.blocks()])


@pytest.mark.parametrize("separator", [" ", "  ", "\t"])  # single spaces are read at once, others line by line
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("block_bytes", [1, 7, 2**20])
def test_all_rows_come_in_order_whatever_the_blocks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, separator: str, end: str, block_bytes: int
) -> None:
    monkeypatch.setattr(text_table, "_BLOCK_BYTES", block_bytes)
    rows = np.random.default_rng(0).integers(0, 10**6, (20, 3))
    path = tmp_path / "table.txt"
    path.write_bytes(end.join(separator.join(map(str, row)) for row in rows.tolist()).encode())
    table = TextTable(path, COLUMNS)
    blocks = list(table.blocks())
    assert read(table).dtype == np.int64
    np.testing.assert_array_equal(read(table), rows)
    assert [block.line for block in blocks] == [1 + sum(len(b.numbers) for b in blocks[:i]) for i in range(len(blocks))]
    assert (len(blocks) > 1) == (block_bytes < 2**20)


def test_names_and_decimals(tmp_path: Path) -> None:
    path = tmp_path / "table.txt"
    path.write_text("été/1.jpg 1.5 -2\n2.jpg 3 1e-3\n")
    (block,) = TextTable(path, COLUMNS, named=True, kind=float).blocks()
    assert block.names == ["été/1.jpg", "2.jpg"]
    assert block.numbers.tolist() == [[1.5, -2.0], [3.0, 1e-3]]


def test_a_header_and_further_columns_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("TID,SID,FILE\n1,2,a b.jpg,,\n3,4\n")
    table = TextTable(path, ("TID", "SID"), separator=b",", has_header=True, more_columns=True)
    (block,) = table.blocks()
    assert block.numbers.tolist() == [[1, 2], [3, 4]]
    assert block.line == 2
    path.write_text("1,2\n3,4\n")
    with pytest.raises(DataError, match=r"table\.csv line 1: .*'1,2'.* where the header should be.*'TID,SID,\.\.\.'"):
        list(table.blocks())


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        ("1 2", "'1 2' has 2 columns"),
        ("1 2 3 4", "'1 2 3 4' has 4 columns"),
        ("", "'' has 0 columns"),
        ("1 2 x", "'1 2 x' holds a word of another kind"),
        ("1 2 3.5", ".*of another kind"),
        ("1 2 99999999999999999999", ".*of another kind"),
    ],
)
@pytest.mark.parametrize("block_bytes", [5, 2**20])
def test_a_damaged_line_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bad: str, why: str, block_bytes: int
) -> None:
    monkeypatch.setattr(text_table, "_BLOCK_BYTES", block_bytes)
    path = tmp_path / "table.txt"
    path.write_text(f"1 2 3\n4 5 6\n{bad}\n7 8 9\n")
    with pytest.raises(DataError, match=rf"table\.txt line 3: {why}.*expected 'a b c'"):
        list(TextTable(path, COLUMNS).blocks())


def test_a_short_line_is_not_filled_up_from_the_next(tmp_path: Path) -> None:
    path = tmp_path / "table.txt"
    path.write_text("1 2\n3 4 5 6\n")
    with pytest.raises(DataError, match="line 1"):
        list(TextTable(path, COLUMNS).blocks())


def test_an_empty_file_holds_no_table(tmp_path: Path) -> None:
    path = tmp_path / "table.txt"
    path.touch()
    with pytest.raises(DataError, match="holds no row of 'a b c'"):
        list(TextTable(path, COLUMNS).blocks())


@pytest.mark.parametrize("sign", ["-", "+", "--1", "-+1"])
def test_a_bare_sign_is_no_number(tmp_path: Path, sign: str) -> None:
    path = tmp_path / "table.txt"
    path.write_text(f"1 -2 +3\n4 5 {sign}\n")
    with pytest.raises(DataError, match="line 2"):
        list(TextTable(path, COLUMNS).blocks())
    path.write_text("1 -2 +3\n")
    assert read(TextTable(path, COLUMNS)).tolist() == [[1, -2, 3]]
