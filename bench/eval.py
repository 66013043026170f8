"""Time of judging verification pairs, against the distances alone and against insightface's evaluation.

    python bench/eval.py [--pairs 6000] [--dim 512] [--folds 10] [--bootstrap 1000] [--rounds 7] [--checks 3]
        [--peers FOLDER] [--json FILE]

All cases take turns in one process; ratios are medians of the rounds' ratios, and a timing is the mean of as many calls
as take --least milliseconds. The floor is one pass of NumPy over unit embeddings in single precision: the squared
distances. Our protocols start from the plain and the mirrored embeddings, insightface's from their unit sums, which are
made beforehand. What it reports must be the same: --checks sets of pairs of different difficulty are judged by both.

FOLDER is that of bench/peers.py; of it this needs github.com/deepinsight/insightface (7fadd42,
recognition/arcface_torch/eval/verification.py), and scipy and scikit-learn, which may lie in FOLDER/site. Its
`interp1d(kind="slinear")` raises on repeated rates with today's SciPy: `kind="linear"` takes its place.

Shapes: P pairs, D embedding.
"""

import argparse
import importlib
import json
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from marginface.benchmark import PairBenchmark
from marginface.data.pairs import FacePairs
from marginface.embedding import Embeddings
from marginface.metric import PROTOCOLS, insightface, pair_figures
from marginface.metric.protocol import flip_sum_cosine
from peers import load

FARS = (1e-1, 1e-2, 1e-3)

Work = Callable[[], object]
Times = dict[str, list[float]]


class Pairs(NamedTuple):
    """Embeddings of images two and two: 2 i and 2 i + 1 are pair i."""

    plain: Tensor  # (2 P, D)
    flipped: Tensor  # (2 P, D)
    first: Tensor  # (P,)
    second: Tensor  # (P,)
    same: Tensor  # (P,) bool

    def unit_sums(self) -> np.ndarray:
        """What insightface's evaluation is given, (2 P, D) float64."""
        return torch.nn.functional.normalize(self.plain.double() + self.flipped, dim=1).numpy()


class Table(NamedTuple):
    """Cases that take turns."""

    works: dict[str, Work]
    floor: str  # the case that no other can be faster than
    rival: str  # the case to be faster than; it may be missing


def random_pairs(options: argparse.Namespace, seed: int = 0, noise: float = 2.4) -> Pairs:
    """Every other pair genuine; at this noise, about one pair of a hundred is judged wrong."""
    generator = torch.Generator().manual_seed(seed)
    normal = partial(torch.randn, options.pairs, options.dim, generator=generator)
    same, centre, other = torch.arange(options.pairs) % 2 == 0, normal(), normal()
    centres = torch.stack((centre, torch.where(same[:, None], centre, other)), dim=1).flatten(0, 1)
    views = [centres + noise * torch.randn(centres.shape, generator=generator) for _ in range(2)]
    first = torch.arange(0, len(centres), 2)
    return Pairs(views[0], views[1], first, first + 1, same)


def insightface_evaluation(folder: str | None) -> Callable[..., Any] | None:
    """``evaluate`` of insightface, or None after saying what is missing."""
    sources = Path(folder or "") / "insightface" / "recognition" / "arcface_torch" / "eval"
    if folder is None or not sources.is_dir():
        print(f"insightface: no {sources}, left out (--peers FOLDER)")
        return None
    sys.path.append(str(Path(folder) / "site"))
    for name in ("mxnet", "mxnet.ndarray"):  # it reads images with it, which is not the subject
        sys.modules.setdefault(name, ModuleType(name))
    sys.modules["mxnet"].ndarray = sys.modules["mxnet.ndarray"]  # type: ignore[attr-defined]
    try:
        module, scipy = load(sources, "verification"), importlib.import_module("scipy.interpolate")
    except ImportError as error:
        print(f"insightface: {error}, left out")
        return None
    module.interpolate = SimpleNamespace(interp1d=lambda x, y, kind: scipy.interp1d(x, y, kind="linear"))
    evaluate: Callable[..., Any] = module.evaluate
    return evaluate


def distances(pairs: Pairs) -> Work:
    """Squared distances from unit embeddings, and nothing else."""
    unit = pairs.unit_sums().astype(np.float32)
    left, right = unit[0::2].copy(), unit[1::2].copy()
    return lambda: np.sum(np.square(np.subtract(left, right)), axis=1)


