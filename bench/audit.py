"""Time and memory of an audit's comparisons, against the bare product of all images with all images.

    python bench/audit.py [--images 20000 40000] [--each 47] [--dim 512] [--neighbours 20] [--rounds 1]
    python bench/audit.py --device cuda --images 200000 400000

An audit compares images with the centres of all classes, centres with each other, and images with each other in search
of copies, exactly (``settings.near_classes=null``) or within each class and between it and its nearest ones
(``near_classes=20``). The floor is E E^T in fp32 of half the pairs, (i, j) with i < j, tile after tile into one buffer.
Cases are taken in turn in one process; on a CPU times are those of its cores, not of the clock. Memory is the growth of
the process's peak over the embeddings. Growth is the exponent p of time ~ images^p between the two sizes, with classes
in proportion to images. Embeddings are random: each class has a centre, and one image in a hundred is a copy.

Projections to CASIA-WebFace's and WebFace42M's sizes count products, at the rate measured for each part here.

Shapes: M images, C classes, D embedding.
"""

import argparse
import math
import statistics
import time
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from torch.nn import functional

from heads import Times, Work, peak_growth, synchronize
from marginface.audit import AuditSettings, compare
from marginface.audit.duplicates import near_pairs
from marginface.audit.neighbours import alike_classes
from marginface.embedding import Embeddings

FLOOR, EVERY, CHOSEN, REST = "half of E E^T, fp32", "near duplicates, all", "near duplicates, neighbours", "the rest"
LARGE = {"CASIA-WebFace": (500_000, 10_572), "WebFace42M": (42_474_558, 2_059_906)}  # images, classes
TILE = 2048


class Faces(NamedTuple):
    """A made-up training set."""

    embeddings: Embeddings
    labels: np.ndarray  # (M,)
    classes: torch.Tensor  # (C, D) unit centres


def faces(num_images: int, options: argparse.Namespace) -> Faces:
    """Images of random classes, one in a hundred a copy of the one before it."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(num_images) // options.each
    centres = functional.normalize(torch.randn(int(labels.max()) + 1, options.dim, generator=generator), dim=1)
    rows = centres[labels]
    rows += torch.randn(num_images, options.dim, generator=generator) / math.sqrt(options.dim)
    rows[1::100] = rows[0::100][: len(rows[1::100])]
    embeddings = Embeddings(rows[:, None].numpy(), "none", options.device)
    return Faces(embeddings, labels.numpy(), centres)


def floor(made: Faces, device: str) -> None:
    """The products of each pair of images once, alone."""
    rows = made.embeddings.unit()[:].to(device)
    buffer = torch.empty(TILE * TILE, device=device)
    for start in range(0, len(rows), TILE):
        left = rows[start : start + TILE]
        for right in torch.split(rows[start:], TILE):
            torch.mm(left, right.T, out=buffer[: len(left) * len(right)].view(len(left), len(right)))


def near(made: Faces, neighbours: int | None, options: argparse.Namespace) -> None:
    """The search for copies."""
    settings, alike = AuditSettings(), None
    if neighbours is not None:
        classes = np.arange(len(made.classes))
        alike = alike_classes(made.classes, classes, neighbours, torch.device(options.device))
    found = near_pairs(
        made.embeddings, np.arange(len(made.labels)), made.labels, settings.near_duplicate, settings.num_pairs, alike
    )
    assert len(found.cosine) >= 0.9 * min(settings.num_pairs, len(made.labels) // 100)  # some are no neighbours


def rest(made: Faces) -> None:
    """Everything but the search for copies: that is among two images only."""
    compare(made.embeddings, made.labels, np.arange(2), AuditSettings())


def seconds(work: Work, options: argparse.Namespace) -> float:
    """Time of one call: of all cores together on the CPU, where others may take turns with us, else by the clock."""
    clock = time.process_time if options.device == "cpu" else time.perf_counter
    synchronize(options.device)
    begin = clock()
    work()
    synchronize(options.device)
    return clock() - begin


def measure(made: Faces, options: argparse.Namespace) -> tuple[Times, dict[str, int | None]]:
    """Seconds of each round, and growth of the peak memory in the first."""
    works: dict[str, Work] = {
        FLOOR: partial(floor, made, options.device),
        EVERY: partial(near, made, None, options),
        CHOSEN: partial(near, made, options.neighbours, options),
        REST: partial(rest, made),
    }
    times: Times = {name: [] for name in works}
    growth: dict[str, int | None] = {}
    for turn in range(options.rounds):
        for name, work in works.items():
            take = partial(lambda name, work: times[name].append(seconds(work, options)), name, work)
            if turn == 0:
                growth[name] = peak_growth(take, options.device)
            else:
                take()
    return times, growth


def products(name: str, num_images: int, num_classes: int, options: argparse.Namespace) -> float:
    """Inner products that a part takes."""
    each = num_images / num_classes
    among_centres = num_classes**2
    return {
        FLOOR: num_images**2 / 2,
        EVERY: num_images * (num_images + each) / 2,
        CHOSEN: among_centres + num_images * each * (options.neighbours + 0.5),
        REST: num_images * num_classes + among_centres / 2,
    }[name]


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--images", type=int, nargs=2, default=(20_000, 40_000), help="M, twice")
    add("--each", type=int, default=47, help="images per class")
    add("--dim", type=int, default=512, help="D")
    add("--neighbours", type=int, default=20, help="settings.near_classes")
    add("--rounds", type=int, default=1)
    add("--device", choices=["cpu", "cuda"], default="cpu")
    return parser.parse_args()


def report(
    sizes: list[Faces], measured: list[tuple[Times, dict[str, int | None]]], options: argparse.Namespace
) -> None:
    """The table of both sizes, and what large sets would take."""
    unit = "core h" if options.device == "cpu" else "GPU h"
    names = [f"{name}, {unit}" for name in LARGE]
    columns = ["images", "part", "s", f"x {FLOOR}", "peak growth, MB", "growth", *names]
    print("| " + " | ".join(columns) + " |\n" + len(columns) * "|---" + "|")
    taken_by = [{name: statistics.median(t) for name, t in times.items()} for times, _ in measured]
    for number, (made, (_, memory)) in enumerate(zip(sizes, measured, strict=True)):
        for name, taken in taken_by[number].items():
            num_images, num_classes = len(made.labels), len(made.classes)
            cells = [f"{num_images}", name, f"{taken:.2f}", f"{taken / taken_by[number][FLOOR]:.2f}"]
            grown = memory[name]
            cells.append("-" if grown is None else f"{grown / 1e6:.0f}")
            ratio = len(sizes[1].labels) / len(sizes[0].labels)
            cells.append(f"{math.log(taken / taken_by[0][name], ratio):.2f}" if number else "-")
            rate = products(name, num_images, num_classes, options) / taken
            hours = [products(name, *size, options) / rate / 3600 for size in LARGE.values()]
            print("| " + " | ".join([*cells, *(f"{value:.3g}" for value in hours)]) + " |", flush=True)


def main() -> None:
    """Measure both sizes and print."""
    options = arguments()
    print(f"D={options.dim}, {options.each} images a class, {options.device}, torch {torch.__version__}, ", end="")
    print(f"{torch.get_num_threads()} threads\n")
    sizes = [faces(size, options) for size in options.images]
    report(sizes, [measure(made, options) for made in sizes], options)


if __name__ == "__main__":
    main()
