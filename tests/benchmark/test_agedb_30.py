"""AgeDB-30 from a list in text."""

from pathlib import Path

import pytest

from marginface.benchmark.agedb_30 import AgeDB30
from marginface.data.errors import DataNotFoundError
from marginface.data.layout.agedb_30 import write_agedb_30


def test_the_folds_of_the_list(tmp_path: Path) -> None:
    write_agedb_30(tmp_path, num_folds=2)
    benchmark = AgeDB30(tmp_path, num_folds=2)
    benchmark.check()
    assert benchmark.fold.tolist() == [0] * 4 + [1] * 4
    for a, b, same in zip(benchmark.pairs.first, benchmark.pairs.second, benchmark.pairs.same, strict=True):
        people = {Path(benchmark.images.where(i)).name.split("_")[1] for i in (a, b)}
        assert (len(people) == 1) == same


def test_missing_data_say_how_the_matlab_file_becomes_the_list(tmp_path: Path) -> None:
    with pytest.raises(DataNotFoundError, match=r"agedb_30\.txt is missing.*CVPRW 2017.*the MATLAB splits as lines"):
        AgeDB30(tmp_path).check()
