"""FaceDataModule: training identities, held-out validation identities, benchmarks."""

import logging
from collections.abc import Mapping
from typing import Any

import lightning as L
import numpy as np
from torch.utils.data import DataLoader

from marginface.benchmark import Benchmark, PairBenchmark
from marginface.data.dataset import FaceDataset, ImageDataset, Transform
from marginface.data.loader import FaceLoader
from marginface.data.pairs import sample_pairs
from marginface.data.sampler import BatchSampler
from marginface.data.source import FaceSource
from marginface.data.split import relabel, split_identities

log = logging.getLogger(__name__)

HELDOUT = "heldout"  # name of the validation set cut from the training identities


class FaceDataModule(L.LightningDataModule):
    """Feeds a recognizer.

    Some identities are cut from the training set; pairs of their images choose the checkpoint. Benchmarks are only
    reported, never used to choose anything.

    Args:
        source: the labelled faces.
        benchmarks: by name, evaluated by ``trainer.test`` (and after each epoch with ``validate_benchmarks``).
        batch_size: images per process and step.
        eval_batch_size: images per process and step of an evaluation.
        num_workers: loader processes per training process.
        transform: an ``albumentations.Compose`` over single uint8 RGB images, training only.
        num_validation_identities: identities that are held out; 0 trains on all and validates on none.
        num_validation_pairs: pairs drawn from the held-out identities, half of them genuine.
        validate_benchmarks: also report the benchmarks after each epoch.
        on_error: ``fail`` at an undecodable training image, or ``skip`` it (counted as ``train/skipped``).
        seed: of the split, the pairs, the order and the augmentation.

    Raises:
        ValueError: if an argument is out of its range.
    """

    def __init__(
        self,
        source: FaceSource,
        benchmarks: Mapping[str, Benchmark] | None = None,
        batch_size: int = 128,
        eval_batch_size: int = 256,
        num_workers: int = 2,
        transform: Transform | None = None,
        num_validation_identities: int = 0,
        num_validation_pairs: int = 1000,
        validate_benchmarks: bool = False,
        on_error: str = "fail",
        seed: int = 0,
    ) -> None:
        super().__init__()
        for name, value, least in (
            ("batch_size", batch_size, 1),
            ("eval_batch_size", eval_batch_size, 1),
            ("num_workers", num_workers, 0),
            ("num_validation_identities", num_validation_identities, 0),
        ):
            if value < least:
                raise ValueError(f"{name}={value} is less than {least}")
        if on_error not in ("fail", "skip"):
            raise ValueError(f"on_error={on_error!r} is unknown; choose 'fail' or 'skip'")
        self.source, self.benchmarks = source, dict(benchmarks or {})
        if HELDOUT in self.benchmarks:
            raise ValueError(f"benchmark name {HELDOUT!r} is taken by the held-out identities; choose another name")
        self.batch_size, self.eval_batch_size, self.num_workers = batch_size, eval_batch_size, num_workers
        self.transform, self.on_error, self.seed = transform, on_error, seed
        self.validate_benchmarks = validate_benchmarks
        self.image_size: tuple[int, int] = source.image_size
        self.train_indices, held_out = self._split(num_validation_identities)
        self.train_labels, self.num_classes = relabel(source.labels[self.train_indices])
        self.validation: dict[str, Benchmark] = {}
        if num_validation_identities:
            pairs = sample_pairs(source, held_out, num_validation_pairs, seed)
            self.validation[HELDOUT] = PairBenchmark(pairs=pairs)
        if validate_benchmarks:
            self.validation.update(self.benchmarks)

    def _split(self, num_validation: int) -> tuple[np.ndarray, np.ndarray]:
        if num_validation == 0:
            return np.arange(len(self.source)), np.arange(0)
        return split_identities(self.source.labels, num_validation, self.seed)

    def setup(self, stage: str) -> None:
        """Decode one image of each set, so that a wrong size or format shows before any long work."""
        if stage == "fit":
            rows = FaceDataset(self.source, self.train_indices, self.train_labels, self.image_size)
            rows._load(int(self.train_indices[0]))
        for name, benchmark in (self.benchmarks if stage == "test" else self.validation).items():
            ImageDataset(benchmark.images, self.image_size, name)[0]

    def train_dataloader(self) -> FaceLoader:
        """Batches of ``image`` (N, 3, H, W) uint8, ``label`` (N,) and ``skipped`` ()."""
        rank, world_size = (self.trainer.global_rank, self.trainer.world_size) if self.trainer else (0, 1)
        dataset = FaceDataset(
            self.source, self.train_indices, self.train_labels, self.image_size, self.transform, self.on_error
        )
        sampler = BatchSampler(len(dataset), self.batch_size, self.seed, rank, world_size)
        return FaceLoader(dataset, sampler, **self._workers(persistent=True))

    def val_dataloader(self) -> list[DataLoader[Any]]:
        """One loader per validation set, in the order of ``validation``."""
        return [self._eval_loader(name, benchmark) for name, benchmark in self.validation.items()]

    def test_dataloader(self) -> list[DataLoader[Any]]:
        """One loader per benchmark, in the order of ``benchmarks``."""
        return [self._eval_loader(name, benchmark) for name, benchmark in self.benchmarks.items()]

    def _eval_loader(self, name: str, benchmark: Benchmark) -> DataLoader[Any]:
        dataset = ImageDataset(benchmark.images, self.image_size, name)
        return DataLoader(dataset, batch_size=self.eval_batch_size, shuffle=False, **self._workers(persistent=False))

    def _workers(self, persistent: bool) -> dict[str, Any]:
        return {
            "num_workers": self.num_workers,
            "persistent_workers": persistent and self.num_workers > 0,
            "pin_memory": self.trainer is not None and self.trainer.strategy.root_device.type == "cuda",
        }
