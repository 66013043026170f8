"""Training-step speed of the project's settings, against fp32 eager and against this machine's GEMM rate.

    python bench/train.py [--depth 20] [--batch 32] [--rounds 5]

One step is preprocess, backbone, classifier (A-Softmax), backward, SGD. The settings are taken in turn in one run.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import torch

from marginface import FaceRecognizer
from marginface.backbone import SphereNet
from marginface.head import ASoftmax

MACS = {4: 164.3e6, 10: 758.8e6, 20: 1.750e9, 36: 3.335e9, 64: 6.110e9}  # forward, 112x96, SphereFace's Table 2
CLASSES = 1000
SETTINGS = {  # name: (bf16 autocast, channels_last, compiled)
    "fp32 eager": (False, False, False),
    "fp32 channels_last": (False, True, False),
    "bf16 channels_last": (True, True, False),
    "bf16 channels_last compiled": (True, True, True),
}


def step_of(depth: int, batch: int, bf16: bool, channels_last: bool, compiled: bool) -> Callable[[], None]:
    """One training step as a function."""
    torch.manual_seed(0)
    head = ASoftmax(gamma=0.12)
    model = FaceRecognizer(
        SphereNet(depth), head, CLASSES, channels_last=channels_last, compile_backbone=compiled
    ).train()
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3, momentum=0.9)
    image = torch.randint(0, 256, (batch, 3, 112, 112), dtype=torch.uint8)
    label = torch.randint(0, CLASSES, (batch,))

    def step() -> None:
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            loss = model.classifier(model(image), label).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return step


def seconds(work: Callable[[], object]) -> float:
    """Wall time of one call."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def gemm_rate(dtype: torch.dtype) -> float:
    """FLOP/s of a large matrix product, the best of five."""
    a, b = (torch.randn(2048, 2048).to(dtype) for _ in range(2))
    return 2 * 2048**3 / min(seconds(lambda: a @ b) for _ in range(5))


def main() -> None:
    """Measure in turn and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--depth", type=int, default=20, choices=list(MACS))
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    torch.set_float32_matmul_precision("medium")  # oneDNN's fp32 kernels, as the floor
    rates = {bf16: gemm_rate(torch.bfloat16 if bf16 else torch.float32) for bf16 in (False, True)}
    torch.set_float32_matmul_precision("highest")
    steps = {name: step_of(options.depth, options.batch, *setting) for name, setting in SETTINGS.items()}
    times: dict[str, list[float]] = {name: [] for name in steps}
    for turn in range(options.rounds + 1):
        for name, step in steps.items():
            elapsed = seconds(step)
            if turn:  # the first turn compiles and allocates
                times[name].append(elapsed)
    flops = 6 * MACS[options.depth] * options.batch
    base = times["fp32 eager"]
    print("| setting | images/s | x fp32 eager | x its GEMM floor |\n|---|---|---|---|")
    for name, values in times.items():
        median = statistics.median(values)
        faster = statistics.median(b / v for b, v in zip(base, values, strict=True))
        floor = flops / rates[SETTINGS[name][0]]
        print(f"| {name} | {options.batch / median:.1f} | {faster:.2f} | {median / floor:.2f} |")
    print(f"GEMM: fp32 {rates[False] / 1e9:.0f} GFLOP/s, bf16 {rates[True] / 1e9:.0f} GFLOP/s")


if __name__ == "__main__":
    main()
