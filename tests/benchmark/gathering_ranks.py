"""One process of two that shares the images of a benchmark, for test_gathered.py."""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, distributed

from marginface.benchmark.gathered import GatheredEmbeddings
from marginface.embedding import Embeddings
from marginface.metric import Interval
from marginface.outcome import Outcome

Batches = tuple[Sequence[Sequence[int]], Sequence[Sequence[int]]]
"""Image numbers of the batches of rank 0 and of rank 1."""


def weighted_sum(embeddings: Embeddings) -> Outcome:
    """A figure that depends on every view of every image and on their order."""
    weight = torch.arange(1, embeddings.rows.size + 1, dtype=torch.float64)
    value = float(weight @ torch.from_numpy(embeddings.rows).double().flatten())
    return Outcome(figures={"sum": Interval(value, value, value, embeddings.flip)})


def run(rank: int, folder: str, plain: Tensor, flipped: Tensor, arrangements: dict[str, Batches]) -> None:
    """Gather under each arrangement; save figures and errors to ``folder/<rank>.pt``."""
    torch.set_num_threads(1)
    distributed.init_process_group("gloo", init_method=f"file://{folder}/rendezvous", rank=rank, world_size=2)
    outcome: dict[str, object] = {}
    for name, batches_of_rank in arrangements.items():
        metric = GatheredEmbeddings(len(plain), weighted_sum)
        for batch in batches_of_rank[rank]:
            metric.update(torch.tensor(batch), plain[batch], flipped[batch])
        try:
            outcome[name] = {key: tuple(figure) for key, figure in metric.compute().items()}
        except RuntimeError as error:
            outcome[name] = str(error)
    torch.save(outcome, Path(folder) / f"{rank}.pt")
    distributed.destroy_process_group()
