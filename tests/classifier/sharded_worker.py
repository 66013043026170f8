"""Run by torch's process launcher in test_sharded: what each process sees of two steps, for every head and mode."""

import sys
from pathlib import Path

import torch
import torch.distributed as dist
from every_head import CLASSES, DIM, NAMES, VARIANTS, batch, fill, head_of, outcome

from marginface.classifier import DenseClassifier, ShardedClassifier


def sharded(name: str, **options) -> ShardedClassifier:
    """With the rows that :func:`every_head.fill` gives a dense classifier."""
    whole = fill(DenseClassifier(head_of(name), CLASSES, DIM))
    part = ShardedClassifier(head_of(name), CLASSES, DIM, chunk_size=5, averaged=False, **options).double()
    k, rows = part.head.num_centres, slice(part.first, part.first + part.count)
    part.weight.data.copy_(whole.weight[part.first * k : (part.first + part.count) * k])
    if part.bias is not None:
        part.bias.data.copy_(whole.bias[rows])
    if part.head.memory_head is not None:
        part.memory.copy_(whole.memory[rows])
    return part


def own_rows(count: int) -> slice:
    """Rows of this process, more for the first than for the others."""
    rank, size = dist.get_rank(), dist.get_world_size()
    bounds = [0, *(count // size + 1 + i for i in range(size - 1)), count]
    return slice(bounds[rank], bounds[rank + 1])


def main(folder: Path) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo")
    result = {}
    for name in [*NAMES, *VARIANTS]:
        for mode in ("keep", "recompute"):
            classifier = sharded(name, mode=mode)
            steps = []
            for seed, rows in enumerate((12, 9)):  # the last batch is of another size
                x, y = batch(rows, seed)
                own = own_rows(rows)
                steps.append(outcome(classifier, x[own], y[own])._asdict())
            result[f"{name}/{mode}"] = steps
    torch.save(result, folder / f"{dist.get_rank()}_of_{dist.get_world_size()}.pt")
    dist.destroy_process_group()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
