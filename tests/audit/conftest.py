"""A set with errors of the test's own, which the tests beside it add to."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from planted import Planted


@pytest.fixture
def planted() -> Planted:
    """A clean set."""
    return Planted()
