"""One process of two that shares the images of a pair list, for test_verification.py."""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, distributed

from marginface.metric.verification import PairVerification

Arrangement = tuple[Sequence[Sequence[int]], Sequence[Sequence[int]]]
"""The batches of image indices of rank 0 and of rank 1."""


def run(rank: int, folder: str, images: tuple[Tensor, ...], arrangements: dict[str, Arrangement]) -> None:
    """Compute the metric under each arrangement; save figures and errors to ``folder/<rank>.pt``."""
    torch.set_num_threads(1)
    distributed.init_process_group("gloo", init_method=f"file://{folder}/rendezvous", rank=rank, world_size=2)
    plain, flipped, *pairs = images
    outcome: dict[str, object] = {}
    for name, batches_of_rank in arrangements.items():
        metric = PairVerification(*pairs, num_folds=4, num_bootstrap=50)
        for batch in batches_of_rank[rank]:
            index = torch.tensor(batch)
            metric.update(index, plain[index], flipped[index])
        try:
            outcome[name] = {key: tuple(figure) for key, figure in metric.compute().items()}
        except RuntimeError as error:
            outcome[name] = str(error)
    torch.save(outcome, Path(folder) / f"{rank}.pt")
    distributed.destroy_process_group()
