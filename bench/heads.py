"""Time, memory and accuracy of heads on classifiers, against three raw matrix products and against other code.

    python bench/heads.py --shape ms1mv2 [--rounds 7] [--heads arcface ...] [--classifiers dense keep keep-bf16 ...]
        [--peers FOLDER] [--others NAME ...] [--device cuda] [--json FILE]

Each case has a fresh process. In it, floor, case and CosFace on the same classifier take turns, and ratios are medians
of the rounds' ratios. The floor is X W^T, G W and G^T X into buffers that exist (oneDNN's kernels on a CPU). A step
drops the gradients of the step before, then runs forward and backward. Memory is the growth of the process's peak over
the first step of a new classifier, less the weight gradient, in fp32 N x C matrices; a first one, which is gone by
then, has loaded and compiled all code. Errors are relative (Frobenius) to DenseClassifier in float64, at fewer classes.
For K centres per class, floor, memory unit and CosFace have K * C classes. bench/peers.py says what FOLDER holds.

Shapes: N batch, D embedding, C classes.
"""

import argparse
import ctypes
import gc
import json
import multiprocessing
import os
import statistics
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from marginface import classifier, head
from peers import FINAL, PEERS, Subject

SHAPES = {"casia": (128, 512, 10572), "ms1mv2": (256, 512, 85742), "glint360k": (512, 512, 360232)}  # N, D, C
EXPORTED = [getattr(head, name) for name in head.__all__]
HEADS: dict[str, Callable[..., head.Head]] = {part.__module__.rpartition(".")[2]: part for part in EXPORTED}
ARGUMENTS: dict[str, dict[str, Any]] = {"asoftmax": {"gamma": FINAL}, "unitsface": {"fill": 0}}  # margin, memory in use
DEFAULT_HEADS = "asoftmax cosface arcface curricularface mv_softmax circle_loss sphereface2 uniface subcentre_arcface"
COLUMNS = ("case", "ms", "x three GEMMs", "x CosFace", "N x C", "loss error", "dX error", "dW error")

Work = Callable[[], object]
Works = dict[str, tuple[Work, str]]  # with the precision of fp32 products
Times = dict[str, list[float]]


class Case(NamedTuple):
    """What one process measures."""

    name: str  # a head of ours, or a name in PEERS
    engine: str  # classifier and its options, as in keep-bf16; for PEERS empty, or bf16 for autocast

    @property
    def bf16(self) -> bool:
        """Whether the products of the case, and so of its floor, are in bf16."""
        return "bf16" in self.engine.split("-")


def head_of(name: str) -> head.Head:
    """A head of ours by its word."""
    return HEADS[name](**ARGUMENTS.get(name, {}))


def ours(engine: str, margin_head: head.Head, classes: int, options: argparse.Namespace) -> Subject:
    """One of our classifiers as the engine's name says."""
    mode, *extras = engine.split("-")
    if mode == "dense":
        module: classifier.Classifier = classifier.DenseClassifier(margin_head, classes, options.dim)
    else:
        dtype = "bfloat16" if "bf16" in extras else "float32"
        more = {"mode": mode, "gemm_dtype": dtype, "chunk_size": options.chunk_size, "compile": "compiled" in extras}
        module = classifier.FusedClassifier(margin_head, classes, options.dim, **more)
    return Subject(module, lambda x, y: module(x, y).loss, module.weight)


def build(case: Case, classes: int, options: argparse.Namespace) -> Subject:
    """The case on its device, with centres of length about one that depend on the sizes only."""
    if case.name in PEERS:
        peer = PEERS[case.name]
        subject = peer.build(peer.path(options.peers), classes, options.dim)
    else:
        subject = ours(case.engine, head_of(case.name), classes, options)
    subject.module.to(options.device).train()
    subject.restart(options.dim)
    return subject


def floor_of(centres: int, bf16: bool, options: argparse.Namespace) -> Work:
    """The three products that no classifier can do without."""
    dtype = torch.bfloat16 if bf16 else torch.float32
    x, w = (torch.randn(rows, options.dim).to(options.device, dtype) for rows in (options.batch, centres))
    dx, dw, logits = torch.empty_like(x), torch.empty_like(w), x.new_empty(len(x), len(w))

    def work() -> None:
        torch.mm(x, w.T, out=logits)
        torch.mm(logits, w, out=dx)
        torch.mm(logits.T, x, out=dw)

    return work


