"""How many bytes the processes of a run exchange: the collectives of torch.distributed, wrapped."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

import torch.distributed as dist
from torch import Tensor

KINDS = {
    **dict.fromkeys(("all_gather", "all_gather_into_tensor"), "gathered"),
    **dict.fromkeys(("reduce_scatter", "reduce_scatter_tensor"), "scattered"),
    "all_reduce": "reduced",
    **dict.fromkeys(("broadcast", "reduce", "gather", "scatter", "send", "recv", "isend", "irecv"), "other"),
    **dict.fromkeys(("all_to_all", "all_to_all_single", "all_gather_coalesced", "all_reduce_coalesced"), "other"),
}


@contextmanager
def counting() -> Iterator[dict[str, int]]:
    """Count the calls of collectives, and by their kind the bytes of the larger tensor that each is handed."""
    counted = {"calls": 0, **dict.fromkeys(KINDS.values(), 0)}

    def wrapped(function: Callable[..., Any], kind: str) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            counted["calls"] += 1
            counted[kind] += max(map(nbytes, (*args, *kwargs.values())))
            return function(*args, **kwargs)

        return call

    with ExitStack() as stack:
        for name, kind in KINDS.items():
            if hasattr(dist, name):
                stack.enter_context(patch.object(dist, name, wrapped(getattr(dist, name), kind)))
        yield counted


def nbytes(argument: Any) -> int:
    """Size of a tensor or of a list of tensors; of anything else 0."""
    if isinstance(argument, Tensor):
        return argument.nbytes
    return sum(map(nbytes, argument)) if isinstance(argument, list | tuple) else 0
