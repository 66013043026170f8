"""Laws that every backbone obeys, each on a small member of its family."""

from collections.abc import Callable

import pytest
import torch
from torch import nn

from marginface.backbone import Backbone, IResNet, MobileFaceNet, SphereNet, TimmBackbone

MEMBERS: dict[str, Callable[[], Backbone]] = {
    "spherenet": lambda: SphereNet(10, 16, (48, 32)),
    "mobilefacenet": lambda: MobileFaceNet(16, (48, 32)),
    "iresnet": lambda: IResNet(18, 16, (48, 32), dropout=0.2),
    "timm resnet18": lambda: TimmBackbone("resnet18", 16, (48, 32), dropout=0.2),
    "timm convnext": lambda: TimmBackbone("convnext_atto", 16, (64, 32)),
    "timm vit": lambda: TimmBackbone("vit_tiny_patch16_224", 16, (48, 32)),
    "timm mobilenet": lambda: TimmBackbone("mobilenetv3_small_050", 16, (48, 32)),
}


@pytest.fixture(params=MEMBERS, scope="module")
def backbone(request: pytest.FixtureRequest) -> Backbone:
    torch.manual_seed(0)
    return MEMBERS[request.param]()


def test_gradient_reaches_every_trainable_parameter(backbone: Backbone) -> None:
    torch.manual_seed(1)
    backbone.train().zero_grad()
    for parameter in backbone.parameters():
        if parameter.ndim == 1 and parameter.count_nonzero() == 0:
            nn.init.normal_(parameter)  # a norm that starts at zero (timm's resnets) shuts its branch for one step
    # Not the square: a standardised embedding has a constant one.
    (backbone(torch.randn(4, 3, *backbone.image_size)) * torch.randn(4, 16)).sum().backward()
    for name, parameter in backbone.named_parameters():
        if parameter.requires_grad:
            assert parameter.grad is not None, f"{name} takes no part in the embedding"
            assert parameter.grad.isfinite().all(), name
            assert parameter.grad.count_nonzero() > 0, name


def test_channels_last_gives_the_same_embedding(backbone: Backbone) -> None:
    torch.manual_seed(2)
    backbone.eval()
    image = torch.randn(2, 3, *backbone.image_size)
    with torch.no_grad():
        contiguous = backbone(image)
        backbone.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        channels_last = backbone(image.contiguous(memory_format=torch.channels_last))
        backbone.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    # Random networks amplify: what counts is the error against the size of the embedding.
    assert (channels_last - contiguous).norm() < 1e-4 * contiguous.norm()


def test_embedding_of_an_image_ignores_its_batch(backbone: Backbone) -> None:
    torch.manual_seed(3)
    backbone.eval()
    image = torch.randn(3, 3, *backbone.image_size)
    with torch.no_grad():
        together = backbone(image)
        alone = backbone(image[1:2])
    assert together.shape == (3, backbone.embedding_dim)
    assert (alone - together[1:2]).norm() < 1e-4 * alone.norm()


def test_embedding_depends_on_where_things_are(backbone: Backbone) -> None:
    torch.manual_seed(4)
    backbone.eval()
    image = torch.randn(1, 3, *backbone.image_size)
    with torch.no_grad():
        assert not torch.allclose(backbone(image), backbone(image.flip(-1)), rtol=1e-3)


def test_another_size_is_refused(backbone: Backbone) -> None:
    height, width = backbone.image_size
    with pytest.raises(ValueError, match=f"{height}, {width}"):
        backbone(torch.zeros(1, 3, width, height + 1))
