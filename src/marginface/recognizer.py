"""FaceRecognizer: one backbone, one margin head, trained and evaluated by Lightning.

Shapes: N batch, D embedding.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

import lightning as L
import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from marginface.backbone import Backbone
from marginface.checkpoint import describe, refuse_mismatch, restore_rng, rng_state
from marginface.classifier import Classifier, DenseClassifier
from marginface.head import Head
from marginface.metric import Interval
from marginface.parameters import parameter_groups
from marginface.preprocess import Preprocess
from marginface.schedule import multistep

OptimizerFactory = Callable[[Iterable[dict[str, Any]]], Optimizer]
SchedulerFactory = Callable[[Optimizer, int], LRScheduler]


class FaceRecognizer(L.LightningModule):
    """Pairs any backbone with any margin head.

    Args:
        backbone: images to embeddings.
        head: the margin formulas.
        num_classes: training identities.
        classifier: builds the classifier from ``(head, num_classes, embedding_dim)``.
        preprocess: uint8 images to network input; None for SphereFace's, at the backbone's image size.
        optimizer: builds the optimizer from parameter groups; None for SGD with momentum 0.9.
        scheduler: builds the schedule from ``(optimizer, number of steps)``, stepped after each optimizer step.
        lr: learning rate of the backbone.
        weight_decay: of matrices and kernels.
        centre_lr_factor: learning rate of the class centres as a multiple of ``lr``.
        centre_weight_decay: decay of the class centres; None for ``weight_decay``.
        decay_vectors: decay biases, norms and PReLU slopes too.
        channels_last: keep images and kernels in the channels-last layout.
        compile_backbone: run the backbone through ``torch.compile``.
        config: plain values to store in checkpoints, so that they can be rebuilt.
    """

    def __init__(
        self,
        backbone: Backbone,
        head: Head,
        num_classes: int,
        classifier: Callable[[Head, int, int], Classifier] = DenseClassifier,
        preprocess: Preprocess | None = None,
        optimizer: OptimizerFactory | None = None,
        scheduler: SchedulerFactory = multistep,
        lr: float = 0.1,
        weight_decay: float = 5e-4,
        centre_lr_factor: float = 1.0,
        centre_weight_decay: float | None = None,
        decay_vectors: bool = False,
        channels_last: bool = False,
        compile_backbone: bool = False,
        config: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.classifier = classifier(head, num_classes, backbone.embedding_dim)
        self.preprocess = preprocess or Preprocess(image_size=backbone.image_size)
        if self.preprocess.image_size != tuple(backbone.image_size):
            raise ValueError(
                f"preprocess.image_size={self.preprocess.image_size} differs from "
                f"backbone.image_size={tuple(backbone.image_size)}; give both the same (height, width)"
            )
        self._make_optimizer = optimizer or partial(torch.optim.SGD, momentum=0.9)
        self._make_scheduler = scheduler
        self._group_options = {
            "lr": lr,
            "weight_decay": weight_decay,
            "centre_lr_factor": centre_lr_factor,
            "centre_weight_decay": centre_weight_decay,
            "decay_vectors": decay_vectors,
        }
        self.config = dict(config or {})
        self.channels_last = channels_last
        if channels_last:
            backbone.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        if compile_backbone:
            backbone.compile()
        self._resumed_rng: dict[str, Any] | None = None
        self._eval_metrics = nn.ModuleDict()

    # ---- inference

    def forward(self, image: Tensor) -> Tensor:
        """Embed images as they are.

        Args:
            image: (N, 3, H, W) uint8 RGB of the preprocess's source size.

        Returns:
            (N, D) embeddings, not normalised.
        """
        return self._embed(self.preprocess(image))

    @torch.no_grad()
    def embed(self, image: Tensor) -> Tensor:
        """Embed images for comparison: both orientations merged, unit length.

        Args:
            image: (N, 3, H, W) uint8 RGB, or a single (3, H, W), of the preprocess's source size.

        Returns:
            (N, D), or (N, 2 D) where the preprocess concatenates; cosine similarity is the inner product.
        """
        was_training = self.training
        self.eval()
        try:
            batch = image.unsqueeze(0) if image.ndim == 3 else image
            merged = self.preprocess.merge(*self._both(batch.to(self.device)))
        finally:
            self.train(was_training)
        unit = nn.functional.normalize(merged.float(), dim=1)
        return unit[0] if image.ndim == 3 else unit

    def _embed(self, pixels: Tensor) -> Tensor:
        if self.channels_last:
            pixels = pixels.contiguous(memory_format=torch.channels_last)
        embedding: Tensor = self.backbone(pixels)
        return embedding

    def _both(self, image: Tensor) -> tuple[Tensor, Tensor]:
        pixels = self.preprocess(image)
        return self._embed(pixels), self._embed(pixels.flip(-1))

    # ---- training

    def configure_optimizers(self) -> dict[str, Any]:
        """SGD (or the given optimizer) over named parameter groups, with its schedule."""
        groups = parameter_groups(self.backbone, self.classifier, **self._group_options)
        optimizer = self._make_optimizer(groups)
        scheduler = self._make_scheduler(optimizer, int(self.trainer.estimated_stepping_batches))
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}

    def on_fit_start(self) -> None:
        """Tell the head how many training forwards the run has."""
        steps = int(self.trainer.estimated_stepping_batches)
        self.classifier.head.set_run_length(steps * self.trainer.accumulate_grad_batches)

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        """Right before the first batch after a resume, put the random generators where they were."""
        if self._resumed_rng is not None:
            restore_rng(self._resumed_rng)
            self._resumed_rng = None

    def training_step(self, batch: dict[str, Tensor], batch_idx: int) -> Tensor:
        """Margin loss of a batch; accuracy is taken without margin, else it would look like chance."""
        loss, prediction = self.classifier(self(batch["image"]), batch["label"])
        size = len(batch["label"])
        accuracy = (prediction == batch["label"]).float().mean()
        self.log("train/loss", loss, prog_bar=True, batch_size=size)
        self.log("train/accuracy", accuracy, prog_bar=True, batch_size=size)
        if int(batch["skipped"]):
            self.log("train/skipped", batch["skipped"].float(), reduce_fx="sum", on_step=False, on_epoch=True)
        if self.trainer.fit_loop.epoch_loop._logger_connector.should_update_logs:
            self.log_dict({f"train/{k}": v for k, v in self.classifier.head.extra_state_summary().items()})
        return loss

    # ---- evaluation

    def on_validation_start(self) -> None:
        """Fresh metrics for the validation sets."""
        self._start_evaluation(self.trainer.datamodule.validation)

    def on_test_start(self) -> None:
        """Fresh metrics for the benchmarks."""
        self._start_evaluation(self.trainer.datamodule.benchmarks)

    def validation_step(self, batch: dict[str, Tensor], batch_idx: int, dataloader_idx: int = 0) -> None:
        """Collect embeddings of a validation set."""
        self._collect(batch, dataloader_idx)

    def test_step(self, batch: dict[str, Tensor], batch_idx: int, dataloader_idx: int = 0) -> None:
        """Collect embeddings of a benchmark."""
        self._collect(batch, dataloader_idx)

    def on_validation_epoch_end(self) -> None:
        """Log ``val/<set>/<metric>``."""
        self._log_results("val")

    def on_test_epoch_end(self) -> None:
        """Log ``test/<benchmark>/<metric>``."""
        self._log_results("test")

    @property
    def evaluation(self) -> dict[str, Any]:
        """Metric objects of the last evaluation by benchmark name, for curves and intervals."""
        return {name: self._eval_metrics[key] for key, name in self._eval_names.items()}

    def _start_evaluation(self, benchmarks: Mapping[str, Any]) -> None:
        self._eval_names = {f"benchmark{i}": name for i, name in enumerate(benchmarks)}
        self._eval_metrics = nn.ModuleDict(
            {key: benchmarks[name].metric().to(self.device) for key, name in self._eval_names.items()}
        )

    def _collect(self, batch: dict[str, Tensor], dataloader_idx: int) -> None:
        embedding, flipped = self._both(batch["image"])
        self._eval_metrics[f"benchmark{dataloader_idx}"].update(batch["index"], embedding, flipped)

    def _log_results(self, stage: str) -> None:
        for name, metric in self.evaluation.items():
            results: dict[str, Interval] = metric.compute()
            self.log_dict({f"{stage}/{name}/{key}": result.value for key, result in results.items()}, sync_dist=False)

    # ---- checkpoints

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add what is needed to rebuild the model, to refuse another one, and to resume exactly."""
        checkpoint["marginface"] = {**describe(self), "config": self.config, "rng": rng_state()}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Refuse a checkpoint of another backbone, head or number of identities, naming the difference."""
        refuse_mismatch(self, checkpoint)
        self._resumed_rng = checkpoint["marginface"]["rng"]
