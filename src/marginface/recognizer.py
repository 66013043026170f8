"""FaceRecognizer: one backbone, one margin head, trained by Lightning."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import numpy as np
import torch
from lightning.pytorch.callbacks import WeightAveraging
from lightning.pytorch.plugins.precision import DoublePrecision
from numpy.typing import NDArray
from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from marginface.backbone import Backbone
from marginface.checkpoint.centres import optimizer_ids, put_in, take_out
from marginface.checkpoint.model import describe, refuse_mismatch, restore_rng, rng_state
from marginface.classifier import Classification, Classifier, FusedClassifier
from marginface.embedder import FaceEmbedder
from marginface.embedding import Embeddings
from marginface.head import Head
from marginface.parameters import apply_lr_factors, clip_by_whole_norm, parameter_groups
from marginface.preprocess import Preprocess
from marginface.schedule import multistep
from marginface.strategy import CENTRES, ShardedStrategy

OptimizerFactory = Callable[[Iterable[dict[str, Any]]], Optimizer]
SchedulerFactory = Callable[[Optimizer, int], LRScheduler]

# SphereFace's solver: CVPR 2017, section 4.1 and the authors' prototxt.
sphereface_sgd = partial(torch.optim.SGD, lr=0.1, momentum=0.9, weight_decay=5e-4)


class FaceRecognizer(FaceEmbedder):
    """Pairs any backbone with any margin head.

    Args:
        backbone: images to embeddings.
        head: the margin formulas.
        num_classes: training identities.
        classifier: builds the classifier from ``(head, num_classes, embedding_dim)``.
        preprocess: uint8 images to network input; None for SphereFace's, at the backbone's image size.
        optimizer: builds the optimizer from parameter groups.
        scheduler: builds the schedule from ``(optimizer, number of steps)``, stepped after each optimizer step.
        centre_lr_factor: learning rate of the class centres as a multiple of the optimizer's.
        centre_weight_decay: decay of the class centres; None for the optimizer's.
        decay_vectors: decay biases, norms and PReLU slopes too.
        channels_last: keep images and kernels in the channels-last layout.
        compile_backbone: run the backbone through ``torch.compile``.
    """

    def __init__(
        self,
        backbone: Backbone,
        head: Head,
        num_classes: int,
        classifier: Callable[[Head, int, int], Classifier] = FusedClassifier,
        preprocess: Preprocess | None = None,
        optimizer: OptimizerFactory = sphereface_sgd,
        scheduler: SchedulerFactory = multistep,
        centre_lr_factor: float = 1.0,
        centre_weight_decay: float | None = None,
        decay_vectors: bool = False,
        channels_last: bool = False,
        compile_backbone: bool = False,
    ) -> None:
        super().__init__(backbone, preprocess, channels_last, compile_backbone)
        self.classifier = classifier(head, num_classes, backbone.embedding_dim)
        self._make_optimizer, self._make_scheduler = optimizer, scheduler
        self._make_groups = partial(
            parameter_groups,
            centre_lr_factor=centre_lr_factor,
            centre_weight_decay=centre_weight_decay,
            decay_vectors=decay_vectors,
        )
        self._resumed_rng: dict[str, Any] | None = None

    def configure_optimizers(self) -> Any:
        """The optimizer over named parameter groups, with its schedule."""
        optimizer = self._make_optimizer(self._make_groups(self.backbone, self.classifier))
        apply_lr_factors(optimizer)
        self.classifier.attach(optimizer)
        scheduler = self._make_scheduler(optimizer, int(self.trainer.estimated_stepping_batches))
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}

    def configure_model(self) -> None:
        """Create the class centres of this process, and keep DDP from averaging them."""
        self.classifier.materialize()
        names = self.classifier.sharded_names()
        # The memory of embeddings is equal on all processes, or split over them: not to be sent at every step.
        self._ddp_params_and_buffers_to_ignore = [f"classifier.{name}" for name in {*names, "memory"}]
        if self._trainer is None:  # in load_from_checkpoint
            return
        if isinstance(self.trainer.precision_plugin, DoublePrecision):
            self.double()  # Lightning does so after it has read a checkpoint, whose values would be rounded
        if names and not isinstance(self.trainer.strategy, ShardedStrategy):
            raise ValueError(
                f"trainer.strategy={type(self.trainer.strategy).__name__} would save the class centres of one process "
                "only; with classifier=sharded choose trainer=sharded (strategy=marginface.strategy.ShardedStrategy())"
            )
        if names and any(isinstance(c, WeightAveraging) for c in self.trainer.callbacks):  # type: ignore[attr-defined]
            raise ValueError("callbacks=ema averages whole models only; leave it out, or choose classifier=fused")

    def configure_gradient_clipping(
        self,
        optimizer: Optimizer,
        gradient_clip_val: int | float | None = None,
        gradient_clip_algorithm: str | None = None,
    ) -> None:
        """Clip by the norm over all processes' centres, so that all processes clip alike."""
        by_norm = gradient_clip_val and gradient_clip_algorithm in (None, "norm")
        if not (self.classifier.sharded_names() and by_norm):
            self.clip_gradients(optimizer, gradient_clip_val, gradient_clip_algorithm)
            return
        parts = (self.classifier.trainable_centres(), self.classifier.bias)
        clip_by_whole_norm(optimizer, parts, float(gradient_clip_val or 0))

    def setup(self, stage: str) -> None:
        """Compare the data with the model before anything starts."""
        data = getattr(self.trainer, "datamodule", None)
        if data is None or stage != "fit":
            return
        if data.num_classes != self.classifier.num_classes:
            raise ValueError(
                f"num_classes={self.classifier.num_classes} of the recognizer differs from the {data.num_classes} "
                "training identities of the data module; build it with num_classes=datamodule.num_classes"
            )
        if tuple(data.image_size) != self.preprocess.source_size:
            raise ValueError(
                f"preprocess.source_size={self.preprocess.source_size} differs from the data's {data.image_size}; "
                "set it to the size of the aligned faces"
            )

    def on_fit_start(self) -> None:
        """Tell the head how many training forwards the run has."""
        forwards = self.trainer.estimated_stepping_batches * self.trainer.accumulate_grad_batches
        epochs = self.trainer.max_epochs
        if epochs is not None and epochs > 0:  # the last step of an epoch may accumulate fewer batches
            forwards = min(forwards, epochs * self.trainer.num_training_batches)
        self.classifier.head.set_run_length(int(forwards))

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        """Right before the first batch after a resume, put the random generators where they were."""
        if self._resumed_rng is not None:
            restore_rng(self._resumed_rng)
            self._resumed_rng = None

    def training_step(self, batch: dict[str, Tensor], batch_idx: int) -> Tensor:
        """Margin loss of a batch; accuracy is taken without margin, else it would look like chance."""
        result: Classification = self.classifier(self(batch["image"]), batch["label"])
        size = len(batch["label"])
        self.log("train/loss", result.loss, prog_bar=True, batch_size=size)
        self.log("train/accuracy", result.correct.float().mean(), prog_bar=True, batch_size=size)
        if "skipped" in batch:  # loaders of other data modules need not count
            self.log("train/skipped", batch["skipped"].float(), reduce_fx="sum", on_step=False, on_epoch=True)
        if self.global_step % self.trainer.log_every_n_steps == 0:  # type: ignore[attr-defined]
            self.log_dict({f"train/{k}": v for k, v in self.classifier.head.extra_state_summary().items()})
        return result.loss

    def _embeddings(self, rows: NDArray[np.float32]) -> Embeddings:
        """With the classifier's decision, for benchmarks whose classes are those of the training."""

        def classify(embedding: Tensor) -> Tensor:
            with torch.no_grad():
                return self.classifier.predict(embedding.to(self.device)).cpu()

        return Embeddings(rows, self.preprocess.flip, self.device, classify)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add what is needed to rebuild the model, to refuse another one, and to resume exactly."""
        optimizers = [] if self._trainer is None else self.trainer.optimizers
        ids = optimizer_ids(self.classifier, optimizers)
        checkpoint["marginface"] = {**describe(self), "rng": rng_state(), "optimizer_ids": ids}
        if self.classifier.sharded_names():
            checkpoint[CENTRES] = take_out(checkpoint, self.classifier, optimizers)

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Refuse a checkpoint of another backbone, head or number of identities, naming the difference."""
        refuse_mismatch(self, checkpoint)
        put_in(checkpoint, self.classifier)
        self._resumed_rng = checkpoint["marginface"]["rng"]
