"""Run by torch's process launcher in test_predict: what each process predicts, for every head."""

import sys
from pathlib import Path

import torch
import torch.distributed as dist
from every_head import DIM, NAMES, VARIANTS
from sharded_worker import sharded

from marginface.classifier import ShardedClassifier
from marginface.head import CosFace


def main(folder: Path) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo")
    x = 3 * torch.randn(40, DIM, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    result = {name: sharded(name).predict(x) for name in [*NAMES, *VARIANTS]}
    torch.manual_seed(0)
    result["two classes"] = ShardedClassifier(CosFace(), 2, DIM).predict(x)
    torch.save(result, folder / f"{dist.get_rank()}.pt")
    dist.destroy_process_group()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
