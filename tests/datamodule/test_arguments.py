"""Arguments of the data module that are out of range, and where its images may come from."""

import logging
from pathlib import Path

import pytest
from small_module import flat, module

from marginface.data import DataNotFoundError, ImageFolder, write_face_records


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"batch_size": 0}, "batch_size=0 is less than 1"),
        ({"eval_batch_size": 0}, "eval_batch_size=0 is less than 1"),
        ({"num_workers": -1}, "num_workers=-1 is less than 0"),
        ({"min_images_per_identity": 0}, "min_images_per_identity=0 is less than 1"),
        ({"min_images_per_identity": 9}, "min_images_per_identity=9 leaves 0 of 12"),
        ({"num_identities": 13}, "num_identities=13, but 12 identities are left"),
        ({"num_validation_identities": -1}, "num_validation_identities=-1 is less than 0"),
        ({"num_validation_identities": 11}, "num_validation_identities=11.*between 0 and 10"),
        ({"on_error": "ignore"}, "on_error='ignore'.*'fail' or 'skip'"),
        ({"benchmarks": {"heldout": None}}, "benchmark name 'heldout' is taken"),
    ],
)
def test_arguments_out_of_range_are_named(tiny_records: Path, options: dict, named: str) -> None:
    with pytest.raises(ValueError, match=named):
        module(tiny_records, **options)


def test_a_batch_larger_than_the_data_is_refused(tiny_records: Path) -> None:
    with pytest.raises(ValueError, match=r"batch_size=97 .*there are 96"):
        module(tiny_records, batch_size=97).train_dataloader()


def test_missing_data_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataNotFoundError, match="property is missing"):
        module(tmp_path / "absent")


def test_data_are_generated_once_where_there_are_none(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    made = []

    def generate(root: Path) -> None:
        made.append(root)
        write_face_records(root, [(c, flat(c)) for c in range(8)])

    with caplog.at_level(logging.INFO):
        assert module(tmp_path / "faces", generate=generate).num_classes == 8
    assert "generating" in caplog.text
    assert module(tmp_path / "faces", generate=generate).num_classes == 8
    assert made == [tmp_path / "faces"]


def test_another_source(tmp_path: Path) -> None:
    for person in ("ann", "bob"):
        (tmp_path / person).mkdir()
        for i in range(4):
            (tmp_path / person / f"{i}.jpg").write_bytes(flat(i))
    data = module(tmp_path, source=ImageFolder)
    assert data.num_classes == 2
    assert next(iter(data.train_dataloader()))["image"].shape == (8, 3, 112, 112)
