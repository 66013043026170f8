"""Data parallelism for all but the class centres, of which each process has its own part."""

import glob
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import lightning as L
import torch
import torch.distributed as dist
from lightning.pytorch.plugins.precision import MixedPrecision
from lightning.pytorch.strategies import DDPStrategy
from torch.distributed.fsdp.sharded_grad_scaler import ShardedGradScaler

from marginface.checkpoint.io import AtomicCheckpointIO
from marginface.checkpoint.shards import Shard, write_shard

CENTRES = "centres"  # key under which a recognizer hands its shard over to be saved


class ShardedStrategy(DDPStrategy):
    """DDP whose checkpoints consist of a file, and beside it a folder with one file of centres per process.

    The folder is complete before the file that names it replaces the previous one; so a full disk or a killed process
    leaves a checkpoint that can be read. A low-precision step is skipped on all processes if the gradient of any of
    them is not finite.

    Takes the arguments of Lightning's DDPStrategy.
    """

    def setup_environment(self) -> None:
        """Read and write checkpoints with a reader that finds the folders, if none was chosen."""
        if self._checkpoint_io is None:
            self._checkpoint_io = AtomicCheckpointIO()
        super().setup_environment()

    def setup(self, trainer: L.Trainer) -> None:
        """Let the gradient scaler, if there is one, look at the gradients of all processes."""
        plugin = self.precision_plugin
        if isinstance(plugin, MixedPrecision) and plugin.scaler is not None:
            plugin.scaler = ShardedGradScaler(device=self.root_device.type)
        super().setup(trainer)

    def save_checkpoint(self, checkpoint: Mapping[str, Any], filepath: str | Path, storage_options: Any = None) -> None:
        """Save this process's centres; the first process saves everything else.

        Raises:
            OSError: on all processes if any of them cannot write.
        """
        content, path = dict(checkpoint), Path(filepath)
        shard: Shard | None = content.pop(CENTRES, None)
        if shard is None:
            super().save_checkpoint(content, filepath, storage_options)
            return
        folder = path.with_name(f"{path.name}.{self.broadcast(time.time_ns())}.centres")
        self._write(folder, shard)
        content["marginface"] = {**content["marginface"], CENTRES: folder.name}
        try:
            super().save_checkpoint(content, filepath, storage_options)
        except OSError:  # on the first process, which alone writes this file
            shutil.rmtree(folder, ignore_errors=True)
            raise
        if self.is_global_zero:
            self._remove_folders(path, but=folder)

    def _write(self, folder: Path, shard: Shard) -> None:
        error: OSError | None = None
        try:
            write_shard(folder, self.global_rank, self.world_size, shard)
        except OSError as reason:
            error = reason
        failed = torch.tensor([error is not None], dtype=torch.int32, device=self.root_device)
        dist.all_reduce(failed)
        if int(failed):
            if self.is_global_zero:
                shutil.rmtree(folder, ignore_errors=True)
            raise OSError(
                f"class centres could not be written to {folder} by {int(failed)} process(es) "
                f"({error or 'not this one'}); the previous checkpoint is intact. Free some disk space, or choose "
                "another hydra.run.dir, then resume with ckpt=PATH"
            )

    def remove_checkpoint(self, filepath: str | Path) -> None:
        """Remove the file and its folder."""
        super().remove_checkpoint(filepath)
        if self.is_global_zero:
            self._remove_folders(Path(filepath))

    @staticmethod
    def _remove_folders(path: Path, but: Path | None = None) -> None:
        for folder in path.parent.glob(f"{glob.escape(path.name)}.*.centres"):
            if folder != but:
                shutil.rmtree(folder, ignore_errors=True)
