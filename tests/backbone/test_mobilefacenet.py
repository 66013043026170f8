"""MobileFaceNet: the paper's table, the public checkpoint, real faces."""

import codecs
import pickle
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor, nn

from marginface.backbone import MobileFaceNet, load_weights

CHECKPOINT = "mobilefacenet_068.ckpt"


@pytest.mark.parametrize(
    ("size", "kernel", "parameters"), [((112, 96), (7, 6), 999_552), ((112, 112), (7, 7), 1_003_136)]
)
def test_global_convolution_covers_the_map(size: tuple[int, int], kernel: tuple[int, int], parameters: int) -> None:
    with torch.device("meta"):
        network = MobileFaceNet(image_size=size)
    assert network.global_depthwise.conv.kernel_size == kernel
    assert sum(parameter.numel() for parameter in network.parameters()) == parameters
    assert network.eval()(torch.zeros(2, 3, *size, device="meta")).shape == (2, 128)


def test_maps_follow_the_table() -> None:
    with torch.device("meta"):
        network = MobileFaceNet(image_size=(112, 112)).eval()
    shapes = []
    for block in network.blocks:
        block.register_forward_hook(lambda _, __, out: shapes.append((out.shape[1], out.shape[2])))
    network(torch.zeros(1, 3, 112, 112, device="meta"))
    assert shapes == [(64, 28)] * 5 + [(128, 14)] * 7 + [(128, 7)] * 3


def test_shortcuts_are_where_the_shape_stays() -> None:
    with torch.device("meta"):
        network = MobileFaceNet()
    without = [index for index, block in enumerate(network.blocks) if not block.has_shortcut]
    assert without == [0, 5, 12]


def test_linear_layers_have_no_activation() -> None:
    with torch.device("meta"):
        network = MobileFaceNet()
    slopes = {name for name, layer in network.named_modules() if isinstance(layer, nn.PReLU)}
    inside = {f"blocks.{i}.{layer}.prelu" for i in range(15) for layer in ("expand", "depthwise")}
    assert slopes == inside | {"stem.prelu", "stem_depthwise.prelu", "widen.prelu"}


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("conv1.prelu.weight", "stem.prelu.weight"),
        ("dw_conv1.conv.weight", "stem_depthwise.conv.weight"),
        ("blocks.12.conv.3.weight", "blocks.12.depthwise.conv.weight"),
        ("blocks.0.conv.7.running_var", "blocks.0.project.bn.running_var"),
        ("conv2.bn.bias", "widen.bn.bias"),
        ("linear7.conv.weight", "global_depthwise.conv.weight"),
        ("linear1.bn.weight", "project.bn.weight"),
    ],
)
def test_public_names_are_translated(theirs: str, ours: str) -> None:
    assert list(MobileFaceNet.translate({theirs: torch.zeros(1)})) == [ours]


def test_own_names_pass_unchanged() -> None:
    with torch.device("meta"):
        state = MobileFaceNet().state_dict()
    assert list(MobileFaceNet.translate(dict(state))) == list(state)


class BytesOnly(pickle.Unpickler):
    # Lists, tuples and bools need no globals; old protocols carry bytes through this one.
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("_codecs", "encode"):
            return codecs.encode
        raise pickle.UnpicklingError(f"{module}.{name} has no place in a list of images")


def read_pairs(path: Path, per_kind: int) -> tuple[Tensor, np.ndarray]:
    with path.open("rb") as file:
        images, same = BytesOnly(file).load()
    labels = np.asarray(same, dtype=bool)
    chosen = np.sort(np.concatenate([np.flatnonzero(labels)[:per_kind], np.flatnonzero(~labels)[:per_kind]]))
    faces = [
        cv2.imdecode(np.frombuffer(images[2 * pair + side], np.uint8), cv2.IMREAD_COLOR_RGB)
        for pair in chosen
        for side in (0, 1)
    ]
    cropped = torch.from_numpy(np.stack(faces)[:, :, 8:104]).permute(0, 3, 1, 2)
    return (cropped.float() - 127.5) / 128, labels[chosen]


def test_public_checkpoint_tells_real_faces_apart(shared_data: Path) -> None:
    network = MobileFaceNet().eval()
    load_weights(network, shared_data / CHECKPOINT)
    image, same = read_pairs(shared_data / "lfw112" / "lfw_dev.bin", per_kind=20)
    with torch.no_grad():
        embedding = torch.cat([network(image), network(image.flip(-1))], 1)
    assert embedding.isfinite().all()
    cosine = nn.functional.cosine_similarity(embedding[0::2], embedding[1::2]).numpy()
    genuine, impostor = cosine[same], cosine[~same]
    assert len(genuine) == len(impostor) == 20
    assert genuine.mean() - impostor.mean() > 0.4
    assert (genuine[:, None] > impostor).mean() > 0.98


def test_public_checkpoint_does_not_fit_square_images(shared_data: Path) -> None:
    with pytest.raises(ValueError, match=r"global_depthwise\.conv\.weight is \(512, 1, 7, 6\), not \(512, 1, 7, 7\)"):
        load_weights(MobileFaceNet(image_size=(112, 112)), shared_data / CHECKPOINT)
