import pickle
from pathlib import Path

import numpy as np
import pytest

from marginface.data.errors import DataError, DataNotFoundError, LabelError
from marginface.data.list_file import ListFile

FILES = ("zoe/1.jpg", "ann/b b.jpg", "ann/a.jpg")


def listed(root: Path, text: str | bytes, files: tuple[str, ...] = FILES) -> Path:
    for file in files:
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).write_bytes(file.encode())
    (root / "train.txt").write_bytes(text if isinstance(text, bytes) else text.encode())
    return root


def content(faces: ListFile) -> list[tuple[str, str]]:
    return [(faces.read(i).decode(), faces.classes[label]) for i, label in enumerate(faces.labels)]


def test_path_and_label_keep_the_order_of_the_list(tmp_path: Path) -> None:
    faces = ListFile(listed(tmp_path, "zoe/1.jpg 10\n\nann/b b.jpg\t9\r\nann/a.jpg   9"), image_size=(112, 96))
    assert content(faces) == [("zoe/1.jpg", "10"), ("ann/b b.jpg", "9"), ("ann/a.jpg", "9")]
    assert faces.classes == ["9", "10"]  # as integers, not as words
    assert faces.labels.dtype == np.int64
    assert (len(faces), faces.num_classes, faces.image_size) == (3, 2, (112, 96))
    assert faces.where(1) == str(tmp_path / "ann" / "b b.jpg")


def test_labels_may_be_names(tmp_path: Path) -> None:
    faces = ListFile(listed(tmp_path, "zoe/1.jpg zoe\nann/a.jpg ann\n"))
    assert (faces.classes, faces.labels.tolist()) == (["ann", "zoe"], [1, 0])


def test_the_folder_is_the_class(tmp_path: Path) -> None:
    faces = ListFile(listed(tmp_path, "zoe/1.jpg\nann/b b.jpg\nann/a.jpg\n"), layout="folder")
    assert content(faces) == [("zoe/1.jpg", "zoe"), ("ann/b b.jpg", "ann"), ("ann/a.jpg", "ann")]


def test_the_list_of_im2rec(tmp_path: Path) -> None:
    faces = ListFile(listed(tmp_path, "0\t1.000000\tzoe/1.jpg\n1\t0\tann/b b.jpg\n"), layout="lst")
    assert content(faces) == [("zoe/1.jpg", "1"), ("ann/b b.jpg", "0")]


def test_list_and_images_may_lie_apart(tmp_path: Path) -> None:
    listed(tmp_path / "images", "")
    (tmp_path / "mine.txt").write_text(f"{tmp_path}/images/zoe/1.jpg 0\n", encoding="utf-8-sig")
    faces = ListFile(tmp_path / "elsewhere", tmp_path / "mine.txt")
    assert faces.read(0) == b"zoe/1.jpg"


def test_a_pickled_list_reads_the_same(tmp_path: Path) -> None:
    faces = pickle.loads(pickle.dumps(ListFile(listed(tmp_path, "zoe/1.jpg 0\nann/a.jpg 1"))))
    assert faces.read(1) == b"ann/a.jpg"


def test_a_line_costs_its_text_and_16_bytes(tmp_path: Path) -> None:
    names = tuple(f"ann/{i:04}.jpg" for i in range(1000))
    faces = ListFile(listed(tmp_path, "\n".join(names), names), layout="folder")
    assert len(pickle.dumps(faces)) < 1000 * (12 + 16) + 2000


@pytest.mark.parametrize(
    ("layout", "line", "example"),
    [
        ("path_label", "ann/a.jpg", "`path label`"),
        ("folder", "a.jpg", "`subject/image`"),
        ("folder", "ann/", "`subject/image`"),
        ("folder", "./a.jpg", "`subject/image`"),
        ("lst", "0 1 ann/a.jpg", "`number<TAB>label<TAB>path`"),
        ("lst", "0\t0.5\tann/a.jpg", "`number<TAB>label<TAB>path`"),
        ("lst", "0\tinf\tann/a.jpg", "`number<TAB>label<TAB>path`"),
        ("lst", "x\t1\tann/a.jpg", "`number<TAB>label<TAB>path`"),
    ],
)
def test_a_line_of_another_layout_is_named_by_its_number(tmp_path: Path, layout: str, line: str, example: str) -> None:
    good = {"path_label": "zoe/1.jpg 0", "folder": "zoe/1.jpg", "lst": "0\t0\tzoe/1.jpg"}[layout]
    with pytest.raises(DataError, match=rf"train\.txt line 3: .* is not {example}.*layout='{layout}'.*another layout"):
        ListFile(listed(tmp_path, f"{good}\n\n{line}\n"), layout=layout)


@pytest.mark.parametrize("line", [b"\xff\xfe\x00 1", b"ann/\0.jpg 1"])
def test_a_binary_line_is_refused(tmp_path: Path, line: bytes) -> None:
    with pytest.raises(DataError, match=r"train\.txt line 1"):
        ListFile(listed(tmp_path, line))


def test_random_lists_give_typed_errors(tmp_path: Path) -> None:
    words = [*(b"ann/a.jpg", b"zoe/1.jpg", b" ", b"\t", b"\n", b"0", b"9" * 5000, b"x" * 300), *(b"\xff", b"/", b"..")]
    rng = np.random.default_rng(0)
    for _ in range(25):
        text = b"".join(words[i] for i in rng.integers(len(words), size=rng.integers(12)))
        for layout in ("path_label", "folder", "lst"):
            try:
                ListFile(listed(tmp_path, text), layout=layout)
            except DataError:
                continue


def test_missing_files_are_counted_and_the_first_is_named(tmp_path: Path) -> None:
    root = listed(tmp_path, "zoe/1.jpg 0\nzoe/2.jpg 0\nann/a.jpg 1\nbob/1.jpg 2\nzoe/1.jpg/x.jpg 2\n")
    with pytest.raises(DataNotFoundError, match=r"3 of the 5 files .* the first is zoe/2\.jpg, line 2\. Set root"):
        ListFile(root)
    faces = ListFile(root, check_files=False)
    with pytest.raises(DataNotFoundError, match=r"zoe/2\.jpg, listed in .*train\.txt, is missing"):
        faces.read(1)


@pytest.mark.parametrize("label", ["0", "1"])
def test_a_path_that_comes_twice_is_refused(tmp_path: Path, label: str) -> None:
    with pytest.raises(LabelError, match=r"zoe/1\.jpg stands in lines 1 and 3"):
        ListFile(listed(tmp_path, f"zoe/1.jpg 0\nann/a.jpg 1\nzoe/1.jpg {label}\n"))


def test_no_list_no_line_no_layout_no_sample(tmp_path: Path) -> None:
    with pytest.raises(DataNotFoundError, match=r"other\.txt is missing.*Set list_path"):
        ListFile(tmp_path, "other.txt")
    with pytest.raises(DataError, match="lists no image"):
        ListFile(listed(tmp_path, "\n  \n"))
    with pytest.raises(ValueError, match=r"layout='csv' is unknown; choose 'path_label', 'folder', 'lst'"):
        ListFile(tmp_path, layout="csv")
    with pytest.raises(IndexError, match="samples 0 to 0"):
        ListFile(listed(tmp_path, "zoe/1.jpg 0")).read(-1)
