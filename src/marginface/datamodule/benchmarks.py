"""Feeds an embedder with the images of benchmarks."""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
import torch
from torch.utils.data import DataLoader

from marginface.benchmark import Benchmark
from marginface.data.dataset import ImageDataset


class BenchmarkDataModule(L.LightningDataModule):
    """Feeds an embedder with the images of benchmarks.

    Args:
        benchmarks: by name, evaluated by ``trainer.test``.
        image_size: (height, width) of the aligned faces.
        eval_batch_size: images per process and step.
        num_workers: loader processes per process.
        cache_dir: folder that keeps the embeddings of the benchmarks' images for later evaluations of the same model;
            all processes must see it. None keeps them for the run only.

    Raises:
        ValueError: if an argument is out of its range.
    """

    def __init__(
        self,
        benchmarks: Mapping[str, Benchmark] | None,
        image_size: tuple[int, int] = (112, 112),
        eval_batch_size: int = 256,
        num_workers: int = 2,
        cache_dir: str | Path | None = None,
    ) -> None:
        super().__init__()
        at_least("eval_batch_size", eval_batch_size, 1)
        at_least("num_workers", num_workers, 0)
        self.benchmarks = dict(benchmarks or {})
        self.image_size, self.eval_batch_size, self.num_workers = image_size, eval_batch_size, num_workers
        self.cache_dir = None if cache_dir is None else Path(cache_dir)
        self._passing: tempfile.TemporaryDirectory[str] | None = None  # in place of a cache_dir

    def setup(self, stage: str) -> None:
        """Decode one image of each benchmark, so that a wrong size or format shows before any long work."""
        if stage == "test":
            self.probe(self.benchmarks)

    def probe(self, benchmarks: Mapping[str, Benchmark]) -> None:
        """Let each benchmark check itself, and decode its first image."""
        for name, benchmark in benchmarks.items():
            benchmark.check()
            ImageDataset(benchmark.images, self.image_size, name)[0]

    def test_dataloader(self) -> list[DataLoader[Any]]:
        """One loader per benchmark, in the order of ``benchmarks``, of the images that have no embedding yet."""
        if self.trainer is None:
            return self.eval_loaders(self.benchmarks)
        model: Any = self.trainer.lightning_module
        extraction = model.open_stores(self.benchmarks, self._cache())
        pending = {name: extraction.pending(name) for name in self.benchmarks}
        self.trainer.strategy.barrier("pending")  # nobody writes before all have seen what is missing
        return self.eval_loaders(self.benchmarks, pending)

    def teardown(self, stage: str) -> None:
        """Delete embeddings that were to last for the run only."""
        if stage == "test" and self._passing is not None:
            self._passing.cleanup()
            self._passing = None

    def _cache(self) -> Path:
        if self.cache_dir is not None:
            return self.cache_dir
        assert self.trainer is not None
        if self.trainer.is_global_zero:
            self._passing = tempfile.TemporaryDirectory(prefix="marginface-embeddings-")
        return Path(self.trainer.strategy.broadcast(self._passing.name if self._passing else ""))

    def eval_loaders(
        self, benchmarks: Mapping[str, Benchmark], chosen: Mapping[str, np.ndarray] | None = None
    ) -> list[DataLoader[Any]]:
        """Loaders of ``image`` (N, 3, H, W) uint8 and ``index`` (N,), one per benchmark.

        Args:
            benchmarks: by name.
            chosen: numbers of the images to load, by benchmark; None for all.
        """
        return [
            DataLoader(
                ImageDataset(benchmark.images, self.image_size, name, None if chosen is None else chosen[name]),
                batch_size=self.eval_batch_size,
                **self.worker_options(persistent=False),
            )
            for name, benchmark in benchmarks.items()
        ]

    def worker_options(self, persistent: bool) -> dict[str, Any]:
        """Arguments of a DataLoader about processes and memory."""
        return {
            "num_workers": self.num_workers,
            "persistent_workers": persistent and self.num_workers > 0,
            "pin_memory": self.trainer is not None and self.trainer.strategy.root_device.type == "cuda",
            # Each start of a loader draws a number; from the global generator, a resumed run would miss some of them.
            "generator": torch.Generator(),
        }


def at_least(name: str, value: int, least: int) -> None:
    """Refuse a number below its least value."""
    if value < least:
        raise ValueError(f"{name}={value} is less than {least}")
