"""Names of identities beside a set."""

from pathlib import Path

import pytest

from marginface.data import DataError
from marginface.prepare.identities import IDENTITIES_NAME, first_names, write_identities


def test_names_come_back_by_label(tmp_path: Path) -> None:
    assert first_names(tmp_path, ["0", "1"]) == ["0", "1"]
    write_identities(tmp_path, ["Ann", "Bob, jr"])
    assert first_names(tmp_path, ["0", "1", "2"]) == ["Ann", "Bob, jr", "2"]


@pytest.mark.parametrize("content", [b"label,name\n0,\xff\n", b"label,name\n0," + b"x" * 200_000])
def test_damage_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / IDENTITIES_NAME).write_bytes(content)
    with pytest.raises(DataError, match=r"identities\.csv is no CSV in UTF-8"):
        first_names(tmp_path, ["0"])
