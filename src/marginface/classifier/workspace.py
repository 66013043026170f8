"""Large buffers that last from step to step, so that the CPU need not fault in their pages anew each time."""

import math
import weakref
from typing import Any

import torch
from torch import Tensor


class Workspace:
    """Hands out uninitialised tensors over memory that it keeps.

    While a tensor of a name is still in use anywhere (as a gradient that accumulates, or in a graph that was not yet
    run backward), the next one of that name gets memory of its own. On other devices than the CPU every tensor does:
    their allocators keep freed memory themselves.
    """

    def __init__(self) -> None:
        self._memory: dict[str, Tensor] = {}
        self._in_use: dict[str, weakref.ref[Any]] = {}

    def empty(self, name: str, shape: tuple[int, ...], like: Tensor, dtype: torch.dtype | None = None) -> Tensor:
        """An uninitialised tensor.

        Args:
            name: which buffer.
            shape: its shape.
            like: a tensor on the wanted device.
            dtype: its dtype; None for that of ``like``.
        """
        dtype = like.dtype if dtype is None else dtype
        size = math.prod(shape) * dtype.itemsize
        if like.device.type != "cpu" or size == 0 or self._busy(name):
            return like.new_empty(shape, dtype=dtype)
        memory = self._memory.get(name)
        if memory is None or len(memory) < size:
            memory = self._memory[name] = torch.empty(size, dtype=torch.uint8)
        # The tensor keeps this array, and nothing else does: the array lives exactly as long as the tensor's storage.
        array = memory.numpy()[:size]
        self._in_use[name] = weakref.ref(array)
        return torch.frombuffer(array, dtype=dtype).view(shape)

    def _busy(self, name: str) -> bool:
        user = self._in_use.get(name)
        return user is not None and user() is not None

    def __deepcopy__(self, memo: dict[int, Any]) -> "Workspace":
        return Workspace()  # a copied classifier needs memory of its own

    def __reduce__(self) -> tuple[type, tuple[()]]:
        return Workspace, ()
