"""Any timm model as a face backbone.

Shapes: N batch, C channels of the last features, P their positions (pixels of the map or tokens), D embedding.
"""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import timm
import torch
from timm.models import PretrainedCfg
from torch import Tensor, nn
from torch.nn import functional

from marginface.backbone.base import Backbone, Primitive


class PositionPool(nn.Module):
    """Weighted sum over positions with a learned weight per channel and position.

    It starts as the average, which pretrained features were trained under, and learns what parts of an aligned face
    matter: a global depthwise convolution. Flattening the map into a linear layer instead would cost P times the
    weights (26 million behind a mobilenetv3_small_050 of half a million).

    Args:
        channels: C.
        positions: P.

    Source: Chen et al., "MobileFaceNets", CCBR 2018, section 3.1.
    """

    def __init__(self, channels: int, positions: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.full((channels, positions), 1 / positions))

    def forward(self, x: Tensor) -> Tensor:
        """Reduce (N, C, P) to (N, C)."""
        return (x * self.weight).sum(-1)


class TimmBackbone(Backbone):
    """A timm model whose last features are pooled by position and projected: BN, dropout, linear, BN.

    timm's models divide the image by 32, for 224x224 photographs; a face of 112x112 would end as a map of 4x4.
    ``small_stem`` halves the first stride, so that it ends as 7x7 like that of every face network here:

    - convolutional stems: each convolution that reads the image gets half its stride (a patch-like one, whose stride
      is its kernel, also gets the padding that keeps the map at size / stride); pretrained filters stay as they are;
    - patch embeddings tied to an image size (ViT, Swin, ...): the model is built with patches of half the size, and
      timm resamples pretrained filters and position tables.

    Models with tables for one image size are built for ``image_size``. The last batch norm standardises the embedding
    without a learned scale, as in IResNet (ArcFace's ending "E").

    Args:
        name: a timm model, with its pretrained tag if need be, such as ``resnet18`` or ``convnext_atto.d2_in1k``.
        embedding_dim: D.
        image_size: (height, width) in pixels.
        pretrained: start from timm's published weights (downloads them on first use).
        small_stem: halve the first stride; false leaves the architecture as timm defines it.
        dropout: share of the pooled features dropped before the linear layer, in training.

    Raises:
        ValueError: an unknown name, a stem that cannot be adapted, or an image size that the model does not take.
    """

    def __init__(
        self,
        name: str,
        embedding_dim: int = 512,
        image_size: Sequence[int] = (112, 112),
        pretrained: bool = False,
        small_stem: bool = True,
        dropout: float = 0.0,
    ) -> None:
        super().__init__(embedding_dim, image_size)
        if not 0 <= dropout < 1:
            raise ValueError(f"dropout={dropout} must be in [0, 1); 0 keeps everything")
        _check_name(name)
        self.name = name
        self.pretrained = pretrained
        self.small_stem = small_stem
        self.dropout = dropout
        recipe = _recipe(name, self.image_size, small_stem)
        self.channel_axis, channels, positions = _rehearse(recipe, self.image_size)
        self.trunk = recipe.build(pretrained)
        self.pool = PositionPool(channels, positions)
        self.bn = nn.BatchNorm1d(channels)
        self.fc = nn.Linear(channels, embedding_dim, bias=False)
        self.features = nn.BatchNorm1d(embedding_dim)
        self.features.weight.requires_grad = False

    def embed(self, image: Tensor) -> Tensor:
        """Map (N, 3, H, W) images to (N, D) embeddings."""
        x: Tensor = self.trunk(image).movedim(self.channel_axis, 1)
        x = self.bn(self.pool(x.reshape(x.shape[0], x.shape[1], -1)))
        out: Tensor = self.features(self.fc(functional.dropout(x, self.dropout, self.training)))
        return out

    def describe(self) -> dict[str, Primitive]:
        """Name the network; without ``pretrained``, which says where weights came from and not what they fit."""
        return {key: value for key, value in super().describe().items() if key != "pretrained"}


@dataclass(frozen=True)
class _Recipe:
    # How timm builds the trunk, and which convolutions then get half their stride.
    name: str
    arguments: dict[str, Any] = field(default_factory=dict)
    halved: tuple[str, ...] = ()

    def build(self, pretrained: bool) -> nn.Module:
        trunk: nn.Module = timm.create_model(self.name, pretrained=pretrained, num_classes=0, **self.arguments)
        for path in self.halved:
            _halve_stride(trunk.get_submodule(path))
        return trunk

    def sketch(self) -> nn.Module:
        # Shapes only, no memory.
        with torch.device("meta"):
            return self.build(pretrained=False).eval()


def _check_name(name: str) -> None:
    known = timm.list_pretrained() if "." in name else timm.list_models()
    if name not in known and ("." in name or not timm.is_model(name)):
        close = difflib.get_close_matches(name, known, n=5)
        close = close or [other for other in known if name.partition("_")[0].partition(".")[0] in other][:5]
        raise ValueError(
            f"name={name!r} is not a timm model of timm {timm.__version__}; "
            f"{'close names: ' + ', '.join(close) if close else 'timm.list_models() lists them'}"
        )


