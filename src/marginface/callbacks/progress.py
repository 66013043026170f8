"""Lightning's progress bar, counting images."""

from typing import Any

import lightning as L
from lightning.pytorch.callbacks import TQDMProgressBar
from lightning.pytorch.callbacks.progress.tqdm_progress import Tqdm


class ImageProgressBar(TQDMProgressBar):
    """Shows images, images/s over all processes, and the time that is left of the epoch."""

    def on_train_epoch_start(self, trainer: L.Trainer, *args: Any) -> None:
        """Give the bar its unit: one step is a global batch of images."""
        super().on_train_epoch_start(trainer, *args)
        batch_size = getattr(trainer.datamodule, "batch_size", None)  # type: ignore[attr-defined]
        if batch_size is not None and isinstance(self.train_progress_bar, Tqdm):
            self.train_progress_bar.unit = " images"
            self.train_progress_bar.unit_scale = batch_size * trainer.world_size

    def get_metrics(
        self, trainer: L.Trainer, pl_module: L.LightningModule
    ) -> dict[str, int | str | float | dict[str, float]]:
        """The logged metrics, without the logger's directory that Lightning shows as a version."""
        return {k: v for k, v in super().get_metrics(trainer, pl_module).items() if k != "v_num"}
