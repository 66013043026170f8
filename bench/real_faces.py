"""Heads compared on real faces: the same recipe, several seeds, mean figures with intervals.

    python bench/real_faces.py --root FOLDER --pairs FILE.bin --folds 2

FOLDER holds train.rec, train.idx and property (CASIA-WebFace's layout), FILE.bin verification pairs of other people.
Each run is `python src/train.py experiment=small_data ...`; a run whose metrics.json exists is not repeated.
"""

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from statistics import mean

ROOT = Path(__file__).resolve().parents[1]
HEADS = {
    "softmax": ["head=softmax"],
    "normface": ["head=normface"],
    "asoftmax": ["head=asoftmax"],
    "cosface": ["head=cosface", "head.scale=30"],
}
METRICS = ("accuracy@sphereface", "accuracy@strict", "auc", "tar@far=1e-2")


def run(name: str, overrides: list[str], folder: Path) -> float:
    """Train and evaluate once; the seconds it took, 0 if it had been done before."""
    if (folder / "metrics.json").exists():
        return 0.0
    started = time.monotonic()
    words = [sys.executable, "src/train.py", *overrides, f"hydra.run.dir={folder}", "trainer.enable_progress_bar=false"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{name} failed:\n{done.stdout[-2000:]}{done.stderr[-4000:]}")
    return time.monotonic() - started


def row(name: str, folders: list[Path]) -> str:
    """Mean over the seeds, and in brackets the mean of the runs' bootstrap intervals."""
    runs = [json.loads((folder / "metrics.json").read_text())["pairs"] for folder in folders]
    cells = [
        f"{mean(r[m]['value'] for r in runs):.4f} [{mean(r[m]['low'] for r in runs):.4f}, "
        f"{mean(r[m]['high'] for r in runs):.4f}]"
        for m in METRICS
    ]
    return f"| {name} | " + " | ".join(cells) + f" | {len(runs)} |"


def main() -> None:
    """Run the grid and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--pairs", type=Path, required=True)
    parser.add_argument("--folds", type=int, default=10)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--heads", nargs="+", default=list(HEADS), choices=list(HEADS))
    parser.add_argument("--out", type=Path, default=ROOT / "outputs" / "real_faces")
    parser.add_argument("overrides", nargs="*", help="further Hydra overrides for every run")
    options = parser.parse_args()
    common = [
        "experiment=small_data",
        f"data.root={options.root.resolve()}",
        "benchmark=pairs",
        f"benchmark.pairs.path={options.pairs.resolve()}",
        f"benchmark.pairs.num_folds={options.folds}",
        *options.overrides,
    ]
    done: dict[str, list[Path]] = {head: [] for head in options.heads}
    for seed in range(options.seeds):
        for head in options.heads:
            folder = options.out / f"{head}_{seed}"
            seconds = run(head, [*common, *HEADS[head], f"seed={seed}"], folder)
            done[head].append(folder)
            print(f"# {head} seed {seed}: {seconds:.0f} s", flush=True)
    print(f"| head | {' | '.join(METRICS)} | seeds |\n|{'---|' * (len(METRICS) + 2)}")
    for head, folders in done.items():
        print(row(head, folders))


if __name__ == "__main__":
    main()
