"""Time and memory of the exact highest scores among all pairs, against the bare product of all rows with all rows.

    python bench/all_pairs.py [--queries 20000] [--gallery 50000] [--dim 512] [--keep 100000] [--rounds 5]
    python bench/all_pairs.py --memory [--queries 100000] [--gallery 100000] [--dim 64]
    python bench/all_pairs.py --device cuda

The cases are taken in turn in one process, and ratios are medians of the rounds' ratios; the first round warms up. The
floor is Q G^T in fp32 (on a CPU by oneDNN's kernels), tile after tile into one buffer. The histogram counts every score
in 65536 bins, which gives thresholds to 3e-5 only. faiss, where it is installed, is handed the threshold that the
others have to find. Memory is the growth of the process's peak over the embeddings. ``--memory`` runs each of our
forms once, on many pairs.

Shapes: Q queries, G gallery, D embedding.
"""

import argparse
import importlib.util
import statistics
from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from heads import Times, Work, milliseconds, peak_growth
from marginface.matching import TopScores, top_impostors

TRILLION_PAIRS = 4e11  # comparisons at the scale of the Trillion Pairs challenge
NUM_BINS = 65536
FLOOR = "fp32 product"
COLUMNS = ("case", "s", "M pairs/s", f"x {FLOOR}", "peak growth, MB", "CPU hours for 4e11 pairs")


class Rows(NamedTuple):
    """What is compared."""

    query: Tensor  # (Q, D)
    query_identity: Tensor  # (Q,)
    gallery: Tensor  # (G, D)
    gallery_identity: Tensor  # (G,)


def random_rows(options: argparse.Namespace) -> Rows:
    """Unit rows without structure on the device; about one gallery row in ten has a mate."""
    torch.manual_seed(0)
    sizes = options.queries, options.gallery
    query, gallery = (functional.normalize(torch.randn(size, options.dim)).to(options.device) for size in sizes)
    identity = torch.randint(0, 10 * options.queries, (options.gallery,))
    return Rows(query, torch.arange(options.queries), gallery, identity)


def products(rows: Rows, device: str) -> Iterator[Tensor]:
    """Products of all tiles, in one buffer."""
    size = 2048 if device == "cpu" else 8192
    buffer = torch.empty(size * size, device=device)
    for left in torch.split(rows.query, size):
        for right in torch.split(rows.gallery, size):
            out = buffer[: len(left) * len(right)].view(len(left), len(right))
            torch.mm(left, right.T, out=out)
            yield out


def floor(rows: Rows, device: str) -> None:
    """The products alone."""
    for _ in products(rows, device):
        pass


def histogram(rows: Rows, device: str) -> Tensor:
    """Counts of all scores in bins."""
    counts = torch.zeros(NUM_BINS, dtype=torch.float64, device=device)
    for product in products(rows, device):
        counts += torch.histc(product, NUM_BINS, -1, 1)
    return counts


def faiss_range(rows: Rows, top: TopScores) -> object:
    """All pairs above the lowest of the highest scores, by faiss."""
    import faiss

    cut = float(top.score[-1])

    index = faiss.IndexFlatIP(rows.query.shape[1])
    index.add(rows.gallery.numpy())
    return [index.range_search(part.numpy(), cut) for part in torch.split(rows.query, 2048)]


def cases(rows: Rows, tops: dict[bool, TopScores], options: argparse.Namespace) -> dict[str, Work]:
    """What is measured, the floor first; our forms leave what they return in ``tops``."""

    def ours(screen: bool) -> None:
        tops[screen] = top_impostors(*rows, num_kept=options.keep, screen=screen)

    forms: dict[str, Work] = {
        "exact top, fp32": partial(ours, screen=False),
        "exact top, bf16 screen": partial(ours, screen=True),
    }
    if options.memory:
        return forms
    works = {FLOOR: partial(floor, rows, options.device), **forms}
    works[f"histogram of {NUM_BINS} bins"] = partial(histogram, rows, options.device)
    if options.device == "cpu" and importlib.util.find_spec("faiss"):
        works["faiss IndexFlatIP.range_search, told the threshold"] = lambda: faiss_range(rows, tops[False])
    else:
        print("faiss: not installed, or no CPU run: skipped")
    return works


