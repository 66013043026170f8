"""How soon an epoch's first batch comes, and what a sampler keeps in memory, at two sizes of data set.

    python bench/samplers.py [--images 500000 42000000] [--images-per-identity 47 21] [--samplers default balanced]

Each case runs in a process of its own; MB is what the process grows by, with the labels (8 bytes an image) left out,
which the data module has anyway. The labels are in order, as in a pack; `shuffled` takes them in random order.
"""

import argparse
import multiprocessing
import resource
import time
from collections.abc import Callable
from itertools import islice
from multiprocessing.connection import Connection

import numpy as np

from marginface.data import BalancedSampler, BatchSampler, PKSampler, SequentialSampler, WeightedSampler

BATCH = 128
SAMPLERS: dict[str, Callable[[np.ndarray], BatchSampler]] = {
    "default": lambda labels: BatchSampler(len(labels), BATCH),
    "sequential": lambda labels: SequentialSampler(labels, BATCH),
    "balanced": lambda labels: BalancedSampler(labels, BATCH),
    "pk": lambda labels: PKSampler(labels, BATCH, repeat=True),
    "weighted": lambda labels: WeightedSampler(labels, np.ones(labels.max() + 1), BATCH),
}


def peak() -> float:
    """Most memory of this process so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure(name: str, num_images: int, per_identity: int, shuffled: bool, report: Connection) -> None:
    """Sends milliseconds to make the sampler, to the first batch, microseconds a batch, MB."""
    labels = np.arange(num_images) // (num_images // 3 if name == "weighted" else per_identity)
    if shuffled:
        np.random.default_rng(0).shuffle(labels)
    next(iter(SAMPLERS[name](np.arange(1280) % 320)))  # imports what it needs
    before, start = peak(), time.perf_counter()
    sampler = SAMPLERS[name](labels)
    made = time.perf_counter()
    requests = iter(sampler)
    next(requests)
    first = time.perf_counter()
    for _ in islice(requests, 320):
        pass
    each = (time.perf_counter() - first) / 320
    report.send((1e3 * (made - start), 1e3 * (first - made), 1e6 * each, peak() - before))


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, nargs="+", default=[500_000, 42_000_000])
    parser.add_argument("--images-per-identity", type=int, nargs="+", default=[47, 21])
    parser.add_argument("--samplers", nargs="+", choices=list(SAMPLERS), default=list(SAMPLERS))
    parser.add_argument("--shuffled", action="store_true", help="labels in random order")
    return parser.parse_args()


def main() -> None:
    """Print the table."""
    options, context = arguments(), multiprocessing.get_context("spawn")
    print("| sampler | images | made, ms | first batch, ms | batch of 128, us | MB |\n|---|---|---|---|---|---|")
    for num_images, per_identity in zip(options.images, options.images_per_identity, strict=True):
        for name in options.samplers:
            reader, writer = context.Pipe(duplex=False)
            process = context.Process(target=measure, args=(name, num_images, per_identity, options.shuffled, writer))
            process.start()
            writer.close()
            made, first, each, size = reader.recv()
            process.join()
            print(f"| {name} | {num_images:,} | {made:.1f} | {first:.1f} | {each:.0f} | {size:.0f} |", flush=True)


if __name__ == "__main__":
    main()
