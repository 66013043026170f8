"""What the optimizer does to which parameters."""

from functools import partial
from pathlib import Path

import pytest
import torch
from small_network import faces, recognizer, trainer
from torch import Tensor

from marginface import FaceRecognizer
from marginface.backbone import SphereNet
from marginface.head import CosFace, NormFace
from marginface.schedule import cosine


def test_parameter_groups_of_the_default_optimizer(tiny_records: Path, tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = FaceRecognizer(SphereNet(4, 8, (48, 40)), NormFace(learnable=True), 8, centre_lr_factor=0.5)
    runner = trainer(tmp_path, max_steps=1)
    runner.fit(model, faces(tiny_records))
    groups = {g["name"]: g for g in runner.optimizers[0].param_groups}
    assert {name: (g["weight_decay"], g["initial_lr"]) for name, g in groups.items()} == {
        "decay": (5e-4, 0.1),
        "no_decay": (0.0, 0.1),
        "centres": (5e-4, 0.05),
    }
    assert {id(p) for p in groups["no_decay"]["params"]} == {id(p) for p in model.parameters() if p.ndim < 2}
    assert [id(p) for p in groups["centres"]["params"]] == [id(model.classifier.weight)]


def test_undecayed_parameters_stay_without_gradient(tiny_records: Path, tmp_path: Path) -> None:
    """PReLU slopes of a network whose loss ignores them keep their values; weights shrink."""

    class Indifferent(CosFace):
        def scale(self, norm: Tensor) -> Tensor:
            return 0.0 * norm

    model = recognizer(Indifferent(), optimizer=partial(torch.optim.SGD, lr=0.1, weight_decay=0.5))
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    trainer(tmp_path, max_steps=1).fit(model, faces(tiny_records))
    for name, p in model.named_parameters():
        torch.testing.assert_close(p, before[name] * (1.0 if p.ndim < 2 else 0.95), msg=name)


def test_gradient_clipping(tiny_records: Path, tmp_path: Path) -> None:
    model = recognizer(optimizer=partial(torch.optim.SGD, lr=1.0), scheduler=cosine)
    before = torch.cat([p.detach().flatten().clone() for p in model.parameters()])
    trainer(tmp_path, max_steps=1, gradient_clip_val=1e-3).fit(model, faces(tiny_records))
    moved = torch.cat([p.detach().flatten() for p in model.parameters()]) - before
    assert float(moved.norm()) == pytest.approx(1e-3, rel=0.01)
