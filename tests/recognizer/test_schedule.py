"""Annealing and learning rate over the steps of a run."""

from pathlib import Path

import pytest
import torch
from small_network import STEPS, Recorder, faces, recognizer, trainer, weights

from marginface.head import ASoftmax, CosFace
from marginface.schedule import cosine


def test_lambda_advances_in_training_only(tiny_records: Path, tmp_path: Path) -> None:
    model, data, runner = recognizer(), faces(tiny_records), trainer(tmp_path)
    runner.validate(model, data, verbose=False)
    assert int(model.classifier.head.step) == 0
    runner.fit(model, data)  # with a validation at its end
    assert int(model.classifier.head.step) == STEPS
    model.eval()
    model.embed(torch.zeros(1, 3, 112, 112, dtype=torch.uint8))
    model.classifier(torch.ones(1, 8), torch.tensor([0]))
    assert int(model.classifier.head.step) == STEPS


@pytest.mark.parametrize(
    ("options", "num_forwards"),
    [
        ({"max_epochs": 2}, 2 * STEPS),
        ({"max_epochs": 2, "accumulate_grad_batches": 2}, 2 * STEPS),
        ({"max_epochs": 2, "accumulate_grad_batches": 3}, 2 * STEPS),
        ({"max_epochs": -1, "max_steps": 6, "accumulate_grad_batches": 2}, 12),
        ({"max_epochs": 2, "limit_train_batches": 5}, 10),
    ],
    ids=["plain", "accumulated", "accumulated with a rest", "steps", "limited"],
)
def test_annealing_is_relative_to_the_forwards_of_the_run(
    tiny_records: Path, tmp_path: Path, options: dict, num_forwards: int
) -> None:
    recorder = Recorder()
    model = recognizer(ASoftmax(anneal=0.5))
    trainer(tmp_path, callbacks=[recorder], **options).fit(model, faces(tiny_records))
    assert int(model.classifier.head.step) == len(recorder.lambda_) == num_forwards
    half = num_forwards // 2
    assert recorder.lambda_[half - 1] == pytest.approx(5)
    assert recorder.lambda_[half - 2] > 5.1


def test_the_schedule_spans_the_optimizer_steps_of_the_run(tiny_records: Path, tmp_path: Path) -> None:
    runner = trainer(tmp_path, max_epochs=2, accumulate_grad_batches=2)
    model = recognizer(scheduler=cosine)
    runner.fit(model, faces(tiny_records))
    assert runner.global_step == STEPS
    assert runner.optimizers[0].param_groups[0]["lr"] == pytest.approx(0, abs=1e-12)


def test_accumulation_equals_one_large_batch(tiny_records: Path, tmp_path: Path) -> None:
    ends = []
    for batch_size, accumulate in ((16, 1), (8, 2)):
        model = recognizer(CosFace(scale=8))
        data = faces(tiny_records, batch_size=batch_size)
        trainer(tmp_path, accumulate_grad_batches=accumulate).fit(model, data)
        ends.append(weights(model))
    for name, value in ends[0].items():
        torch.testing.assert_close(ends[1][name], value, rtol=1e-4, atol=1e-6)
