"""Training with the loader against training on a batch that lies on the device already: does the loader keep up?

    python bench/feeding.py [--backbone mobilefacenet] [--batch 256] [--steps 150] [--workers 2 4 8] [--precision auto]

Each case trains through Lightning, with the flip; the first steps are not counted. Cases with
``decode_on_device`` have nvJPEG decode on the GPU. The starved share is the time lost against the resident batch.
"""

import argparse
import logging
import statistics
import tempfile
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import albumentations as A
import lightning as L
import torch
from torch.utils.data import DataLoader, IterableDataset

from data import make_faces
from marginface import FaceDataModule, FaceRecognizer
from marginface.backbone import IResNet, MobileFaceNet, SphereNet
from marginface.hardware import best_precision
from marginface.head import CosFace

IDENTITIES = 64  # of make_faces: what counts here is the network, not the classifier
WARM = 20  # steps
BACKBONES = {
    "mobilefacenet": lambda: MobileFaceNet(512, (112, 112)),
    "iresnet18": lambda: IResNet(18),
    "iresnet50": lambda: IResNet(50),
    "sphere20": lambda: SphereNet(20),
}


class Resident(IterableDataset[dict[str, torch.Tensor]]):
    """The same batch again and again."""

    def __init__(self, batch: int, steps: int, device: torch.device) -> None:
        image = torch.randint(0, 256, (batch, 112, 112, 3), dtype=torch.uint8, device=device).permute(0, 3, 1, 2)
        label = torch.randint(0, IDENTITIES, (batch,), device=device)
        self.steps, self.batch = steps, {"image": image, "label": label, "skipped": torch.zeros((), device=device)}

    def __iter__(self) -> Iterator[dict[str, torch.Tensor]]:
        """The batches."""
        return (self.batch for _ in range(self.steps))


class Clock(L.Callback):
    """Times the steps after the first ones."""

    seconds = 0.0

    def on_train_batch_start(self, trainer: L.Trainer, *_: Any) -> None:
        """Start counting."""
        if trainer.global_step == WARM:
            self.synchronize()
            self.seconds -= time.perf_counter()

    def on_train_end(self, *_: Any) -> None:
        """Stop counting."""
        self.synchronize()
        self.seconds += time.perf_counter()

    def synchronize(self) -> None:
        """Wait for the device."""
        if torch.cuda.is_available():
            torch.cuda.synchronize()


def rate(case: DataLoader[Any] | FaceDataModule, options: argparse.Namespace) -> float:
    """Images per second of a training run."""
    torch.manual_seed(0)
    model = FaceRecognizer(
        BACKBONES[options.backbone](),
        CosFace(),
        IDENTITIES,
        channels_last=True,
        compile_backbone=options.compile,
        optimizer=lambda groups: torch.optim.SGD(groups, lr=1e-3, momentum=0.9),
    )
    clock = Clock()
    quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False}
    precision = best_precision("auto") if options.precision == "auto" else options.precision
    trainer = L.Trainer(
        max_steps=options.steps, callbacks=[clock], precision=precision, enable_checkpointing=False, devices=1, **quiet
    )
    trainer.fit(model, case)
    return (options.steps - WARM) * options.batch / clock.seconds


def cases(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """What makes each case, by its name."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    resident = "batch on the device"
    made: dict[str, Any] = {
        resident: lambda: DataLoader(Resident(options.batch, options.steps, device), batch_size=None)
    }
    for workers in options.workers:
        for on_device in (False, True):
            made[f"{workers} workers" + ", decode_on_device" * on_device] = lambda w=workers, d=on_device: (
                FaceDataModule(
                    folder,
                    transform=A.Compose([A.HorizontalFlip(p=0.5)]),
                    batch_size=options.batch,
                    num_workers=w,
                    decode_on_device=d,
                )
            )
    return made


def main() -> None:
    """Measure in turn and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--backbone", choices=list(BACKBONES), default="mobilefacenet")
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--steps", type=int, default=150)
    parser.add_argument("--workers", type=int, nargs="+", default=[2, 4, 8])
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--compile", action="store_true")
    options = parser.parse_args()
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore")
    with tempfile.TemporaryDirectory() as folder:
        make_faces(Path(folder), (options.steps + 1) * options.batch)
        made = cases(Path(folder), options)
        rates: dict[str, list[float]] = {name: [] for name in made}
        for _ in range(options.rounds):
            for name, make in made.items():
                rates[name].append(rate(make(), options))
    base = rates["batch on the device"]
    print(f"{options.backbone}, batches of {options.batch}, precision {options.precision}\n")
    print("| case | images/s | starved share |\n|---|---|---|")
    for name, found in rates.items():
        starved = 1 - statistics.median(a / b for a, b in zip(found, base, strict=True))
        print(f"| {name} | {statistics.median(found):.0f} | {max(0.0, starved):.0%} |")


if __name__ == "__main__":
    main()
