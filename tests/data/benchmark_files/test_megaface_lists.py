"""Photo and noise lists of MegaFace, as the development kit and ArcFace's authors wrote them."""

import json
from pathlib import Path

import pytest

from marginface.data.benchmark_files.megaface_lists import (
    PhotoList,
    is_noise,
    read_noises,
    read_photo_list,
    write_photo_list,
)
from marginface.data.errors import DataError, DataNotFoundError


def test_lists_are_read_back(tmp_path: Path) -> None:
    probes = PhotoList(["A/A_1.png", "B/B_2.png"], ["A", "B"])
    write_photo_list(tmp_path / "probes.json", probes)
    assert json.loads((tmp_path / "probes.json").read_text()) == {"path": ["A/A_1.png", "B/B_2.png"], "id": ["A", "B"]}
    assert read_photo_list(tmp_path / "probes.json", with_identity=True) == probes
    write_photo_list(tmp_path / "others.json", PhotoList(["534/5@N00/3_1.jpg"]))
    assert json.loads((tmp_path / "others.json").read_text()) == {"path": ["534/5@N00/3_1.jpg"]}
    assert read_photo_list(tmp_path / "others.json", with_identity=False) == PhotoList(["534/5@N00/3_1.jpg"])


def test_identities_may_be_numbers(tmp_path: Path) -> None:
    (tmp_path / "list").write_text('{"path": ["a", "b"], "id": [1, 2]}')
    assert read_photo_list(tmp_path / "list", with_identity=True).identity == ["1", "2"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "no JSON"),
        ("[1]", 'no list of names under "path"'),
        ('{"path": "a"}', 'no list of names under "path"'),
        ('{"path": [["a"]], "id": ["x"]}', 'no list of names under "path"'),
        ('{"path": [], "id": []}', 'nothing under "path"'),
        ('{"path": ["a"]}', 'no list of names under "id"'),
        ('{"path": ["a", "b"], "id": ["x"]}', "2 entries in path, but 1 in id"),
        ('{"path": ["a", "b", "a"], "id": ["x", "x", "x"]}', "names a 2 times"),
        ('{"path": ["a", "../b"], "id": ["x", "x"]}', r"\.\./b, which is not below"),
        ('{"path": ["/etc/a"], "id": ["x"]}', "/etc/a, which is not below"),
    ],
)
def test_damaged_lists_are_refused(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "list.json").write_text(text)
    with pytest.raises(DataError, match=rf"list\.json .*{message}"):
        read_photo_list(tmp_path / "list.json", with_identity=True)


def test_a_missing_list_says_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "fgnet_feature_list.json").touch()
    with pytest.raises(DataNotFoundError, match=r"absent is missing; .* holds fgnet_feature_list\.json"):
        read_photo_list(tmp_path / "absent", with_identity=True)
    with pytest.raises(DataNotFoundError, match=r"noise list .*absent is missing"):
        read_noises(tmp_path / "absent")


def test_noise_is_named_by_path_or_by_name_alone(tmp_path: Path) -> None:
    text = "#Please cite us.\nAaron_Eckhart_136.png\n375/37531198@N00/4174611825_0.jpg\nx\t9/9@N00/8_1.jpg\n\n"
    (tmp_path / "noises.txt").write_text(text)
    noises = read_noises(tmp_path / "noises.txt")
    assert noises == {"Aaron_Eckhart_136.png", "375/37531198@N00/4174611825_0.jpg", "9/9@N00/8_1.jpg"}
    assert is_noise("Aaron_Eckhart/Aaron_Eckhart_136.png", noises)
    assert is_noise("375/37531198@N00/4174611825_0.jpg", noises)
    assert is_noise("9/9@N00/8_1.jpg", noises)
    assert not is_noise("375/4@N00/4174611825_0.jpg", noises)  # another folder, the same name
    assert not is_noise("Aaron_Eckhart/Aaron_Eckhart_13.png", noises)


@pytest.mark.parametrize(
    "content", [b"[" * 50_000, b"\xff", b'{"path": ["\\ud800"]}'], ids=["deep", "bytes", "half a pair"]
)
def test_lists_that_json_or_file_names_cannot_hold_are_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "list").write_bytes(content)
    with pytest.raises(DataError, match="list is no JSON"):
        read_photo_list(tmp_path / "list", with_identity=False)


def test_noise_lists_that_are_no_text_are_refused(tmp_path: Path) -> None:
    (tmp_path / "list").write_bytes(b"a.png\n\xff\n")
    with pytest.raises(DataError, match="list is no text file"):
        read_noises(tmp_path / "list")