def verification(options: argparse.Namespace) -> Table:
    """Protocols, intervals, and all of a benchmark's evaluation."""
    pairs = random_pairs(options)
    works: dict[str, Work] = {"distances alone": distances(pairs)}
    theirs = insightface_evaluation(options.peers)
    if theirs is not None:
        compare(theirs, options)
        works["insightface evaluate"] = partial(theirs, pairs.unit_sums(), pairs.same.numpy(), options.folds)
    for name, protocol in PROTOCOLS.items():
        works[f"{name} protocol"] = partial(protocol, *pairs, options.folds)
    score = flip_sum_cosine(*pairs[:4])
    outcomes = {name: protocol(*pairs, options.folds, score=score) for name, protocol in PROTOCOLS.items()}
    works[f"bootstrap of {options.bootstrap}, all figures"] = partial(
        pair_figures, score, pairs.same, outcomes, FARS, num_bootstrap=options.bootstrap
    )
    works["PairBenchmark.evaluate"] = partial(
        benchmark_of(pairs, options).evaluate, Embeddings.of(pairs.plain, pairs.flipped, "sum")
    )
    return Table(works, "distances alone", "insightface evaluate")


def benchmark_of(pairs: Pairs, options: argparse.Namespace) -> PairBenchmark:
    """A benchmark of these pairs; there are no images, as none is embedded."""
    sides = (pairs.first.numpy(), pairs.second.numpy(), pairs.same.numpy())
    return PairBenchmark(
        pairs=FacePairs([b""] * len(pairs.plain), *sides),
        num_folds=options.folds,
        fars=FARS,
        num_bootstrap=options.bootstrap,
    )


def compare(theirs: Callable[..., Any], options: argparse.Namespace) -> None:
    """Say whether our insightface protocol reports what insightface does."""
    for seed in range(options.checks):
        pairs = random_pairs(options, seed, noise=1.8 + 0.4 * seed)
        _, _, accuracy, tar, _, _ = theirs(pairs.unit_sums(), pairs.same.numpy(), options.folds)
        ours = insightface(*pairs, options.folds)
        same = np.array_equal(accuracy, ours.accuracy.numpy())
        own_tar = "no TAR, too few pairs" if ours.tar is None else f"TAR off by {abs(ours.tar.mean - tar):.1e}"
        verdict = (
            "accuracies identical"
            if same
            else f"ACCURACIES DIFFER by {np.abs(accuracy - ours.accuracy.numpy()).max():.1e}"
        )
        print(f"check {seed}: accuracy {ours.mean:.4f}, {verdict}, {own_tar} (insightface: {tar:.4f})")


def milliseconds(work: Work, least: float) -> float:
    """Time of one call, the mean of as many as take so many milliseconds, at least one."""
    begin, num_calls = time.perf_counter(), 0
    while True:
        work()
        num_calls += 1
        elapsed = 1e3 * (time.perf_counter() - begin)
        if elapsed >= least:
            return elapsed / num_calls


def in_turn(works: dict[str, Work], options: argparse.Namespace) -> Times:
    """Times of each work; the first turn only warms up."""
    times: Times = {name: [] for name in works}
    for turn in range(options.rounds + 1):
        for name, work in works.items():
            elapsed = milliseconds(work, options.least)
            if turn:
                times[name].append(elapsed)
    return times


def ratio(times: Times, above: str, below: str) -> str:
    """Median over the rounds of one case's time over another's."""
    if above not in times or below not in times:
        return "-"
    return f"{statistics.median(a / b for a, b in zip(times[above], times[below], strict=True)):.3g}"


def show(table: Table, times: Times) -> None:
    """The table, one line a case."""
    print(f"\n| case | ms | x {table.floor} | {table.rival} / case |\n|---|---|---|---|")
    for name in times:
        cells = [
            f"{statistics.median(times[name]):.2f}",
            ratio(times, name, table.floor),
            ratio(times, table.rival, name),
        ]
        print("| " + " | ".join([name, *cells]) + " |", flush=True)


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--pairs", type=int, default=6000)
    add("--dim", type=int, default=512)
    add("--folds", type=int, default=10)
    add("--bootstrap", type=int, default=1000, help="resamples of an interval")
    add("--rounds", type=int, default=7)
    add("--least", type=float, default=50.0, help="milliseconds to repeat a short case for")
    add("--checks", type=int, default=3, help="sets of pairs to compare with insightface's figures")
    add("--peers", help="folder of other projects' checkouts")
    add("--json", type=Path, help="file for all times")
    return parser.parse_args()


def main() -> None:
    """Measure and print."""
    options = arguments()
    print(f"P={options.pairs} D={options.dim}, {torch.get_num_threads()} threads, torch {torch.__version__}")
    table = verification(options)
    times = in_turn(table.works, options)
    show(table, times)
    if options.json:
        options.json.write_text(json.dumps({"options": vars(options), "milliseconds": times}, default=str, indent=1))


if __name__ == "__main__":
    main()
