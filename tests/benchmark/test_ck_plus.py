"""Closed-set classification of expressions: figures with known answers, and what is refused."""

import pickle
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from marginface.benchmark.base import Benchmark
from marginface.benchmark.ck_plus import CKPlus
from marginface.data.ck_plus_sequences import EXPRESSIONS, IMAGES
from marginface.data.errors import DataNotFoundError
from marginface.data.layout.ck_plus import write_ck_plus
from marginface.embedding import Embeddings


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve subjects with four labelled sequences each; folds 0 and 1 have two of them. Not to be written to."""
    folder = tmp_path_factory.mktemp("ck_plus")
    write_ck_plus(folder, num_subjects=12, num_sequences=4, num_frames=(3, 4))
    return folder


@pytest.fixture
def benchmark(written: Path) -> CKPlus:
    return CKPlus(written, fold=1, num_bootstrap=200)


def classified(classes: Tensor) -> Embeddings:
    """Embeddings that a classifier takes for these classes (N,)."""
    embeddings = Embeddings.of(torch.nn.functional.one_hot(classes, 7).float())
    embeddings.classify = lambda rows: rows.argmax(dim=1)
    return embeddings


def truth(benchmark: CKPlus) -> Tensor:
    """Classes of all images (N,)."""
    return torch.tensor([each.expression for each in benchmark.sequences]).repeat_interleave(benchmark.num_frames)


def test_a_classifier_that_is_right_has_one_and_a_diagonal(benchmark: CKPlus) -> None:
    outcome = benchmark.evaluate(classified(truth(benchmark)))
    assert isinstance(benchmark, Benchmark)
    assert len(benchmark.sequences) == 8
    for name in ("accuracy", "accuracy@frames"):
        assert outcome.figures[name] == (1.0, 1.0, 1.0, "identities")
    assert outcome.confusion.names == EXPRESSIONS
    counts = torch.tensor(outcome.confusion.counts)
    expected = torch.bincount(torch.tensor([each.expression for each in benchmark.sequences]), minlength=7)
    assert torch.equal(counts, torch.diag(expected))


def test_a_sequence_is_judged_by_its_peak_and_frames_by_themselves(benchmark: CKPlus) -> None:
    classes = truth(benchmark)
    classes[2] = (classes[2] + 1) % 7  # the peak of the first sequence
    classes[3] = (classes[3] + 1) % 7  # the first frames of the second one
    classes[4] = (classes[4] + 1) % 7
    outcome = benchmark.evaluate(classified(classes))
    assert outcome.figures["accuracy"].value == pytest.approx(7 / 8)
    assert outcome.figures["accuracy@frames"].value == pytest.approx(21 / 24)
    first = benchmark.sequences[0].expression
    assert outcome.confusion.counts[first][(first + 1) % 7] == 1
    assert sum(map(sum, outcome.confusion.counts)) == 8


def test_intervals_and_units_are_of_subjects(benchmark: CKPlus) -> None:
    classes = truth(benchmark)
    classes[:12] = (classes[:12] + 1) % 7  # all of the first subject
    outcome = benchmark.evaluate(classified(classes))
    # Two subjects, one all wrong and one all right: resampled together, anything from 0 to 1.
    assert outcome.figures["accuracy"] == (0.5, 0.0, 1.0, "identities")
    for name, size in (("accuracy", 8), ("accuracy@frames", 24)):
        value, group = outcome.units[name]
        assert len(value) == len(group) == size
        assert sorted(set(group.tolist())) == [1, 11]  # places of the fold's subjects among all
        assert value.mean() == pytest.approx(outcome.figures[name].value)


def test_images_are_the_last_frames_in_order(benchmark: CKPlus, written: Path) -> None:
    assert len(benchmark.images) == 24
    expected = [written / name for each in benchmark.sequences for name in each.frames]
    assert [benchmark.images.where(i) for i in range(24)] == list(map(str, expected))
    assert benchmark.images.load(0).shape == (112, 112, 3)
    again = pickle.loads(pickle.dumps(benchmark))
    assert again.images[23] == benchmark.images[23]


def test_the_folds_add_up_to_all_sequences(written: Path) -> None:
    total = 0
    for fold in range(10):
        benchmark = CKPlus(written, fold, num_bootstrap=2)
        outcome = benchmark.evaluate(classified(torch.zeros(len(benchmark.images), dtype=torch.int64)))
        total += sum(map(sum, outcome.confusion.counts))
    assert total == 12 * 4


def test_without_a_classifier_it_says_what_to_run(benchmark: CKPlus) -> None:
    embeddings = Embeddings.of(torch.randn(24, 7))
    with pytest.raises(ValueError, match=r"needs the classifier of a training run, .*src/train.py experiment=ck_plus"):
        benchmark.evaluate(embeddings)


@pytest.mark.parametrize("wrong", [7, 4711, -1])
def test_a_classifier_of_other_classes_is_refused(benchmark: CKPlus, wrong: int) -> None:
    embeddings = Embeddings.of(torch.randn(24, 7))
    embeddings.classify = lambda rows: torch.full((len(rows),), wrong)
    with pytest.raises(ValueError, match=rf"names a class {wrong}, ck_plus has 7 expressions: .*data=ck_plus"):
        benchmark.evaluate(embeddings)


def test_embeddings_of_other_images_are_refused(benchmark: CKPlus) -> None:
    with pytest.raises(ValueError, match="there are 23 embeddings for 24 images"):
        benchmark.evaluate(classified(truth(benchmark)[:-1]))


def test_missing_images_fail_in_the_check_or_are_counted(written: Path, tmp_path: Path) -> None:
    root = tmp_path / "copy"
    shutil.copytree(written, root)
    shutil.rmtree(root / IMAGES / "S008" / "002")
    with pytest.raises(DataNotFoundError, match="1 of 8 labelled sequences lack images, the first is S008/002"):
        CKPlus(root, 1).check()
    benchmark = CKPlus(root, 1, on_missing="exclude")
    benchmark.check()
    assert len(benchmark.images) == 21
    assert benchmark.evaluate(classified(truth(benchmark))).excluded == {"sequences with missing images": 1}
    assert CKPlus(root, 0).evaluate(classified(truth(CKPlus(root, 0)))).excluded == {}


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda root: CKPlus(root), "fold=None is none of 0 to 9: choose the fold to test on"),
        (lambda root: CKPlus(root, 10), "fold=10 is none of 0 to 9"),
        (lambda root: CKPlus(root, 0, num_frames=0), "num_frames=0 is less than 1"),
        (lambda root: CKPlus(root / "nowhere", 0), "there is no such folder; expected cohn-kanade-images/S005/001"),
    ],
)
def test_settings_are_checked_at_once(written: Path, build: Callable[[Path], CKPlus], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build(written)
