"""Objects whose large arrays are held once for all processes that they are sent to.

A forked worker inherits the arrays, and nobody writes to them: nothing to do. A spawned one (macOS, Windows,
`multiprocessing_context="spawn"`) gets the object pickled; here the pickle between processes carries a handle of shared
memory in place of each large array. The memory is torch's, as that of the batches: it has no name that a killed process
could leave behind. Any other pickle (a file, another machine) carries the values.
"""

from multiprocessing.reduction import ForkingPickler
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

_LARGE = 1 << 12  # bytes; a handle takes a file descriptor in each process, a smaller array is sent as it is


class SharesArrays:
    """Base of such objects: every array among their attributes is sent so, and is read-only from then on."""

    def __getstate__(self) -> dict[str, Any]:
        return {name: _Lent(self, name, value) if _is_large(value) else value for name, value in self.__dict__.items()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        for name, value in state.items():  # lent ones come without a pickle from copy.copy
            self.__dict__[name] = value.array if isinstance(value, _Lent) else value


class _Lent:
    """An array in a pickle."""

    def __init__(self, owner: SharesArrays, name: str, array: NDArray[Any]) -> None:
        self.owner, self.name, self.array = owner, name, array

    def __reduce__(self) -> tuple[Any, ...]:
        return np.asarray, (self.array,)


def _is_large(value: object) -> bool:
    return isinstance(value, np.ndarray) and value.nbytes > _LARGE and not value.dtype.hasobject


def _hand_over(lent: _Lent) -> tuple[Any, ...]:
    """What another process gets; the owner itself changes to the shared memory, so as not to hold two copies."""
    memory = _shared_memory(lent.array)
    if memory is None:
        memory = torch.empty(lent.array.nbytes, dtype=torch.uint8)
        memory.share_memory_()  # type: ignore[no-untyped-call]
        memory.numpy()[:] = np.ascontiguousarray(lent.array).reshape(-1).view(np.uint8)
        lent.array = _mapped(memory, lent.array.dtype, lent.array.shape)
        lent.owner.__dict__[lent.name] = lent.array
    return _mapped, (memory, lent.array.dtype, lent.array.shape)


def _shared_memory(array: NDArray[Any]) -> Tensor | None:
    """The shared memory that an array is the whole of; None where it is in another."""
    memory: object = array
    while isinstance(memory, np.ndarray):
        memory = memory.base
    if not isinstance(memory, Tensor) or not memory.is_shared():  # type: ignore[no-untyped-call]
        return None
    whole = array.flags.c_contiguous and (memory.data_ptr(), memory.nbytes) == (array.ctypes.data, array.nbytes)
    return memory if whole else None


def _mapped(memory: Tensor, dtype: np.dtype[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    array: NDArray[Any] = memory.numpy().view(dtype).reshape(shape)
    array.setflags(write=False)  # a write would reach all processes
    return array


ForkingPickler.register(_Lent, _hand_over)
