"""Writes checkpoints such that a full disk or a killed process leaves the previous one intact."""

import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from lightning.fabric.plugins.io import TorchCheckpointIO


class AtomicCheckpointIO(TorchCheckpointIO):
    """Writes beside the target, flushes to the disk, and only then replaces the target.

    Lightning's own writer goes through the system's temporary folder; where that is another file system, its last
    step is a copy over the old checkpoint, which a full disk cuts short.
    """

    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None) -> None:
        """Save, or leave everything as it was.

        Raises:
            OSError: naming the file and the remedy, if it cannot be written.
        """
        target = Path(path)
        draft = target.with_name(f".{target.name}.{os.getpid()}.part")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with draft.open("wb") as file:
                torch.save(checkpoint, file)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(target)
        except (OSError, RuntimeError) as error:  # torch reports a failed write as a RuntimeError
            raise OSError(
                f"checkpoint {target} could not be written ({error}); the previous checkpoint is intact. "
                "Free some disk space, or choose another hydra.run.dir, then resume with ckpt=PATH"
            ) from error
        finally:
            with suppress(OSError):  # it would hide the error above; after a success there is no draft
                draft.unlink()

    def load_checkpoint(self, path: str | Path, *args: Any, **options: Any) -> dict[str, Any]:
        """Load, and say where the class centres lie that were saved in a folder beside the checkpoint."""
        checkpoint: dict[str, Any] = super().load_checkpoint(path, *args, **options)
        ours = checkpoint.get("marginface", {})
        if "centres" in ours:
            ours["centres"] = str(Path(path).resolve().parent / ours["centres"])
        return checkpoint
