"""Embeddings of a set of images, in memory or mapped from a file.

Shapes: N images, V views of each (plain, or plain and mirrored), D embedding, M rows asked for.
"""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

_CHUNK = 4096  # rows that are looked at together

FLIPS = ("concat", "sum", "none")


class Embeddings:
    """What a network made of N images; benchmarks read them in parts, so that they need not fit into memory.

    Args:
        rows: (N, V, D) float32: the plain image, then (V = 2) its mirror image.
        flip: How the two views of an image are merged: ``concat``, ``sum``, or ``none`` for the plain one alone.
        device: Where comparisons run.
        classify: A trained classifier's decision without margin, (n, D) -> (n,) int64; None where there is none.

    Raises:
        ValueError: Another shape or dtype, an unknown ``flip``, or one that needs a view that is not there.
    """

    def __init__(
        self,
        rows: NDArray[np.float32],
        flip: str = "none",
        device: torch.device | str = "cpu",
        classify: Callable[[Tensor], Tensor] | None = None,
    ) -> None:
        if rows.ndim != 3 or rows.shape[1] not in (1, 2) or rows.dtype != np.float32:
            raise ValueError(f"rows is {rows.dtype} {rows.shape}; pass float32 (N, 1 or 2, D)")
        if flip not in FLIPS:
            raise ValueError(f"flip={flip!r} is unknown; choose one of {', '.join(FLIPS)}")
        self.rows, self.device, self.classify = rows, torch.device(device), classify
        self.flip = flip if rows.shape[1] == 2 else "none"

    @staticmethod
    def of(plain: Tensor, flipped: Tensor | None = None, flip: str = "none") -> "Embeddings":
        """Embeddings from tensors, (N, D) each."""
        views = [plain] if flipped is None else [plain, flipped]
        return Embeddings(torch.stack([view.detach().float().cpu() for view in views], dim=1).numpy(), flip)

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def dim(self) -> int:
        """D, of a single view."""
        return int(self.rows.shape[2])

    @property
    def plain(self) -> Tensor:
        """Embeddings of the images as they are, (N, D)."""
        return torch.from_numpy(self.rows[:, 0])

    @property
    def flipped(self) -> Tensor:
        """Embeddings of their mirror images, (N, D); of the plain ones where there is one view only."""
        return torch.from_numpy(self.rows[:, -1])

    def merged(self, index: Tensor | slice, flip: str | None = None) -> Tensor:
        """Both views of some images merged, not normalised.

        Args:
            index: (M,) int64, or a slice.
            flip: Another way to merge than the model's own.

        Returns:
            (M, D) float32, or (M, 2 D) for ``concat``.

        Raises:
            ValueError: ``flip`` needs the mirrored view, which these embeddings lack.
        """
        how = flip or self.flip
        if how not in FLIPS or (how != "none" and self.rows.shape[1] == 1):
            raise ValueError(f"flip={how!r} cannot be had: embeddings have {self.rows.shape[1]} view(s) an image")
        part = torch.from_numpy(self.rows[index if isinstance(index, slice) else index.cpu().numpy()])
        if how == "concat":
            return part.flatten(1)
        return part[:, 0] + part[:, 1] if how == "sum" else part[:, 0]

    def unit(self, index: Tensor | None = None, flip: str | None = None) -> "UnitRows":
        """Merged rows of unit length, made when they are asked for.

        Args:
            index: (M,) int64 the images, in this order; None for all.
            flip: Another way to merge than the model's own.
        """
        return UnitRows(self, index, flip)


def not_finite(rows: NDArray[np.float32]) -> NDArray[np.int64]:
    """Numbers of the rows (N, V, D) that hold NaN or infinity, rising; looked at in parts, as they may be on disk."""
    wrong = [
        start + np.flatnonzero(~np.isfinite(rows[start : start + _CHUNK]).all((1, 2)))
        for start in range(0, len(rows), _CHUNK)
    ]
    return np.concatenate([np.empty(0, np.int64), *wrong])


class UnitRows:
    """Rows of unit length; ``rows[a:b]`` and ``rows[index]`` are tensors, as of a matrix (M, D') that is not there.

    Args:
        embeddings: What they are made of.
        index: (M,) int64 the images; None for all.
        flip: How views are merged; None for the embeddings' own way.
    """

    def __init__(self, embeddings: Embeddings, index: Tensor | None = None, flip: str | None = None) -> None:
        self._embeddings, self._index, self._flip = embeddings, index, flip
        self.device = embeddings.device

    def __len__(self) -> int:
        return len(self._embeddings) if self._index is None else len(self._index)

    @property
    def dim(self) -> int:
        """Length of a row."""
        return int(self[0:1].shape[1]) if len(self) else self._embeddings.dim

    def __getitem__(self, part: slice | Tensor) -> Tensor:
        """Some rows, (n, D') float32 on the CPU; a zero embedding stays zero."""
        chosen = part if self._index is None else self._index[part]
        return functional.normalize(self._embeddings.merged(chosen, self._flip), dim=1)
