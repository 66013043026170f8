"""Other implementations of a loss over class centres, run from their authors' own files; bench/heads.py measures them.

Nothing of them is part of this project. Put checkouts under one folder, named as here (with the commit tried); those
that are missing are left out:

    insightface          github.com/deepinsight/insightface        7fadd42   recognition/arcface_torch
    sphereface_pytorch   github.com/clcarwin/sphereface_pytorch    e2f11f0   net_sphere.py
    opensphere           github.com/ydwen/opensphere               a679e82   opensphere/module/head
    face-recognition     github.com/yakhyo/face-recognition        7e6237f   utils/metrics.py
    AdaFace              github.com/mk-minchul/AdaFace             c60eaa7   head.py
    ml-cross-entropy     github.com/apple/ml-cross-entropy         d42911f   cut_cross_entropy
    site                 pip install --no-deps --target FOLDER/site pytorch-metric-learning==2.9.0 (needs scipy, tqdm)

Shapes: N batch, D embedding, C classes.
"""

import contextlib
import importlib
import io
import math
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple, cast

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor, nn

from marginface import head

FINAL = 1e9  # a decay so fast, or a step so late, that lambda of A-Softmax is final and its margin counts


class Subject(NamedTuple):
    """A loss over class centres."""

    module: nn.Module  # owner of all parameters
    loss: Callable[[Tensor, Tensor], Tensor]  # embedding (N, D), label (N,) -> scalar
    weight: Tensor  # the parameter, (C, D) or (D, C)

    def restart(self, dim: int) -> None:
        """Centres of length about one, which depend on the sizes only."""
        torch.manual_seed(0)
        self.centres(dim).copy_(torch.randn(self.weight.numel() // dim, dim) * dim**-0.5)

    def batch(self, size: int, dim: int, classes: int) -> tuple[Tensor, Tensor]:
        """A batch as it is half-way: cosines of the targets from -0.2 to 0.95, lengths of about 22."""
        torch.manual_seed(1)
        label, centres = torch.randint(0, classes, (size,)), self.centres(dim)
        own = centres[(label * (len(centres) // classes)).to(centres.device)].cpu()
        cosine = torch.linspace(-0.2, 0.95, size).unsqueeze(1)
        direction = cosine * F.normalize(own) + (1 - cosine**2).sqrt() * F.normalize(torch.randn(size, dim))
        length = 18 + 8 * torch.rand(size, 1)
        return (length * direction).to(centres.device).requires_grad_(), label.to(centres.device)

    def step(self, embedding: Tensor, label: Tensor, bf16: bool) -> Tensor:
        """Drop the gradients, forward, backward: the loss."""
        self.module.zero_grad(set_to_none=True)
        embedding.grad = None
        with torch.autocast(embedding.device.type, torch.bfloat16, enabled=bf16):
            loss = self.loss(embedding, label)
        torch.autograd.backward(loss)
        return loss.detach()

    def results(self, embedding: Tensor, label: Tensor, bf16: bool) -> tuple[Tensor, Tensor, Tensor]:
        """Loss, dX (N, D) and dW (C, D) of one step."""
        loss = self.step(embedding, label, bf16)
        assert embedding.grad is not None
        return loss, embedding.grad, self.gradient(embedding.shape[1])

    def centres(self, dim: int) -> Tensor:
        """The centres, (C, D): a view."""
        return oriented(self.weight.detach(), dim)

    def gradient(self, dim: int) -> Tensor:
        """Their gradient, (C, D): a view."""
        assert self.weight.grad is not None
        return oriented(self.weight.grad, dim)


class Peer(NamedTuple):
    """How to build one implementation, and which head of ours computes the same."""

    folder: str  # below the folder of checkouts; empty for PyTorch's own
    build: Callable[[Path, int, int], Subject]  # its folder, C, D
    twin: Callable[[], head.Head] | None = None

    def path(self, peers: str | None) -> Path:
        """Where its code lies, below the folder of checkouts."""
        return Path(peers or "") / self.folder

    def found(self, peers: str | None) -> bool:
        """Whether its code is there."""
        return not self.folder or (peers is not None and self.path(peers).is_dir())


def oriented(weight: Tensor, dim: int) -> Tensor:
    """(C, D), whichever way round it is stored."""
    return weight if weight.shape[1] == dim else weight.T


def load(folder: Path, module: str, alias: str = "peer") -> Any:
    """Import one file of a folder as ``alias.module``, without running the ``__init__`` of its package."""
    package = ModuleType(alias)
    package.__path__ = [str(folder)]
    sys.modules[alias] = package
    return importlib.import_module(f"{alias}.{module}")


def linear(_: Path, classes: int, dim: int) -> Subject:
    """Plain softmax."""
    layer = nn.Linear(dim, classes, bias=False)
    return Subject(layer, lambda x, y: F.cross_entropy(layer(x), y), layer.weight)


def normalized_linear(_: Path, classes: int, dim: int) -> Subject:
    """Normalise both, multiply, scale, cross-entropy: what a margin head costs at least in plain PyTorch."""
    layer = nn.Linear(dim, classes, bias=False)

    def loss(x: Tensor, y: Tensor) -> Tensor:
        return F.cross_entropy(64 * F.linear(F.normalize(x), F.normalize(layer.weight)), y)

    return Subject(layer, loss, layer.weight)


def chunked_linear(_: Path, classes: int, dim: int) -> Subject:
    """PyTorch's own chunked loss. Its automatic choice is chunks of few rows where N < D: far slower."""
    layer = nn.Linear(dim, classes, bias=False)
    options = nn.LinearCrossEntropyOptions(batch_chunk_size=128)

    def loss(x: Tensor, y: Tensor) -> Tensor:
        kind = x.device.type  # it takes no notice of autocast
        dtype = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else x.dtype
        return F.linear_cross_entropy(x.to(dtype), layer.weight.to(dtype), y, options=options)

    return Subject(layer, loss, layer.weight)


def cut_cross_entropy(folder: Path, classes: int, dim: int) -> Subject:
    """Apple's loss; its Triton kernels on a GPU, its compiled form elsewhere."""
    sources = load(folder / "cut_cross_entropy", "linear_cross_entropy", "cut_cross_entropy")
    layer = nn.Linear(dim, classes, bias=False)

    def loss(x: Tensor, y: Tensor) -> Tensor:
        impl = "cce" if x.is_cuda else "torch_compile"
        return cast(Tensor, sources.linear_cross_entropy(x, layer.weight, y, impl=impl))

    return Subject(layer, loss, layer.weight)


def partial_fc(folder: Path, classes: int, dim: int) -> Subject:
    """PartialFC with all classes and ArcFace, on a group of one process."""
    if not torch.cuda.is_available():
        torch.Tensor.cuda = lambda self, *_, **__: self  # type: ignore[assignment]  # it asks for a GPU by name
    if not dist.is_initialized():
        store = dist.HashStore()  # type: ignore[attr-defined]
        backend = "nccl" if torch.cuda.is_available() else "gloo"
        dist.init_process_group(backend, store=store, rank=0, world_size=1)
    sources = folder / "recognition" / "arcface_torch"
    margin = load(sources, "losses").CombinedMarginLoss(64, 1.0, 0.5, 0.0)
    module = load(sources, "partial_fc_v2").PartialFC_V2(margin, dim, classes)
    return Subject(module, module, module.weight)


def angle_linear(folder: Path, classes: int, dim: int) -> Subject:
    """The first PyTorch A-Softmax."""
    sources = load(folder, "net_sphere")
    module, criterion = sources.AngleLinear(dim, classes), sources.AngleLoss()
    criterion.it = int(FINAL)
    return Subject(module, lambda x, y: criterion(module(x), y), module.weight)


def yakhyo(folder: Path, classes: int, dim: int) -> Subject:
    """A-Softmax on a one-hot matrix."""
    module = load(folder / "utils", "metrics").AngleLinear(dim, classes)
    module.iter = int(FINAL)
    return Subject(module, lambda x, y: F.cross_entropy(module(x, y), y), module.weight)


def opensphere(name: str, file: str) -> Callable[[Path, int, int], Subject]:
    """A head of the SphereFace authors' later code; it normalises its weights in place, so dW has a radial part."""

    def build(folder: Path, classes: int, dim: int) -> Subject:
        module = getattr(load(folder / "opensphere" / "module" / "head", file), name)(dim, classes)
        return Subject(module, module, module.w)

    return build


def metric_learning(name: str) -> Callable[[Path, int, int], Subject]:
    """A loss of pytorch-metric-learning."""

    def build(folder: Path, classes: int, dim: int) -> Subject:
        sys.path.insert(0, str(folder))
        module = getattr(importlib.import_module("pytorch_metric_learning.losses"), name)(classes, dim)
        return Subject(module, module, module.W)

    return build


def adaface(folder: Path, classes: int, dim: int) -> Subject:
    """AdaFace on embeddings that its backbone has split into directions and lengths."""
    with contextlib.redirect_stdout(io.StringIO()):  # it announces itself
        module = load(folder, "head").AdaFace(dim, classes)

    def loss(x: Tensor, y: Tensor) -> Tensor:
        norm = torch.norm(x, 2, 1, True)
        return F.cross_entropy(module(x / norm, norm, y), y)

    return Subject(module, loss, module.kernel)


def softmax() -> head.Head:
    """The twin of every plain linear loss."""
    return head.Softmax(bias=False)


PEERS = {
    "nn.Linear + cross_entropy": Peer("", linear, softmax),
    "normalised nn.Linear + cross_entropy": Peer("", normalized_linear, lambda: head.NormFace(scale=64)),
    "F.linear_cross_entropy": Peer("", chunked_linear, softmax),
    "apple CCE": Peer("ml-cross-entropy", cut_cross_entropy, softmax),
    "clcarwin A-Softmax": Peer("sphereface_pytorch", angle_linear, lambda: head.ASoftmax(gamma=FINAL)),
    "yakhyo A-Softmax": Peer("face-recognition", yakhyo, lambda: head.ASoftmax(gamma=FINAL)),
    "opensphere SphereFace": Peer("opensphere", opensphere("SphereFace", "sphereface")),
    "opensphere SphereFace2": Peer("opensphere", opensphere("SphereFace2", "sphereface2")),
    "insightface PartialFC_V2 ArcFace": Peer("insightface", partial_fc, lambda: head.ArcFace(margin_grad="detached")),
    "pytorch-metric-learning SphereFace": Peer(
        "site", metric_learning("SphereFaceLoss"), lambda: head.ASoftmax(lambda_base=1e-12, lambda_min=0.0)
    ),
    "pytorch-metric-learning ArcFace": Peer(
        "site", metric_learning("ArcFaceLoss"), lambda: head.ArcFace(margin=math.radians(28.6))
    ),
    "AdaFace": Peer("AdaFace", adaface, lambda: head.AdaFace(ema_weight=1.0)),
}
