"""Embedding the images of a benchmark, from JPEG to the rows on disk, against the bare backbone.

    python bench/extraction.py [--backbone mobilefacenet] [--images 2000] [--batch 64] [--rounds 4] [--bf16]

The bare backbone runs on both orientations of a batch that is already normalised, as often as the images need. The two
are taken in turn in one run; both count images, of which each is embedded plain and mirrored.
"""

import argparse
import logging
import statistics
import tempfile
import time
import warnings
from pathlib import Path

import lightning as L
import numpy as np
import torch

from marginface import FaceEmbedder
from marginface.backbone import Backbone, MobileFaceNet, SphereNet
from marginface.benchmark import PairBenchmark
from marginface.data import FacePairs, encode
from marginface.datamodule import BenchmarkDataModule

BACKBONES = {"mobilefacenet": lambda: MobileFaceNet(512, (112, 112)), "sphere20": lambda: SphereNet(20)}


def faces(number: int) -> PairBenchmark:
    """Distinct JPEGs of 112 x 112 in pairs."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 255, (number, 14, 14, 3)).repeat(8, 1).repeat(8, 2)
    images = [encode(image.astype(np.uint8)) for image in coarse]
    index = np.arange(0, number - number % 2)
    same = np.arange(len(index) // 2) % 2 == 0
    return PairBenchmark(pairs=FacePairs(images, index[0::2], index[1::2], same), num_folds=2)


def bare(backbone: Backbone, number: int, batch: int, bf16: bool) -> float:
    """Seconds for the network alone."""
    image = torch.randn(batch, 3, *backbone.image_size).contiguous(memory_format=torch.channels_last)
    start = time.perf_counter()
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=bf16):
        for _ in range(2 * number // batch):
            backbone(image)
    return time.perf_counter() - start


def extraction(model: FaceEmbedder, benchmark: PairBenchmark, batch: int, workers: int, bf16: bool) -> float:
    """Seconds from the first batch to the last row on disk."""
    times: list[float] = []

    class Clock(L.Callback):
        def on_test_start(self, *_: object) -> None:
            times.append(time.perf_counter())

    def judge(*_: object) -> None:
        times.append(time.perf_counter())

    model.judge = judge  # type: ignore[assignment]
    quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False}
    precision = "bf16-mixed" if bf16 else "32-true"
    trainer = L.Trainer(
        accelerator="cpu", callbacks=[Clock()], precision=precision, enable_checkpointing=False, **quiet
    )
    with tempfile.TemporaryDirectory() as folder:
        data = BenchmarkDataModule({"faces": benchmark}, (112, 112), batch, workers, Path(folder) / "cache")
        trainer.test(model, data, verbose=False)
    return times[1] - times[0]


def main() -> None:
    """Measure in turn and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--backbone", choices=list(BACKBONES), default="mobilefacenet")
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--workers", type=int, default=0)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--bf16", action="store_true")
    options = parser.parse_args()
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore")
    number = options.images // options.batch * options.batch
    model = FaceEmbedder(BACKBONES[options.backbone](), channels_last=True).eval()
    benchmark = faces(number)
    floor, ours = [], []
    for turn in range(options.rounds + 1):
        first = bare(model.backbone, number, options.batch, options.bf16)
        second = extraction(model, benchmark, options.batch, options.workers, options.bf16)
        if turn:  # the first turn allocates
            floor.append(first)
            ours.append(second)
    ratio = statistics.median(a / b for a, b in zip(floor, ours, strict=True))
    print("| case | images/s | x bare |\n|---|---|---|")
    print(f"| bare {options.backbone} | {number / statistics.median(floor):.1f} | 1.00 |")
    print(f"| extraction | {number / statistics.median(ours):.1f} | {ratio:.3f} |")


if __name__ == "__main__":
    main()
