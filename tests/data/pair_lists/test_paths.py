from pathlib import Path

import pytest

from marginface.data.errors import DataNotFoundError, PairsError
from marginface.data.pair_lists.paths import read_path_pairs


def read(folder: Path, text: str, layout: str = "paths_label", num_folds: int = 2) -> list[tuple[str, str, bool, int]]:
    (folder / "pairs.txt").write_text(text)
    return [pair[:4] for pair in read_path_pairs(folder / "pairs.txt", layout, num_folds)]


def test_both_layouts_and_both_separators(tmp_path: Path) -> None:
    expected = [("a/1.jpg", "a/2.jpg", True, 0), ("a/1.jpg", "b/1.jpg", False, 1)]
    assert read(tmp_path, "a/1.jpg a/2.jpg 1\n\na/1.jpg  b/1.jpg 0\n") == expected
    assert read(tmp_path, "1 a/1.jpg a/2.jpg\r\n0 a/1.jpg b/1.jpg", "label_paths") == expected
    assert read(tmp_path, "a b/1.jpg\ta b/2.jpg\t1\n", num_folds=1) == [("a b/1.jpg", "a b/2.jpg", True, 0)]


def test_a_list_without_folds_is_cut_into_contiguous_parts(tmp_path: Path) -> None:
    pairs = read(tmp_path, "".join(f"{i}.jpg x.jpg 0\n" for i in range(5)))
    assert [pair[3] for pair in pairs] == [0, 0, 0, 1, 1]


def test_folds_by_the_column_are_gathered_and_numbered_from_0(tmp_path: Path) -> None:
    pairs = read(tmp_path, "0 a b 7\n1 c d 3\n0 e f 7\n1 g h 3\n", "label_paths", num_folds=9)
    assert [(pair[0], pair[3]) for pair in pairs] == [("c", 0), ("g", 0), ("a", 1), ("e", 1)]


@pytest.mark.parametrize("line", ["a b", "a b 2", "a b yes", "a b 1 first", "a b 1 0 0", "a b 1 3"])
def test_a_line_of_another_form_is_refused(tmp_path: Path, line: str) -> None:
    with pytest.raises(PairsError, match=r"line 2.*path1 path2 label \[fold\]"):
        read(tmp_path, f"x y 1\n{line}\n")


def test_an_image_with_itself_and_a_pair_twice_are_refused(tmp_path: Path) -> None:
    with pytest.raises(PairsError, match=r"line 1.*paired with itself"):
        read(tmp_path, "a a 1\n")
    with pytest.raises(PairsError, match=r"line 2.*stands already"):
        read(tmp_path, "a b 1\na b 1\n")


def test_an_empty_and_a_missing_list(tmp_path: Path) -> None:
    with pytest.raises(PairsError, match="is empty"):
        read(tmp_path, "\n")
    with pytest.raises(DataNotFoundError, match="absent"):
        read_path_pairs(tmp_path / "absent.txt")


@pytest.mark.parametrize("line", ["\tb\t1", "a\t\t1", f"a\tb\t1\t{'9' * 5000}"])
def test_a_path_that_is_empty_and_a_fold_of_thousands_of_digits(tmp_path: Path, line: str) -> None:
    with pytest.raises(PairsError, match="line 1: expected"):
        read(tmp_path, f"{line}\n")
