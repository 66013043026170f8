"""A pack under the name of a public set: other numbers than its makers state are told."""

from pathlib import Path

import pytest

from marginface.data import FaceRecords
from marginface.data.record.published_records import published_records


@pytest.mark.parametrize("stated", [{}, {"num_classes": 12}, {"num_classes": 12, "num_images": 96}])
def test_the_stated_pack_opens_in_silence(
    tiny_records: Path, caplog: pytest.LogCaptureFixture, stated: dict[str, int]
) -> None:
    records = published_records(tiny_records, **stated)
    assert isinstance(records, FaceRecords)
    assert (records.num_classes, len(records)) == (12, 96)
    assert not caplog.records


def test_another_pack_opens_with_a_warning_for_each_number(
    tiny_records: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert len(published_records(tiny_records, num_classes=10572, num_images=490623)) == 96
    [classes, images] = [record.getMessage() for record in caplog.records]
    assert classes.startswith(f"num_classes=10572 is stated of this set, but {tiny_records} holds 12: ")
    assert images.startswith(f"num_images=490623 is stated of this set, but {tiny_records} holds 96: ")
    assert "data.source.num_images=96" in images
