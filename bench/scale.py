"""What a step of ShardedClassifier holds and exchanges, in bytes: the formulas of docs/scale.md as code.

    python bench/scale.py [--gpus 8] [--memory 80] [--dim 512] [--rows 128 512] [--rates 1 0.1] [--gemm fp32]

prints the plan's tables. Nothing here is measured; bench/sharded.py compares it with what is.

Shapes: N batch of a process, B rows of all processes, D embedding, C classes, K centres per class, R processes.
"""

import argparse
from typing import NamedTuple

import torch

from marginface.head import ASoftmax, CosFace, Head, SphereFace2
from marginface.head.criterion import Separable

IDENTITIES = {
    "CASIA-WebFace": 10572,
    "MS1MV2": 85742,
    "Glint360K": 360232,
    "WebFace42M": 2059906,
    "ten million": 10_000_000,
}
DENSE_MATRICES = 8  # fp32 N x C matrices that a head under plain autograd holds at its peak: measured, docs/scale.md
GENERAL_MATRICES = 10  # likewise N x chunk matrices of heads that transform negatives or are separable: measured


class Setting(NamedTuple):
    """One run's sizes; all processes have the same N."""

    classes: int  # C
    rows: int  # N
    processes: int = 8  # R
    dim: int = 512  # D
    rate: float = 1.0  # sample_rate
    centres: int = 1  # K
    mode: str = "keep"
    gemm: int = 4  # bytes of a number in the matrix products: 4 or 2
    sent: int = 4  # bytes of a number of an embedding on the wire: 4, under autocast 2
    chunk: int | None = None  # classes per chunk; None for a GPU's default
    matrices: int = 0  # temporaries of B x chunk, GENERAL_MATRICES for some heads
    lasting: bool = False  # buffers outlive backward, as on the CPU


class Volume(NamedTuple):
    """Sizes of one step's exchanges: of the gathered tensor, the tensor before it is scattered, the reduced tensor."""

    gathered: int
    reduced: int
    scattered: int

    def sent(self, processes: int) -> float:
        """Bytes that each process sends in a ring: an all-reduce passes its tensor on twice."""
        return (self.gathered + self.scattered + 2 * self.reduced) * (processes - 1) / processes


def volume(head: Head, setting: Setting) -> Volume:
    """The collectives of one training step (forward and backward)."""
    if setting.processes == 1:
        return Volume(0, 0, 0)
    batch = setting.processes * setting.rows
    counts, labels, norms = 8 * setting.processes, 8 * batch, 4 * batch
    loss = reduced_numbers(head, batch)
    if head.memory_head is not None and head.memory_weight():
        loss += reduced_numbers(head.memory_head, batch)
    return Volume(counts + labels + norms + setting.sent * batch * setting.dim, 4 * loss, 4 * batch * setting.dim)


def reduced_numbers(head: Head, batch: int) -> int:
    """Numbers in the all-reduces of one head."""
    separable = isinstance(head.criterion, Separable)
    per_row = 2 + 1  # target's cosine and length; best negative
    per_row += 1 if separable else 2  # sum of terms, or maximum and sum of exponentials
    per_row += 2 * head.needs_negatives  # the plain log-sum-exp, for the head's state
    per_row += head.use_bias  # of the target
    per_row += head.scale(torch.ones(1, requires_grad=True)).requires_grad  # backward: gradient of the scale
    offset = head.offset()
    return per_row * batch + (offset is not None and offset.requires_grad)  # backward: gradient of the offset