def _recipe(name: str, image_size: tuple[int, int], small_stem: bool) -> _Recipe:
    base = _unpooled(name)
    is_fixed = _config(name).fixed_input_size
    if not small_stem:
        return _Recipe(name, base.arguments | ({"img_size": image_size} if is_fixed else {}))
    trunk = base.sketch()
    first = _convolutions_on_image(name)
    patch = getattr(trunk.get_submodule(first[0].rpartition(".")[0]), "patch_size", None) if is_fixed else None
    if patch is not None:
        half = _halved_patch(name, patch, image_size)
        return _Recipe(name, base.arguments | {"img_size": image_size, "patch_size": half})
    _check_halvable(name, trunk, first)
    # After a first stride of half the size, the rest of the model sees what an image of twice the size would give.
    doubled = (2 * image_size[0], 2 * image_size[1])
    return _Recipe(name, base.arguments | ({"img_size": doubled} if is_fixed else {}), first)


def _config(name: str) -> PretrainedCfg:
    config = timm.get_pretrained_cfg(name)
    assert config is not None
    return config


def _unpooled(name: str) -> _Recipe:
    # A few models cannot leave their pooling out: for those the pooled features count as one position.
    recipe = _Recipe(name, {"global_pool": ""})
    try:
        recipe.sketch()
    except (AssertionError, TypeError, ValueError):
        return _Recipe(name)
    return recipe


def _convolutions_on_image(name: str) -> tuple[str, ...]:
    first = _config(name).first_conv
    if not first:
        raise ValueError(_not_adaptable(name, "timm does not say which convolution reads the image"))
    return (first,) if isinstance(first, str) else tuple(first)


def _halved_patch(name: str, patch: int | Sequence[int], image_size: tuple[int, int]) -> int | tuple[int, int]:
    height, width = (patch, patch) if isinstance(patch, int) else patch
    if height % 2 or width % 2 or image_size[0] % (height // 2) or image_size[1] % (width // 2):
        reason = f"half of its patch of {height}x{width} does not tile an image of {image_size[0]}x{image_size[1]}"
        raise ValueError(_not_adaptable(name, reason))
    # Some models take only an int, for square patches.
    return height // 2 if height == width else (height // 2, width // 2)


def _check_halvable(name: str, trunk: nn.Module, paths: tuple[str, ...]) -> None:
    for path in paths:
        conv = trunk.get_submodule(path)
        if not isinstance(conv, nn.Conv2d) or any(stride % 2 for stride in conv.stride):
            raise ValueError(_not_adaptable(name, f"its first layer {path} is {conv}, without an even stride"))
        if _is_patch(conv) and any(kernel % 4 for kernel in conv.kernel_size):
            raise ValueError(_not_adaptable(name, f"its patches {path} of {conv.kernel_size} cannot overlap by half"))


def _not_adaptable(name: str, reason: str) -> str:
    return f"small_stem=true cannot adapt {name}: {reason}; set small_stem=false, or choose another model"


def _is_patch(conv: nn.Conv2d) -> bool:
    return conv.kernel_size == conv.stride and conv.padding == (0, 0)


def _halve_stride(conv: nn.Module) -> None:
    assert isinstance(conv, nn.Conv2d)
    if _is_patch(conv):
        conv.padding = (conv.kernel_size[0] // 4, conv.kernel_size[1] // 4)
    conv.stride = (conv.stride[0] // 2, conv.stride[1] // 2)


def _rehearse(recipe: _Recipe, image_size: tuple[int, int]) -> tuple[int, int, int]:
    # Which axis of the features holds the channels, how many there are, and at how many positions.
    try:
        trunk = recipe.sketch()
        with torch.no_grad():
            features = trunk(torch.zeros(1, 3, *image_size, device="meta"))
    except Exception as error:  # third-party code: whatever it raises, this model does not take this image
        raise ValueError(
            f"timm's {recipe.name} does not run on images of {image_size[0]}x{image_size[1]} as built with "
            f"{recipe.arguments} ({type(error).__name__}: {error}); change small_stem or image_size, or choose another"
        ) from error
    if not isinstance(features, Tensor):
        raise ValueError(f"timm's {recipe.name} hands over several features, not one; choose another model")
    widths = {getattr(trunk, "head_hidden_size", None), trunk.num_features}
    # Maps are (N, C, H, W) or (N, H, W, C), tokens (N, P, C), pooled features (N, C).
    axis = 1 if features.ndim == 4 and features.shape[1] in widths else features.ndim - 1
    assert features.shape[axis] in widths, f"{recipe.name} hands over {tuple(features.shape)}, not {widths} channels"
    channels = features.shape[axis]
    return axis, channels, features.numel() // channels
