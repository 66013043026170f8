"""Loading of weights: what is unwrapped, what is refused."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from marginface.backbone import Backbone, load_weights

State = dict[str, Tensor]


class Linear(Backbone):
    def __init__(self, embedding_dim: int = 4, image_size: tuple[int, int] = (1, 1)) -> None:
        super().__init__(embedding_dim, image_size)
        self.fc = torch.nn.Linear(3, embedding_dim)
        self.bn = torch.nn.BatchNorm1d(embedding_dim)

    def embed(self, image: Tensor) -> Tensor:
        out: Tensor = self.bn(self.fc(image.flatten(1)))
        return out

    @staticmethod
    def translate(state: State) -> State:
        return {key.replace("linear1.", "fc."): value for key, value in state.items()}


@pytest.fixture
def state() -> State:
    torch.manual_seed(0)
    donor = Linear()
    donor(torch.randn(5, 3, 1, 1))
    return dict(donor.state_dict())


def prefixed(state: State, prefix: str) -> State:
    return {prefix + key: value for key, value in state.items()}


LAYOUTS: dict[str, Callable[[State], Any]] = {
    "bare": lambda state: state,
    "net_state_dict": lambda state: {"epoch": 3, "net_state_dict": state},
    "state_dict": lambda state: {"state_dict": state, "optimizer": {"lr": 0.1}},
    "model": lambda state: {"model": state},
    "data parallel": lambda state: prefixed(state, "module."),
    "compiled": lambda state: prefixed(state, "_orig_mod."),
    "compiled data parallel": lambda state: prefixed(state, "_orig_mod.module."),
    "lightning": lambda state: {
        "pytorch-lightning_version": "2.6.6",
        "state_dict": prefixed(state, "backbone.") | {"classifier.weight": torch.zeros(10, 4)},
    },
    "lightning, compiled": lambda state: {"state_dict": prefixed(state, "backbone._orig_mod.")},
    "public names": lambda state: {key.replace("fc.", "linear1."): value for key, value in state.items()},
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_loads(layout: str, state: State, tmp_path: Path) -> None:
    torch.manual_seed(1)
    backbone = Linear()
    torch.save(LAYOUTS[layout](state), tmp_path / "weights.pt")
    load_weights(backbone, tmp_path / "weights.pt")
    for key, value in backbone.state_dict().items():
        assert torch.equal(value, state[key]), key


def test_precision_of_the_backbone_stays(state: State, tmp_path: Path) -> None:
    torch.save(
        {key: value.half() if value.is_floating_point() else value for key, value in state.items()}, tmp_path / "w"
    )
    backbone = Linear()
    load_weights(backbone, tmp_path / "w")
    assert backbone.fc.weight.dtype == torch.float32


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"absent\.pt.*correct the path"):
        load_weights(Linear(), tmp_path / "absent.pt")


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", b"PK\x03\x04 a broken zip"])
def test_other_files_are_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "weights.pt"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"weights\.pt is not a checkpoint.*torch\.save"):
        load_weights(Linear(), path)


class Payload:
    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (Path("executed"),)


def test_code_in_a_checkpoint_is_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"state_dict": Payload()}, "evil.pt")
    with pytest.raises(ValueError, match=r"evil\.pt is not a checkpoint"):
        load_weights(Linear(), Path("evil.pt"))
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize("content", [[1, 2], {}, {"epoch": 3}, {"state_dict": {}}, {"state_dict": {"fc.weight": "x"}}])
def test_a_file_without_tensors_is_refused(content: object, tmp_path: Path) -> None:
    torch.save(content, tmp_path / "weights.pt")
    with pytest.raises(ValueError, match=r"weights\.pt holds no state dict.*net_state_dict"):
        load_weights(Linear(), tmp_path / "weights.pt")


def test_differences_are_named_and_nothing_is_loaded(state: State, tmp_path: Path) -> None:
    broken = {key: value for key, value in state.items() if key != "bn.bias"}
    broken |= {"fc.weight": torch.zeros(7, 3), "fc.bias": torch.full((4,), 9.0), "extra": torch.zeros(1)}
    torch.save(broken, tmp_path / "weights.pt")
    backbone = Linear()
    before = {key: value.clone() for key, value in backbone.state_dict().items()}
    with pytest.raises(ValueError, match=r"weights\.pt does not fit Linear") as error:
        load_weights(backbone, tmp_path / "weights.pt")
    for words in (
        "1 missing: bn.bias",
        "1 not expected: extra",
        "fc.weight is (7, 3), not (4, 3)",
        "'embedding_dim': 4",
    ):
        assert words in str(error.value)
    assert all(torch.equal(value, before[key]) for key, value in backbone.state_dict().items())


def test_only_the_first_differences_are_shown(tmp_path: Path) -> None:
    torch.save({f"other{index}": torch.zeros(1) for index in range(9)}, tmp_path / "weights.pt")
    with pytest.raises(ValueError, match=r"9 not expected: other0, other1, other2, \.\.\.;"):
        load_weights(Linear(), tmp_path / "weights.pt")


def test_refusal_of_translate_names_the_file(state: State, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(state: State) -> State:
        raise ValueError("a bias that has no place")

    monkeypatch.setattr(Linear, "translate", staticmethod(refuse))
    torch.save(state, tmp_path / "weights.pt")
    with pytest.raises(ValueError, match=r"weights\.pt: a bias that has no place"):
        load_weights(Linear(), tmp_path / "weights.pt")
