"""Training faces of CK+."""

import logging
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest

from marginface.data.ck_plus import CKPlusFaces
from marginface.data.ck_plus_sequences import EXPRESSIONS, IMAGES, read_part
from marginface.data.decode import decode
from marginface.data.errors import DataError, DataNotFoundError
from marginface.data.layout.ck_plus import write_ck_plus


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve subjects with two labelled sequences each; not to be written to."""
    folder = tmp_path_factory.mktemp("ck_plus")
    write_ck_plus(folder, num_subjects=12, num_sequences=2, num_frames=(4, 4))
    return folder


def test_the_last_frames_of_the_other_folds_are_trained_on(written: Path) -> None:
    faces = CKPlusFaces(written, fold=1, num_frames=2)
    part = read_part(written, 1, held_out=False, num_frames=2)
    assert len(faces) == len(faces.labels) == 2 * len(part.sequences) == 40
    assert faces.num_classes == 7
    assert faces.labels.dtype == np.int64
    for i, sequence in enumerate(part.sequences):
        for k in range(2):
            assert faces.labels[2 * i + k] == sequence.expression
            assert faces.where(2 * i + k) == str(written / sequence.frames[k])
            assert faces.read(2 * i + k) == (written / sequence.frames[k]).read_bytes()


def test_grey_images_get_three_equal_channels(written: Path) -> None:
    faces = CKPlusFaces(written, fold=1)
    pixels = decode(faces.read(0), faces.where(0))
    assert pixels.shape == (*faces.image_size, 3) == (112, 112, 3)
    assert (pixels == pixels[..., :1]).all()


def test_it_travels_to_workers(written: Path) -> None:
    faces = CKPlusFaces(written, fold=1, image_size=[112, 112])  # a list, as in a config
    again = pickle.loads(pickle.dumps(faces))
    assert again.read(7) == faces.read(7)
    assert again.image_size == (112, 112)


def test_all_seven_expressions_are_needed(tmp_path: Path) -> None:
    write_ck_plus(tmp_path, num_subjects=2, num_sequences=3, num_frames=(3, 3))
    with pytest.raises(
        DataError, match="folds other than 0 show no anger, contempt, disgust, surprise, but a classifier"
    ):
        CKPlusFaces(tmp_path, fold=0)
    assert EXPRESSIONS[3:6] == ("fear", "happy", "sadness")  # what the second subject shows


def test_what_is_left_out_is_counted(written: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    root = tmp_path / "copy"
    shutil.copytree(written, root)
    shutil.rmtree(root / IMAGES / "S005" / "001")
    with pytest.raises(DataNotFoundError, match="1 of 22 labelled sequences lack images, the first is S005/001"):
        CKPlusFaces(root, fold=2)
    with caplog.at_level(logging.WARNING):
        assert len(CKPlusFaces(root, fold=2, on_missing="exclude")) == 3 * 21
    assert "1 sequences with missing images are not trained on" in caplog.text


def test_settings_are_checked(written: Path) -> None:
    with pytest.raises(ValueError, match="fold=10 is none of 0 to 9"):
        CKPlusFaces(written, fold=10)
    with pytest.raises(ValueError, match="fold=None is none of 0 to 9: choose the fold to test on"):
        CKPlusFaces(written)
