"""Embeddings gathered over batches and processes, judged by a benchmark.

Shapes: N images of a batch, D embedding.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.utilities import dim_zero_cat
from torchmetrics.utilities.distributed import gather_all_tensors

from marginface.embedding import Embeddings
from marginface.metric import Interval
from marginface.outcome import Outcome


class GatheredEmbeddings(Metric):
    """Keeps the embeddings of a benchmark's images in memory; an image that is seen twice counts once.

    Args:
        num_images: Images of the benchmark.
        evaluate: Judges the embeddings of all of them.
        **kwargs: Options of ``torchmetrics.Metric``.
    """

    is_differentiable = False
    full_state_update = False
    index: list[Tensor]
    embedding: list[Tensor]

    def __init__(self, num_images: int, evaluate: Callable[[Embeddings], Outcome], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.num_images, self._evaluate = num_images, evaluate
        for state in ("index", "embedding"):
            self.add_state(state, default=[], dist_reduce_fx="cat")

    def update(self, index: Tensor, embedding: Tensor, flipped: Tensor) -> None:
        """Take the embeddings of some images, plain and mirrored, (N, D) each."""
        self.index.append(index)
        self.embedding.append(torch.stack([embedding, flipped], dim=1).float())

    def compute(self) -> dict[str, Interval]:
        """The figures.

        Raises:
            RuntimeError: Some images have no embedding.
        """
        index, rows = (_joined(state).cpu() for state in (self.index, self.embedding))
        seen = torch.zeros(self.num_images, dtype=torch.bool)
        seen[index] = True
        num_missing = int((~seen).sum())
        if num_missing:
            raise RuntimeError(
                f"{num_missing} of the {self.num_images} images have no embedding: "
                "run the benchmark over all of its images (no batch limit), then compute"
            )
        whole = torch.zeros(self.num_images, *rows.shape[1:])
        whole[index] = rows
        return dict(self._evaluate(Embeddings(whole.numpy(), "sum")).figures)

    def _sync_dist(self, dist_sync_fn: Callable[..., Any] = gather_all_tensors, process_group: Any = None) -> None:
        """Gather; a process that has seen no image joins with zero rows of the others' width, which gathering needs."""
        own = self.embedding[0].shape[2] if self.embedding else 0
        widths = dist_sync_fn(torch.tensor([own], device=self.device), group=process_group or self.process_group)
        if not self.index:
            width = int(torch.cat(widths).max())
            self.index = [torch.empty(0, dtype=torch.int64, device=self.device)]
            self.embedding = [torch.empty(0, 2, width, device=self.device)]
        super()._sync_dist(dist_sync_fn, process_group=process_group)


def _joined(state: list[Tensor]) -> Tensor:
    joined: Tensor = dim_zero_cat(state) if len(state) else torch.empty(0, dtype=torch.int64)
    return joined
