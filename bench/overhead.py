"""The main job's overhead: a training step under Lightning with all callbacks, against a bare PyTorch loop.

    python bench/overhead.py [--rounds 5] [--steps 30] [--batch 64]

Both read the same loader and train the same model; the two are taken in turn, the table shows the ratio per round.
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import lightning as L
import torch
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from omegaconf import DictConfig

from marginface.datamodule import FaceDataModule
from marginface.engine.build import build_recognizer, build_trainer
from marginface.engine.settings import TRAIN_KEYS, prepare
from marginface.parameters import apply_lr_factors, parameter_groups
from marginface.schedule import multistep

ROOT = Path(__file__).resolve().parents[1]
WARM_UP = 5  # steps before the clock starts


class Clock(L.Callback):
    """Notes the time at the end of each step."""

    def __init__(self) -> None:
        self.times: list[float] = []

    def on_train_batch_end(self, *args: Any) -> None:
        """Note the time."""
        self.times.append(time.perf_counter())


def under_lightning(cfg: DictConfig, data: FaceDataModule) -> float:
    """Seconds per step of `trainer.fit` with every default callback and logger."""
    model, trainer, clock = build_recognizer(cfg, data.num_classes), build_trainer(cfg), Clock()
    trainer.callbacks.append(clock)  # last: after all others
    trainer.fit(model, data)
    return (clock.times[-1] - clock.times[WARM_UP - 1]) / (len(clock.times) - WARM_UP)


def bare(cfg: DictConfig, data: FaceDataModule, steps: int) -> float:
    """Seconds per step of a plain loop."""
    model = build_recognizer(cfg, data.num_classes)
    model.classifier.head.set_run_length(steps)
    groups = parameter_groups(model.backbone, model.classifier)
    optimizer = torch.optim.SGD(groups, lr=cfg.optimizer.lr, momentum=0.9, weight_decay=5e-4)
    apply_lr_factors(optimizer)
    scheduler = multistep(optimizer, steps)
    model.train()
    batches = endless(data)
    times = []
    for _ in range(steps):
        batch = next(batches)
        optimizer.zero_grad()
        model.classifier(model(batch["image"]), batch["label"]).loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), cfg.trainer.gradient_clip_val)
        optimizer.step()
        scheduler.step()
        times.append(time.perf_counter())
    return (times[-1] - times[WARM_UP - 1]) / (steps - WARM_UP)


def endless(data: FaceDataModule) -> Any:
    """Batches, epoch after epoch."""
    loader = data.train_dataloader()
    while True:
        yield from loader


def main() -> None:
    """Measure in turn and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--batch", type=int, default=64)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        cfg = compose(
            "train",
            [
                "backbone=sphere4",
                f"run_dir={folder}",
                f"data.batch_size={options.batch}",
                "data.num_validation_identities=0",
                f"trainer.max_steps={options.steps}",
                "trainer.max_epochs=-1",
                "trainer.limit_val_batches=0",
                "trainer.gradient_clip_val=5",
                "trainer.enable_progress_bar=true",
                "callbacks.last.every_n_train_steps=1000",
                "~callbacks.best",
                "seed=0",
            ],
        )
        prepare(cfg, TRAIN_KEYS)
        data = instantiate(cfg.data)
        pairs = [(under_lightning(cfg, data), bare(cfg, data, options.steps)) for _ in range(options.rounds)]
    print("| round | Lightning, ms/step | bare, ms/step | ratio |\n|---|---|---|---|")
    for i, (ours, floor) in enumerate(pairs):
        print(f"| {i} | {1e3 * ours:.1f} | {1e3 * floor:.1f} | {ours / floor:.3f} |")
    print(f"median ratio {statistics.median(a / b for a, b in pairs):.3f}")


if __name__ == "__main__":
    main()
