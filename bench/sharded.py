"""The sharded classifier over processes of this machine: time of a step, bytes exchanged, peak memory, beside the plan.

    python bench/sharded.py [--parts time volume memory] [--processes 1 2 4] [--rows 64] [--classes 8000] [--dim 512]
        [--memory-classes 60000 120000] [--rounds 5] [--json FILE]

The plan is docs/scale.md, in code bench/scale.py. Every process has one thread and exchanges through gloo.

time: N rows and C / R classes per process stay fixed, as R grows. Each process multiplies all R N rows by its classes,
so the products of all processes grow as R^2; as they share this machine's cores, the least time grows as
R^2 / min(R, cores). What counts is the ratio to that, and the bytes.
volume: collectives of torch.distributed are wrapped, and the sizes of what they are handed are added up.
memory: growth of a process's peak over a new classifier and two steps of SGD with momentum and decay, the largest of
the processes; a small classifier, which is gone by then, has loaded all code. glibc is told to give freed memory back
at once, so that the peak is what is in use; --default-malloc adds what it holds back.

Shapes: N batch of a process, D embedding, C classes, R processes.
"""

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch.multiprocessing.spawn import spawn

from counting import counting
from heads import head_of, peak_growth
from marginface.classifier import ShardedClassifier
from scale import GENERAL_MATRICES, Setting, Volume, peak, volume

HEADS = "cosface asoftmax softmax subcentre_arcface adacos curricularface sphereface2 p2sgrad unitsface"
CHUNK = 4096  # classes
Result = dict[str, Any]


class Trainee:
    """A sharded classifier with its optimizer and a batch."""

    def __init__(self, name: str, setting: Setting) -> None:
        gemm = "float32" if setting.gemm == 4 else "bfloat16"
        torch.manual_seed(0)
        self.classifier = ShardedClassifier(
            head_of(name),
            setting.classes,
            setting.dim,
            mode=setting.mode,
            gemm_dtype=gemm,
            chunk_size=setting.chunk,
            sample_rate=setting.rate,
        ).train()
        others = [p for p in self.classifier.parameters() if p is not self.classifier.weight]
        self.optimizer = torch.optim.SGD(
            [self.classifier.trainable_centres(), *others], lr=0.1, momentum=0.9, weight_decay=5e-4
        )
        self.classifier.attach(self.optimizer)
        torch.manual_seed(1 + dist.get_rank())
        dtype = torch.float32 if setting.sent == 4 else torch.bfloat16
        self.embedding = torch.randn(setting.rows, setting.dim).to(dtype).requires_grad_()
        self.label = torch.randint(0, setting.classes, (setting.rows,))

    def step(self) -> None:
        """Forward, backward, optimizer."""
        self.optimizer.zero_grad()
        self.embedding.grad = None
        self.classifier(self.embedding, self.label).loss.backward()
        self.optimizer.step()


def setting_of(options: argparse.Namespace, classes: int, **more: Any) -> Setting:
    """Sizes of the run in this process."""
    sizes: dict[str, Any] = {"rows": options.rows, "dim": options.dim, "chunk": CHUNK, "lasting": True}
    return Setting(classes, processes=dist.get_world_size(), **{**sizes, **more})


def measure_volume(name: str, setting: Setting) -> Result:
    """Bytes of a second step, counted and planned."""
    trainee = Trainee(name, setting)
    trainee.step()
    planned = volume(trainee.classifier.head, setting)
    with counting() as counted:
        trainee.step()
    calls = counted.pop("calls")
    case = {"head": name, "classes": setting.classes, "rate": setting.rate, "sent": setting.sent, "calls": calls}
    return {**case, "counted": counted, "planned": {**planned._asdict(), "other": 0}}


def volumes(options: argparse.Namespace) -> list[Result]:
    """All heads, each with few and with many classes, sampled, and with embeddings sent in bf16."""
    few, many = options.volume_classes
    results = []
    for name in options.heads:
        variants: list[tuple[int, dict[str, Any]]] = [(few, {}), (many, {}), (many, {"sent": 2})]
        if not head_of(name).use_bias:
            variants.append((many, {"rate": 0.25}))
        results += [measure_volume(name, setting_of(options, classes, **more)) for classes, more in variants]
    return results


def measure_time(options: argparse.Namespace) -> Result:
    """Seconds per step, and the step's bytes."""
    setting = setting_of(options, options.classes * dist.get_world_size())
    result, trainee, times = measure_volume("cosface", setting), Trainee("cosface", setting), []
    for _ in range(options.rounds + 1):
        dist.barrier()
        start = time.perf_counter()
        trainee.step()
        times.append(time.perf_counter() - start)
    planned = Volume(*(result["planned"][field] for field in Volume._fields))
    return {**result, "seconds": times[1:], "sent_in_a_ring": planned.sent(setting.processes)}


def measure_memory(name: str, setting: Setting) -> Result:
    """Growth of this process's peak, and what the plan says."""
    Trainee(name, setting._replace(classes=1000)).step()

    def work() -> None:
        trainee = Trainee(name, setting)
        for _ in range(2):
            trainee.step()

    dist.barrier()
    growth = peak_growth(work, "cpu")
    case = {
        "head": name,
        **{key: getattr(setting, key) for key in ("rows", "classes", "chunk", "mode", "gemm", "rate")},
    }
    return {**case, "measured": growth, "planned": peak(setting)}


def memories(options: argparse.Namespace) -> list[Result]:
    """Modes, precisions and rates for each number of classes."""
    cases: list[tuple[str, dict[str, Any]]] = [
        ("cosface", {}),
        ("cosface", {"mode": "recompute"}),
        ("cosface", {"gemm": 2}),
        ("cosface", {"rate": 0.1}),
        ("sphereface2", {"matrices": GENERAL_MATRICES, "chunk": 32768}),
    ]
    sizes = options.memory_classes
    rows = options.memory_rows
    return [measure_memory(name, setting_of(options, c, rows=rows, **more)) for c in sizes for name, more in cases]


