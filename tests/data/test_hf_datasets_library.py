"""With the optional library itself, where it is installed."""

import pickle
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from torch.utils.data import DataLoader, Dataset

from marginface.data import FaceRecords
from marginface.data.errors import DataError, LabelError
from marginface.data.hf_datasets import HFFaces

NAMES = [f"person {c}" for c in range(12)]


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    """The library, without a network, with a cache of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_HUB_OFFLINE", "1")
        patch.setenv("HF_DATASETS_CACHE", str(tmp_path_factory.mktemp("cache")))
        return pytest.importorskip("datasets", reason="the extra marginface[hf] is not installed")


@pytest.fixture(scope="module")
def table(library: ModuleType, tiny_records: Path):
    """The small pack, and in a second column of images bytes that nothing can decode."""
    source = FaceRecords(tiny_records)
    image, label = library.Image(), library.ClassLabel(names=NAMES)
    columns = {
        "image": [{"bytes": source.read(i), "path": None} for i in range(len(source))],
        "label": source.labels.tolist(),
        "other": [{"bytes": b"no image", "path": None}] * len(source),
        "word": ["ann"] * len(source),
    }
    features = {"image": image, "label": label, "other": image, "word": library.Value("string")}
    return library.Dataset.from_dict(columns, features=library.Features(features))


@pytest.fixture(scope="module", params=["splits", "plain", "parquet"])
def faces(request: pytest.FixtureRequest, library: ModuleType, table, tmp_path_factory) -> HFFaces:
    """The set, in each form that it may have on disk."""
    root = tmp_path_factory.mktemp(request.param)
    if request.param == "plain":
        table.save_to_disk(root)
        return HFFaces(root, split=None)
    if request.param == "splits":
        library.DatasetDict({"train": table}).save_to_disk(root)
    else:
        (root / "data").mkdir()
        table.to_parquet(root / "data" / "train-00000-of-00001.parquet")
    return HFFaces(root)


def test_every_image_keeps_its_bytes_and_its_label(faces: HFFaces, tiny_records: Path) -> None:
    source = FaceRecords(tiny_records)
    assert len(faces) == len(source) == 96
    assert [faces.read(i) for i in range(96)] == [source.read(i) for i in range(96)]
    assert faces.labels.dtype == np.int64
    assert faces.labels.tolist() == source.labels.tolist()
    assert (faces.num_classes, faces.classes) == (12, NAMES)


def test_workers_read_it_too(faces: HFFaces, tiny_records: Path) -> None:
    class Sizes(Dataset):
        def __len__(self) -> int:
            return 96

        def __getitem__(self, index: int) -> int:
            return len(faces.read(index))

    source = FaceRecords(tiny_records)
    sizes = [int(size) for size in DataLoader(Sizes(), batch_size=None, num_workers=2)]
    assert sizes == [len(source.read(i)) for i in range(96)]
    assert pickle.loads(pickle.dumps(faces)).read(5) == source.read(5)


@pytest.mark.parametrize(
    ("options", "error", "named"),
    [
        ({"label_column": "word"}, LabelError, "label_column='word' .* holds string, no class index"),
        ({"label_column": "other"}, LabelError, "label_column='other' .* holds PIL.Image.Image, no class index"),
        ({"label_column": "gap"}, LabelError, "label_column='gap' .* holds nan, no class index"),
        ({"image_column": "label"}, DataError, "image_column='label' .* no images: name the column"),
    ],
)
def test_columns_of_something_else_are_refused(
    table, tmp_path: Path, options: dict[str, str], error: type[DataError], named: str
) -> None:
    table.add_column("gap", [None, *[1] * 95]).save_to_disk(tmp_path / "set")
    with pytest.raises(error, match=named):
        HFFaces(tmp_path / "set", split=None, **options)