def peak_growth(work: Work, device: str) -> int | None:
    """By how many bytes the peak memory of some work exceeds the memory before it; None where that cannot be known."""
    gc.collect()
    if device == "cuda":
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        work()
        return torch.cuda.max_memory_allocated() - before
    try:
        ctypes.CDLL(None).malloc_trim(0)  # what is free goes back to the system
        Path("/proc/self/clear_refs").write_text("5")  # VmHWM, the peak, starts again from the present size
    except (OSError, AttributeError):
        work()
        return None
    before = status_bytes("VmRSS")
    work()
    return status_bytes("VmHWM") - before


def status_bytes(field: str) -> int:
    """One memory field of this process, on Linux."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(field))
    return 1024 * int(line.split()[1])


def milliseconds(work: Work, options: argparse.Namespace) -> float:
    """Time of one call, the mean of ``repeats`` calls."""
    synchronize(options.device)
    begin = time.perf_counter()
    for _ in range(options.repeats):
        work()
    synchronize(options.device)
    return 1e3 * (time.perf_counter() - begin) / int(options.repeats)


def synchronize(device: str) -> None:
    """Wait until the device has done what it was told."""
    if device == "cuda":
        torch.cuda.synchronize()


def in_turn(works: Works, options: argparse.Namespace) -> Times:
    """Times of each work at its own precision of fp32 products; the first turn only warms up."""
    times: Times = {name: [] for name in works}
    for turn in range(options.rounds + 1):
        for name, (work, precision) in works.items():
            torch.set_float32_matmul_precision(precision)
            elapsed = milliseconds(work, options)
            if turn:
                times[name].append(elapsed)
    return times


def cosface_beside(case: Case, subject: Subject, options: argparse.Namespace) -> Subject | None:
    """CosFace on the same engine and the same centres, to compare a head of ours with."""
    if case.name in ("cosface", *PEERS) or not options.family:
        return None
    other = ours(case.engine, head.CosFace(), len(subject.weight), options)
    other.module.to(options.device).register_parameter("weight", torch.nn.Parameter(subject.weight.detach()))
    return other


def errors(case: Case, options: argparse.Namespace) -> list[float]:
    """Relative errors of the loss and of both gradients, where a head of ours says what is exact."""
    classes, dim = min(options.classes, options.exact_classes), options.dim
    twin = PEERS[case.name].twin if case.name in PEERS else partial(head_of, case.name)
    if twin is None:
        return []
    subject, exact = build(case, classes, options), ours("dense", twin(), classes, options)
    exact.module.to(options.device).double()
    exact.centres(dim).copy_(subject.centres(dim))
    embedding, label = subject.batch(options.batch, dim, classes)
    wide = embedding.detach().double().requires_grad_()
    pairs = zip(subject.results(embedding, label, case.bf16), exact.results(wide, label, False), strict=True)
    return [float(torch.dist(found.double(), truth) / truth.norm()) for found, truth in pairs]


def measure(case: Case, options: argparse.Namespace) -> dict[str, Any]:
    """Everything about one case, in a fresh process."""
    if case.name in PEERS:
        warnings.simplefilter("ignore")  # the age of other code is not the subject
    torch.set_float32_matmul_precision(options.precision)
    embedding, label = warmed_up(case, options)
    subject = build(case, options.classes, options)
    centres, work = len(subject.centres(options.dim)), partial(subject.step, embedding, label, case.bf16)
    growth = peak_growth(work, options.device)
    matrix, gradient = 4 * options.batch * centres, subject.gradient(options.dim).nbytes
    memory = None if growth is None else (growth - gradient) / matrix
    fastest = "medium" if options.device == "cpu" else options.precision
    works: Works = {"floor": (floor_of(centres, case.bf16, options), fastest), "case": (work, options.precision)}
    other = cosface_beside(case, subject, options)
    if other is not None:
        works["cosface"] = (partial(other.step, embedding, label, case.bf16), options.precision)
    times = in_turn(works, options)
    return {**case._asdict(), "memory": memory, "milliseconds": times, "errors": errors(case, options)}


def warmed_up(case: Case, options: argparse.Namespace) -> tuple[Tensor, Tensor]:
    """A batch that another instance of the case has run, so that all code is loaded, compiled and tuned."""
    subject = build(case, options.classes, options)
    embedding, label = subject.batch(options.batch, options.dim, options.classes)
    subject.step(embedding, label, case.bf16)
    embedding.grad = None
    return embedding, label


def isolated(case: Case, options: argparse.Namespace) -> dict[str, Any]:
    """The result of a case from a process of its own, or why there is none."""
    try:
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
            return pool.submit(measure, case, options).result()
    except Exception as error:  # a peer that fails here, or one that the system has killed, must not end the run
        return {**case._asdict(), "failed": f"{type(error).__name__}: {error}".splitlines()[0]}


def cases(options: argparse.Namespace) -> list[Case]:
    """What to measure; what is wanted but absent is said and left out."""
    others = [name for name in PEERS if options.others is None or any(word in name for word in options.others)]
    missing = [name for name in others if not PEERS[name].found(options.peers)]
    missing += [name for name in options.heads if name not in HEADS]
    for name in missing:
        print(f"{name}: not found, left out")
    wanted = [(name, options.classifiers) for name in options.heads]
    wanted += [(name, ["", "bf16"] if options.bf16_others else [""]) for name in others]
    return [Case(name, engine) for name, engines in wanted for engine in engines if name not in missing]


def ratio(times: Times, other: str) -> str:
    """Median over the rounds of the case's time over another's."""
    if other not in times:
        return "-"
    return f"{statistics.median(a / b for a, b in zip(times['case'], times[other], strict=True)):.2f}"


def row(result: dict[str, Any]) -> str:
    """One line of the table."""
    cells = [", ".join(filter(None, (result["name"], result["engine"])))]
    if "failed" in result:
        return f"| {cells[0]} | {result['failed']} " + "| " * (len(COLUMNS) - 2) + "|"
    times, memory = result["milliseconds"], result["memory"]
    cells += [f"{statistics.median(times['case']):.1f}", ratio(times, "floor"), ratio(times, "cosface")]
    cells.append("-" if memory is None else f"{memory:.2f}")
    cells += [f"{error:.1e}" for error in result["errors"]] or 3 * ["-"]
    return "| " + " | ".join(cells) + " |"


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--shape", choices=list(SHAPES), default="casia")
    for name in ("batch", "dim", "classes"):
        add(f"--{name}", type=int, help="instead of the shape's")
    add("--rounds", type=int, default=7)
    add("--repeats", type=int, help="steps per timing; by default 1, on a GPU 10")
    add("--heads", nargs="*", default=DEFAULT_HEADS.split())
    add("--classifiers", nargs="+", default=["dense", "keep", "recompute", "keep-bf16"], help="and -compiled")
    add("--others", nargs="*", help="parts of names in bench/peers.py; none after the option: none of them")
    add("--peers", help="folder of other projects' checkouts")
    add("--bf16-others", action="store_true", help="run the others under bf16 autocast too")
    add("--chunk-size", type=int, help="classes per chunk of the fused classifier")
    add("--exact-classes", type=int, default=10000, help="classes of the comparison in float64")
    add("--family", action=argparse.BooleanOptionalAction, default=True, help="run CosFace beside each head")
    add("--device", choices=["cpu", "cuda"], default="cpu")
    add("--precision", choices=["highest", "high", "medium"], help="of fp32 products: medium, on a GPU highest")
    add("--json", type=Path, help="file for all times")
    options = parser.parse_args()
    for name, value in zip(("batch", "dim", "classes"), SHAPES[options.shape], strict=True):
        setattr(options, name, getattr(options, name) or value)
    options.repeats = options.repeats or (10 if options.device == "cuda" else 1)
    options.precision = options.precision or ("highest" if options.device == "cuda" else "medium")
    return options


def main() -> None:
    """Measure case by case and print."""
    options, results = arguments(), []
    if options.device == "cpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = ""  # some peers use a GPU wherever there is one
    sizes = f"N={options.batch} D={options.dim} C={options.classes}"
    print(f"{sizes}, {options.device} ({torch.get_num_threads()} threads), torch {torch.__version__}")
    wanted = cases(options)
    print("\n| " + " | ".join(COLUMNS) + " |\n" + len(COLUMNS) * "|---" + "|")
    for case in wanted:
        results.append(isolated(case, options))
        print(row(results[-1]), flush=True)
        if options.json:
            options.json.write_text(json.dumps({"options": vars(options), "results": results}, default=str, indent=1))
    if any(result.get("memory", 0) is None for result in results):
        print("Memory needs a GPU, or /proc/self/clear_refs as on Linux.")


if __name__ == "__main__":
    main()
