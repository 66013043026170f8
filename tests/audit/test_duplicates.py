from itertools import combinations

import numpy as np
import pytest
import torch

from marginface.audit import duplicates
from marginface.embedding import Embeddings


def test_equal_digests_are_grouped() -> None:
    content = np.array([5, 3, 5, 9, 3, 5, 0])
    digest = np.repeat(content[:, None], 32, 1).astype(np.uint8)
    groups = duplicates.exact_groups(digest)
    assert sorted(group.tolist() for group in groups) == [[0, 2, 5], [1, 4]]
    assert duplicates.first_of_each(digest).tolist() == [0, 1, 3, 6]
    assert duplicates.exact_groups(digest[[0, 1, 3]]) == []


@pytest.mark.parametrize("pairs_at_once", [1, 4, 1 << 22])
@pytest.mark.parametrize("num_kept", [3, 1000])
def test_near_pairs_equal_the_plain_loop(monkeypatch: pytest.MonkeyPatch, pairs_at_once: int, num_kept: int) -> None:
    monkeypatch.setattr(duplicates, "_PAIRS", pairs_at_once)
    rng = np.random.default_rng(0)
    rows = torch.from_numpy(rng.normal(size=(24, 3)).astype(np.float32))
    labels, index = rng.integers(0, 5, 24), np.delete(np.arange(24), [4, 11])
    unit = torch.nn.functional.normalize(rows, dim=1).double()
    found = duplicates.near_pairs(Embeddings.of(rows), index, labels[index], 0.8, num_kept)
    every = {(i, j): float(unit[i] @ unit[j]) for i, j in combinations(index.tolist(), 2)}
    expected = set()
    for same in (True, False):
        kind = [pair for pair in every if (labels[pair[0]] == labels[pair[1]]) == same and every[pair] >= 0.8]
        assert len(kind) > 3
        expected |= set(sorted(kind, key=lambda pair: -every[pair])[:num_kept])
    got = {(min(a, b), max(a, b)) for a, b in zip(found.first.tolist(), found.second.tolist(), strict=True)}
    assert got == expected
    assert found.capped == (num_kept == 3)
    assert (np.diff(found.cosine) <= 0).all()
    for a, b, cosine in zip(found.first.tolist(), found.second.tolist(), found.cosine.tolist(), strict=True):
        assert cosine == pytest.approx(every[min(a, b), max(a, b)], abs=1e-6)


def test_near_pairs_of_chosen_classes_equal_the_plain_loop() -> None:
    rng = np.random.default_rng(0)
    rows = torch.from_numpy(rng.normal(size=(30, 3)).astype(np.float32))
    labels, index = rng.integers(0, 6, 30), np.arange(30)
    alike = np.array([[0, 3], [0, 4], [2, 5], [3, 7]])  # class 7 has no image
    unit = torch.nn.functional.normalize(rows, dim=1).double()
    found = duplicates.near_pairs(Embeddings.of(rows), index, labels, 0.8, 1000, alike)
    allowed = {tuple(pair) for pair in alike.tolist()} | {(label, label) for label in range(6)}
    expected = {
        (i, j)
        for i, j in combinations(range(30), 2)
        if float(unit[i] @ unit[j]) >= 0.8 and tuple(sorted((int(labels[i]), int(labels[j])))) in allowed
    }
    got = {(min(pair), max(pair)) for pair in zip(found.first.tolist(), found.second.tolist(), strict=True)}
    assert got == expected
    assert len(found.first) == len(expected) > 10
