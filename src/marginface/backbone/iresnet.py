"""IResNet: the improved residual networks that ArcFace is trained with.

Source: Deng et al., "ArcFace: Additive Angular Margin Loss for Deep Face Recognition", CVPR 2019, section 3.1 (unit
BN-Conv-BN-PReLU-Conv-BN, ending "E": BN-Dropout-FC-BN). Names of the tensors are those of the public weights of
insightface's arcface_torch, so that they load as they are.
"""

import math
from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional

from marginface.backbone.base import Backbone

UNITS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 14, 3), 100: (3, 13, 30, 3)}


class _Unit(nn.Module):
    # The second convolution carries the stride, so that the first one still sees every pixel.
    def __init__(self, width_in: int, width: int, stride: int) -> None:
        super().__init__()
        self.bn1 = nn.BatchNorm2d(width_in)
        self.conv1 = nn.Conv2d(width_in, width, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.prelu = nn.PReLU(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, padding=1, bias=False)
        self.bn3 = nn.BatchNorm2d(width)
        self.downsample: nn.Module | None = None
        if stride != 1 or width_in != width:
            self.downsample = nn.Sequential(nn.Conv2d(width_in, width, 1, stride, bias=False), nn.BatchNorm2d(width))

    def forward(self, x: Tensor) -> Tensor:
        branch = self.prelu(self.bn2(self.conv1(self.bn1(x))))
        out: Tensor = self.bn3(self.conv2(branch))
        return out + (x if self.downsample is None else self.downsample(x))


def _layer(width_in: int, width: int, num_units: int) -> nn.Sequential:
    first = _Unit(width_in, width, stride=2)
    return nn.Sequential(first, *(_Unit(width, width, stride=1) for _ in range(num_units - 1)))


class IResNet(Backbone):
    """ArcFace's residual network: a stem without stride, four layers that halve the map, ending "E".

    Args:
        depth: 18, 34, 50 or 100.
        embedding_dim: D; 512 in the public weights.
        image_size: (height, width); (112, 112) in the public weights.
        dropout: share of the last map's values that are dropped before the linear layer, in training.

    Raises:
        ValueError: a depth that is not in the table, or a dropout outside [0, 1).
    """

    def __init__(
        self,
        depth: int = 50,
        embedding_dim: int = 512,
        image_size: Sequence[int] = (112, 112),
        dropout: float = 0.0,
    ) -> None:
        super().__init__(embedding_dim, image_size)
        if depth not in UNITS:
            raise ValueError(f"depth={depth} is not an IResNet; choose one of {', '.join(map(str, UNITS))}")
        if not 0 <= dropout < 1:
            raise ValueError(f"dropout={dropout} must be in [0, 1); 0 keeps everything")
        self.depth = depth
        self.dropout = dropout
        self.conv1 = nn.Conv2d(3, 64, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.prelu = nn.PReLU(64)
        units = UNITS[depth]
        self.layer1 = _layer(64, 64, units[0])
        self.layer2 = _layer(64, 128, units[1])
        self.layer3 = _layer(128, 256, units[2])
        self.layer4 = _layer(256, 512, units[3])
        self.bn2 = nn.BatchNorm2d(512)
        height, width = (math.ceil(side / 16) for side in self.image_size)
        self.fc = nn.Linear(512 * height * width, embedding_dim)
        self.features = nn.BatchNorm1d(embedding_dim)
        self._initialise()

    def _initialise(self) -> None:
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.normal_(module.weight, std=0.1)
        # The embedding is standardised, not rescaled: a learned scale per dimension would bend the angles.
        self.features.weight.requires_grad = False

    def embed(self, image: Tensor) -> Tensor:
        """Map (N, 3, H, W) images to (N, D) embeddings."""
        x = self.prelu(self.bn1(self.conv1(image)))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        x = self.bn2(x).flatten(1)
        out: Tensor = self.features(self.fc(functional.dropout(x, self.dropout, self.training)))
        return out
