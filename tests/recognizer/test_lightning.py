"""What Lightning can add to a run: averages of the weights, precision, memory layout, callbacks."""

from pathlib import Path

import lightning as L
import pytest
import torch
from lightning.pytorch.callbacks import EMAWeightAveraging
from small_network import STEPS, Recorder, faces, parts, recognizer, trainer
from torch import Tensor

from marginface import FaceRecognizer
from marginface.callbacks import NonFiniteLossError, StopOnNonFinite
from marginface.head import CosFace, Row


def test_average_of_the_weights(tiny_records: Path, tmp_path: Path, images: Tensor) -> None:
    recorder, model = Recorder(), recognizer()
    # Buffers are states, not weights: an averaged step of the annealing would be none.
    average = EMAWeightAveraging(decay=0.5, use_buffers=False)
    runner = trainer(tmp_path, callbacks=[recorder, average])
    runner.fit(model, faces(tiny_records))
    expected = recorder.weight[0]
    for later in recorder.weight[1:]:
        expected = {name: 0.5 * value + 0.5 * later[name] for name, value in expected.items()}
    for name, value in model.named_parameters():
        torch.testing.assert_close(value, expected[name])
    assert int(model.classifier.head.step) == STEPS
    runner.save_checkpoint(tmp_path / "average.ckpt")
    reloaded = FaceRecognizer.load_from_checkpoint(tmp_path / "average.ckpt", weights_only=True, **parts())
    assert torch.equal(reloaded.embed(images), model.embed(images))


def test_validation_sees_the_average_and_training_goes_on_without(tiny_records: Path, tmp_path: Path) -> None:
    plain, averaged, seen = Recorder(), Recorder(), []

    class Watch(L.Callback):
        def on_validation_epoch_start(self, trainer: L.Trainer, pl_module: FaceRecognizer) -> None:
            seen.append(pl_module.classifier.weight.detach().clone())

    trainer(tmp_path, max_epochs=2, callbacks=[plain]).fit(recognizer(), faces(tiny_records))
    average = EMAWeightAveraging(decay=0.9, use_buffers=False)
    trainer(tmp_path, max_epochs=2, callbacks=[averaged, average, Watch()]).fit(recognizer(), faces(tiny_records))
    assert averaged.loss == plain.loss
    assert not torch.equal(seen[0], averaged.weight[STEPS - 1]["classifier.weight"])


def test_bf16_mixed(tiny_records: Path, tmp_path: Path) -> None:
    losses = []
    for precision in ("32-true", "bf16-mixed"):
        recorder, model = Recorder(), recognizer()
        trainer(tmp_path, precision=precision, callbacks=[recorder]).fit(model, faces(tiny_records))
        losses.append(recorder.loss)
        assert all(p.dtype == torch.float32 and torch.isfinite(p).all() for p in model.parameters())
    assert losses[0][0] != losses[1][0]
    assert losses[1][0] == pytest.approx(losses[0][0], rel=0.02)
    assert losses[1][-1] < 2 * losses[0][0]


def test_channels_last_trains_the_same(tiny_records: Path, tmp_path: Path) -> None:
    losses = []
    for channels_last in (False, True):
        recorder = Recorder()
        model = recognizer(channels_last=channels_last)
        trainer(tmp_path, max_steps=3, callbacks=[recorder]).fit(model, faces(tiny_records))
        losses.append(recorder.loss)
    assert losses[1] == pytest.approx(losses[0], rel=1e-3)


def test_a_loss_that_is_not_finite_stops_the_run_and_keeps_the_batch(tiny_records: Path, tmp_path: Path) -> None:
    class Explodes(CosFace):
        steps = 0

        def advance(self, row: Row, negative_lse: Tensor | None = None) -> None:
            self.steps += 1

        def scale(self, norm: Tensor) -> Tensor:
            return super().scale(norm) * (float("inf") if self.steps == 3 else 1.0)

    model, data = recognizer(Explodes()), faces(tiny_records)
    runner = trainer(tmp_path, callbacks=[StopOnNonFinite(tmp_path / "evidence")])
    with pytest.raises(NonFiniteLossError, match="step 2"):
        runner.fit(model, data)
    [path] = (tmp_path / "evidence").iterdir()
    evidence = torch.load(path, weights_only=True)
    third = list(faces(tiny_records).train_dataloader())[2]
    assert torch.equal(evidence["batch"]["image"], third["image"])
    assert torch.equal(evidence["batch"]["label"], third["label"])
    inspected = recognizer(Explodes(), seed=1)
    inspected.load_state_dict(evidence["state_dict"])
    assert all(torch.isfinite(p).all() for p in inspected.parameters())
