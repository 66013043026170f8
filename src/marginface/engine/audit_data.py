"""The images of a training set and of benchmarks, for a model that embeds them for an audit."""

from collections.abc import Mapping
from pathlib import Path

from marginface.audit import ImageScan, TrainingImages, scan_images
from marginface.benchmark import Benchmark
from marginface.data.dataset import ImageDataset
from marginface.data.source import FaceSource
from marginface.datamodule import BenchmarkDataModule

TRAINING = "training set"  # its name among the benchmarks; no YAML can have it


class AuditDataModule(BenchmarkDataModule):
    """Scans a training set once all processes are there to share it, then feeds its intact images, as a benchmark's.

    Args:
        source: The training set.
        benchmarks: To compare it with, by name.
        image_size: (height, width) of the aligned faces.
        eval_batch_size: Images per process and step.
        num_workers: Loader processes per process.
        cache_dir: Keeps the embeddings; None keeps them for the run only.

    Attributes:
        scan: Of the training set, from :meth:`setup` on.
        training: Its intact images, likewise.
    """

    def __init__(
        self,
        source: FaceSource,
        benchmarks: Mapping[str, Benchmark],
        image_size: tuple[int, int],
        eval_batch_size: int,
        num_workers: int,
        cache_dir: str | Path | None,
    ) -> None:
        super().__init__(benchmarks, image_size, eval_batch_size, num_workers, cache_dir)
        self.source = source
        self.scan: ImageScan
        self.training: TrainingImages

    def setup(self, stage: str) -> None:
        """Read all images of the training set; each process does its share."""
        self.scan = scan_images(self.source, self.num_workers)
        self.training = TrainingImages(self.source, self.scan)
        self.benchmarks[TRAINING] = self.training  # last: by then the benchmarks' embeddings are known
        super().setup(stage)

    def probe(self, benchmarks: Mapping[str, Benchmark]) -> None:
        """Decode the first image of each; how a benchmark would judge does not matter here."""
        for name, benchmark in benchmarks.items():
            ImageDataset(benchmark.images, self.image_size, name)[0]