def memory(setting: Setting) -> dict[str, int]:
    """Bytes of one process, by what they are for; ``step`` is only there when the others of backward are gone."""
    s, batch, row = setting, setting.processes * setting.rows, 4 * setting.dim
    classes = -(-s.classes // s.processes)
    active = classes if s.rate == 1 else max(1, int(s.rate * classes))
    size = s.chunk or min(32768, 2**24 // batch)
    chunk = s.centres * -(-active // -(-active // size))  # centres per chunk
    own, used = s.centres * classes * row, s.centres * active * row
    low = (4 * batch + (s.gemm + 4) * s.dim) * chunk if s.gemm < 4 else 0  # fp32 product, low-precision copy
    return {
        "centres": own,
        "momentum": own,
        "sample": 2 * used if s.rate < 1 else 0,  # the optimizer's rows and momentum
        "gradient": used,
        "slopes": s.gemm * batch * (s.centres * active if s.mode == "keep" else chunk),
        "chunk": chunk * row + low + 4 * s.matrices * batch * chunk // s.centres,
        "embeddings": 6 * batch * row,
        "step": used,  # SGD adds the decay to a copy of the gradient; a new sample is read beside the old one
    }


def peak(setting: Setting) -> int:
    """Bytes of one process at the fullest moment of a step: in backward, or in the optimizer's step."""
    part = memory(setting)
    held = part["centres"] + part["momentum"] + part["sample"] + part["gradient"]
    if setting.lasting:
        return held + part["slopes"] + max(part["chunk"] + part["embeddings"], part["step"])
    return held + max(part["slopes"] + part["chunk"] + part["embeddings"], part["step"])


def dense(setting: Setting) -> int:
    """Bytes of one process with plain autograd over its part of the classes."""
    s, part = setting, memory(setting._replace(rate=1.0))
    matrices = DENSE_MATRICES * 4 * s.processes * s.rows * -(-s.classes // s.processes) * s.centres
    return 3 * part["centres"] + max(matrices, part["step"])


def teraflop(setting: Setting) -> float:
    """Multiplications and additions of one process's matrix products in a step, in 1e12: 3 products, or 4."""
    products = 3 if setting.mode == "keep" else 4
    return 2e-12 * products * setting.rows * setting.classes * setting.centres * setting.rate * setting.dim


def gigabytes(values: list[int], limit: float = float("inf")) -> str:
    """Values in 1e9 bytes, in bold where they are more than the limit."""
    texts = [f"{v / 1e9:.3g}" if v < 99.95e9 else f"{v / 1e9:.0f}" for v in values]
    return " / ".join(f"**{t}**" if v > limit else t for t, v in zip(texts, values, strict=True))


def held(setting: Setting) -> int:
    """Bytes of the centres, their gradient and momentum."""
    return sum(memory(setting)[name] for name in ("centres", "momentum", "sample", "gradient"))


def largest(setting: Setting) -> str:
    """What takes most when backward begins."""
    part = memory(setting)
    parts = {"centres": held(setting), "buffer": part["slopes"], "embeddings": part["embeddings"]}
    return max(parts, key=lambda name: parts[name])


def memory_table(settings: list[tuple[str, Setting]], rates: list[float], limit: float) -> list[str]:
    """Does it fit."""
    columns = ["identities", "N", "centres", "N x C buffer", "peak, keep", "peak, recompute", "largest"]
    columns += ["TFLOP", "autograd, sharded", "autograd, 1 GPU"]
    lines = ["| " + " | ".join(columns) + " |", "|---" * len(columns) + "|"]
    for name, setting in settings:
        s = [setting._replace(rate=rate) for rate in rates]
        cells = [name, str(setting.rows), gigabytes([held(t) for t in s], limit)]
        cells.append(gigabytes([memory(t)["slopes"] for t in s], limit))
        cells += [gigabytes([peak(t._replace(mode=m)) for t in s], limit) for m in ("keep", "recompute")]
        cells += [" / ".join(values) for values in (map(largest, s), (f"{teraflop(t):.2g}" for t in s))]
        cells += [gigabytes([dense(t)], limit) for t in (setting, setting._replace(processes=1))]
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def volume_table(heads: dict[str, Head], rows: list[int], processes: int, dim: int) -> list[str]:
    """Bytes of a step; the number of classes plays no part."""
    lines = ["| head | N | gathered | reduced | scattered | sent by each GPU |", "|---|---|---|---|---|---|"]
    for name, head in heads.items():
        for n in rows:
            v = volume(head, Setting(processes, n, processes, dim, sent=2))
            cells = [name, n, *(f"{x / 1e6:.3g}" for x in (*v, v.sent(processes)))]
            lines.append("| " + " | ".join(map(str, cells)) + " |")
    return lines


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--gpus", type=int, default=8)
    add("--memory", type=float, default=80, help="of one GPU in 1e9 bytes; what is more is printed bold")
    add("--dim", type=int, default=512)
    add("--rows", type=int, nargs="+", default=[128, 512], help="N, per GPU")
    add("--rates", type=float, nargs="+", default=[1.0, 0.1])
    add("--gemm", choices=["fp32", "bf16"], default="fp32", help="of the matrix products")
    return parser.parse_args()


def line(name: str, rows: int, options: argparse.Namespace) -> tuple[str, Setting]:
    """Name and sizes of a line of the table."""
    gemm = 4 if options.gemm == "fp32" else 2
    return name, Setting(IDENTITIES[name], rows, options.gpus, options.dim, gemm=gemm)


def main() -> None:
    """Print the tables."""
    o = arguments()
    print(f"{o.gpus} GPUs, D={o.dim}, {o.gemm} products; 1e9 bytes per GPU, at rates {o.rates}\n")
    sizes = [(name, rows) for name in IDENTITIES for rows in o.rows]
    print("\n".join(memory_table([line(name, rows, o) for name, rows in sizes], o.rates, 1e9 * o.memory)))
    print(f"\n{o.gpus} GPUs, D={o.dim}, embeddings sent in bf16; 1e6 bytes per step\n")
    heads = {"CosFace": CosFace(), "A-Softmax": ASoftmax(gamma=1.0), "SphereFace2": SphereFace2()}
    print("\n".join(volume_table(heads, o.rows, o.gpus, o.dim)))


if __name__ == "__main__":
    main()
