"""Real images for the network; the tests of this folder import `small_network`."""

import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor

from marginface.data import FaceRecords, decode

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="module")
def images(tiny_records: Path) -> Tensor:
    source = FaceRecords(tiny_records)
    decoded = [torch.from_numpy(decode(source.read(i), "")).permute(2, 0, 1) for i in range(0, 96, 24)]
    return torch.stack(decoded)
