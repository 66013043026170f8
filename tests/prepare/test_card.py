"""Data cards: read as written, or refused with the reason."""

import json
from pathlib import Path

import pytest

from marginface.data import DataError, DataNotFoundError
from marginface.prepare import Card, read_card, write_card
from marginface.prepare.card import file_hashes, file_sha256, file_sizes

CARD = Card("align", image_size=(112, 96), num_images=3, template=((1.0, 2.5), (3.0, 4.0)), dropped={"missing file": 2})


def test_a_card_is_read_as_written(tmp_path: Path) -> None:
    write_card(tmp_path / "card.json", CARD)
    assert read_card(tmp_path / "card.json") == CARD
    assert [path.name for path in tmp_path.iterdir()] == ["card.json"]
    assert CARD.sha256() == file_sha256(tmp_path / "card.json")


def test_the_hash_of_a_file_is_the_one_of_sha256sum(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert file_hashes(tmp_path, [tmp_path / "a"]) == {"a": expected}
    assert file_sizes(tmp_path, ["a"]) == {"a": 3}


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("{", "", "is no JSON"),
        ("data card 1", "data card 9", "is no 'marginface data card 1'"),
        ("num_pairs", "num_triplets", r"field\(s\) num_pairs, num_triplets are unknown or missing"),
    ],
)
def test_another_file_is_refused(tmp_path: Path, old: str, new: str, words: str) -> None:
    path = tmp_path / "card.json"
    write_card(path, CARD)
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(DataError, match=words):
        read_card(path)


def test_a_missing_card_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataNotFoundError, match=r"card\.json is missing: expected a data card"):
        read_card(tmp_path / "card.json")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("step", None),
        ("finished", "no"),
        ("finished", 1),
        ("image_size", 112),
        ("image_size", [112]),
        ("image_size", [0, 112]),
        ("image_size", [112.5, 112]),
        ("num_images", -1),
        ("num_images", 10**400),
        ("num_pairs", True),
        ("template", [[1, 2, 3]]),
        ("template", [[1, float("nan")]]),
        ("template", 5),
        ("files_sha256", {"a": 1}),
        ("dropped", {"a": []}),
        ("dropped", [3]),
        ("pack_layout", {}),
        ("pack_layout", {"header_first": 1, "header_id2": 1, "property_end": ""}),
        ("pack_layout", {"header_first": True, "header_id2": 1, "property_end": "", "more": 1}),
    ],
)
def test_a_field_of_another_type_is_named(tmp_path: Path, field: str, value: object) -> None:
    path = tmp_path / "card.json"
    write_card(path, CARD)
    path.write_text(json.dumps({**json.loads(path.read_text()), field: value}))
    with pytest.raises(DataError, match=rf"field\(s\) {field} hold what no step writes"):
        read_card(path)


def test_a_card_nested_without_end_is_refused(tmp_path: Path) -> None:
    (tmp_path / "card.json").write_text("[" * 50_000)
    with pytest.raises(DataError, match="is no JSON"):
        read_card(tmp_path / "card.json")
