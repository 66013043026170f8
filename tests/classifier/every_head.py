"""Every head of the configs, and what two classifiers must agree in."""

from pathlib import Path
from typing import NamedTuple

import torch
from hydra.utils import instantiate
from omegaconf import OmegaConf
from torch import Tensor

from marginface.classifier import Classifier
from marginface.head import Head

FOLDER = Path(__file__).resolve().parents[2] / "conf" / "head"
NAMES = sorted(path.stem for path in FOLDER.glob("*.yaml"))
VARIANTS = {
    "normface+learnable": {"learnable": True},
    "asoftmax+caffe": {"margin_grad": "caffe"},
    "asoftmax+detached": {"margin_grad": "detached"},
    "sphereface_r+v2": {"version": "v2"},
    "sphereface_r+soft": {"normalization": "soft"},
    "sphereface2+angle": {"margin_type": "A", "margin": 0.5},
    "sphereface2+true": {"margin_grad": "true"},
}
CLASSES, DIM, ROWS = 23, 16, 12


class Outcome(NamedTuple):
    loss: Tensor
    correct: Tensor
    dx: Tensor
    gradients: dict[str, Tensor]  # of the classifier's parameters
    state: dict[str, Tensor]  # buffers afterwards


def head_of(name: str, **extra: object) -> Head:
    """A head by its config name, in the middle of its annealing, if it has any."""
    head = instantiate(OmegaConf.load(FOLDER / f"{name.split('+')[0]}.yaml"), **VARIANTS.get(name, {}), **extra)
    head.set_run_length(4)
    return head


def batch(rows: int = ROWS, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Embeddings (rows, DIM), some of them near centre 0, and labels; two rows share a label."""
    g = torch.Generator().manual_seed(seed)
    y = torch.randint(0, CLASSES, (rows,), generator=g)
    y[1] = y[0]
    return 3 * torch.randn(rows, DIM, generator=g, dtype=torch.float64), y


def fill(classifier: Classifier, seed: int = 0) -> Classifier:
    """Give the classifier's centres, biases and memory the same random values, whatever its kind; dtype float64."""
    g = torch.Generator().manual_seed(seed)
    classifier.double()
    for name, tensor in sorted({**dict(classifier.named_parameters()), **dict(classifier.named_buffers())}.items()):
        if name in ("weight", "bias", "memory"):
            tensor.data.copy_(torch.randn(tensor.shape, generator=g, dtype=torch.float64))
    return classifier


def outcome(classifier: Classifier, x: Tensor, y: Tensor) -> Outcome:
    """One training step's results."""
    classifier.zero_grad()
    x = x.clone().requires_grad_()
    loss, correct = classifier(x, y)
    loss.backward()
    gradients = {name: p.grad.clone() for name, p in classifier.named_parameters() if p.grad is not None}
    return Outcome(loss.detach(), correct, x.grad, gradients, {k: v.clone() for k, v in classifier.named_buffers()})


def assert_same(actual: Outcome, expected: Outcome, tolerance: float) -> None:
    """Equal up to a tolerance relative to the largest entry of each tensor."""
    assert torch.equal(actual.correct, expected.correct)
    assert actual.gradients.keys() == expected.gradients.keys()
    pairs = {"loss": (actual.loss, expected.loss), "dx": (actual.dx, expected.dx)}
    pairs |= {f"d{k}": (actual.gradients[k], expected.gradients[k]) for k in expected.gradients}
    pairs |= {k: (actual.state[k], expected.state[k]) for k in expected.state}
    for name, (a, b) in pairs.items():
        size = float(b.double().abs().max()) if b.numel() else 0.0
        torch.testing.assert_close(
            a.double(), b.double(), rtol=0, atol=tolerance * max(size, 1e-30), msg=lambda m, n=name: f"{n}: {m}"
        )
