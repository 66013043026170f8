"""The decision without margin is the one that ``correct`` is about, for every head on every classifier."""

import math
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
from every_head import CLASSES, DIM, NAMES, VARIANTS, fill, head_of
from torch import Tensor

from marginface.classifier import DenseClassifier, FusedClassifier, ShardedClassifier
from marginface.classifier.base import BadEmbeddingError
from marginface.head import ArcFace, CosFace, Softmax, SubCentreArcFace

PORT = 29671


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A process group of one."""
    file = tmp_path_factory.mktemp("store") / "store"
    dist.init_process_group("gloo", store=dist.FileStore(str(file), 1), rank=0, world_size=1)
    yield
    dist.destroy_process_group()


def embeddings(rows: int = 40) -> Tensor:
    return 3 * torch.randn(rows, DIM, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize("kind", [DenseClassifier, FusedClassifier, ShardedClassifier])
@pytest.mark.parametrize("name", [*NAMES, *VARIANTS])
def test_it_is_the_label_exactly_where_the_label_is_correct(name: str, kind: type) -> None:
    classifier = fill(kind(head_of(name), CLASSES, DIM)).eval()
    x = embeddings()
    predicted = classifier.predict(x)
    assert predicted.dtype == torch.int64
    label = predicted.clone()
    label[::2] = (label[::2] + 1 + torch.arange(20) % (CLASSES - 1)) % CLASSES  # every second one is another class
    correct = classifier(x, label).correct
    assert torch.equal(predicted == label, correct)
    assert int(correct.sum()) == 20


def test_lengths_of_centres_and_biases_count_where_the_head_has_them() -> None:
    x = torch.tensor([[1.0, 0.1]])
    weight = torch.tensor([[1.0, 0.0], [3.0, 3.0], [0.0, 1.0]])
    for head, bias, expected in (
        (CosFace(), None, 0),  # the angle
        (Softmax(bias=False), None, 1),  # the inner product
        (Softmax(), [0.0, 0.0, 4.0], 2),
    ):
        classifier = DenseClassifier(head, 3, 2)
        classifier.weight.data.copy_(weight)
        if bias is not None:
            classifier.bias.data.copy_(torch.tensor(bias))
        assert classifier.predict(x).tolist() == [expected]


def test_the_best_of_several_centres_counts() -> None:
    classifier = DenseClassifier(SubCentreArcFace(num_centres=2), 2, 2)
    classifier.weight.data.copy_(torch.tensor([[-1.0, 0.0], [0.2, 1.0], [1.0, 1.0], [1.0, 1.0]]))
    assert classifier.predict(torch.tensor([[0.0, 1.0], [1.0, 0.0]])).tolist() == [0, 1]


def test_it_is_full_precision_under_autocast_and_leaves_no_graph() -> None:
    classifier = fill(DenseClassifier(ArcFace(), CLASSES, DIM)).float()
    x = embeddings().float().requires_grad_()
    expected = classifier.predict(x)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(classifier.predict(x), expected)
    assert not expected.requires_grad
    assert classifier.predict(x.bfloat16()).dtype == torch.int64
    assert classifier.predict(x[:0]).shape == (0,)


def test_embeddings_that_do_not_fit_are_refused() -> None:
    classifier = DenseClassifier(ArcFace(), CLASSES, DIM)
    with pytest.raises(ValueError, match=rf"embedding has shape \(3, 5\); expected \(N, {DIM}\)"):
        classifier.predict(torch.ones(3, 5))
    x = torch.ones(3, DIM)
    for value, message in ((math.nan, r"not finite in row\(s\) \[1\] of 3"), (0.0, r"zero, .* in row\(s\) \[1\]")):
        x[1] = value
        with pytest.raises(BadEmbeddingError, match=message):
            classifier.predict(x)


def test_without_centres_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dist, "is_initialized", lambda: False)
    with pytest.raises(RuntimeError, match=r"no centres yet; call materialize\(\)"):
        ShardedClassifier(CosFace(), 5, 4).predict(torch.ones(1, 4))


@pytest.mark.slow
def test_all_processes_say_what_the_whole_would(tmp_path: Path) -> None:
    done = subprocess.run(
        [
            *(sys.executable, "-m", "torch.distributed.run", "--nproc-per-node=3", f"--master-port={PORT}"),
            *(str(Path(__file__).with_name("predict_worker.py")), str(tmp_path)),
        ],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    seen = [torch.load(path, weights_only=True) for path in sorted(tmp_path.glob("*.pt"))]
    assert len(seen) == 3
    for name in [*NAMES, *VARIANTS]:
        expected = fill(DenseClassifier(head_of(name), CLASSES, DIM)).predict(embeddings())
        assert all(torch.equal(each[name], expected) for each in seen), name
    assert len({tuple(each["two classes"].tolist()) for each in seen}) == 1  # one process has no class
    assert set(seen[0]["two classes"].tolist()) == {0, 1}
