from pathlib import Path

import pytest

from marginface.audit import read_names
from marginface.data import DataError, DataNotFoundError

VGGFACE2 = """Class_ID, Name, Sample_Num, Flag, Gender
n000001, "14th_Dalai_Lama", 424, 0, m
n000003, "Davis,_Sammy_Jr.", 100, 1, m
n000002, "A_Fine_Frenzy", 315, 1, f
"""


def written(folder: Path, text: str, name: str = "names.txt") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("text", "layout", "names", "ids"),
    [
        ("\ufeffAnn B\n\n  Carl \n", "name", ["Ann B", "Carl"], None),
        ("Aaron_Eckhart\t1\nAaron_Guiel\t12\n", "name_count", ["Aaron_Eckhart", "Aaron_Guiel"], None),
        ("1\n2\nAaron_Eckhart\t1\n10\nAaron_Guiel\t12\n", "name_count", ["Aaron_Eckhart", "Aaron_Guiel"], None),
        ("n000001\tAnn Other\nm.2\t\tBob 2\n", "id_name", ["Ann Other", "Bob 2"], ["n000001", "m.2"]),
        ("0000045 Ann Other\n0000099\tBob\n", "id_name", ["Ann Other", "Bob"], ["0000045", "0000099"]),
        (
            'm.0107_f\t"Jonathan Crombie"@en\nm.0107_f\t"Джонатан \\"К\\" Кромби"@ru\n',
            "id_name_language",
            ["Jonathan Crombie", 'Джонатан \\"К\\" Кромби'],
            ["m.0107_f", "m.0107_f"],
        ),
        ("50 Cent\n14th Dalai Lama\n", "name", ["50 Cent", "14th Dalai Lama"], None),
        ("0000045 Ann Other\nBob\n", "name", ["0000045 Ann Other", "Bob"], None),  # not all lines have an id
    ],
)
def test_layouts_are_told_by_all_lines(
    tmp_path: Path, text: str, layout: str, names: list[str], ids: list[str] | None
) -> None:
    found = read_names(written(tmp_path, text))
    assert (found.layout, found.names, found.ids) == (layout, names, ids)


def test_vggface2_names_follow_the_ids_of_the_classes(tmp_path: Path) -> None:
    found = read_names(written(tmp_path, VGGFACE2, "identity_meta.csv"))
    assert found.layout == "id_name_csv"
    assert found.of_classes(["n000002", "n000003"]) == [["A_Fine_Frenzy"], ["Davis,_Sammy_Jr."]]
    assert found.of_classes(None) == [["14th_Dalai_Lama"], ["Davis,_Sammy_Jr."], ["A_Fine_Frenzy"]]
    with pytest.raises(
        ValueError, match=r"no name for 1 of the 2 classes, the first is 'n7': its ids, such as 'n000001'"
    ):
        found.of_classes(["n000001", "n7"])


def test_an_id_may_have_several_names(tmp_path: Path) -> None:
    found = read_names(written(tmp_path, 'm.1\t"Ann"@en\nm.2\t"Bob"@en-gb\nm.1\t"Анна"@ru\n'))
    assert found.of_classes(None) == [["Ann", "Анна"], ["Bob"]]
    assert found.of_classes(["m.2", "m.1"]) == [["Bob"], ["Ann", "Анна"]]


def test_a_list_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataNotFoundError, match=r"none\.txt is missing"):
        read_names(tmp_path / "none.txt")
    for text, name, message in (
        ("\n \n", "names.txt", "holds no name"),
        ("Ann\tB\nCarl\t4\n", "names.txt", "is a table of no known layout: 'Ann"),
        ("Name\nAnn\n", "names.csv", "has the columns Name: a csv of names needs Class_ID and Name"),
        ("Class_ID, Name\n", "names.csv", "holds no name"),
        ("Class_ID, Name\nn1, Ann\nn2\n", "names.csv", "row 3: 'n2' lacks an id or a name"),
    ):
        with pytest.raises(DataError, match=message):
            read_names(written(tmp_path, text, name))
    path = tmp_path / "names.txt"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match="no UTF-8 text"):
        read_names(path)


@pytest.mark.parametrize("line", ["x" * 200_000, "_" * 200_000 + "\t", "(" * 200_000])
def test_a_line_that_is_no_name_is_refused_at_once(tmp_path: Path, line: str) -> None:
    with pytest.raises(DataError, match=r"a line of 200\d\d\d characters"):
        read_names(written(tmp_path, f"Ann\n{line}x\n"))
