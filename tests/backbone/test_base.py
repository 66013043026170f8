"""The contract: shapes, refusals and the description of a backbone."""

import pytest
import torch
from torch import Tensor, nn

from marginface.backbone import Backbone, IResNet, MobileFaceNet, SphereNet


class Mean(Backbone):
    def __init__(self, embedding_dim: int = 3, image_size: tuple[int, int] = (4, 6)) -> None:
        super().__init__(embedding_dim, image_size)

    def embed(self, image: Tensor) -> Tensor:
        return image.mean((2, 3))


class Forgetful(Mean):
    def __init__(self, width: int) -> None:
        super().__init__()


def test_forward_hands_the_image_to_embed() -> None:
    image = torch.randn(2, 3, 4, 6)
    torch.testing.assert_close(Mean()(image), image.mean((2, 3)))


@pytest.mark.parametrize("shape", [(2, 3, 6, 4), (2, 1, 4, 6), (3, 4, 6), (1, 2, 3, 4, 6)])
def test_another_shape_is_refused_with_expected_and_got(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="image_size") as error:
        Mean()(torch.zeros(shape))
    assert "(N, 3, 4, 6)" in str(error.value)
    assert str(shape) in str(error.value)


def test_bytes_are_refused() -> None:
    with pytest.raises(ValueError, match=r"uint8.*preprocessing"):
        Mean()(torch.zeros(1, 3, 4, 6, dtype=torch.uint8))


def test_half_precision_is_taken() -> None:
    assert Mean()(torch.zeros(1, 3, 4, 6, dtype=torch.bfloat16)).dtype == torch.bfloat16


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"embedding_dim": 0}, "embedding_dim=0"),
        ({"image_size": (112,)}, "image_size"),
        ({"image_size": (112, 0)}, "image_size"),
        ({"image_size": (112, 112, 3)}, "image_size"),
    ],
)
def test_wrong_sizes_are_refused(arguments: dict[str, object], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        Mean(**arguments)  # type: ignore[arg-type]


def test_a_backbone_without_embed_cannot_be_made() -> None:
    class Empty(Backbone):
        pass

    with pytest.raises(TypeError, match="embed"):
        Empty(3, (4, 6))  # type: ignore[abstract]


def test_translate_is_the_identity_by_default() -> None:
    state = {"conv1.weight": torch.zeros(1), "fc6.weight": torch.ones(2)}
    assert Mean.translate(state) == state


@pytest.mark.parametrize(
    ("backbone", "arguments"),
    [
        (
            lambda: SphereNet(10, 64, [32, 32]),
            {"depth": 10, "embedding_dim": 64, "image_size": [32, 32], "units": None},
        ),
        (
            lambda: SphereNet(62, units=(3, 7, 16, 3)),
            {"depth": 62, "embedding_dim": 512, "image_size": [112, 96], "units": [3, 7, 16, 3]},
        ),
        (lambda: MobileFaceNet(), {"embedding_dim": 128, "image_size": [112, 96]}),
        (
            lambda: IResNet(18, dropout=0.4),
            {"depth": 18, "embedding_dim": 512, "image_size": [112, 112], "dropout": 0.4},
        ),
    ],
)
def test_description_rebuilds_the_same_network(backbone: object, arguments: dict[str, object]) -> None:
    with torch.device("meta"):
        network = backbone()  # type: ignore[operator]
        described = network.describe()
        cls = type(network)
        assert described == {"class": f"{cls.__module__}.{cls.__name__}"} | arguments
        rebuilt = cls(**{key: value for key, value in described.items() if key != "class"})
    shapes = {key: value.shape for key, value in network.state_dict().items()}
    assert {key: value.shape for key, value in rebuilt.state_dict().items()} == shapes


def test_description_refuses_an_argument_that_was_not_kept() -> None:
    with pytest.raises(ValueError, match=r"'width'.*self\.width"):
        Forgetful(3).describe()


def test_backbone_is_a_module() -> None:
    assert isinstance(Mean(), nn.Module)
