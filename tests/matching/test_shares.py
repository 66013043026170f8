"""Processes that share the work return what one alone returns."""

from pathlib import Path

import matching_ranks
import pytest
import torch
import torch.multiprocessing
from hard_rows import assert_same, sides_of

from marginface.matching import shares


def test_two_processes_return_what_one_does(tmp_path: Path) -> None:
    cases = {
        "uneven": tuple(sides_of("plain", 31)),
        "ties": tuple(sides_of("repeated", 30)),
        "idle": tuple(sides_of("plain", 1)),  # the first process has no query
    }
    torch.multiprocessing.spawn(matching_ranks.run, (2, str(tmp_path), cases), nprocs=2)
    for name, sides in cases.items():
        expected = matching_ranks.everything(*sides)
        for rank in range(2):
            found = torch.load(tmp_path / f"{rank}.pt")[name]
            for function, result in expected.items():
                assert_same(found[function], result)


@pytest.mark.parametrize("world", [1, 2, 3, 8])
@pytest.mark.parametrize("num_rows", [0, 1, 7, 100])
def test_shares_cover_all_rows_once(num_rows: int, world: int, monkeypatch: pytest.MonkeyPatch) -> None:
    spans, strips = [], []
    monkeypatch.setattr(shares, "num_processes", lambda: world)
    for rank in range(world):
        monkeypatch.setattr(shares, "_rank", lambda rank=rank: rank)
        spans.append(shares.share(num_rows))
        strips += shares.triangle_shares(num_rows)
    assert [row for span in spans for row in range(*span)] == list(range(num_rows))
    assert sorted(row for strip in strips for row in range(*strip)) == list(range(num_rows))


def test_shares_of_a_triangle_have_equally_many_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shares, "num_processes", lambda: 4)
    pairs = []
    for rank in range(4):
        monkeypatch.setattr(shares, "_rank", lambda rank=rank: rank)
        pairs.append(sum(800 - row for strip in shares.triangle_shares(800) for row in range(*strip)))
    assert max(pairs) - min(pairs) < 0.01 * max(pairs)
