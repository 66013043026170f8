"""CFP from its original lists."""

from pathlib import Path

import pytest

from marginface.benchmark.cfp import CFP
from marginface.data.errors import DataNotFoundError
from marginface.data.layout.cfp import write_cfp


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("cfp")
    write_cfp(root, num_folds=2)
    return root


@pytest.mark.parametrize(("split", "second"), [("FF", "frontal"), ("FP", "profile")])
def test_the_views_and_folds_of_a_split(root: Path, split: str, second: str) -> None:
    benchmark = CFP(root, split, num_folds=2)
    benchmark.check()
    assert benchmark.fold.tolist() == [0] * 4 + [1] * 4
    assert benchmark.pairs.same.tolist() == [True, True, False, False] * 2
    for a, b, same in zip(benchmark.pairs.first, benchmark.pairs.second, benchmark.pairs.same, strict=True):
        left, right = (Path(benchmark.images.where(i)) for i in (a, b))
        assert (left.parts[-2], right.parts[-2]) == ("frontal", second)
        assert (left.parts[-3] == right.parts[-3]) == same


def test_an_unknown_split_and_missing_lists(root: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="split='PP'"):
        CFP(root, "PP")
    with pytest.raises(DataNotFoundError, match=r"WACV 2016.*Expected cfp_ff\.bin"):
        CFP(tmp_path / "cfp_fp.bin")
    with pytest.raises(DataNotFoundError, match=r"Pair_list_F\.txt is missing.*WACV 2016.*Split"):
        CFP(tmp_path).check()
