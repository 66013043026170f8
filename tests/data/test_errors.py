import pickle

import pytest

from marginface.data import errors


@pytest.mark.parametrize("name", ["DataNotFoundError", "RecordError", "PairsError", "ImageDecodeError", "LabelError"])
def test_every_error_is_a_value_error_that_survives_pickling(name: str) -> None:
    error = getattr(errors, name)("train.rec: what is wrong")
    assert isinstance(error, errors.DataError)
    assert isinstance(error, ValueError)
    copy = pickle.loads(pickle.dumps(error))  # so do the workers of a data loader hand it on
    assert type(copy) is type(error)
    assert str(copy) == "train.rec: what is wrong"


def test_missing_data_is_also_a_missing_file() -> None:
    assert issubclass(errors.DataNotFoundError, FileNotFoundError)
