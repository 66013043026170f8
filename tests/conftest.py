"""Fixtures that several folders of tests use."""

import os
from pathlib import Path

import numpy as np
import pytest

from marginface.data import encode, write_face_records

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


def noisy_face(identity: int, rng: np.random.Generator) -> bytes:
    """A JPEG of 112 x 112 pixels; its identity is a coarse pattern of colours under the noise."""
    pattern = np.random.default_rng(identity).integers(0, 255, (7, 7, 3)).repeat(16, 0).repeat(16, 1)
    return encode(np.clip(pattern + rng.normal(0, 30, pattern.shape), 0, 255).astype(np.uint8))


@pytest.fixture(scope="session")
def tiny_records(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pack of 12 identities with 8 images each, in the order of the labels; not to be written to."""
    folder = tmp_path_factory.mktemp("tiny_records")
    rng = np.random.default_rng(0)
    write_face_records(folder, [(c, noisy_face(c, rng)) for c in range(12) for _ in range(8)])
    return folder
