"""Feeds a recognizer: training identities, held-out validation identities, benchmarks."""

import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning.pytorch.utilities import rank_zero_only
from torch.utils.data import DataLoader

from marginface.benchmark import Benchmark, PairBenchmark
from marginface.data.augment.augmentation import Transform
from marginface.data.dataset import FaceDataset
from marginface.data.device_decode import DeviceDecoder, EncodedFaces
from marginface.data.kept import KeptFaces
from marginface.data.loader import FaceLoader
from marginface.data.pairs import sample_pairs
from marginface.data.record.face_records import FaceRecords
from marginface.data.sampler.base import BatchRequest, BatchSampler
from marginface.data.sampler.weighted import WeightedSampler
from marginface.data.source import FaceSource
from marginface.data.split import relabel
from marginface.data.subset import choose_samples
from marginface.datamodule.benchmarks import BenchmarkDataModule, at_least
from marginface.prepare.agreement import check_card
from marginface.prepare.benchmark_agreement import check_benchmarks

log = logging.getLogger(__name__)

HELDOUT = "heldout"  # name of the validation set cut from the training identities


class FaceDataModule(BenchmarkDataModule):
    """Feeds a recognizer.

    Some identities are cut from the training set; pairs of their images choose the checkpoint. Benchmarks are only
    reported, never used to choose anything.

    Args:
        root: folder of the training set.
        source: opens the labelled faces in that folder.
        benchmarks: by name, evaluated by ``trainer.test`` (and after each epoch with ``validate_benchmarks``); or a
            function that opens them, called when the data are there.
        batch_size: images per process and step.
        eval_batch_size: images per process and step of an evaluation.
        num_workers: loader processes per training process.
        transform: an ``albumentations.Compose`` over single uint8 RGB images, training only.
        sampler: makes the sampler of the training batches, called as ``sampler(labels, batch_size=, seed=, rank=,
            world_size=)``; None shuffles all images (and mixes sets by their weights, where the source has some).
        verify_card: compare the hashes of all files with ``card.json`` before training; one process does.
        drop_list: of ``src/audit.py``: what is not to be trained on; None for nothing.
        min_images_per_identity: identities with fewer images are left out.
        num_identities: identities to train on, drawn by lot, beside the held-out ones; None for all.
        num_validation_identities: identities that are held out; 0 trains on all and validates on none.
        num_validation_pairs: pairs drawn from the held-out identities, half of them genuine.
        num_validation_folds: folds of these pairs, no identity in two of them.
        validate_benchmarks: also report the benchmarks after each epoch.
        cache_dir: keeps the embeddings of the benchmarks' images; None keeps them for the run only.
        on_error: ``fail`` at an undecodable training image, or ``skip`` it (counted as ``train/skipped``).
        decode_on_device: decode the training images (JPEGs) on the training device, nvJPEG on a GPU; only flips then.
        generate: makes the data when the folder does not exist yet (the synthetic faces); None for real data.
        seed: of the split, the pairs, the order and the augmentation.

    Raises:
        ValueError: if an argument is out of its range.
        DataError: if the data are missing or damaged.
    """

    def __init__(
        self,
        root: str | Path,
        source: Callable[[Path], FaceSource] = FaceRecords,
        benchmarks: Mapping[str, Benchmark] | Callable[[], Mapping[str, Benchmark]] | None = None,
        batch_size: int = 128,
        eval_batch_size: int = 256,
        num_workers: int = 2,
        transform: Transform | None = None,
        sampler: Callable[..., BatchSampler] | None = None,
        verify_card: bool = False,
        drop_list: str | Path | None = None,
        min_images_per_identity: int = 1,
        num_identities: int | None = None,
        num_validation_identities: int = 0,
        num_validation_pairs: int = 1000,
        num_validation_folds: int = 10,
        validate_benchmarks: bool = False,
        cache_dir: str | Path | None = None,
        on_error: str = "fail",
        decode_on_device: bool = False,
        generate: Callable[[Path], None] | None = None,
        seed: int = 0,
    ) -> None:
        at_least("batch_size", batch_size, 1)
        at_least("min_images_per_identity", min_images_per_identity, 1)
        at_least("num_validation_identities", num_validation_identities, 0)
        if on_error not in ("fail", "skip"):
            raise ValueError(f"on_error={on_error!r} is unknown; choose 'fail' or 'skip'")
        root = Path(root)
        generate_missing(root, generate)
        self.source: FaceSource = source(root)
        self.card = check_card(root, self.source, verify_card and rank_zero_only.rank == 0)  # type: ignore[attr-defined]
        if drop_list is not None:
            self.source = KeptFaces(self.source, drop_list)
        opened = benchmarks() if callable(benchmarks) else benchmarks
        super().__init__(opened, self.source.image_size, eval_batch_size, num_workers, cache_dir)
        check_benchmarks(self.card, {name: getattr(each, "path", None) for name, each in self.benchmarks.items()})
        if HELDOUT in self.benchmarks:
            raise ValueError(f"benchmark name {HELDOUT!r} is taken by the held-out identities; choose another name")
        if getattr(self.source, "closed_set", False):
            _keep_all_classes(num_validation_identities, min_images_per_identity, num_identities)
        self.weights = _weights(self.source, sampler)
        self.sampler = sampler
        self.batch_size, self.transform, self.on_error, self.seed = batch_size, transform, on_error, seed
        self._decoder = DeviceDecoder(self.source, on_error) if decode_on_device else None
        self._loader: FaceLoader | None = None
        self._position: dict[str, Any] | None = None
        self.train_indices, held_out = choose_samples(
            self.source.labels, num_validation_identities, min_images_per_identity, num_identities, seed
        )
        self.train_labels, self.num_classes = relabel(self.source.labels[self.train_indices])
        self.validation: dict[str, Benchmark] = dict(self.benchmarks) if validate_benchmarks else {}
        if num_validation_identities:
            pairs = sample_pairs(self.source, held_out, num_validation_pairs, seed, num_folds=num_validation_folds)
            heldout = PairBenchmark(pairs=pairs, num_folds=num_validation_folds, num_bootstrap=100)
            self.validation = {HELDOUT: heldout, **self.validation}

    def setup(self, stage: str) -> None:
        """Decode the first images of each set, so that a wrong size or format shows before any long work."""
        super().setup(stage)
        if stage == "fit":
            self._position = None  # of an earlier run; a checkpoint is read after this
            first = self._dataset()[BatchRequest(np.arange(min(self.batch_size, len(self.train_indices))), 0)]
            if self._decoder is not None:
                self._decoder(first, self.trainer.strategy.root_device if self.trainer else torch.device("cpu"))
            self.probe({**self.validation, **self.benchmarks})

    def _dataset(self) -> FaceDataset | EncodedFaces:
        kind = FaceDataset if self._decoder is None else EncodedFaces
        return kind(self.source, self.train_indices, self.train_labels, self.image_size, self.transform, self.on_error)

    def transfer_batch_to_device(self, batch: Any, device: torch.device, dataloader_idx: int) -> Any:
        """Lightning's hook; makes pixels of a batch that the workers left encoded."""
        if self._decoder is not None and "encoded" in batch:
            return self._decoder(batch, device)
        return super().transfer_batch_to_device(batch, device, dataloader_idx)

    def train_dataloader(self) -> FaceLoader:
        """Batches of ``image`` (N, 3, H, W) uint8, ``label`` (N,) and ``skipped`` ()."""
        self._loader = FaceLoader(self._dataset(), self._sampler(), **self.worker_options(persistent=True))
        epoch = self.trainer.current_epoch if self.trainer else 0
        if self._position is not None and epoch <= self._position["epoch"]:  # later epochs may reload, and are whole
            self._loader.load_state_dict(self._position)
        return self._loader

    def _sampler(self) -> BatchSampler:
        rank, world_size = (self.trainer.global_rank, self.trainer.world_size) if self.trainer else (0, 1)
        options = {"batch_size": self.batch_size, "seed": self.seed, "rank": rank, "world_size": world_size}
        if self.weights is not None:
            parts: np.ndarray = self.source.parts[self.train_indices]  # type: ignore[attr-defined]
            return WeightedSampler(parts, self.weights, **options)
        if self.sampler is None:
            return BatchSampler(len(self.train_indices), **options)
        return self.sampler(self.train_labels, **options)

    def state_dict(self) -> dict[str, Any]:
        """Position within the epoch, what its order depends on, SHA-256 of the data card; saved in checkpoints.

        Lightning would save a stateful loader itself, but it does not restore one that was built before the loops'
        state is loaded, as happens when the schedule asks for the number of steps.
        """
        if self._loader is None:
            return {}
        card = None if self.card is None else self.card.sha256()
        return {**self._loader.state_dict(), "card": card}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue where the checkpoint was taken."""
        self._position = state_dict or None

    def val_dataloader(self) -> list[DataLoader[Any]]:
        """One loader per validation set, in the order of ``validation``."""
        return self.eval_loaders(self.validation)


def generate_missing(root: Path, generate: Callable[[Path], None] | None) -> None:
    """Make the data where there are none yet.

    Args:
        root: folder of the training set.
        generate: makes it there; None where nobody can.
    """
    if generate is not None and not root.exists():
        log.info("%s does not exist; generating synthetic faces there", root)
        generate(root)


def _weights(source: FaceSource, sampler: Callable[..., BatchSampler] | None) -> Sequence[float] | None:
    """Shares of the sets that a source mixes, if it has some; they draw by themselves."""
    weights: Sequence[float] | None = getattr(source, "weights", None)
    if sampler is not None and weights is not None:
        raise ValueError(f"sampler and weights={[*weights]} of sets are two ways to draw: leave one of them null")
    return weights


def _keep_all_classes(num_validation: int, min_images: int, num_identities: int | None) -> None:
    if num_validation or min_images > 1 or num_identities is not None:
        raise ValueError(
            f"num_validation_identities={num_validation}, min_images_per_identity={min_images} and num_identities="
            f"{num_identities} would take out classes that the benchmark asks for: leave them at 0, 1 and null"
        )
