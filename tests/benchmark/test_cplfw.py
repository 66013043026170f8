"""CPLFW from its original list."""

from pathlib import Path

import pytest

from marginface.benchmark.cplfw import CPLFW
from marginface.data.errors import DataNotFoundError
from marginface.data.layout.cplfw import write_cplfw


def test_pairs_of_both_halves_of_the_list_make_a_fold(tmp_path: Path) -> None:
    write_cplfw(tmp_path, num_folds=2)
    benchmark = CPLFW(tmp_path, num_folds=2)
    benchmark.check()
    assert benchmark.fold.tolist() == [0] * 4 + [1] * 4
    assert benchmark.pairs.same.tolist() == [True, True, False, False] * 2
    people = [Path(benchmark.images.where(i)).name.rpartition("_")[0] for i in benchmark.pairs.first]
    assert set(people[:4]).isdisjoint(people[4:])


def test_missing_data_say_where_they_come_from(tmp_path: Path) -> None:
    with pytest.raises(DataNotFoundError, match=r"pairs_CPLFW\.txt is missing.*whdeng\.cn/CPLFW"):
        CPLFW(tmp_path).check()
