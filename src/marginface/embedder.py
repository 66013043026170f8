"""FaceEmbedder: a backbone with its preprocess, evaluated on benchmarks by Lightning.

Shapes: N batch, D embedding.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import lightning as L
import torch
from torch import Tensor, nn

from marginface.backbone import Backbone
from marginface.benchmark import Benchmark
from marginface.checkpoint import KEY, backbone_of, read_checkpoint
from marginface.metric import Interval
from marginface.preprocess import Preprocess


class FaceEmbedder(L.LightningModule):
    """Turns faces into embeddings, and measures them.

    Args:
        backbone: images to embeddings.
        preprocess: uint8 images to network input; None for SphereFace's, at the backbone's image size.
        channels_last: keep images and kernels in the channels-last layout.
        compile_backbone: run the backbone through ``torch.compile``.

    Raises:
        ValueError: if the preprocess makes images of another size than the backbone takes.
    """

    def __init__(
        self,
        backbone: Backbone,
        preprocess: Preprocess | None = None,
        channels_last: bool = False,
        compile_backbone: bool = False,
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.preprocess = preprocess or Preprocess(image_size=backbone.image_size)
        if self.preprocess.image_size != tuple(backbone.image_size):
            raise ValueError(
                f"preprocess.image_size={self.preprocess.image_size} differs from "
                f"backbone.image_size={tuple(backbone.image_size)}; give both the same (height, width)"
            )
        self.channels_last = channels_last
        if channels_last:
            backbone.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        if compile_backbone:
            backbone.compile()
        self.metrics = nn.ModuleDict()  # one per benchmark of the current evaluation, on the model's device
        self._names: list[str] = []

    @classmethod
    def from_checkpoint(
        cls, path: str | Path, channels_last: bool = False, compile_backbone: bool = False
    ) -> "FaceEmbedder":
        """Rebuild the backbone and the preprocess of a training run, with their weights.

        Args:
            path: checkpoint of a :class:`FaceRecognizer`.
            channels_last: keep images and kernels in the channels-last layout.
            compile_backbone: run the backbone through ``torch.compile``.

        Raises:
            ValueError: if the file is missing, damaged, or not from marginface.
        """
        checkpoint = read_checkpoint(Path(path))
        preprocess = Preprocess(**checkpoint[KEY]["preprocess"])
        model = FaceEmbedder(backbone_of(checkpoint), preprocess, channels_last, compile_backbone)
        model.load_state_dict({k: v for k, v in checkpoint["state_dict"].items() if not k.startswith("classifier.")})
        return model.eval()

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
        modes = [(module, module.training) for module in self.modules()]  # parts may be frozen
        self.eval()
        try:
            batch = image.unsqueeze(0) if image.ndim == 3 else image
            merged = self.preprocess.merge(*self.both(batch.to(self.device)))
        finally:
            for module, mode in modes:
                module.training = mode
        unit = nn.functional.normalize(merged.float(), dim=1)
        return unit[0] if image.ndim == 3 else unit

    def both(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Embeddings of images and of their mirror images, each (N, D), not normalised."""
        pixels = self.preprocess(image)
        return self._embed(pixels), self._embed(pixels.flip(-1))

    def _embed(self, pixels: Tensor) -> Tensor:
        if self.channels_last:
            pixels = pixels.contiguous(memory_format=torch.channels_last)
        embedding: Tensor = self.backbone(pixels)
        return embedding

    # ---- evaluation: the data module names the benchmarks, loader i feeds benchmark i

    def on_validation_start(self) -> None:
        """Fresh metrics for the validation sets."""
        self._start(self.trainer.datamodule.validation)  # type: ignore[attr-defined]

    def on_test_start(self) -> None:
        """Fresh metrics for the benchmarks."""
        self._start(self.trainer.datamodule.benchmarks)  # type: ignore[attr-defined]

    def validation_step(self, batch: dict[str, Tensor], batch_idx: int, dataloader_idx: int = 0) -> None:
        """Collect embeddings of a validation set."""
        self._collect(batch, dataloader_idx)

    def test_step(self, batch: dict[str, Tensor], batch_idx: int, dataloader_idx: int = 0) -> None:
        """Collect embeddings of a benchmark."""
        self._collect(batch, dataloader_idx)

    def on_validation_epoch_end(self) -> None:
        """Log ``val/<set>/<metric>``, unless the trainer was told to look at a part of the images only."""
        if not self.trainer.sanity_checking and self.trainer.limit_val_batches == 1.0:
            self._log_results("val")

    def on_test_epoch_end(self) -> None:
        """Log ``test/<benchmark>/<metric>``, unless the trainer was told to look at a part of the images only."""
        if self.trainer.limit_test_batches == 1.0:
            self._log_results("test")

    @property
    def results(self) -> dict[str, tuple[dict[str, Interval], dict[str, Any]]]:
        """Figures with their intervals, and curves, of the last evaluation by benchmark name."""
        return {name: (self._metric(i).compute(), self._metric(i).curves()) for i, name in enumerate(self._names)}

    def _metric(self, number: int) -> Any:
        return self.metrics[f"loader{number}"]

    def _start(self, benchmarks: Mapping[str, Benchmark]) -> None:
        self._names = list(benchmarks)
        metrics = {f"loader{i}": b.metric().to(self.device) for i, b in enumerate(benchmarks.values())}
        self.metrics = nn.ModuleDict(metrics)

    def _collect(self, batch: dict[str, Tensor], dataloader_idx: int) -> None:
        embedding, flipped = self.both(batch["image"])
        self._metric(dataloader_idx).update(batch["index"], embedding, flipped)

    def _log_results(self, stage: str) -> None:
        # compute() has gathered the embeddings of all processes; sync_dist averages figures that are equal already.
        for i, name in enumerate(self._names):
            figures: dict[str, Interval] = self._metric(i).compute()
            self.log_dict(
                {f"{stage}/{name}/{key}": interval.value for key, interval in figures.items()}, sync_dist=True
            )
