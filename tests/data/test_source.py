import pickle
from pathlib import Path

import numpy as np
import pytest

from marginface.data.face_records import FaceRecords, write_face_records
from marginface.data.source import FaceSource, Subset


@pytest.fixture
def source(tmp_path: Path) -> FaceSource:
    write_face_records(tmp_path, [(0, b"a0"), (0, b"a1"), (1, b"b0"), (2, b"c0"), (2, b"c1")])
    return FaceRecords(tmp_path)


def test_a_subset_reads_its_samples_under_contiguous_labels(source: FaceSource) -> None:
    subset: FaceSource = Subset(source, np.array([4, 0, 3]))
    assert [subset.read(i) for i in range(len(subset))] == [b"c1", b"a0", b"c0"]
    assert subset.labels.tolist() == [1, 0, 1]
    assert subset.num_classes == 2
    assert subset.where(0) == source.where(4)


def test_a_pickled_subset_reads_the_same(source: FaceSource) -> None:
    assert pickle.loads(pickle.dumps(Subset(source, np.array([2])))).read(0) == b"b0"


@pytest.mark.parametrize("index", [-1, 5])
def test_an_index_outside_the_source_is_refused(source: FaceSource, index: int) -> None:
    with pytest.raises(ValueError, match=rf"indices holds {index}, but the source has 5 samples"):
        Subset(source, np.array([0, index]))
