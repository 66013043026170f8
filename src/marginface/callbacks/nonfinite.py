"""Stops a run whose loss is no longer finite, keeping the batch that did it."""

import logging
from pathlib import Path
from typing import Any

import lightning as L
import torch

from marginface.classifier import BadEmbeddingError

log = logging.getLogger(__name__)


class NonFiniteLossError(RuntimeError):
    """The training loss became NaN or infinite."""


class StopOnNonFinite(L.Callback):
    """Checks every training loss; at the first that is not finite it saves the batch and the model, and fails.

    Args:
        folder: where the evidence is written.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self._batch: Any = None
        self._previous: tuple[torch.Tensor, Any, int] | None = None

    def on_train_batch_start(
        self, trainer: L.Trainer, pl_module: L.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Remember the batch until its loss is known."""
        self._batch = batch

    def on_before_backward(self, trainer: L.Trainer, pl_module: L.LightningModule, loss: torch.Tensor) -> None:
        """Look at this step's loss before it spoils the weights.

        On a GPU the last step's loss is looked at instead, so that nothing waits for the device; a bad step has then
        gone through already.
        """
        current = (torch.isfinite(loss.detach()), self._batch, trainer.global_step)
        late = loss.device.type != "cpu"
        suspect, self._previous = (self._previous, current) if late else (current, None)
        if suspect is not None and not bool(suspect[0]):
            self._fail(trainer, pl_module, suspect[1], suspect[2])

    def on_exception(self, trainer: L.Trainer, pl_module: L.LightningModule, exception: BaseException) -> None:
        """Keep the evidence also where the embeddings were refused before there was a loss."""
        if isinstance(exception, BadEmbeddingError):
            self._keep(trainer, pl_module, self._batch, trainer.global_step)

    def on_train_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Check the last step."""
        if self._previous is not None and not bool(self._previous[0]):
            self._fail(trainer, pl_module, self._previous[1], self._previous[2])

    def _fail(self, trainer: L.Trainer, pl_module: L.LightningModule, batch: Any, step: int) -> None:
        path = self._keep(trainer, pl_module, batch, step)
        raise NonFiniteLossError(
            f"the training loss is not finite at step {step}; the batch and the weights are in {path}. "
            "Usual remedies: a lower optimizer.lr, a longer scheduler.warmup, trainer.gradient_clip_val, for A-Softmax "
            "a larger head.lambda_min"
        )

    def _keep(self, trainer: L.Trainer, pl_module: L.LightningModule, batch: Any, step: int) -> Path:
        path = self.folder / f"nonfinite_step{step}_rank{trainer.global_rank}.pt"
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.save({"batch": batch, "state_dict": pl_module.state_dict(), "step": step}, path)
        log.error("the batch and the weights of step %d are in %s", step, path)
        return path
