"""JSON of users: a value, or one kind of error."""

from pathlib import Path

import pytest

from marginface.data.errors import DataError
from marginface.data.json_file import read_json


def test_a_value_is_read_with_or_without_a_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    for mark in (b"", b"\xef\xbb\xbf"):
        path.write_bytes(mark + '{"é": [1, null, "\\ud83d\\ude00"]}'.encode())
        assert read_json(path, "mend it") == {"é": [1, None, "😀"]}


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"\xff\xfe{\0}\0", b"[" * 100_000, b"9" * 5000, b'{"\\ud800": 1}', b'["a\\udc00"]'],
    ids=["empty", "cut", "utf-16", "deep", "long number", "half a pair as key", "half a pair as value"],
)
def test_anything_else_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(DataError, match=r"a\.json is no JSON \(.*\): mend it"):
        read_json(tmp_path / "a.json", "mend it")
