"""Verification of listed template pairs: exact rates on scores made by hand, equal to those of other metrics."""

import numpy as np
import pytest
import torch

from marginface.benchmark.ijb_verification import Genuine, pair_scores, verification_outcome
from marginface.data.benchmark_files.ijb import TemplatePairs
from marginface.embedding import Embeddings
from marginface.metric import roc, tar_at_far
from marginface.outcome import Outcome


def outcome(genuine: list[float], impostor: list[float], fars: tuple[float, ...], **options: object) -> Outcome:
    """Of pairs (0, 1), (2, 3), ...: genuine ones first; a group each."""
    score = np.array([*genuine, *impostor], np.float32)
    place = np.arange(len(score), dtype=np.int32)
    pairs = TemplatePairs(2 * place, 2 * place + 1, place < len(genuine))
    group = options.pop("group", np.arange(len(genuine)))
    return verification_outcome(
        score,
        pairs,
        Genuine(np.asarray(group), "identities"),
        100 + np.arange(2 * len(score)),
        fars=fars,
        num_bootstrap=20,
        **options,
    )


def test_at_most_the_share_of_impostors_is_accepted() -> None:
    """Ten impostors: at 0.1 one may be accepted, so the cut is the second; at 0.25 two may, the cut is the third."""
    impostor = [0.9, 0.7, 0.5, 0.3, 0.2, 0.1, 0.0, -0.1, -0.2, -0.3]
    found = outcome([0.95, 0.8, 0.7, 0.6, 0.5, 0.4], impostor, (0.1, 0.25, 0.05))
    assert {name: figure.value for name, figure in found.figures.items()} == {
        "tar@far=1e-1": pytest.approx(2 / 6),  # a genuine score that equals the cut is rejected
        "tar@far=2.5e-1": pytest.approx(4 / 6),
    }
    assert found.unsupported == {"tar@far=5e-2": "needs 20 impostor pairs, there are 10"}
    assert found.units["tar@far=1e-1"].value.tolist() == [1, 1, 0, 0, 0, 0]
    assert all(figure.over == "identities" for figure in found.figures.values())


def test_equal_impostors_are_rejected_together() -> None:
    found = outcome([0.8, 0.6, 0.5, 0.4], [0.7, 0.5, 0.5, 0.5, 0.5], (0.4, 0.2))
    assert [figure.value for figure in found.figures.values()] == [0.5, 0.5]


def random_scores(num_genuine: int = 300, num_impostor: int = 5000) -> tuple[list[float], list[float]]:
    rng = np.random.default_rng(0)
    genuine, impostor = rng.normal(0.4, 0.2, num_genuine), rng.normal(0, 0.15, num_impostor)
    return genuine.clip(-1, 1).round(3).tolist(), impostor.clip(-1, 1).round(3).tolist()  # rounded: with ties


def test_rates_and_curve_agree_with_the_exact_curve() -> None:
    genuine, impostor = random_scores()
    fars = (1e-3, 1e-2, 3e-2, 0.1, 0.5)
    found = outcome(genuine, impostor, fars)
    score = torch.tensor([*genuine, *impostor], dtype=torch.float32)
    curve = roc(score, torch.arange(len(score)) < len(genuine))
    assert [figure.value for figure in found.figures.values()] == pytest.approx(
        [float(tar_at_far(curve, f)) for f in fars]
    )
    drawn = found.roc[""]
    exact = set(zip(curve.far.tolist(), curve.tar.tolist(), strict=True))
    assert set(zip(drawn.far, drawn.tar, strict=True)) <= exact
    assert (drawn.far[0], drawn.tar[0], drawn.far[-1], drawn.tar[-1]) == (0, 0, 1, 1)
    assert all(np.diff(drawn.far) >= 0)
    assert all(np.diff(drawn.tar) >= 0)
    assert [(t.far, t.num_impostor) for t in found.thresholds] == [(1e-3, 5000)]
    assert found.thresholds[0].tar == pytest.approx(found.figures["tar@far=1e-3"].value)


def test_the_curve_is_thin_whatever_the_number_of_pairs() -> None:
    rng = np.random.default_rng(1)
    found = outcome(rng.random(50).tolist(), rng.random(50_000).tolist(), (1e-4,))
    assert 100 < len(found.roc[""].far) < 500


def test_the_histogram_counts_every_pair() -> None:
    genuine, impostor = random_scores()
    genuine += [1.0000001, -1.0]
    bins = outcome(genuine, impostor, ()).histogram[""]
    for counts, scores in ((bins.genuine, genuine), (bins.impostor, impostor)):
        np.testing.assert_array_equal(counts, np.histogram(np.float32(scores).clip(-1, 1), np.float32(edges()))[0])
    assert bins.score[0] == pytest.approx(-0.99)


def edges() -> np.ndarray:
    return np.linspace(-1, 1, 101)


def test_the_hardest_pairs_show_images_of_their_templates() -> None:
    found = outcome([0.9, -0.5, 0.1], [0.3, 0.95, -0.2], ())
    kinds = [(pair.same, pair.score) for pair in found.hardest]
    expected = [(False, 0.95), (False, 0.3), (False, -0.2), (True, -0.5), (True, 0.1), (True, 0.9)]
    assert kinds == [(same, pytest.approx(score)) for same, score in expected]
    assert (found.hardest[0].first, found.hardest[0].second) == (108, 109)  # the fifth pair's images
    assert (found.hardest[3].first, found.hardest[3].second) == (102, 103)


def test_intervals_resample_groups() -> None:
    """All genuine pairs of one subject fare alike: the interval is that of two subjects, not of 200 pairs."""
    genuine = [0.9] * 100 + [-0.9] * 100
    wide = outcome(genuine, [0.0] * 10, (0.1,), group=np.repeat([7, 9], 100)).figures["tar@far=1e-1"]
    assert (wide.value, wide.low, wide.high) == (0.5, 0.0, 1.0)
    narrow = outcome(genuine, [0.0] * 10, (0.1,)).figures["tar@far=1e-1"]
    assert 0.3 < narrow.low < 0.5 < narrow.high < 0.7


@pytest.mark.parametrize("chunk", [1, 3, 100])
def test_scores_are_the_cosines_of_the_named_rows(monkeypatch: pytest.MonkeyPatch, chunk: int) -> None:
    monkeypatch.setattr("marginface.benchmark.ijb_verification._CHUNK", chunk)
    rows = torch.nn.functional.normalize(torch.randn(5, 4, generator=torch.Generator().manual_seed(0)), dim=1)
    first, second = np.array([0, 4, 2, 2, 1], np.int32), np.array([1, 0, 2, 3, 4], np.int32)
    score = pair_scores(Embeddings.of(rows), first, second)
    assert score.dtype == np.float32
    np.testing.assert_allclose(score, [float(rows[a] @ rows[b]) for a, b in zip(first, second, strict=True)], atol=1e-6)
