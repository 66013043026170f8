"""SphereNet against the paper's table, Caffe's fillers and a naive forward pass."""

import math

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from marginface.backbone import SphereNet

# Parameters and multiplications of the table, PReLU slopes and the embedding's bias included: depth, 112x96, 112x112.
PARAMETERS = {
    4: (12_562_496, 14_397_504),
    10: (15_217_984, 17_052_992),
    20: (22_666_944, 24_501_952),
    36: (32_771_392, 34_606_400),
    64: (48_186_816, 50_021_824),
}
MEGA_MACS = {4: (164.3, 191.7), 10: (758.8, 885.3), 20: (1750, 2041), 36: (3335, 3891), 64: (6110, 7128)}
SIZES = ((112, 96), (112, 112))


def count(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def mega_macs(network: SphereNet) -> float:
    total = 0

    def add(layer: nn.Module, _: object, out: Tensor) -> None:
        nonlocal total
        assert isinstance(layer, nn.Conv2d | nn.Linear)
        total += out.numel() * layer.weight[0].numel()

    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            layer.register_forward_hook(add)
    network(torch.zeros(1, 3, *network.image_size, device="meta"))
    return total / 1e6


@pytest.mark.parametrize("index", [0, 1], ids=["112x96", "112x112"])
@pytest.mark.parametrize("depth", PARAMETERS)
def test_size_and_cost_are_those_of_the_table(depth: int, index: int) -> None:
    with torch.device("meta"):
        network = SphereNet(depth, image_size=SIZES[index])
    assert count(network) == PARAMETERS[depth][index]
    assert mega_macs(network) == pytest.approx(MEGA_MACS[depth][index], rel=5e-4)
    assert sum(isinstance(layer, nn.Conv2d) for layer in network.modules()) == depth


@pytest.mark.parametrize(("size", "parameters"), [(SIZES[0], 47_891_648), (SIZES[1], 49_726_656)])
def test_units_give_the_released_prototxt_of_62_convolutions(size: tuple[int, int], parameters: int) -> None:
    with torch.device("meta"):
        assert count(SphereNet(62, image_size=size, units=(3, 7, 16, 3))) == parameters


def test_fillers_are_caffes() -> None:
    torch.manual_seed(0)
    network = SphereNet(10, image_size=(32, 32))
    layers = dict(network.named_modules())
    strided = [f"stages.{stage}.conv" for stage in range(4)]
    for name in [*strided, "fc"]:
        layer = layers[name]
        assert isinstance(layer, nn.Conv2d | nn.Linear)
        bound = math.sqrt(3 / layer.weight[0].numel())
        assert 0.97 * bound < layer.weight.abs().max() <= bound
        assert layer.weight.std().item() == pytest.approx(bound / math.sqrt(3), rel=0.05)
        assert layer.bias is not None
        assert layer.bias.count_nonzero() == 0
    inside = [layer for name, layer in layers.items() if isinstance(layer, nn.Conv2d) and name not in strided]
    assert len(inside) == 6
    for layer in inside:
        assert layer.bias is None
        assert layer.weight.std().item() == pytest.approx(0.01, rel=0.02)
        assert layer.weight.abs().max() > 0.03  # Gaussian tails: a uniform filler of this spread ends at 0.0173
    for layer in layers.values():
        if isinstance(layer, nn.PReLU):
            assert (layer.weight == 0.25).all()


def naive(network: SphereNet, x: Tensor, units: tuple[int, ...]) -> Tensor:
    state = network.state_dict()

    def prelu(x: Tensor, slope: Tensor) -> Tensor:
        return torch.where(x > 0, x, x * slope[:, None, None])

    for stage, num_units in enumerate(units):
        name = f"stages.{stage}"
        x = functional.conv2d(x, state[f"{name}.conv.weight"], state[f"{name}.conv.bias"], stride=2, padding=1)
        x = prelu(x, state[f"{name}.prelu.weight"])
        for unit in range(num_units):
            y = x
            for layer in (1, 2):
                y = functional.conv2d(y, state[f"{name}.units.{unit}.conv{layer}.weight"], padding=1)
                y = prelu(y, state[f"{name}.units.{unit}.prelu{layer}.weight"])
            x = x + y
    return x.reshape(len(x), -1) @ state["fc.weight"].T + state["fc.bias"]


@pytest.mark.parametrize("size", [(48, 32), (40, 25)], ids=["divisible by 16", "rounded up"])
def test_forward_is_the_papers(size: tuple[int, int]) -> None:
    torch.manual_seed(1)
    network = SphereNet(20, 32, size)
    for parameter in network.parameters():
        nn.init.normal_(parameter, std=0.1)  # every bias and slope takes part
    image = torch.randn(2, 3, *size)
    with torch.no_grad():
        torch.testing.assert_close(network(image), naive(network, image, (1, 2, 4, 1)), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("arguments", "remedy"),
    [
        ({"depth": 50}, "4, 10, 20, 36, 64"),
        ({"depth": 64, "units": (3, 7, 16, 3)}, "depth=62"),
        ({"depth": 10, "units": (1, 2)}, "4 counts"),
        ({"depth": 2, "units": (0, 0, 0, -1)}, "4 counts"),
    ],
)
def test_contradictions_are_refused(arguments: dict[str, object], remedy: str) -> None:
    with pytest.raises(ValueError, match=remedy):
        SphereNet(**arguments)  # type: ignore[arg-type]


def caffe_names(units: tuple[int, ...]) -> dict[str, str]:
    # Layer by layer, as the prototxt counts: convN_1 is the strided one, then two per unit.
    names = {}
    for stage, num_units in enumerate(units, start=1):
        ours = [f"stages.{stage - 1}.{{}}"]
        ours += [f"stages.{stage - 1}.units.{unit}.{{}}{layer}" for unit in range(num_units) for layer in (1, 2)]
        for index, name in enumerate(ours, start=1):
            names[f"conv{stage}_{index}.weight"] = name.format("conv") + ".weight"
            names[f"relu{stage}_{index}.weight"] = name.format("prelu") + ".weight"
        names[f"conv{stage}_1.bias"] = f"stages.{stage - 1}.conv.bias"
    return names | {"fc5.weight": "fc.weight", "fc5.bias": "fc.bias"}


def test_caffe_names_are_translated() -> None:
    with torch.device("meta"):
        network = SphereNet(64)
    expected = network.state_dict()
    public = {theirs: torch.zeros(1) for theirs in caffe_names((3, 8, 16, 3))}
    public |= {"conv3_2.bias": torch.zeros(256), "fc6.weight": torch.ones(3)}
    assert set(SphereNet.translate(public)) == set(expected)
    for theirs, ours in caffe_names((3, 8, 16, 3)).items():
        assert list(SphereNet.translate({theirs: torch.zeros(1)})) == [ours]


def test_a_trained_bias_inside_a_unit_is_refused() -> None:
    with pytest.raises(ValueError, match=r"conv2_2\.bias.*without it"):
        SphereNet.translate({"conv2_2.bias": torch.tensor([0.0, 0.1])})


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("layer1.0.0.weight", "stages.0.conv.weight"),
        ("layer4.0.0.bias", "stages.3.conv.bias"),
        ("layer2.0.1.weight", "stages.1.prelu.weight"),
        ("layer3.4.block.0.0.weight", "stages.2.units.3.conv1.weight"),
        ("layer3.1.block.1.1.weight", "stages.2.units.0.prelu2.weight"),
        ("fc.bias", "fc.bias"),
    ],
)
def test_names_of_the_pytorch_port_are_translated(theirs: str, ours: str) -> None:
    assert list(SphereNet.translate({theirs: torch.zeros(1)})) == [ours]


def test_own_names_pass_unchanged() -> None:
    with torch.device("meta"):
        state = SphereNet(20).state_dict()
    assert list(SphereNet.translate(dict(state))) == list(state)
