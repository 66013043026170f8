"""The layouts of landmark lists: each gives the same points, each bad line its message."""

import json
from pathlib import Path

import numpy as np
import pytest

from marginface.data import DataError, DataNotFoundError
from marginface.prepare import read_landmarks

POINTS = np.array([[10, 11], [20, 21], [30, 31], [40, 41], [50, 51.5]])
INTERLEAVED = [*map(str, POINTS.ravel().tolist())]
X_THEN_Y = [*map(str, POINTS.T.ravel().tolist())]
HEADER = "path," + ",".join(f"{axis}{n}" for n in range(1, 6) for axis in "xy")


@pytest.mark.parametrize(
    ("name", "text", "label"),
    [
        ("a.lst", "\t".join(["0", "b c/d.jpg", "7", "1", "2", "3", "4", *X_THEN_Y]), "7"),
        ("a.txt", "\t".join(["b c/d.jpg", *INTERLEAVED]), None),
        ("a.txt", "\t".join(["b c/d.jpg", "7", *INTERLEAVED]), "7"),
        ("a.csv", f"{HEADER},label,more\nb c/d.jpg,{','.join(INTERLEAVED)},7,x\n", "7"),
        ("a.csv", f'more,{HEADER}\n"x,y",b c/d.jpg,{",".join(INTERLEAVED)}\n', None),
        ("a.json", json.dumps({"b c/d.jpg": POINTS.tolist()}), None),
    ],
)
def test_a_layout_gives_the_points(tmp_path: Path, name: str, text: str, label: str | None) -> None:
    (tmp_path / name).write_text(text)
    (photo,) = read_landmarks(tmp_path / name)
    assert (photo.path, photo.label, photo.aligned) == ("b c/d.jpg", label, False)
    np.testing.assert_array_equal(photo.points, POINTS)


def test_white_space_parts_columns_where_there_is_no_tab(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("d.jpg   " + "  ".join(INTERLEAVED) + "\n\n")
    np.testing.assert_array_equal(read_landmarks(tmp_path / "a.txt")[0].points, POINTS)


def test_photos_without_landmarks_are_kept_for_the_list_of_failures(tmp_path: Path) -> None:
    (tmp_path / "a.lst").write_text("1\ta.jpg\t0\n0\tb.jpg\t0\t1\t2\t3\t4\n")
    (tmp_path / "a.json").write_text('{"a.jpg": null}')
    (tmp_path / "a.csv").write_text(f"{HEADER}\na.jpg{',' * 10}\n")
    rows = read_landmarks(tmp_path / "a.lst")
    assert [(row.points, row.aligned) for row in rows] == [(None, True), (None, False)]
    assert read_landmarks(tmp_path / "a.json")[0].points is None
    assert read_landmarks(tmp_path / "a.csv")[0].points is None


def test_a_csv_tells_the_faces_of_one_photo_apart(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(
        f"{HEADER},crop\na.jpg,{','.join(INTERLEAVED)},left\na.jpg,{','.join(INTERLEAVED)},\n"
    )
    left, right = read_landmarks(tmp_path / "a.csv")
    assert (left.crop, left.name, right.crop, right.name) == ("left", "a.jpg (left)", None, "a.jpg")


def test_a_crop_must_have_a_name_that_a_file_can_have(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(f"{HEADER},crop\na.jpg,{','.join(INTERLEAVED)},  \n")
    with pytest.raises(DataError, match="photo 1 has the path '  ', which no file can have: mend the row"):
        read_landmarks(tmp_path / "a.csv")


def test_the_layout_can_be_named(tmp_path: Path) -> None:
    (tmp_path / "list").write_text("\t".join(["d.jpg", *INTERLEAVED]))
    assert read_landmarks(tmp_path / "list", "sphereface_pytorch")[0].path == "d.jpg"
    with pytest.raises(ValueError, match=r"its ending tells no layout; pass layout=insightface\|sphereface_pytorch"):
        read_landmarks(tmp_path / "list")
    with pytest.raises(ValueError, match="layout='mtcnn' is unknown"):
        read_landmarks(tmp_path / "list", "mtcnn")
    with pytest.raises(DataNotFoundError, match=r"landmarks=.*none is missing"):
        read_landmarks(tmp_path / "none")


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("a.lst", "0\ta.jpg\t1\n0\tb.jpg\n", r"a\.lst line 2: '0\\tb\.jpg' where 'aligned path label"),
        ("a.lst", "2\ta.jpg\t1\n", "line 1"),
        ("a.txt", "a.jpg 1 2 3\n", r"line 1: 'a\.jpg 1 2 3' where 'path \[label\] x1 y1"),
        ("a.txt", "a.jpg " + "x " * 10, "line 1: .* where ten numbers"),
        ("a.txt", "a.jpg " + "nan " * 10, "line 1: .* where ten numbers"),
        ("a.lst", "\t".join(["0", "a.jpg", "7", *"1234", *["inf"] * 10]), "line 1: .* where ten numbers"),
        ("a.json", '{"a.jpg": [[1, 2], [1, 2], [1, 2], [1, 2], [1, NaN]]}', "instead of five|NaN"),
        ("a.csv", "path,x1\n", r"line 1: column\(s\) y1, x2"),
        ("a.csv", f"{HEADER}\na.jpg,1\n", "line 2"),
        ("a.json", "[]", "holds a list"),
        ("a.json", "{", "is no JSON"),
        ("a.json", '{"a.jpg": [[1, 2]]}', r"'a\.jpg' has \[\[1, 2\]\] instead of five"),
        ("a.json", '{"a.jpg": [[1], [2, 3]]}', "instead of five"),
        ("a.json", "{}", "holds no photo"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, name: str, text: str, words: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(DataError, match=words):
        read_landmarks(tmp_path / name)


LONG = "9" * 5000


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.txt", b"\xff " + b" ".join([b"1"] * 10), "no text of the layout"),
        ("a.csv", b"\xff", "no text of the layout"),
        ("a.csv", f"{HEADER}\n{'x' * 200_000},{','.join(INTERLEAVED)}".encode(), "no text of the layout"),
        ("a.csv", f"{HEADER.replace('path,', '')},path\n{','.join(INTERLEAVED)}".encode(), "photo 1 has the path None"),
        ("a.csv", f"{HEADER}\na\0.jpg,{','.join(INTERLEAVED)}".encode(), "photo 1 has the path 'a"),
        ("a.lst", b"1\t\t0\n", "photo 1 has the path ''"),
        ("a.lst", b"1\t./\t0\n", "photo 1 has the path './'"),
        *(
            ("a.txt", f"a.jpg {word} {' '.join(INTERLEAVED[1:])}".encode(), "ten numbers")
            for word in ("nan", "1e400", "1_0")
        ),
        ("a.json", b'{"a": [[1, 2], [3, 4], [5, 6], [7, 8], [9, NaN]]}', "instead of five"),
        ("a.json", b'{"a": [[1, 2], [3, 4], [5, 6], [7, 8], [9, 1' + b"0" * 400 + b"]]}", "instead of five"),
        ("a.json", b'{"a": ' + b"[" * 300 + b"]" * 300 + b"}", "instead of five"),
        ("a.json", b'{"a": ' + LONG.encode() + b"}", "is no JSON"),
        ("a.json", b"[" * 50_000, "is no JSON"),
    ],
)
def test_damage_is_refused(tmp_path: Path, name: str, content: bytes, words: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=words):
        read_landmarks(tmp_path / name)
