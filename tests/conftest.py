"""Fixtures that several folders of tests use."""

import os
from pathlib import Path

import numpy as np
import pytest

from marginface.data import SyntheticFaces, encode, sample_pairs, write_face_records, write_pairs
from marginface.data.layout import ck_plus, ijb, megaface, own_gallery, own_pairs, rfw, tinyface, trillion_pairs, ytf

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


@pytest.fixture(scope="session")
def benchmark_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small one of every benchmark where its YAML looks for it below data.root; not to be written to."""
    root = tmp_path_factory.mktemp("benchmarks")
    people = SyntheticFaces(20, 2)
    pairs = sample_pairs(people, np.arange(len(people)), 20, 0)
    for name in ("lfw", "cfp_ff", "cfp_fp", "agedb_30", "calfw", "cplfw", "synthetic", "pairs"):
        write_pairs(root / f"{name}.bin", pairs)
    rfw.write_rfw_bins(root / "rfw", num_pairs=1)
    ytf.write_ytf(root / "ytf")
    ijb.write_ijb(root / "IJBB", "ijbb")
    ijb.write_ijb(root / "IJBC", "ijbc")
    tinyface.write_tinyface(root / "tinyface")
    megaface.write_megaface(root / "megaface")
    trillion_pairs.write_trillion_pairs(root / "trillion_pairs")
    own_pairs.write_own_pairs(root / "own_pairs")
    own_gallery.write_own_gallery(root / "own_gallery")
    ck_plus.write_ck_plus(root / "ck_plus")
    return root
