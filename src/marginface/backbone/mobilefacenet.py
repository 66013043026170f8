"""MobileFaceNet: inverted residual blocks that end in a global depthwise convolution.

Source: Chen, Liu, Gao, Han, "MobileFaceNets: Efficient CNNs for Accurate Real-Time Face Verification on Mobile
Devices", CCBR 2018, Table 1.
"""

import math
import re
from collections.abc import Sequence

from torch import Tensor, nn

from marginface.backbone.base import Backbone

# Table 1: expansion factor, output channels, repetitions, stride of the first repetition.
BOTTLENECKS = ((2, 64, 5, 2), (4, 128, 1, 2), (2, 128, 6, 1), (4, 128, 1, 2), (2, 128, 2, 1))

# Names in the public PyTorch checkpoints (Xiaoccer/MobileFaceNet_Pytorch and its descendants) -> names here.
PUBLIC_NAMES = (
    (r"^conv1\.", "stem."),
    (r"^dw_conv1\.", "stem_depthwise."),
    (r"^conv2\.", "widen."),
    (r"^linear7\.", "global_depthwise."),
    (r"^linear1\.", "project."),
)
# Position inside ``blocks.i.conv`` -> names here.
PUBLIC_BLOCK = (
    "expand.conv",
    "expand.bn",
    "expand.prelu",
    "depthwise.conv",
    "depthwise.bn",
    "depthwise.prelu",
    "project.conv",
    "project.bn",
)


class _ConvNorm(nn.Module):
    # Convolution and batch norm; "linear" layers of the paper end here, the others have a PReLU.
    def __init__(
        self, width_in: int, width: int, kernel: tuple[int, int], stride: int, padding: int, groups: int, linear: bool
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(width_in, width, kernel, stride, padding, groups=groups, bias=False)
        self.bn = nn.BatchNorm2d(width)
        self.prelu: nn.Module = nn.Identity() if linear else nn.PReLU(width)
        # fan_in, because a depthwise filter sees the few pixels of one channel however wide the layer is.
        nn.init.kaiming_normal_(self.conv.weight, nonlinearity="relu")

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.prelu(self.bn(self.conv(x)))
        return out


def _pointwise(width_in: int, width: int, *, linear: bool = False) -> _ConvNorm:
    return _ConvNorm(width_in, width, (1, 1), 1, 0, 1, linear)


def _depthwise(width: int, stride: int) -> _ConvNorm:
    return _ConvNorm(width, width, (3, 3), stride, 1, width, False)


class _Bottleneck(nn.Module):
    # Widen, filter each channel, narrow without activation; a shortcut wherever the shapes allow one.
    def __init__(self, width_in: int, width: int, expansion: int, stride: int) -> None:
        super().__init__()
        self.expand = _pointwise(width_in, width_in * expansion)
        self.depthwise = _depthwise(width_in * expansion, stride)
        self.project = _pointwise(width_in * expansion, width, linear=True)
        self.has_shortcut = stride == 1 and width_in == width

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.project(self.depthwise(self.expand(x)))
        return x + out if self.has_shortcut else out


class MobileFaceNet(Backbone):
    """A face network of about a million parameters for small devices.

    The last map is not averaged but weighted per channel and per position by a depthwise convolution as large as the
    map (7x7, or 7x6 for 112x96 images): the corners of a face say less than its centre.

    Args:
        embedding_dim: D; 128 in the paper.
        image_size: (height, width); the paper's tables are for (112, 112), the public checkpoint is for (112, 96).
    """

    def __init__(self, embedding_dim: int = 128, image_size: Sequence[int] = (112, 96)) -> None:
        super().__init__(embedding_dim, image_size)
        self.stem = _ConvNorm(3, 64, (3, 3), 2, 1, 1, False)
        self.stem_depthwise = _depthwise(64, 1)
        blocks, width_in = [], 64
        for expansion, width, repetitions, stride in BOTTLENECKS:
            for repetition in range(repetitions):
                blocks.append(_Bottleneck(width_in, width, expansion, stride if repetition == 0 else 1))
                width_in = width
        self.blocks = nn.Sequential(*blocks)
        self.widen = _pointwise(width_in, 512)
        height, width = (math.ceil(side / 16) for side in self.image_size)
        self.global_depthwise = _ConvNorm(512, 512, (height, width), 1, 0, 512, True)
        self.project = _pointwise(512, embedding_dim, linear=True)

    def embed(self, image: Tensor) -> Tensor:
        """Map (N, 3, H, W) images to (N, D) embeddings."""
        x = self.blocks(self.stem_depthwise(self.stem(image)))
        out: Tensor = self.project(self.global_depthwise(self.widen(x)))
        return out.flatten(1)

    @staticmethod
    def translate(state: dict[str, Tensor]) -> dict[str, Tensor]:
        """Rename weights that carry the names of the public PyTorch checkpoints.

        ``conv1, dw_conv1, conv2, linear7, linear1`` are the stem (two layers), the widening, global depthwise and
        embedding layers; ``blocks.i.conv.0-2, 3-5, 6-7`` are expand, depthwise and project of bottleneck i.

        Args:
            state: tensors by their public names.

        Returns:
            The tensors by the names of this class.
        """
        return {_our_name(key): tensor for key, tensor in state.items()}


def _our_name(key: str) -> str:
    if match := re.fullmatch(r"blocks\.(\d+)\.conv\.([0-7])\.(\w+)", key):
        return f"blocks.{match[1]}.{PUBLIC_BLOCK[int(match[2])]}.{match[3]}"
    for public, ours in PUBLIC_NAMES:
        key = re.sub(public, ours, key)
    return key
