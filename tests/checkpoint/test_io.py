import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from marginface.checkpoint.io import AtomicCheckpointIO

OLD = {"weight": torch.arange(10.0), "epoch": 1}
# Writes a checkpoint of 800 kB in a process that may write files of at most 100 kB, as on a disk that is full.
ON_A_FULL_DISK = """
import resource, signal, sys
import torch
from marginface.checkpoint.io import AtomicCheckpointIO
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
for state in ({"weight": torch.zeros(200_000)}, {str(i): torch.zeros(1000) for i in range(200)}):
    try:
        AtomicCheckpointIO().save_checkpoint(state, sys.argv[1])
    except OSError as error:
        print(error)
    else:
        sys.exit("it was written")
"""


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_what_was_saved_is_loaded(tmp_path: Path) -> None:
    path = tmp_path / "made" / "last.ckpt"
    AtomicCheckpointIO().save_checkpoint(OLD, path)
    loaded = AtomicCheckpointIO().load_checkpoint(path, weights_only=True)
    assert torch.equal(loaded["weight"], OLD["weight"])
    assert [p.name for p in path.parent.iterdir()] == ["last.ckpt"]


def test_a_new_one_replaces_the_old(tmp_path: Path) -> None:
    path = tmp_path / "last.ckpt"
    AtomicCheckpointIO().save_checkpoint(OLD, path)
    AtomicCheckpointIO().save_checkpoint(OLD | {"epoch": 2}, str(path))
    assert torch.load(path, weights_only=True)["epoch"] == 2
    assert len(files(tmp_path)) == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="limits of file sizes are POSIX")
def test_a_full_disk_leaves_the_previous_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "last.ckpt"
    AtomicCheckpointIO().save_checkpoint(OLD, path)
    before = files(tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", ON_A_FULL_DISK, str(path)], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    errors = done.stdout.splitlines()
    assert len(errors) == 2
    for error in errors:
        assert f"checkpoint {path} could not be written" in error
        assert "the previous checkpoint is intact. Free some disk space" in error
    assert files(tmp_path) == before


@pytest.mark.parametrize("error", [OSError("No space left"), RuntimeError("unexpected pos"), KeyboardInterrupt()])
def test_whatever_interrupts_the_writing_no_draft_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    path = tmp_path / "last.ckpt"
    AtomicCheckpointIO().save_checkpoint(OLD, path)
    before = files(tmp_path)

    def fail(checkpoint: object, file) -> None:
        file.write(b"half a checkpoint")
        raise error

    monkeypatch.setattr(torch, "save", fail)
    with pytest.raises(KeyboardInterrupt if isinstance(error, KeyboardInterrupt) else OSError):
        AtomicCheckpointIO().save_checkpoint(OLD, path)
    assert files(tmp_path) == before


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match=r"file/last\.ckpt could not be written"):
        AtomicCheckpointIO().save_checkpoint(OLD, tmp_path / "file" / "last.ckpt")


def test_the_trainer_uses_it_for_its_checkpoints(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import lightning as L
    from lightning.pytorch.demos.boring_classes import BoringModel

    drafts, rename = [], Path.replace

    def replace(self: Path, target: Path) -> Path:
        drafts.append((self.name, target))
        return rename(self, target)

    monkeypatch.setattr(Path, "replace", replace)
    trainer = L.Trainer(
        default_root_dir=tmp_path,
        max_steps=1,
        accelerator="cpu",
        plugins=[AtomicCheckpointIO()],
        enable_progress_bar=False,
        enable_model_summary=False,
        logger=False,
        limit_val_batches=0,
    )
    trainer.fit(BoringModel())
    assert len(drafts) == 1
    assert drafts[0][0].startswith(".")
    assert Path(drafts[0][1]).is_file()
