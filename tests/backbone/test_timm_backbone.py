"""The timm adapter: small stems, the position pool, pretrained weights, refusals."""

from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from torch import nn

from marginface.backbone import TimmBackbone
from marginface.backbone.timm_backbone import PositionPool

MODELS = ("resnet18", "convnext_atto", "vit_tiny_patch16_224", "mobilenetv3_small_050")


def sketch(name: str, **arguments: Any) -> TimmBackbone:
    with torch.device("meta"):
        return TimmBackbone(name, **arguments).eval()


# Positions of the last features: 7x7 instead of 4x4 (3x3 where timm rounds down); tokens of 14x14 and a class token.
@pytest.mark.parametrize(
    ("name", "small", "plain"),
    [
        ("resnet18", 49, 16),
        ("convnext_atto", 49, 9),
        ("vit_tiny_patch16_224", 197, 50),
        ("mobilenetv3_small_050", 49, 16),
        ("swin_tiny_patch4_window7_224", 49, 16),
        ("repvgg_a0", 49, 16),  # two parallel convolutions read the image
        ("levit_128s", 16, 4),  # tables for one image size behind a convolutional stem
    ],
)
def test_small_stem_doubles_the_sides_of_the_last_map(name: str, small: int, plain: int) -> None:
    for small_stem, positions in ((True, small), (False, plain)):
        backbone = sketch(name, small_stem=small_stem)
        assert backbone.pool.weight.shape[1] == positions
        assert backbone(torch.zeros(2, 3, 112, 112, device="meta")).shape == (2, 512)


def test_a_model_that_always_pools_has_one_position() -> None:
    backbone = sketch("efficientvit_b0")
    assert backbone.pool.weight.shape[1] == 1
    assert backbone.trunk.get_submodule("stem.in_conv.conv").stride == (1, 1)


def test_first_strides_and_patches_are_half() -> None:
    resnet, convnext, vit = (sketch(name).trunk for name in MODELS[:3])
    assert resnet.get_submodule("conv1").stride == (1, 1)
    stem = convnext.get_submodule("stem.0")
    assert (stem.kernel_size, stem.stride, stem.padding) == ((4, 4), (2, 2), (1, 1))
    assert vit.get_submodule("patch_embed.proj").kernel_size == (8, 8)


@pytest.mark.parametrize("name", MODELS[:2])
def test_without_small_stem_the_trunk_is_timms(name: str) -> None:
    ours, theirs = sketch(name, small_stem=False).trunk, timm.create_model(name)
    strides = [layer.stride for layer in theirs.modules() if isinstance(layer, nn.Conv2d)]
    assert [layer.stride for layer in ours.modules() if isinstance(layer, nn.Conv2d)] == strides


def test_image_need_not_be_square() -> None:
    assert sketch("resnet18", image_size=(112, 96)).pool.weight.shape[1] == 7 * 6
    assert sketch("vit_tiny_patch16_224", image_size=(112, 96)).pool.weight.shape[1] == 14 * 12 + 1


@pytest.mark.parametrize("name", ["vgg11", "convmixer_768_32", "tresnet_m", "crossvit_9_240"])
def test_a_stem_that_cannot_be_adapted_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=rf"cannot adapt {name}.*small_stem=false"):
        sketch(name)


def test_the_remedy_works() -> None:
    assert sketch("vgg11", small_stem=False).pool.weight.shape == (4096, 1)


def test_an_image_that_the_model_does_not_take_is_refused() -> None:
    with pytest.raises(ValueError, match=r"maxvit_tiny_tf_224 does not run on images of 112x112.*small_stem"):
        sketch("maxvit_tiny_tf_224", small_stem=False)


@pytest.mark.parametrize(
    ("name", "close"),
    [("resnt18", "resnet18"), ("convnext_ato", "convnext_atto"), ("resnet18.a9_in1k", "resnet18.a1_in1k")],
)
def test_unknown_name_gets_close_ones(name: str, close: str) -> None:
    with pytest.raises(ValueError, match=rf"{name}.*{close}"):
        TimmBackbone(name)


def test_wrong_dropout_is_refused() -> None:
    with pytest.raises(ValueError, match=r"dropout=1.*\[0, 1\)"):
        TimmBackbone("resnet18", dropout=1)


def test_pool_starts_as_the_average_and_weighs_positions() -> None:
    torch.manual_seed(0)
    pool, x = PositionPool(5, 6), torch.randn(3, 5, 6)
    torch.testing.assert_close(pool(x), x.mean(-1))
    with torch.no_grad():
        pool.weight.normal_()
    naive = nn.functional.conv2d(x.view(3, 5, 2, 3), pool.weight.view(5, 1, 2, 3), groups=5).flatten(1)
    torch.testing.assert_close(pool(x), naive)


def test_channels_of_every_layout_are_found() -> None:
    # A map (N, C, H, W), a map (N, H, W, C), tokens (N, P, C).
    axes = {"resnet18": 1, "swin_tiny_patch4_window7_224": 3, "vit_tiny_patch16_224": 2}
    for name, axis in axes.items():
        backbone = sketch(name)
        assert backbone.channel_axis == axis
        assert backbone.pool.weight.shape[0] == backbone.trunk.num_features


def test_description_leaves_out_where_weights_came_from() -> None:
    described = sketch("resnet18", image_size=(112, 96)).describe()
    assert described == {
        "class": "marginface.backbone.timm_backbone.TimmBackbone",
        "name": "resnet18",
        "embedding_dim": 512,
        "image_size": [112, 96],
        "small_stem": True,
        "dropout": 0.0,
    }


@pytest.fixture
def published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that stands for timm's published weights; timm's own loading reads it."""
    path, create = tmp_path / "published.pth", timm.create_model

    def from_file(name: str, pretrained: bool = False, **arguments: Any) -> nn.Module:
        return create(name, pretrained=pretrained, pretrained_cfg_overlay={"file": str(path)}, **arguments)

    monkeypatch.setattr(timm, "create_model", from_file)
    return path


def test_pretrained_filters_survive_the_small_stem(published: Path) -> None:
    donor = timm.create_model("mobilenetv3_small_050").state_dict()
    torch.save(donor, published)
    trunk = TimmBackbone("mobilenetv3_small_050", pretrained=True).trunk.state_dict()
    assert len(trunk) > 100
    assert all(torch.equal(value, donor[key]) for key, value in trunk.items())


def test_pretrained_patches_are_resampled_by_timm(published: Path) -> None:
    donor = timm.create_model("vit_tiny_patch16_224").state_dict()
    donor["patch_embed.proj.weight"] = torch.ones_like(donor["patch_embed.proj.weight"])
    torch.save(donor, published)
    trunk = TimmBackbone("vit_tiny_patch16_224", pretrained=True).trunk.state_dict()
    assert torch.equal(trunk["blocks.3.mlp.fc1.weight"], donor["blocks.3.mlp.fc1.weight"])
    assert torch.equal(trunk["pos_embed"], donor["pos_embed"])  # 14x14 tokens, as for 224x224 images
    patch = trunk["patch_embed.proj.weight"]
    assert patch.shape == (192, 3, 8, 8)
    # The answer to a constant image stays: four times fewer pixels, each four times the weight.
    torch.testing.assert_close(patch.sum((2, 3)), torch.full((192, 3), 256.0), rtol=0.02, atol=0)


def test_without_pretrained_nothing_is_read(published: Path) -> None:
    assert not published.exists()
    TimmBackbone("mobilenetv3_small_050")
