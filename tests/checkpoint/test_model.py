import io
import pickle
from pathlib import Path

import pytest
import torch

from marginface import FaceRecognizer, Preprocess
from marginface.backbone import SphereNet
from marginface.checkpoint.model import describe, read_checkpoint, refuse_mismatch, restore_rng, rng_state
from marginface.head import ASoftmax, CosFace


def recognizer(embedding_dim: int = 8, head=None, num_classes: int = 5, **preprocess) -> FaceRecognizer:
    backbone = SphereNet(4, embedding_dim, (32, 32))
    return FaceRecognizer(backbone, head or ASoftmax(), num_classes, preprocess=Preprocess((32, 32), **preprocess))


def saved(model: FaceRecognizer) -> dict:
    """What the model adds to a checkpoint, after a trip through a file that only holds plain values."""
    checkpoint: dict = {}
    model.on_save_checkpoint(checkpoint)
    file = io.BytesIO()
    torch.save(checkpoint, file)
    file.seek(0)
    return torch.load(file, weights_only=True)


def test_describe_names_every_part() -> None:
    assert describe(recognizer()) == {
        "format": 1,
        "backbone": {
            "class": "marginface.backbone.spherenet.SphereNet",
            "depth": 4,
            "embedding_dim": 8,
            "image_size": [32, 32],
            "units": None,
        },
        "head": "ASoftmax",
        "num_classes": 5,
        "preprocess": Preprocess((32, 32)).settings(),
    }


def test_the_same_model_is_accepted() -> None:
    refuse_mismatch(recognizer(), saved(recognizer()))


@pytest.mark.parametrize(
    ("other", "named"),
    [
        (lambda: recognizer(embedding_dim=16), r"backbone: .*'embedding_dim': 8.* here .*'embedding_dim': 16"),
        (lambda: recognizer(head=CosFace()), "head: checkpoint ASoftmax, here CosFace"),
        (lambda: recognizer(num_classes=6), "num_classes: checkpoint 5, here 6"),
        (lambda: recognizer(flip="sum"), "preprocess: checkpoint .*'flip': 'concat'.* here .*'flip': 'sum'"),
        (lambda: recognizer(mean=[1, 2, 3]), r"127.5, 127.5, 127.5\].* here .*\[1.0, 2.0, 3.0\]"),
    ],
    ids=["backbone", "head", "num_classes", "flip", "mean"],
)
def test_another_model_is_refused_naming_both(other, named: str) -> None:
    with pytest.raises(ValueError, match=f"belongs to another model.*{named}"):
        refuse_mismatch(other(), saved(recognizer()))


def test_every_difference_is_named_at_once() -> None:
    with pytest.raises(ValueError, match=r"head: .*; num_classes: .*; preprocess: "):
        refuse_mismatch(recognizer(head=CosFace(), num_classes=9, flip="none"), saved(recognizer()))


def test_foreign_and_future_checkpoints_are_refused() -> None:
    with pytest.raises(ValueError, match=r"not written by marginface.*weights=PATH"):
        refuse_mismatch(recognizer(), {"state_dict": {}})
    future = saved(recognizer())
    future["marginface"]["format"] = 2
    with pytest.raises(ValueError, match="has format 2, this version reads 1"):
        refuse_mismatch(recognizer(), future)


def test_random_numbers_go_on_where_they_were() -> None:
    torch.rand(3)
    state = rng_state()
    expected = torch.rand(5)
    torch.manual_seed(99)
    restore_rng(state)
    assert torch.equal(torch.rand(5), expected)


def test_one_of_ours_is_read(tmp_path: Path) -> None:
    path = tmp_path / "last.ckpt"
    torch.save({"state_dict": {"a": torch.ones(2)}, **saved(recognizer())}, path)
    assert read_checkpoint(path)["marginface"]["head"] == "ASoftmax"


class Hostile:
    def __reduce__(self):
        return (Path.write_text, (Path("hostile-was-here"), "x"))


@pytest.mark.parametrize(
    ("write", "named"),
    [
        (lambda path: None, "does not exist; training writes .*last.ckpt"),
        (lambda path: path.mkdir(), "does not exist"),
        (lambda path: path.write_bytes(b""), "cannot be read"),
        (lambda path: path.write_text("hello"), "cannot be read.*damaged or not a checkpoint"),
        (lambda path: path.write_bytes(pickle.dumps(Hostile(), protocol=2)), "cannot be read"),
        (lambda path: torch.save({"marginface": Hostile()}, path), "cannot be read"),
        (lambda path: torch.save({"state_dict": {}}, path), "was not written by marginface.*weights=PATH"),
        (lambda path: torch.save([1, 2], path), "was not written by marginface"),
    ],
    ids=["missing", "folder", "empty", "text", "hostile pickle", "hostile zip", "foreign", "list"],
)
def test_what_is_no_checkpoint_of_ours_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write, named: str
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "some.ckpt"
    write(path)
    with pytest.raises(ValueError, match=rf"ckpt=.*some\.ckpt {named}"):
        read_checkpoint(path)
    assert not (tmp_path / "hostile-was-here").exists()


@pytest.mark.parametrize("share", [0.5, 0.99])
def test_a_truncated_one_is_refused(tmp_path: Path, share: float) -> None:
    path = tmp_path / "last.ckpt"
    torch.save({"state_dict": {"a": torch.ones(2000)}, **saved(recognizer())}, path)
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(ValueError, match=r"last\.ckpt cannot be read"):
        read_checkpoint(path)
