from pathlib import Path

import lightning as L
import pytest
import torch
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset

from marginface.callbacks import NonFiniteLossError, StopOnNonFinite
from marginface.classifier import BadEmbeddingError, DenseClassifier
from marginface.head import CosFace


class Line(L.LightningModule):
    """``loss = mean(w x)``: not finite exactly where x is not."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(1))

    def training_step(self, batch: list[Tensor], batch_idx: int) -> Tensor:
        return (self.weight * batch[0]).mean()

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.1)


def fit(folder: Path, values: list[float], model: Line | None = None, **options) -> L.Trainer:
    trainer = L.Trainer(
        accelerator="cpu",
        max_epochs=1,
        callbacks=[StopOnNonFinite(folder)],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        default_root_dir=folder,
        **options,
    )
    data = TensorDataset(torch.tensor(values, dtype=torch.float32))
    trainer.fit(model or Line(), DataLoader(data, batch_size=1))
    return trainer


def test_a_healthy_run_is_left_alone(tmp_path: Path) -> None:
    assert fit(tmp_path, [1.0, -1e30, 2.0]).global_step == 3
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("at", [0, 2])
def test_the_run_stops_at_once_and_keeps_the_batch(tmp_path: Path, bad: float, at: int) -> None:
    values = [1.0, 2.0, 3.0, 4.0]
    values[at] = bad
    with pytest.raises(NonFiniteLossError, match=rf"step {at}; .*nonfinite_step{at}_rank0\.pt.*optimizer\.lr"):
        fit(tmp_path / "made", values)
    evidence = torch.load(tmp_path / "made" / f"nonfinite_step{at}_rank0.pt", weights_only=True)
    torch.testing.assert_close(evidence["batch"][0], torch.tensor([bad]), equal_nan=True)
    assert evidence["step"] == at


def test_the_weights_are_those_that_the_loss_came_from(tmp_path: Path) -> None:
    with pytest.raises(NonFiniteLossError):
        fit(tmp_path, [1.0, 2.0, float("nan")])
    evidence = torch.load(tmp_path / "nonfinite_step2_rank0.pt", weights_only=True)
    assert evidence["state_dict"]["weight"].item() == pytest.approx(1 - 0.1 - 0.2)


@pytest.mark.parametrize("bad", [0, 1, 2, 3])
def test_every_batch_of_an_accumulated_step_is_checked(tmp_path: Path, bad: int) -> None:
    values = [1.0] * 4
    values[bad] = float("nan")
    with pytest.raises(NonFiniteLossError):
        fit(tmp_path, values, accumulate_grad_batches=2)
    [path] = tmp_path.iterdir()
    assert torch.isnan(torch.load(path, weights_only=True)["batch"][0]).all()


def test_under_mixed_precision(tmp_path: Path) -> None:
    with pytest.raises(NonFiniteLossError):
        fit(tmp_path, [1.0, float("inf")], precision="bf16-mixed")


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("bad", [1, 3])
def test_on_a_gpu_the_run_stops_one_step_later(tmp_path: Path, bad: int) -> None:
    values = [1.0] * 4
    values[bad] = float("nan")
    trainer = L.Trainer(
        accelerator="gpu",
        devices=1,
        max_epochs=1,
        callbacks=[StopOnNonFinite(tmp_path)],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
    )
    with pytest.raises(NonFiniteLossError, match=f"step {bad};"):
        trainer.fit(Line(), DataLoader(TensorDataset(torch.tensor(values)), batch_size=1))
    evidence = torch.load(tmp_path / f"nonfinite_step{bad}_rank0.pt", weights_only=True, map_location="cpu")
    assert torch.isnan(evidence["batch"][0]).all()


def test_embeddings_that_are_refused_leave_the_same_evidence(tmp_path: Path) -> None:
    class Refusing(Line):
        def training_step(self, batch: list[Tensor], batch_idx: int) -> Tensor:
            DenseClassifier(CosFace(), 2, 1).check(batch[0].unsqueeze(1), torch.zeros(1, dtype=torch.int64))
            return super().training_step(batch, batch_idx)

    with pytest.raises(BadEmbeddingError, match=r"not finite in row\(s\) \[0\]"):
        fit(tmp_path, [1.0, 2.0, float("nan")], Refusing())
    evidence = torch.load(tmp_path / "nonfinite_step2_rank0.pt", weights_only=True)
    assert torch.isnan(evidence["batch"][0]).all()
