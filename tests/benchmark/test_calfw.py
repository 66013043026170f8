"""CALFW from its original list."""

from pathlib import Path

import pytest

from marginface.benchmark.calfw import CALFW
from marginface.data.errors import DataNotFoundError
from marginface.data.layout.calfw import write_calfw


def test_pairs_of_both_halves_of_the_list_make_a_fold(tmp_path: Path) -> None:
    write_calfw(tmp_path, num_folds=2)
    benchmark = CALFW(tmp_path, num_folds=2)
    benchmark.check()
    assert benchmark.fold.tolist() == [0] * 4 + [1] * 4
    assert benchmark.pairs.same.tolist() == [True, True, False, False] * 2
    people = [Path(benchmark.images.where(i)).name.rpartition("_")[0] for i in benchmark.pairs.first]
    assert set(people[:4]).isdisjoint(people[4:])


def test_missing_data_say_where_they_come_from(tmp_path: Path) -> None:
    with pytest.raises(DataNotFoundError, match=r"pairs_CALFW\.txt is missing.*whdeng\.cn/CALFW"):
        CALFW(tmp_path).check()
