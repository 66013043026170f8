"""In float64, loss and gradients of two processes equal those of one at the same global batch."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

WORKER = Path(__file__).with_name("ddp_worker.py")


def launch(world_size, out, port):
    subprocess.run(
        [
            sys.executable,
            "-m",
            "torch.distributed.run",
            f"--nproc-per-node={world_size}",
            f"--master-port={port}",
            WORKER,
            out,
        ],
        check=True,
        capture_output=True,
        timeout=300,
    )
    return torch.load(out, weights_only=True)


@pytest.mark.slow
def test_loss_gradients_and_centres(tmp_path):
    one, two = (launch(n, tmp_path / f"{n}.pt", port=29611 + n) for n in (1, 2))
    for key, value in one.items():
        if "grad" in key or "loss" in key:
            torch.testing.assert_close(two[key], value, rtol=1e-8, atol=1e-10, msg=key)
    for head in ("asoftmax", "cosface"):
        assert two[f"{head}/centres_equal"]
        assert two[f"{head}/step"] == 20
