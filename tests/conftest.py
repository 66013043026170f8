"""Fixtures that several folders of tests use."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout."""
    return ROOT


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real faces and public weights, where the machine has them."""
    folder = Path(os.environ.get("MARGINFACE_SHARED", ROOT.parent / "shared" / "data"))
    if not (folder / "lfw112" / "train.rec").is_file():
        pytest.skip(f"real faces are not at {folder}; set MARGINFACE_SHARED to a folder that has lfw112/train.rec")
    return folder
