"""Both forms of a drop list: read, or refused with the reason."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from marginface.data.drop_list import DropList, read_drop_list, write_drop_list
from marginface.data.errors import DataError, DataNotFoundError

AUDIT = {
    "source": {"labels_sha256": "abc"},
    "reasons": ["overlap", "duplicate"],
    "drop": [
        {"index": 3, "reason": "overlap"},
        {"index": 1, "reason": "duplicate"},
        {"index": 3, "reason": "duplicate"},
    ],
}


def test_the_text_form_comes_back(tmp_path: Path) -> None:
    write_drop_list(tmp_path / "drop.txt", DropList(np.array([1, 7]), "abc"))
    found = read_drop_list(tmp_path / "drop.txt")
    assert (found.index.tolist(), found.made_for) == ([1, 7], "abc")
    (tmp_path / "drop.txt").write_text("7 # twin\n\n1\n7\n")
    assert read_drop_list(tmp_path / "drop.txt").index.tolist() == [1, 7]


def test_an_audit_can_be_taken_for_some_reasons(tmp_path: Path) -> None:
    (tmp_path / "audit.json").write_text(json.dumps(AUDIT))
    assert read_drop_list(tmp_path / "audit.json").index.tolist() == [1, 3]
    assert read_drop_list(tmp_path / "audit.json", ["overlap"]).index.tolist() == [3]
    with pytest.raises(ValueError, match="has no noise, only overlap, duplicate"):
        read_drop_list(tmp_path / "audit.json", ["noise"])


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("source", None),
        ("source", {}),
        ("reasons", 3),
        ("reasons", [[1]]),
        ("drop", [{"index": 1.0, "reason": "overlap"}]),
        ("drop", [{"index": -1, "reason": "overlap"}]),
        ("drop", [{"index": 2**62, "reason": "overlap"}]),
        ("drop", [{"index": True, "reason": "overlap"}]),
        ("drop", [3]),
    ],
)
def test_another_json_is_no_audit(tmp_path: Path, place: str, value: Any) -> None:
    (tmp_path / "audit.json").write_text(json.dumps({**AUDIT, place: value}))
    with pytest.raises(DataError, match=r"audit\.json is no audit"):
        read_drop_list(tmp_path / "audit.json")


@pytest.mark.parametrize("content", [b"[" * 50_000, b"\xff", b""])
def test_what_is_no_json_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "audit.json").write_bytes(content)
    with pytest.raises(DataError, match=r"audit\.json is no JSON"):
        read_drop_list(tmp_path / "audit.json")


@pytest.mark.parametrize("line", ["-1", "1.5", "1_0", "²", "9" * 5000, "x"])
def test_a_line_that_is_no_number_is_named(tmp_path: Path, line: str) -> None:
    (tmp_path / "drop.txt").write_text(f"1\n{line}\n")
    with pytest.raises(DataError, match=r"line 2: .* is no image number"):
        read_drop_list(tmp_path / "drop.txt")


def test_a_missing_list_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataNotFoundError, match="is missing"):
        read_drop_list(tmp_path / "drop.txt")
