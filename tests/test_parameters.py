from functools import partial

import pytest
import torch
from torch import Tensor, nn

from marginface.backbone import SphereNet
from marginface.classifier import DenseClassifier
from marginface.head import CosFace, Head, NormFace, Softmax
from marginface.parameters import apply_lr_factors, parameter_groups


class WithNorm(nn.Module):
    """Stands for a backbone with a batch norm."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)


class Shifted(Head):
    """A head whose bias is made when the classifier binds it."""

    def bind(self, num_classes: int) -> None:
        self.bias = nn.Parameter(torch.tensor(float(num_classes)))

    def scale(self, norm: Tensor) -> Tensor:
        return norm

    def target(self, row) -> Tensor:
        return row.cosine + self.bias


def names(backbone: nn.Module, classifier: nn.Module, **options) -> dict[str, set[str]]:
    """Names of the parameters of each group."""
    named = {id(p): f"backbone.{n}" for n, p in backbone.named_parameters()}
    named |= {id(p): f"classifier.{n}" for n, p in classifier.named_parameters()}
    return {g["name"]: {named[id(p)] for p in g["params"]} for g in parameter_groups(backbone, classifier, **options)}


@pytest.fixture(scope="module")
def sphere4() -> SphereNet:
    return SphereNet(4, 16, (32, 32))


def test_biases_slopes_norms_and_learned_scales_are_not_decayed(sphere4: SphereNet) -> None:
    classifier = DenseClassifier(NormFace(learnable=True), 5, 16)
    groups = names(sphere4, classifier)
    assert groups["centres"] == {"classifier.weight"}
    assert groups["decay"] == {f"backbone.stages.{i}.conv.weight" for i in range(4)} | {"backbone.fc.weight"}
    slopes = {f"backbone.stages.{i}.prelu.weight" for i in range(4)}
    biases = {f"backbone.stages.{i}.conv.bias" for i in range(4)} | {"backbone.fc.bias"}
    assert groups["no_decay"] == slopes | biases | {"classifier.head.learned_scale"}
    assert names(WithNorm(), classifier)["no_decay"] >= {"backbone.norm.weight", "backbone.norm.bias"}


@pytest.mark.parametrize("head", [Softmax, Shifted])
def test_every_trainable_parameter_is_in_one_group(sphere4: SphereNet, head: type[Head]) -> None:
    classifier = DenseClassifier(head(), 5, 16)
    grouped = [id(p) for g in parameter_groups(sphere4, classifier) for p in g["params"]]
    assert sorted(grouped) == sorted(id(p) for p in (*sphere4.parameters(), *classifier.parameters()))


def test_decay_of_vectors_can_be_switched_on(sphere4: SphereNet) -> None:
    groups = names(sphere4, DenseClassifier(CosFace(), 5, 16), decay_vectors=True)
    assert set(groups) == {"decay", "centres"}


def test_frozen_parameters_are_left_out() -> None:
    backbone = WithNorm()
    backbone.requires_grad_(False)
    assert set(names(backbone, DenseClassifier(CosFace(), 5, 16))) == {"centres"}


def test_what_an_optimizer_makes_of_the_groups(sphere4: SphereNet) -> None:
    make = partial(torch.optim.SGD, lr=0.1, momentum=0.9, weight_decay=5e-4)
    classifier = DenseClassifier(CosFace(), 5, 16)
    optimizer = make(parameter_groups(sphere4, classifier, centre_lr_factor=10, centre_weight_decay=0.0))
    apply_lr_factors(optimizer)
    settings = {g["name"]: (g["lr"], g["weight_decay"], g["momentum"]) for g in optimizer.param_groups}
    assert settings == {"decay": (0.1, 5e-4, 0.9), "no_decay": (0.1, 0.0, 0.9), "centres": (1.0, 0.0, 0.9)}
    default = make(parameter_groups(sphere4, classifier))
    apply_lr_factors(default)
    assert [(g["lr"], g["weight_decay"]) for g in default.param_groups if g["name"] == "centres"] == [(0.1, 5e-4)]


@pytest.mark.parametrize("name", ["centre_lr_factor", "centre_weight_decay"])
def test_a_negative_setting_is_named(sphere4: SphereNet, name: str) -> None:
    with pytest.raises(ValueError, match=f"{name}=-1"):
        parameter_groups(sphere4, DenseClassifier(CosFace(), 5, 16), **{name: -1})
