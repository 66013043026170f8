"""The centres split over processes: every head has the loss and gradients of the dense classifier on all rows."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from every_head import CLASSES, DIM, NAMES, VARIANTS, Outcome, assert_same, batch, fill, head_of, outcome

from marginface.classifier import DenseClassifier, ShardedClassifier
from marginface.head import CosFace, Softmax

PORT = 29631


def launch(script: str, world_size: int, *arguments: object) -> None:
    """Run a script of this folder in several processes."""
    done = subprocess.run(
        [
            *(sys.executable, "-m", "torch.distributed.run", f"--nproc-per-node={world_size}"),
            *(f"--master-port={PORT + world_size}", Path(__file__).with_name(script), *map(str, arguments)),
        ],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-4000:]


@pytest.fixture(scope="module", params=[1, 2])
def parts(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[dict]:
    """What each process saw."""
    folder = tmp_path_factory.mktemp("sharded")
    launch("sharded_worker.py", request.param, folder)
    paths = sorted(folder.glob("*.pt"))
    assert len(paths) == request.param
    return [torch.load(path, weights_only=True) for path in paths]


def whole(parts: list[dict], key: str, step: int, first: Outcome) -> Outcome:
    """Put the parts of the processes together; what is not split must be equal on all."""
    seen = [Outcome(**part[key][step]) for part in parts]
    for other in seen[1:]:
        assert torch.equal(other.loss, seen[0].loss)

    def together(name: str, values: list[torch.Tensor]) -> torch.Tensor:
        if name in ("weight", "bias", "memory"):
            return torch.cat(values)
        for value in values[1:]:
            torch.testing.assert_close(value, values[0], rtol=1e-12, atol=1e-14)
        return values[0]

    return Outcome(
        seen[0].loss,
        torch.cat([s.correct for s in seen]),
        torch.cat([s.dx for s in seen]),
        {name: together(name, [s.gradients[name] for s in seen]) for name in first.gradients},
        {name: together(name, [s.state[name] for s in seen]) for name in first.state},
    )


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["keep", "recompute"])
@pytest.mark.parametrize("name", [*NAMES, *VARIANTS])
def test_every_head_is_the_dense_one_over_all_rows(parts: list[dict], name: str, mode: str) -> None:
    classifier = fill(DenseClassifier(head_of(name), CLASSES, DIM))
    for step, rows in enumerate((12, 9)):
        expected = outcome(classifier, *batch(rows, step))
        assert_same(whole(parts, f"{name}/{mode}", step, expected), expected, 1e-10)


@pytest.mark.parametrize("rate", [0.0, -0.1, 1.1, float("nan")])
def test_a_sample_rate_outside_its_range_is_refused(rate: float) -> None:
    with pytest.raises(ValueError, match=rf"sample_rate={rate} is outside \(0, 1\]"):
        ShardedClassifier(CosFace(), 5, 4, sample_rate=rate)


def test_sampled_classes_have_no_biases() -> None:
    with pytest.raises(ValueError, match=r"sample_rate=0.5 .*head.bias=false"):
        ShardedClassifier(Softmax(), 5, 4, sample_rate=0.5)


def test_without_a_process_group_it_says_what_to_do() -> None:
    classifier = ShardedClassifier(CosFace(), 5, 4)
    with pytest.raises(RuntimeError, match=r"process group, found none; .*classifier=fused"):
        classifier.materialize()
    with pytest.raises(RuntimeError, match=r"no centres yet; call materialize\(\)"):
        classifier(torch.randn(2, 4), torch.tensor([0, 1]))
