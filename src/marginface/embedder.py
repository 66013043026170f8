"""FaceEmbedder: a backbone with its preprocess, evaluated on benchmarks by Lightning.

Shapes: N batch, D embedding.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from marginface.backbone import Backbone
from marginface.benchmark import Benchmark
from marginface.checkpoint.model import KEY, backbone_of, read_checkpoint
from marginface.embedding import Embeddings, fingerprint
from marginface.extraction import Extraction
from marginface.metric import Interval
from marginface.outcome import Outcome
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
        self.metrics = nn.ModuleDict()  # one per validation set, on the model's device
        self._names: list[str] = []
        self.extraction: Extraction | None = None
        self.outcomes: dict[str, Outcome] = {}  # of the last test, by benchmark

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
        layout = torch.channels_last if self.channels_last else torch.contiguous_format
        pixels = pixels.contiguous(memory_format=layout)
        embedding: Tensor = self.backbone(pixels)
        return embedding

    # ---- evaluation: the data module names the benchmarks, loader i feeds benchmark i

    def on_validation_start(self) -> None:
        """Fresh metrics for the validation sets."""
        sets: Mapping[str, Benchmark] = self.trainer.datamodule.validation  # type: ignore[attr-defined]
        self._names = list(sets)
        self.metrics = nn.ModuleDict({f"loader{i}": b.metric().to(self.device) for i, b in enumerate(sets.values())})

    def validation_step(self, batch: dict[str, Tensor], batch_idx: int, dataloader_idx: int = 0) -> None:
        """Collect embeddings of a validation set."""
        self._metric(dataloader_idx).update(batch["index"], *self.both(batch["image"]))

    def on_validation_epoch_end(self) -> None:
        """Log ``val/<set>/<metric>``, unless the trainer was told to look at a part of the images only."""
        if self.trainer.sanity_checking or not all_batches(self.trainer.limit_val_batches):
            return
        for i, name in enumerate(self._names):
            self._log_figures(f"val/{name}", self._metric(i).compute())

    def open_stores(self, benchmarks: Mapping[str, Benchmark], folder: Path) -> Extraction:
        """Begin to embed the images of some benchmarks; asked by the data module, once the weights are loaded."""
        settings = {**self.preprocess.settings(), "precision": str(self.trainer.precision)}
        settings.pop("flip")  # both orientations are kept
        model = fingerprint(self.backbone, settings)
        self.extraction = Extraction(benchmarks, folder, model, self.backbone.embedding_dim)
        return self.extraction

    def on_test_start(self) -> None:
        """Forget the outcomes of an earlier evaluation."""
        self.outcomes = {}

    def test_step(self, batch: dict[str, Tensor], batch_idx: int, dataloader_idx: int = 0) -> None:
        """Embed images of a benchmark."""
        extraction = self._extraction()
        name = list(extraction.benchmarks)[dataloader_idx]
        extraction.write(name, batch["index"], *self.both(batch["image"]))

    def on_test_epoch_end(self) -> None:
        """Judge the embeddings, unless the trainer was told to look at a part of the images only.

        Every process does: comparisons of all with all are shared among them.
        """
        self.trainer.strategy.barrier("embedded")
        if not all_batches(self.trainer.limit_test_batches):
            return
        extraction = self._extraction()
        for name, benchmark in extraction.benchmarks.items():
            outcome = self.judge(benchmark, self._embeddings(extraction.rows(name)))
            if outcome is not None:
                self.outcomes[name] = outcome
                self._log_figures(f"test/{name}", outcome.figures)

    def judge(self, benchmark: Benchmark, embeddings: Embeddings) -> Outcome | None:
        """What to do with the embeddings of a benchmark; another function may be put here."""
        return benchmark.evaluate(embeddings)

    def _embeddings(self, rows: NDArray[np.float32]) -> Embeddings:
        return Embeddings(rows, self.preprocess.flip, self.device)

    def _extraction(self) -> Extraction:
        if self.extraction is None:
            raise ValueError("there is nothing to embed: test with a BenchmarkDataModule or FaceDataModule")
        return self.extraction

    def _metric(self, number: int) -> Any:
        return self.metrics[f"loader{number}"]

    def _log_figures(self, stage: str, figures: Mapping[str, Interval]) -> None:
        # the figures are those of all processes; sync_dist averages what is equal already
        self.log_dict({f"{stage}/{key}": interval.value for key, interval in figures.items()}, sync_dist=True)


def all_batches(limit: float | int | None) -> bool:
    """Whether a limit of the trainer lets all batches pass: 1.0 or None does, the whole number 1 is one batch."""
    return limit is None or (isinstance(limit, float) and limit == 1.0)
