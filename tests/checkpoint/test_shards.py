"""Class centres in a folder of files: written by any number of processes, read by any other."""

import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from marginface.checkpoint.shards import Shard, ShardFolder, write_shard

DIM = 3


def tensors(num_classes: int, num_centres: int) -> dict[str, Tensor]:
    """Centres, momentum and biases of all classes; no two rows are equal."""
    rows = num_classes * num_centres
    weight = torch.arange(rows * DIM, dtype=torch.float64).view(rows, DIM)
    return {"weight": weight, "weight/momentum_buffer": -weight, "bias": torch.arange(num_classes).float()}


def write(folder: Path, whole: dict[str, Tensor], counts: list[int]) -> None:
    """One file per process, which has as many classes as given."""
    num_classes, first = sum(counts), 0
    for rank, count in enumerate(counts):
        part = {}
        for name, tensor in whole.items():
            k = len(tensor) // num_classes
            part[name] = tensor[first * k : (first + count) * k]
        write_shard(folder, rank, len(counts), Shard(first, count, part))
        first += count


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Files of three processes with 3, 0 and 2 classes."""
    write(tmp_path / "centres", tensors(5, 2), [3, 0, 2])
    return tmp_path / "centres"


splits = st.lists(st.integers(0, 5), min_size=1, max_size=4).filter(any)


@settings(max_examples=60, deadline=None)
@given(counts=splits, cuts=st.lists(st.integers(0, 20), max_size=4), num_centres=st.integers(1, 3))
def test_any_split_is_read_in_any_other(
    tmp_path_factory: pytest.TempPathFactory, counts: list[int], cuts: list[int], num_centres: int
) -> None:
    num_classes, folder = sum(counts), tmp_path_factory.mktemp("split")
    whole = tensors(num_classes, num_centres)
    write(folder, whole, counts)
    read = ShardFolder(folder)
    assert read.num_classes == num_classes
    assert sorted(read.names()) == sorted(whole)
    bounds = sorted([0, num_classes, *(min(cut, num_classes) for cut in cuts)])
    for name, tensor in whole.items():
        k = len(tensor) // num_classes
        for first, last in pairwise(bounds):
            rows = read.read(name, first, last - first)
            assert rows.dtype == tensor.dtype
            assert torch.equal(rows, tensor[first * k : last * k]), (name, first, last)


def test_tensors_are_written_as_they_are_seen(tmp_path: Path) -> None:
    whole = torch.randn(4, 6)
    shard = {"weight": whole[:, ::2].requires_grad_(), "memory": whole.T[:4]}  # with gradient, not contiguous
    write_shard(tmp_path, 0, 1, Shard(0, 4, shard))
    read = ShardFolder(tmp_path)
    for name, tensor in shard.items():
        assert torch.equal(read.read(name, 0, 4), tensor.detach())


@pytest.mark.parametrize("missing", [0, 1, 2])
def test_a_missing_file_is_named(folder: Path, missing: int) -> None:
    (folder / f"centres-{missing:05d}-of-00003.safetensors").unlink()
    with pytest.raises(ValueError, match=rf"lacks centres-{missing:05d}-of-00003\.safetensors of 3 files; copy"):
        ShardFolder(folder)


def test_an_empty_or_missing_folder_is_named(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(ValueError, match=rf"no centres-\*\.safetensors in {folder}; copy it along"):
            ShardFolder(folder)


@pytest.mark.parametrize("damage", ["truncated", "garbage", "empty", "foreign"])
def test_a_damaged_file_is_named(folder: Path, damage: str) -> None:
    path = folder / "centres-00002-of-00003.safetensors"
    content = {
        "truncated": path.read_bytes()[:-20],
        "garbage": b"not tensors" * 50,
        "empty": b"",
        "foreign": b"\x02" + b"\0" * 7 + b"{}",  # a valid file of this format that says nothing of classes
    }
    path.write_bytes(content[damage])
    with pytest.raises(ValueError, match=rf"{path} cannot be read \(.*\); it is damaged"):
        ShardFolder(folder)


def test_other_files_in_the_folder_do_no_harm(folder: Path) -> None:
    (folder / "notes.txt").write_text("hello")
    (folder / "other.safetensors").write_bytes(b"hello")
    assert ShardFolder(folder).num_classes == 5


def test_what_cannot_be_written_is_an_os_error(tmp_path: Path) -> None:
    (tmp_path / "centres-00000-of-00001.safetensors").mkdir()
    with pytest.raises(OSError, match=r"\w"):
        write_shard(tmp_path, 0, 1, Shard(0, 5, tensors(5, 1)))
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match=r"\w"):
        write_shard(tmp_path / "file", 0, 1, Shard(0, 5, tensors(5, 1)))


FULL_DISK = """
import resource, signal, sys, torch
from pathlib import Path
from marginface.checkpoint.shards import Shard, write_shard
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))  # as a full disk would
try:
    write_shard(Path(sys.argv[1]), 0, 1, Shard(0, 5000, {"weight": torch.ones(5000, 8)}))
except OSError as error:
    print("OSError", error)
"""


def test_a_full_disk_is_an_os_error(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(tmp_path)], capture_output=True, text=True, timeout=100, check=True
    )
    assert done.stdout.startswith("OSError "), done.stdout + done.stderr
