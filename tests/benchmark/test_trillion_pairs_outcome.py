"""Trillion Pairs against loops over all pairs, and hand-made answers."""

import numpy as np
import pytest
import torch

from marginface.benchmark.trillion_pairs_outcome import falling, first_ranked, highest_of_all, trillion_pairs_outcome
from marginface.embedding import Embeddings
from marginface.matching import PairScores, row_tops
from marginface.outcome import Outcome

LABELS = torch.tensor([-1, 2, 0, -1, 2, 2, -1, 0, 5, -1, *[-1] * 10])


def outcome(rows: np.ndarray, labels: torch.Tensor, identification: list[float], fprs: list[float]) -> Outcome:
    options = {"num_bootstrap": 20, "excluded": {}}
    return trillion_pairs_outcome(
        Embeddings(rows[:, None]), labels, identification_fprs=identification, fprs=fprs, **options
    )


def looped(rows: np.ndarray, labels: np.ndarray, identification: float, fpr: float) -> tuple[float, float]:
    """Identification and verification rates by their definitions, one pair at a time."""
    probes, strangers = np.flatnonzero(labels >= 0), np.flatnonzero(labels < 0)
    score = rows @ rows.T
    impostor = sorted((score[p, s] for p in probes for s in strangers), reverse=True)
    cut = impostor[int(fpr * len(impostor))]
    best = {p: max(score[p, s] for s in strangers) for p in probes}
    searches = sorted(best.values(), reverse=True)
    search_cut = searches[int(identification * len(searches))]
    pairs = [(p, g) for p in probes for g in probes if p != g and labels[p] == labels[g]]
    found = [score[p, g] > search_cut and score[p, g] > best[p] for p, g in pairs]
    return float(np.mean(found)), float(np.mean([score[p, g] > cut for p, g in pairs]))


@pytest.mark.parametrize("seed", range(3))
def test_figures_are_those_of_loops_over_all_pairs(seed: int) -> None:
    rng = np.random.default_rng(seed)
    labels = rng.integers(-1, 4, 60)
    rows = rng.normal(size=(5, 4))[labels] + 0.8 * rng.normal(size=(60, 4))
    rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    result = outcome(rows, torch.from_numpy(labels), [0.3], [1e-2])
    identification, verification = looped(rows, labels, 0.3, 1e-2)
    assert list(result.figures) == ["identification_tpr@fpr=3e-1", "tpr@fpr=1e-2"]
    assert result.figures["identification_tpr@fpr=3e-1"].value == pytest.approx(identification)
    assert result.figures["tpr@fpr=1e-2"].value == pytest.approx(verification)
    for name, figure in result.figures.items():
        assert result.units[name].value.mean() == pytest.approx(figure.value)
        assert set(result.units[name].group.tolist()) == {0, 1, 2, 3}
        assert figure.over == "identities"
    assert set(result.roc) == {"verification", "identification"}
    num_probes = int((labels >= 0).sum())
    assert result.thresholds[0].num_impostor == num_probes * (60 - num_probes)


def test_hand_made_answers() -> None:
    axis = np.eye(6, dtype=np.float32)
    rows = np.repeat(axis[[5]], 20, axis=0)
    rows[[1, 4, 5]], rows[[2, 7]], rows[8] = axis[0], axis[1], axis[2]
    rows[3] = axis[1]  # a stranger who looks like identity 0
    result = outcome(rows, LABELS, [0.5, 0.1], [0.2, 1e-3])
    # identity 2: 6 searches, all found; identity 0: 2 searches that tie with the stranger; 2 of 6 probes find him
    assert result.figures["identification_tpr@fpr=5e-1"].value == pytest.approx(6 / 8)
    assert result.unsupported["identification_tpr@fpr=1e-1"] == "needs 10 impostor pairs, there are 6"
    # 2 of the 84 impostor pairs score 1, all others 0: at 0.2 all 4 genuine pairs are above
    assert result.figures["tpr@fpr=2e-1"].value == 1
    assert result.unsupported["tpr@fpr=1e-3"] == "needs 1,000 impostor pairs, there are 84"
    false = [pair for pair in result.hardest if not pair.same][:2]
    assert {pair[:2] for pair in false} == {(2, 3), (7, 3)}
    assert [pair.score for pair in false] == [1, 1]


@pytest.mark.parametrize("num_kept", [1, 3, 7, 40, 400])
def test_the_highest_scores_are_found_in_a_few_rows(num_kept: int) -> None:
    rows = np.random.default_rng(num_kept).normal(size=(50, 3)).astype(np.float32)
    embeddings, probe, stranger = Embeddings(rows[:, None]), torch.arange(0, 50, 3), torch.arange(1, 50, 3)
    tops = row_tops(embeddings.unit(probe), embeddings.unit(stranger), num_kept=1)
    closest = PairScores(tops.score[0, :, 0], torch.arange(len(probe)), tops.gallery[0, :, 0])
    top = highest_of_all(embeddings, probe, stranger, closest, num_kept)
    score = embeddings.unit(probe)[0:50] @ embeddings.unit(stranger)[0:50].T
    expected = score.flatten().sort(descending=True).values[:num_kept]
    torch.testing.assert_close(top.score, expected)
    torch.testing.assert_close(score[top.query, top.gallery], top.score)
    assert top.num_impostor == score.numel()


def test_searches_that_a_stranger_wins_or_ties() -> None:
    closest = PairScores(torch.tensor([0.5, 0.9]), torch.arange(2), torch.tensor([7, 8]))
    searches = PairScores(torch.tensor([0.6, 0.5, 0.8]), torch.tensor([0, 0, 1]), torch.tensor([1, 1, 0]))
    assert first_ranked(searches, closest).tolist() == [pytest.approx(0.6), -torch.inf, -torch.inf]
    top = falling(closest)
    assert (top.query.tolist(), top.gallery.tolist(), top.num_impostor) == ([1, 0], [8, 7], 2)
