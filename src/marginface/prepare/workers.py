"""One call for many items, here or spread over worker processes."""

import multiprocessing
import os
import pickle
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from itertools import islice
from multiprocessing.synchronize import Event
from typing import Any, TypeVar

import cv2
import torch

from marginface.data.errors import DataError

T = TypeVar("T")
R = TypeVar("R")
_CHUNKS_PER_WORKER = 3  # on their way at a time: no worker waits, and lists of millions stay out of memory
_held: dict[str, Any] = {}  # a worker's call, and the event that tells it to stop


@contextmanager
def spread(call: Callable[[T], R], items: Iterable[T], num_workers: int, chunk: int) -> Iterator[Iterator[R]]:
    """Results of `call` for each item, in their order, while the block lasts.

    Workers are fresh processes with one thread each for OpenCV and torch. They end with this process, however it
    ends; when the block is left by an error (Ctrl-C too) they stop after the item that they are at.

    Args:
        call: What to do; goes to each worker once, by pickle.
        items: What to do it with; go to the workers by pickle.
        num_workers: Processes besides this one; 0 calls here.
        chunk: Items that a worker takes at a time.

    Raises:
        ValueError: `call` cannot be pickled, or a negative number of workers.
        DataError: A worker died.
    """
    if num_workers < 0:
        raise ValueError(f"num_workers={num_workers}: pass the number of processes, 0 to work in this one")
    if num_workers == 0:
        yield map(call, items)
        return
    # Fresh processes: a fork would copy the locks of the threads of OpenCV and torch.
    context = multiprocessing.get_context("spawn")
    stop = context.Event()
    with ProcessPoolExecutor(num_workers, context, initializer=_begin, initargs=(_pickled(call), stop)) as pool:
        try:
            yield _results(pool, iter(items), num_workers * _CHUNKS_PER_WORKER, chunk)
        except BrokenProcessPool as error:
            raise DataError(
                "a worker died (killed for memory? its own error, if any, stands above). What is done stays: run the "
                "same again, or with a smaller num_workers."
            ) from error
        finally:
            stop.set()  # leaving the pool waits for the workers, each at its last item by now


def _pickled(call: Callable[[T], R]) -> bytes:
    try:
        return pickle.dumps(call)
    except Exception as error:  # pickle's own, or any that an object raises: all mean the same here
        raise ValueError(f"{call!r} cannot go to worker processes ({error}): pass num_workers=0") from error


def _results(pool: ProcessPoolExecutor, items: Iterator[T], num_chunks: int, chunk: int) -> Iterator[Any]:
    pending = deque[Future[list[Any]]]()
    while taken := list(islice(items, chunk)):
        pending.append(pool.submit(_work, taken))
        if len(pending) == num_chunks:
            yield from pending.popleft().result()
    while pending:
        yield from pending.popleft().result()


def _begin(call: bytes, stop: Event) -> None:
    """Make a process a worker."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides
    threading.Thread(target=_end_with_parent, daemon=True).start()
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    _held.update(call=pickle.loads(call), stop=stop)


def _end_with_parent() -> None:
    """A killed parent tells nobody, and its workers would wait for ever."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _work(items: Sequence[Any]) -> list[Any]:
    """Results of the items; of the first ones only when it is time to stop."""
    results = []
    for item in items:
        if _held["stop"].is_set():
            break
        results.append(_held["call"](item))
    return results
