"""A small set to prepare; the tests of this folder import `sets`."""

import sys
from pathlib import Path

import pytest

from marginface.data import encode

sys.path.insert(0, str(Path(__file__).parent))

from sets import photo


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three people with 1, 2 and 3 images."""
    root = tmp_path / "people"
    for person, name in enumerate(("anna", "bert", "cleo")):
        (root / name).mkdir(parents=True)
        for number in range(person + 1):
            (root / name / f"{number}.jpg").write_bytes(encode(photo(10 * person + number)))
    return root