PARTS = {"time": measure_time, "volume": volumes, "memory": memories}


def worker(rank: int, size: int, part: str, folder: str, options: argparse.Namespace) -> None:
    """One process: leaves its result in the folder."""
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/store", rank=rank, world_size=size)
    Path(folder, f"{rank}.json").write_text(json.dumps(PARTS[part](options)))
    dist.destroy_process_group()


def results_of(part: str, size: int, options: argparse.Namespace) -> list[Any]:
    """What each process has measured."""
    if part == "memory" and not options.default_malloc:
        os.environ["MALLOC_MMAP_THRESHOLD_"] = "65536"  # read by the processes as they start; memory is the last part
    with tempfile.TemporaryDirectory() as folder:
        spawn(worker, (size, part, folder, options), nprocs=size)  # type: ignore[no-untyped-call]
        return [json.loads(Path(folder, f"{rank}.json").read_text()) for rank in range(size)]


def equal(results: Iterable[Result]) -> str:
    """Whether every count is as planned."""
    return "yes" if all(r["counted"] == r["planned"] for r in results) else "NO"


def table(header: str, rows: list[list[Any]]) -> None:
    """Print in Markdown."""
    print("\n| " + header + " |\n" + (header.count("|") + 1) * "|---" + "|")
    for row in rows:
        print("| " + " | ".join(f"{cell:.2f}" if isinstance(cell, float) else str(cell) for cell in row) + " |")


def show_time(runs: dict[int, list[Result]]) -> None:
    """Weak scaling."""
    cores, rows = len(os.sched_getaffinity(0)), []
    base = statistics.median(next(iter(runs.values()))[0]["seconds"])
    for size, results in runs.items():
        result = results[0]
        ratio, least = statistics.median(result["seconds"]) / base, size**2 / min(size, cores)
        rows.append([size, result["classes"], 1e3 * ratio * base, ratio, least, ratio / least])
        rows[-1] += [*(sum(result[key].values()) for key in ("counted", "planned")), equal(results)]
        rows[-1].append(round(result["sent_in_a_ring"]))
    print(f"\nCosFace, fp32, keep; {cores} cores are shared by all processes, so time says little and bytes all.")
    table("R | C | ms/step | x first | least x | ratio | bytes | planned | equal | sent by each in a ring", rows)


def show_volume(processes: list[list[Result]]) -> None:
    """Bytes by kind; cases that exchange the same share a line."""
    alike: dict[tuple[Any, ...], list[str]] = {}
    for same in zip(*processes, strict=True):
        r = same[0]
        cells = [f"{r['counted'][kind]} / {r['planned'][kind]}" for kind in r["planned"]]
        line = (r["head"], {4: "fp32", 2: "bf16"}[r["sent"]], r["calls"], *cells, equal(same))
        alike.setdefault(line, []).append(f"{r['classes']}" + (f" at rate {r['rate']}" if r["rate"] < 1 else ""))
    print("\nBytes of one step, counted / planned.")
    header = "head | sent as | calls | gathered | reduced | scattered | other | equal | C"
    table(header, [[*line, ", ".join(classes)] for line, classes in alike.items()])


def show_memory(processes: list[list[Result]]) -> None:
    """Peaks; the largest of the processes."""
    rows = []
    for same in zip(*processes, strict=True):
        case, planned = same[0], same[0]["planned"] / 1e6
        measured = None if case["measured"] is None else max(r["measured"] for r in same) / 1e6
        cells = [
            case["head"],
            case["classes"],
            case["chunk"],
            case["mode"],
            {4: "fp32", 2: "bf16"}[case["gemm"]],
            f"{case['rate']:g}",
        ]
        rows.append([*cells, planned, *(["-", "-"] if measured is None else [measured, measured / planned])])
    print(f"\nPeak of a process of {len(processes)}, N={processes[0][0]['rows']}, in 1e6 bytes.")
    table("head | C | chunk | mode | products | rate | planned | measured | ratio", rows)


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--parts", nargs="+", choices=list(PARTS), default=list(PARTS))
    add("--processes", type=int, nargs="+", default=[1, 2, 4], help="of the time; volume and memory take two")
    add("--rows", type=int, default=64, help="N")
    add("--classes", type=int, default=8000, help="per process, of the time")
    add("--dim", type=int, default=512)
    add("--rounds", type=int, default=5)
    add("--heads", nargs="+", default=HEADS.split(), help="of the volume")
    add("--volume-classes", type=int, nargs=2, default=[100, 1000])
    add("--memory-classes", type=int, nargs="+", default=[60000, 120000])
    add("--memory-rows", type=int, default=128, help="N of the memory")
    add("--default-malloc", action="store_true")
    add("--json", type=Path, help="file for all results")
    return parser.parse_args()


def main() -> None:
    """Measure part by part and print."""
    options = arguments()
    found: dict[str, Any] = {}
    print(f"N={options.rows} D={options.dim}, gloo, one thread per process, torch {torch.__version__}")
    if "time" in options.parts:
        found["time"] = {size: results_of("time", size, options) for size in options.processes}
        show_time(found["time"])
    for part, show in (("volume", show_volume), ("memory", show_memory)):
        if part in options.parts:
            found[part] = results_of(part, 2, options)
            show(found[part])
    if options.json:
        options.json.write_text(json.dumps({"options": vars(options), **found}, default=str, indent=1))


if __name__ == "__main__":
    main()
