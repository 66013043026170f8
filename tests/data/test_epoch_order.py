from pathlib import Path

import numpy as np
import pytest

from marginface.data import BatchSampler, FaceDataset, FaceRecords
from marginface.data.epoch_order import order_of, refuse_other_order


def order(folder: Path, indices: np.ndarray, labels: np.ndarray | None = None, **options) -> dict:
    source = FaceRecords(folder)
    labels = source.labels[indices] if labels is None else labels
    return order_of(BatchSampler(len(indices), 8, **options), FaceDataset(source, indices, labels, (112, 112)))


def test_images_and_labels_have_a_checksum(tiny_records: Path) -> None:
    whole = order(tiny_records, np.arange(96))
    assert whole == order(tiny_records, np.arange(96, dtype=np.int32))
    others = [order(tiny_records, np.arange(96)[::-1]), order(tiny_records, np.arange(96), np.zeros(96))]
    assert len({each["training set"] for each in (whole, *others)}) == 3


def test_the_number_of_processes_may_change_if_the_global_batch_does_not(tiny_records: Path) -> None:
    before = order(tiny_records, np.arange(96))
    sampler = BatchSampler(96, 4, rank=1, world_size=2)
    source = FaceRecords(tiny_records)
    refuse_other_order(before, order_of(sampler, FaceDataset(source, np.arange(96), source.labels, (112, 112))))
    with pytest.raises(ValueError, match=r"batch_size x processes=16, .* of batch_size x processes=8: resume with"):
        refuse_other_order(before, order(tiny_records, np.arange(96), world_size=2))


def test_a_setting_that_is_gone_is_a_difference() -> None:
    with pytest.raises(ValueError, match=r"num_images=None, .* of num_images=4"):
        refuse_other_order({"seed": 0, "num_images": 4}, {"seed": 0})
