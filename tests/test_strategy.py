"""Two processes with centres of their own clip alike, skip a step alike, and save one checkpoint."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

PORT = 29641
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> list[dict]:
    """What each process saw."""
    folder = tmp_path_factory.mktemp("strategy")
    worker = Path(__file__).with_name("strategy_worker.py")
    launcher = (sys.executable, "-m", "torch.distributed.run", "--nproc-per-node=2", f"--master-port={PORT}")
    done = subprocess.run([*launcher, worker, folder], capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr[-4000:]
    return [torch.load(folder / f"{rank}.pt", weights_only=True) for rank in (0, 1)]


def test_all_gradients_are_clipped_by_one_factor(seen: list[dict]) -> None:
    norm = (4 * 1 + 20 * 4 + 3 * 9 + 20 * 9) ** 0.5  # shared once; centres of both; biases of the first
    for rank, result in enumerate(seen):
        shared, centres, bias = result["clipped"]
        for gradient, value in ((shared, 1), (centres, 2 + rank), (bias, 3)):
            expected = torch.full_like(gradient, value / norm)
            torch.testing.assert_close(gradient, expected, rtol=1e-6, atol=0)
        assert len(bias) == (3, 0)[rank]
    assert torch.equal(seen[0]["clipped"][0], seen[1]["clipped"][0])


def test_a_norm_below_the_limit_changes_nothing(seen: list[dict]) -> None:
    for rank, result in enumerate(seen):
        assert [g.unique().tolist() for g in result["not clipped"]] == [[1], [2 + rank], [3] if rank == 0 else []]


def test_a_step_that_overflows_on_one_process_is_skipped_on_both(seen: list[dict]) -> None:
    for result in seen:
        first, second = result["half"]
        assert torch.equal(first["centres"], torch.ones(2, 3))
        assert torch.equal(second["centres"], torch.full((2, 3), 0.5))
        assert first["scale"] == second["scale"] == 2.0**15


def test_a_save_that_fails_anywhere_fails_everywhere_and_keeps_the_previous_one(seen: list[dict]) -> None:
    for result in seen:
        found = result["checkpoints"]
        assert found["failed"] == found["first"]
        assert found["first"][-1] == "[1.0, 1.0, 2.0]"  # the second class is the first process's, the third is not
        assert "by 1 process(es)" in found["error"][0]
        assert "the previous checkpoint is intact" in found["error"][0]
    assert "no space left" in seen[1]["checkpoints"]["error"][0]


def test_a_file_that_cannot_be_written_leaves_no_folder(seen: list[dict]) -> None:
    found = seen[0]["checkpoints"]
    assert found["error of the file"] == ["no space left"]
    assert found["file failed"] == found["first"]


def test_folders_come_and_go_with_their_files(seen: list[dict]) -> None:
    found = seen[0]["checkpoints"]
    assert len(found["first"]) == len(found["second"]) == 3 + 1
    assert found["second"][-1] == "[4.0, 4.0, 5.0]"
    assert not set(found["first"]) & set(found["second"]) - {"x[1].ckpt"}
    assert found["removed"] == []
