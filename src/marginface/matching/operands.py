"""The two sides of a comparison, as they were given to a matching function.

Shapes: Q queries, G gallery, D embedding.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from marginface.matching.rows import Rows

_BLOCK, _GPU_BLOCK = 8192, 65536  # so many that reading a row costs little beside its products


class Operands(NamedTuple):
    """Rows and identities that fit each other.

    Args:
        query: (Q, D).
        gallery: (G, D); the queries themselves in a ``triangle``.
        query_identity: (Q,) int64 on the device.
        gallery_identity: (G,) int64 on the device.
        triangle: Whether the queries are compared with each other, so that only pairs i < j count.
        device: Where products are computed.
        block: Rows of a side that are read together.
    """

    query: Rows
    gallery: Rows
    query_identity: Tensor
    gallery_identity: Tensor
    triangle: bool
    device: torch.device
    block: int

    def queries(self, start: int, stop: int) -> Tensor:
        """Some queries, float32 on the device."""
        return self.query[start:stop].to(self.device, torch.float32)

    def galleries(self, start: int, stop: int) -> Tensor:
        """Some rows of the gallery, float32 on the device."""
        return self.gallery[start:stop].to(self.device, torch.float32)


def operands(
    query: Rows,
    query_identity: Tensor | None,
    gallery: Rows | None,
    gallery_identity: Tensor | None,
    block: int | None = None,
    device: torch.device | str | None = None,
) -> Operands:
    """Both sides, checked.

    Args:
        query: (Q, D).
        query_identity: (Q,) int64; None, together with ``gallery_identity``, where identities do not matter.
        gallery: (G, D); None compares the queries with each other.
        gallery_identity: (G,) int64.
        block: Rows of a side that are read together; None for 8192, on a GPU 65536.
        device: Where products are computed; None for the queries' own device, or the CPU if they name none.

    Raises:
        ValueError: The sides do not fit each other, or ``block`` is below one.
    """
    if block is not None and block < 1:
        raise ValueError(f"block={block} is no number of rows: pass at least 1")
    if (gallery is None and gallery_identity is not None) or (
        gallery is not None and (query_identity is None) != (gallery_identity is None)
    ):
        raise ValueError(
            "gallery_identity must be given exactly where gallery and query_identity are: pass both or none"
        )
    where = torch.device(device if device is not None else getattr(query, "device", "cpu"))
    block = block or (_BLOCK if where.type == "cpu" else _GPU_BLOCK)
    other, other_identity = (query, query_identity) if gallery is None else (gallery, gallery_identity)
    _check_dims(query, other)
    own = _identity("query", query, query_identity).to(where)
    theirs = own if gallery is None else _identity("gallery", other, other_identity).to(where)
    return Operands(query, other, own, theirs, gallery is None, where, block)


def check_num_kept(num_kept: int) -> None:
    """Refuse to keep nothing.

    Raises:
        ValueError: ``num_kept`` is below one.
    """
    if num_kept < 1:
        raise ValueError(f"num_kept={num_kept} keeps no score: pass at least 1")


def _check_dims(query: Rows, gallery: Rows) -> None:
    dims = [int(rows[0:1].shape[1]) for rows in (query, gallery) if len(rows)]
    if len(set(dims)) > 1:
        raise ValueError(f"query has rows of dimension {dims[0]}, gallery of {dims[1]}: embed both with one model")


def _identity(name: str, rows: Rows, identity: Tensor | None) -> Tensor:
    if identity is None:  # all differ
        return torch.empty(0, dtype=torch.int64)
    if identity.shape != (len(rows),) or identity.is_floating_point():
        found = f"{identity.dtype} {tuple(identity.shape)}"
        raise ValueError(f"{name}_identity is {found}, but {name} has {len(rows)} rows: pass one whole number for each")
    return identity.to(torch.int64)
