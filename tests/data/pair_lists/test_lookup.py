"""Images of listed pairs."""

from pathlib import Path

import pytest

from marginface.data.errors import DataNotFoundError
from marginface.data.pair_lists import ListedPair, Origin, find_images

ORIGIN = Origin("Tiny", "the paper", "a.jpg and others")
LISTED = [
    ListedPair("a", "b", True, 0, "list, line 1"),
    ListedPair("c", "a", False, 0, "list, line 2"),
    ListedPair("b", "d", True, 1, "list, line 3"),
]


def images(folder: Path, names: str) -> Path:
    for name in names:
        (folder / name).write_bytes(name.encode())
    return folder


def test_every_image_is_held_once(tmp_path: Path) -> None:
    found = find_images(LISTED, images(tmp_path, "abcde"), ORIGIN)
    assert list(found.pairs.images) == [b"a", b"b", b"c", b"d"]
    sides = [
        (found.pairs.images[a], found.pairs.images[b])
        for a, b in zip(found.pairs.first, found.pairs.second, strict=True)
    ]
    assert sides == [(b"a", b"b"), (b"c", b"a"), (b"b", b"d")]
    assert (found.fold.tolist(), found.place.tolist()) == ([0, 0, 1], [0, 1, 2])
    assert found.pairs.same.tolist() == [True, False, True]


def test_missing_images_are_refused_or_leave_out_their_pairs(tmp_path: Path) -> None:
    images(tmp_path, "abd")
    with pytest.raises(
        DataNotFoundError, match=r"1 of the 4 images are missing .* first is c \(list, line 2\).*on_missing"
    ):
        find_images(LISTED, tmp_path, ORIGIN)
    found = find_images(LISTED, tmp_path, ORIGIN, on_missing="exclude")
    assert list(found.pairs.images) == [b"a", b"b", b"d"]
    assert (found.fold.tolist(), found.place.tolist()) == ([0, 1], [0, 2])
    with pytest.raises(ValueError, match="on_missing='skip'"):
        find_images(LISTED, tmp_path, ORIGIN, on_missing="skip")


@pytest.mark.parametrize("on_missing", ["fail", "exclude"])
def test_without_any_image_there_is_nothing_to_leave_out(tmp_path: Path, on_missing: str) -> None:
    with pytest.raises(DataNotFoundError, match=r"4 of the 4 .*set images to their folder.*Tiny comes from the paper"):
        find_images(LISTED, tmp_path, ORIGIN, on_missing)


def test_a_name_that_no_file_can_have_is_missing(tmp_path: Path) -> None:
    listed = [LISTED[0], ListedPair("a", "x" * 300, False, 0, "list, line 2")]
    with pytest.raises(DataNotFoundError, match="1 of the 3 images are missing"):
        find_images(listed, images(tmp_path, "ab"), ORIGIN)
    assert find_images(listed, tmp_path, ORIGIN, "exclude").place.tolist() == [0]
