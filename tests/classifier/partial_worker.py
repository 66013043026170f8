"""Partial FC on each process of a run, written down for test_partial; on two processes by torch's launcher."""

import sys
from pathlib import Path

import torch
import torch.distributed as dist
from every_head import CLASSES, DIM, batch, fill, head_of
from sharded_worker import own_rows
from torch import Tensor

from marginface.classifier import DenseClassifier, ShardedClassifier

HEADS = ("asoftmax", "cosface", "curricularface", "sphereface2", "subcentre_arcface")
OPTIMIZERS = {
    "sgd": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, weight_decay=0.05),
    "adamw": lambda p: torch.optim.AdamW(p, lr=0.05, weight_decay=0.1),
}
RATE, ROWS = 0.3, (12, 5, 9, 4, 12, 6, 3, 9)


def sampling(name: str, num_classes: int = CLASSES, rate: float = RATE) -> ShardedClassifier:
    """With the rows that :func:`every_head.fill` gives a dense classifier, and a seed of its own."""
    torch.manual_seed(3)
    head = head_of(name)
    part = ShardedClassifier(head, num_classes, DIM, chunk_size=5, averaged=False, sample_rate=rate).double()
    whole = fill(DenseClassifier(head_of(name), num_classes, DIM))
    k = head.num_centres
    part.weight.data.copy_(whole.weight[part.first * k : (part.first + part.count) * k])
    return part


def attached(part: ShardedClassifier, kind: str) -> torch.optim.Optimizer:
    """An optimizer over the sampled rows and the head's own parameters."""
    optimizer = OPTIMIZERS[kind]([part.trainable_centres(), *part.head.parameters()])
    part.attach(optimizer)
    return optimizer


def forward(part: ShardedClassifier, x: Tensor, y: Tensor) -> tuple[dict, Tensor]:
    """Run forward and backward over this process's rows: what a dense classifier is compared with, and the loss."""
    own = own_rows(len(y))
    leaf = x[own].clone().requires_grad_()
    head_before = {name: value.clone() for name, value in part.head.state_dict().items()}
    loss, correct = part(leaf, y[own])
    loss.backward()
    seen = {
        "loss": loss.detach(),
        "correct": correct,
        "dx": leaf.grad,
        "classes": part.first + part._sampled.classes,
        "gradient": part.trainable_centres().grad.clone(),
        "head_gradient": {name: p.grad.clone() for name, p in part.head.named_parameters() if p.grad is not None},
        "head_before": head_before,
        "before": part.weight.detach().clone(),
    }
    return seen, loss


def steps(name: str, kind: str, rows: tuple[int, ...], micro_batches: int = 1) -> list[dict]:
    """Train; a step that accumulates is one entry per batch, ``after`` and ``state`` in the last one's.

    The previous loss is alive during a forward, as it is in most loops.
    """
    part, seen, loss = sampling(name), [], None
    optimizer = attached(part, kind)
    for number, count in enumerate(rows):
        entry, loss = forward(part, *batch(count, number))
        seen.append(entry)
        if (number + 1) % micro_batches == 0:
            optimizer.step()
            optimizer.zero_grad()
            entry["after"], entry["state"] = part.weight.detach().clone(), part.centre_state(optimizer)
    assert loss is not None
    return seen


def of_all_classes(name: str) -> dict:
    """The loss in evaluation, after a step."""
    part = sampling(name)
    optimizer = attached(part, "sgd")
    forward(part, *batch(12, 0))
    optimizer.step()
    draws, (x, y) = int(part.draws), batch(9, 1)
    own = own_rows(len(y))
    loss, correct = part.eval()(x[own], y[own])
    same = int(part.draws) == draws and not part._sampled.is_open
    state = {"head": part.head.state_dict(), "weight": part.weight.detach().clone(), "draws_rest": same}
    return {"loss": loss.detach(), "correct": correct, **state}


def few_classes() -> dict:
    """Three classes, a tenth of which take part, and a batch of one of them."""
    part = sampling("cosface", num_classes=3, rate=0.1)
    attached(part, "sgd")
    x, _ = batch(4, 0)
    return forward(part, x, torch.tensor([2, 2, 2, 2]))[0]


def initial_centres() -> Tensor:
    """Created as Lightning does it: later than the constructor, and with another default type and device."""
    torch.manual_seed(5)
    with_group, dist.is_initialized = dist.is_initialized, lambda: False
    part = ShardedClassifier(head_of("cosface"), CLASSES, DIM)
    dist.is_initialized = with_group
    torch.set_default_dtype(torch.float64)
    try:
        with torch.device("meta"):
            part.materialize()
    finally:
        torch.set_default_dtype(torch.float32)
    return part.weight.detach().clone()


def record() -> dict:
    """Everything that this process sees."""
    return {
        "initial": initial_centres(),
        "few": few_classes(),
        "evaluation": {name: of_all_classes(name) for name in HEADS},
        "heads": {name: steps(name, "sgd", (12, 9)) for name in HEADS},
        "trajectories": {
            f"{name}/{kind}": steps(name, kind, ROWS)
            for name in ("cosface", "subcentre_arcface")
            for kind in OPTIMIZERS
        },
        "accumulated": {name: steps(name, "sgd", (5, 9, 12, 4), micro_batches=2) for name in HEADS},
    }


def main(folder: Path) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo")
    torch.save(record(), folder / f"{dist.get_rank()}.pt")
    dist.destroy_process_group()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
