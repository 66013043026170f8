from pathlib import Path

from marginface.benchmark.own_pairs import OwnPairs
from marginface.data.layout.own_pairs import write_own_pairs


def test_the_list_names_images_that_are_there(tmp_path: Path) -> None:
    write_own_pairs(tmp_path, num_folds=2)
    benchmark = OwnPairs(tmp_path, "pairs.txt", num_folds=2)
    benchmark.check()
    assert benchmark.pairs.same.tolist() == [True, True, False, False] * 2
    assert benchmark.fold.tolist() == [0] * 4 + [1] * 4
    assert benchmark.images.load(0).shape == (112, 112, 3)
    assert benchmark.images.where(0).endswith("person 000/0.jpg")
