"""Drives the real commands on small data."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from marginface.data import encode, write_face_records, write_pairs

NUM_IDENTITIES, IMAGES_EACH = 24, 8
SMALL = (
    "data=records",
    "backbone=sphere4",
    "trainer.accelerator=cpu",
    "trainer.max_epochs=1",
    "data.batch_size=8",
    "data.num_workers=0",
    "data.num_validation_identities=4",
    "data.num_validation_pairs=20",
    "data.num_validation_folds=2",
    "optimizer.lr=0.01",
)


def face(identity: int, rng: np.random.Generator) -> bytes:
    """A JPEG that only its identity's coarse colours tell from others."""
    base = np.random.default_rng(identity).integers(0, 255, (7, 7, 3)).repeat(16, 0).repeat(16, 1)
    return encode(np.clip(base + rng.normal(0, 40, base.shape), 0, 255).astype(np.uint8))


@pytest.fixture(scope="session")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with train.rec, train.idx, property and synthetic.bin."""
    folder = tmp_path_factory.mktemp("faces")
    rng = np.random.default_rng(0)
    write_face_records(folder, [(c, face(c, rng)) for c in range(NUM_IDENTITIES) for _ in range(IMAGES_EACH)])
    images, same = [], []
    for pair in range(41):
        first = 100 + pair % 7
        images += [face(first, rng), face(first + pair % 2, rng)]
        same.append(pair % 2 == 0)
    images[2 * 35] = images[0]  # 81 distinct images: two processes cannot share them evenly
    write_pairs(folder / "synthetic.bin", (images, same))
    return folder


class Command:
    """``python src/<script>.py overrides`` as a user types it."""

    def __init__(self, root: Path, faces: Path) -> None:
        self.root, self.faces = root, faces

    def words(self, script: str, *overrides: str) -> list[str]:
        return [sys.executable, str(self.root / "src" / f"{script}.py"), *overrides]

    def small(self, *overrides: str) -> tuple[str, ...]:
        return (*SMALL, f"data.root={self.faces}", *overrides)

    def environment(self) -> dict[str, str]:
        return {**os.environ, "OMP_NUM_THREADS": "1"}

    def __call__(
        self, script: str, *overrides: str, check: bool = True, timeout: int = 300
    ) -> subprocess.CompletedProcess:
        done = subprocess.run(
            self.words(script, *overrides),
            cwd=self.root,
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=timeout,
            stdin=subprocess.DEVNULL,
        )
        if check:
            assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
        return done


@pytest.fixture(scope="session")
def command(root: Path, faces: Path) -> Command:
    return Command(root, faces)
