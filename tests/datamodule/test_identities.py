"""Which identities and images are trained on."""

from pathlib import Path

import numpy as np
import pytest
from small_module import SPLIT, flat, module

from marginface.data import FaceRecords, write_face_records
from marginface.datamodule import HELDOUT


def test_a_subset_of_identities_is_validated_like_the_whole(tiny_records: Path) -> None:
    whole, some = module(tiny_records, **SPLIT), module(tiny_records, num_identities=3, **SPLIT)
    assert some.num_classes == 3
    assert sorted(set(some.train_labels)) == [0, 1, 2]
    assert len(some.train_indices) == 3 * 8
    assert set(some.train_indices) < set(whole.train_indices)
    assert list(some.validation[HELDOUT].images) == list(whole.validation[HELDOUT].images)


def test_small_identities_are_neither_trained_nor_validated_on(tmp_path: Path) -> None:
    counts = [6, 1, 6, 2, 6, 6]
    write_face_records(tmp_path, [(c, flat(40 * c + i)) for c, n in enumerate(counts) for i in range(n)])
    split = {"num_validation_identities": 2, "num_validation_pairs": 4, "num_validation_folds": 1}
    data = module(tmp_path, batch_size=4, min_images_per_identity=3, **split)
    assert data.num_classes == 2
    assert np.bincount(data.train_labels).tolist() == [6, 6]
    assert set(data.source.labels[data.train_indices]) < {0, 2, 4, 5}


def test_classes_of_a_closed_set_all_stay(tmp_path: Path) -> None:
    class Closed(FaceRecords):
        closed_set = True

    write_face_records(tmp_path, [(c, flat(c)) for c in range(8)])
    assert module(tmp_path, source=Closed).num_classes == 8
    for option in ({"num_identities": 4}, {"min_images_per_identity": 2}, {"num_validation_identities": 2}):
        with pytest.raises(ValueError, match=rf"{next(iter(option))}={next(iter(option.values()))}.*leave them at"):
            module(tmp_path, source=Closed, **option)


def test_a_drop_list_is_not_trained_on_and_belongs_to_its_set(tmp_path: Path) -> None:
    write_face_records(tmp_path, [(c, flat(c)) for c in range(8) for _ in range(2)])
    (tmp_path / "drop.txt").write_text("# one image of class 1, all of class 3\n2\n6\n7\n")
    data = module(tmp_path, drop_list=tmp_path / "drop.txt")
    assert (len(data.train_indices), data.num_classes) == (13, 7)
    (tmp_path / "drop.txt").write_text("99\n")
    with pytest.raises(ValueError, match="99"):
        module(tmp_path, drop_list=tmp_path / "drop.txt")
