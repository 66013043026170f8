"""Chosen by config in test_ddp: notes the images of each step."""

import zlib
from pathlib import Path

import lightning as L


class SeenImages(L.Callback):
    """A line per image, in a file per process: step, checksum of its pixels.

    Args:
        folder: of the files.
    """

    def __init__(self, folder: str) -> None:
        self.folder = Path(folder)

    def on_train_batch_start(self, trainer: L.Trainer, pl_module: L.LightningModule, batch, batch_idx: int) -> None:
        self.folder.mkdir(exist_ok=True)
        with (self.folder / f"rank{trainer.global_rank}.txt").open("a") as file:
            for image in batch["image"]:
                file.write(f"{trainer.global_step} {zlib.crc32(image.contiguous().numpy().tobytes())}\n")
