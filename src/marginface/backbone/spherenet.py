"""SphereNet: the plain residual networks of the SphereFace paper.

Source: Liu et al., "SphereFace: Deep Hypersphere Embedding for Face Recognition", CVPR 2017, Table 2; block details
and fillers from the released Caffe prototxt of the 20-layer network.
"""

import math
import re
from collections.abc import Sequence

from torch import Tensor, nn

from marginface.backbone.base import Backbone

WIDTHS = (64, 128, 256, 512)
# Residual units per stage; depth = 4 strided convolutions + 2 per unit.
UNITS = {4: (0, 0, 0, 0), 10: (0, 1, 2, 0), 20: (1, 2, 4, 1), 36: (2, 4, 8, 2), 64: (3, 8, 16, 3)}


def _caffe_xavier(layer: nn.Conv2d | nn.Linear) -> None:
    # Caffe's "xavier" filler is U(+-sqrt(3 / fan_in)); PyTorch's xavier_uniform_ would also count the fan_out.
    nn.init.kaiming_uniform_(layer.weight, nonlinearity="linear")
    assert layer.bias is not None
    nn.init.zeros_(layer.bias)


class _Unit(nn.Module):
    # Two convolutions, each with a PReLU; the sum itself has no activation. Caffe stores a bias frozen at 0: none here.
    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.prelu1 = nn.PReLU(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.prelu2 = nn.PReLU(width)
        nn.init.normal_(self.conv1.weight, std=0.01)
        nn.init.normal_(self.conv2.weight, std=0.01)

    def forward(self, x: Tensor) -> Tensor:
        branch = self.prelu1(self.conv1(x))
        out: Tensor = x + self.prelu2(self.conv2(branch))
        return out


class _Stage(nn.Module):
    # One convolution that halves the map (rounding up), then residual units.
    def __init__(self, width_in: int, width: int, num_units: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(width_in, width, 3, stride=2, padding=1)
        self.prelu = nn.PReLU(width)
        self.units = nn.Sequential(*(_Unit(width) for _ in range(num_units)))
        _caffe_xavier(self.conv)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.units(self.prelu(self.conv(x)))
        return out


class SphereNet(Backbone):
    """SphereFace's network: convolutions with PReLU, no batch norm, one linear layer without activation.

    Args:
        depth: number of convolutions: 4, 10, 20, 36 or 64; with ``units``, 4 + 2 * sum(units).
        embedding_dim: D; 512 in the paper.
        image_size: (height, width); (112, 96) in the paper.
        units: residual units per stage, only for a network outside the table. The released 64-layer prototxt has
            ``depth=62, units=(3, 7, 16, 3)``, one unit fewer than the paper.

    Raises:
        ValueError: a depth that is not in the table, or that ``units`` does not add up to.
    """

    def __init__(
        self,
        depth: int = 20,
        embedding_dim: int = 512,
        image_size: Sequence[int] = (112, 96),
        units: Sequence[int] | None = None,
    ) -> None:
        super().__init__(embedding_dim, image_size)
        self.depth = depth
        self.units = None if units is None else tuple(units)
        stages, width_in = [], 3
        for width, num_units in zip(WIDTHS, _units(depth, self.units), strict=True):
            stages.append(_Stage(width_in, width, num_units))
            width_in = width
        self.stages = nn.Sequential(*stages)
        height, width = (math.ceil(side / 16) for side in self.image_size)
        self.fc = nn.Linear(width_in * height * width, embedding_dim)
        _caffe_xavier(self.fc)

    def embed(self, image: Tensor) -> Tensor:
        """Map (N, 3, H, W) images to (N, D) embeddings; the map is flattened in the order channel, row, column."""
        out: Tensor = self.fc(self.stages(image).flatten(1))
        return out

    @staticmethod
    def translate(state: dict[str, Tensor]) -> dict[str, Tensor]:
        """Rename weights that carry Caffe's layer names, or those of a common PyTorch port.

        Caffe: ``conv2_1`` opens stage 2, ``conv2_2, conv2_3`` are its first unit, ``relu2_1`` and so on the slopes,
        ``fc5`` the embedding; ``fc6`` (training classes) and zero biases inside units are dropped. The PyTorch
        port (yakhyo/face-recognition): ``layer2.0.0/.1`` opens stage 2, ``layer2.1.block.0.0/.1`` is its first unit.

        Args:
            state: tensors by their public names.

        Returns:
            The tensors by the names of this class.

        Raises:
            ValueError: a bias inside a unit that is not zero.
        """
        translated = {}
        for key, tensor in state.items():
            if key.startswith("fc6."):
                continue
            name = _our_name(key)
            if re.fullmatch(r"stages\.\d\.units\.\d+\.conv\d\.bias", name):
                if tensor.count_nonzero() > 0:
                    raise ValueError(
                        f"{key!r} is a bias inside a residual unit that is not zero, and SphereNet has none there "
                        "(SphereFace freezes it at 0); use weights that were trained without it"
                    )
                continue
            translated[name] = tensor
        return translated


def _units(depth: int, units: tuple[int, ...] | None) -> tuple[int, ...]:
    if units is None:
        if depth not in UNITS:
            raise ValueError(
                f"depth={depth} is not a SphereNet; choose one of {', '.join(map(str, UNITS))}, or give units"
            )
        return UNITS[depth]
    if len(units) != len(WIDTHS) or min(units) < 0:
        raise ValueError(f"units={units} must be {len(WIDTHS)} counts of residual units, such as (1, 2, 4, 1)")
    if depth != 4 + 2 * sum(units):
        raise ValueError(f"depth={depth} contradicts units={units}; set depth={4 + 2 * sum(units)}")
    return units


def _our_name(key: str) -> str:
    kinds = {"conv": "conv", "relu": "prelu", "0": "conv", "1": "prelu"}
    if match := re.fullmatch(r"(conv|relu)([1-4])_(\d+)\.(\w+)", key):
        kind, stage, index = kinds[match[1]], int(match[2]) - 1, int(match[3])
        if index == 1:
            return f"stages.{stage}.{kind}.{match[4]}"
        return f"stages.{stage}.units.{index // 2 - 1}.{kind}{index % 2 + 1}.{match[4]}"
    if match := re.fullmatch(r"layer([1-4])\.0\.([01])\.(\w+)", key):
        return f"stages.{int(match[1]) - 1}.{kinds[match[2]]}.{match[3]}"
    if match := re.fullmatch(r"layer([1-4])\.(\d+)\.block\.([01])\.([01])\.(\w+)", key):
        unit, position = int(match[2]) - 1, int(match[3]) + 1
        return f"stages.{int(match[1]) - 1}.units.{unit}.{kinds[match[4]]}{position}.{match[5]}"
    return re.sub(r"^fc5\.", "fc.", key)
