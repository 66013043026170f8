"""IResNet against the names, shapes and sizes of the public arcface_torch weights."""

import pytest
import torch
from torch import nn

from marginface.backbone import IResNet

LAYERS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 14, 3), 100: (3, 13, 30, 3)}
MILLIONS = {18: 24.03, 34: 34.14, 50: 43.59, 100: 65.16}
KEYS = {18: 187, 34: 331, 50: 475, 100: 925}
Shape = tuple[int, ...]


def batch_norm(name: str, width: int) -> dict[str, Shape]:
    vectors = {f"{name}.{part}": (width,) for part in ("weight", "bias", "running_mean", "running_var")}
    return {**vectors, f"{name}.num_batches_tracked": ()}


def unit(name: str, width_in: int, width: int) -> dict[str, Shape]:
    return {
        **batch_norm(f"{name}.bn1", width_in),
        f"{name}.conv1.weight": (width, width_in, 3, 3),
        **batch_norm(f"{name}.bn2", width),
        f"{name}.prelu.weight": (width,),
        f"{name}.conv2.weight": (width, width, 3, 3),
        **batch_norm(f"{name}.bn3", width),
    }


def public_layout(depth: int) -> dict[str, Shape]:
    layout: dict[str, Shape] = {"conv1.weight": (64, 3, 3, 3), "prelu.weight": (64,), **batch_norm("bn1", 64)}
    width_in = 64
    for index, (width, num_units) in enumerate(zip((64, 128, 256, 512), LAYERS[depth], strict=True), start=1):
        for position in range(num_units):
            layout |= unit(f"layer{index}.{position}", width_in if position == 0 else width, width)
        layout[f"layer{index}.0.downsample.0.weight"] = (width, width_in, 1, 1)
        layout |= batch_norm(f"layer{index}.0.downsample.1", width)
        width_in = width
    layout |= batch_norm("bn2", 512) | batch_norm("features", 512)
    return layout | {"fc.weight": (512, 512 * 7 * 7), "fc.bias": (512,)}


@pytest.mark.parametrize("depth", LAYERS)
def test_state_dict_is_the_public_layout(depth: int) -> None:
    with torch.device("meta"):
        network = IResNet(depth)
    layout = {key: tuple(tensor.shape) for key, tensor in network.state_dict().items()}
    assert layout == public_layout(depth)
    assert len(layout) == KEYS[depth]
    assert sum(parameter.numel() for parameter in network.parameters()) / 1e6 == pytest.approx(
        MILLIONS[depth], abs=0.005
    )


def test_map_is_halved_four_times_and_rounded_up() -> None:
    with torch.device("meta"):
        network = IResNet(18, image_size=(112, 96))
        odd = IResNet(18, image_size=(50, 33))
    assert network.fc.in_features == 512 * 7 * 6
    assert odd.fc.in_features == 512 * 4 * 3
    assert odd.eval()(torch.zeros(2, 3, 50, 33, device="meta")).shape == (2, 512)


def test_stem_sees_every_pixel_and_the_second_convolution_strides() -> None:
    with torch.device("meta"):
        network = IResNet(18)
    strides = {name: layer.stride[0] for name, layer in network.named_modules() if isinstance(layer, nn.Conv2d)}
    strided = {name for name, stride in strides.items() if stride == 2}
    assert strided == {f"layer{i}.0.{name}" for i in range(1, 5) for name in ("conv2", "downsample.0")}


def test_embedding_is_standardised_without_a_learned_scale() -> None:
    torch.manual_seed(0)
    network = IResNet(18, 32, (32, 32))
    assert not network.features.weight.requires_grad
    assert (network.features.weight == 1).all()
    embedding = network(torch.randn(8, 3, 32, 32)) - network.features.bias
    torch.testing.assert_close(embedding.mean(0), torch.zeros(32), atol=1e-4, rtol=0)
    torch.testing.assert_close(embedding.std(0, unbiased=False), torch.ones(32), atol=1e-3, rtol=0)


def test_batch_norm_and_filler_are_the_public_ones() -> None:
    torch.manual_seed(0)
    network = IResNet(18, image_size=(32, 32))
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d | nn.BatchNorm1d):
            assert layer.eps == 1e-5
        if isinstance(layer, nn.Conv2d):
            assert layer.weight.std().item() == pytest.approx(0.1, rel=0.06)


def test_dropout_acts_in_training_only() -> None:
    torch.manual_seed(0)
    network, image = IResNet(18, 16, (32, 32), dropout=0.5), torch.randn(4, 3, 32, 32)
    with torch.no_grad():
        assert not torch.equal(network(image), network(image))
        network.eval()
        assert torch.equal(network(image), network(image))


@pytest.mark.parametrize(
    ("arguments", "remedy"), [({"depth": 101}, "18, 34, 50, 100"), ({"dropout": 1.0}, r"\[0, 1\)")]
)
def test_wrong_arguments_are_refused(arguments: dict[str, object], remedy: str) -> None:
    with pytest.raises(ValueError, match=remedy):
        IResNet(**arguments)  # type: ignore[arg-type]