def measure(works: dict[str, Work], options: argparse.Namespace) -> tuple[Times, dict[str, int | None]]:
    """Milliseconds of each round, and growth of the peak memory in the first."""
    times: Times = {name: [] for name in works}
    growth: dict[str, int | None] = {}
    for turn in range(options.rounds + 1):
        for name, work in works.items():
            timed = partial(milliseconds, work, options)
            if turn == 0:
                growth[name] = peak_growth(lambda name=name, timed=timed: times[name].append(timed()), options.device)
            else:
                times[name].append(timed())
    return {name: values[1:] or values for name, values in times.items()}, growth


def row(name: str, times: Times, growth: int | None, options: argparse.Namespace) -> str:
    """One line of the table."""
    num_pairs, seconds = options.queries * options.gallery, statistics.median(times[name]) / 1e3
    cells = [name, f"{seconds:.2f}", f"{num_pairs / seconds / 1e6:.0f}"]
    base = times.get(FLOOR, [])
    cells.append(f"{statistics.median(a / b for a, b in zip(times[name], base, strict=True)):.2f}" if base else "-")
    cells.append("-" if growth is None else f"{growth / 1e6:.0f}")
    hours = seconds / num_pairs * TRILLION_PAIRS * torch.get_num_threads() / 3600
    cells.append(f"{hours:.2f}" if options.device == "cpu" else "-")
    return "| " + " | ".join(cells) + " |"


def say_whether_same(tops: dict[bool, TopScores]) -> None:
    """Compare what both forms have returned."""
    plain, screened = tops[False], tops[True]
    same = all(torch.equal(a, b) for a, b in zip(plain[:3], screened[:3], strict=True))
    print(f"\nboth forms return the same {len(plain.score)} pairs and scores: {'yes' if same else 'NO'}")


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    for name, text in (("queries", "Q"), ("gallery", "G"), ("dim", "D")):
        add(f"--{name}", type=int, help=f"{text}: 20000 x 50000 x 512, with --memory 100000 x 100000 x 64")
    add("--keep", type=int, default=100_000, help="highest scores to find")
    add("--rounds", type=int, default=5)
    add("--memory", action="store_true", help="the growth of memory on many pairs; one round")
    add("--device", choices=["cpu", "cuda"], default="cpu")
    add("--precision", choices=["highest", "high", "medium"], help="of fp32 products: medium, on a GPU highest")
    options = parser.parse_args()
    sizes = (100_000, 100_000, 64) if options.memory else (20_000, 50_000, 512)
    for name, size in zip(("queries", "gallery", "dim"), sizes, strict=True):
        setattr(options, name, getattr(options, name) or size)
    options.rounds, options.repeats = 0 if options.memory else options.rounds, 1
    options.precision = options.precision or ("medium" if options.device == "cpu" else "highest")
    return options


def main() -> None:
    """Measure in turn and print."""
    options = arguments()
    torch.set_float32_matmul_precision(options.precision)
    rows = random_rows(options)
    sizes = f"Q={options.queries} G={options.gallery} D={options.dim}, the highest {options.keep}"
    print(f"{sizes}, {options.device} ({torch.get_num_threads()} threads), torch {torch.__version__}")
    tops: dict[bool, TopScores] = {}
    works = cases(rows, tops, options)
    times, growth = measure(works, options)
    print("\n| " + " | ".join(COLUMNS) + " |\n" + len(COLUMNS) * "|---" + "|")
    for name in works:
        print(row(name, times, growth[name], options))
    say_whether_same(tops)


if __name__ == "__main__":
    main()
