"""Messages about data that are not there."""

from pathlib import Path

from marginface.data.errors import DataNotFoundError
from marginface.data.pair_lists import Origin


def test_the_message_says_what_is_wrong_expected_and_there(tmp_path: Path) -> None:
    (tmp_path / "other.txt").touch()
    error = Origin("LFW", "Huang et al.", "pairs.txt").absent(tmp_path, "pairs.txt is missing")
    assert isinstance(error, DataNotFoundError)
    assert str(error).startswith("pairs.txt is missing. Nothing is downloaded for you: LFW comes from Huang et al.. ")
    assert "Expected pairs.txt. What is there:" in str(error)
    assert "other.txt" in str(error)
