"""Against a stand-in for the optional library, with the few calls of it that are used."""

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from marginface.data.errors import DataError, DataNotFoundError, LabelError
from marginface.data.hf_datasets import HFFaces


class Table:
    """What `datasets.Dataset` offers."""

    def __init__(self, columns: dict[str, list[Any]], names: list[str] | None = None, decode: bool = True) -> None:
        self.columns, self.names, self.decode = columns, names, decode
        self.column_names = list(columns)
        kinds = {name: type(values[0]).__name__ if values else "int" for name, values in columns.items()}
        self.features = {name: SimpleNamespace(names=names, dtype=kind) for name, kind in kinds.items()}

    def cast_column(self, column: str, feature: SimpleNamespace) -> "Table":
        assert column == "image"
        return Table(self.columns, self.names, feature.decode)

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    def select_columns(self, columns: list[str]) -> "Table":
        return Table({name: self.columns[name] for name in columns}, self.names, self.decode)

    def with_format(self, kind: str) -> "Table":
        assert kind == "numpy"
        return self

    def __getitem__(self, key: int | str) -> Any:
        if isinstance(key, str):
            return self.columns[key]
        assert not self.decode, "images would be decoded by PIL"
        return {name: values[key] for name, values in self.columns.items()}


def images(*contents: bytes | None, path: str | None = None) -> list[dict[str, Any]]:
    return [{"bytes": content, "path": path} for content in contents]


@pytest.fixture
def saved(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, Any]:
    """What lies on disk, by the folder's name; the library that loads it."""
    on_disk: dict[str, Any] = {}
    (tmp_path / "state.json").touch()
    library = ModuleType("datasets")
    library.load_from_disk = lambda folder: on_disk[Path(folder).name]  # type: ignore[attr-defined]
    library.Image = lambda decode: SimpleNamespace(decode=decode)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "datasets", library)
    return on_disk


def test_encoded_images_and_labels(saved: dict[str, Any], tmp_path: Path) -> None:
    saved[tmp_path.name] = {"train": Table({"image": images(b"a", b"b"), "label": [1, 0]}, ["ann", "zoe"])}
    faces = HFFaces(tmp_path)
    assert [faces.read(i) for i in range(len(faces))] == [b"a", b"b"]
    assert faces.labels.tolist() == [1, 0]
    assert faces.labels.dtype == np.int64
    assert (faces.num_classes, faces.classes, faces.image_size) == (2, ["ann", "zoe"], (112, 112))
    assert faces.where(1) == f"{tmp_path}, row 1"


def test_a_set_without_splits_that_keeps_paths(saved: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"a")
    saved[tmp_path.name] = Table({"image": images(None, path=str(tmp_path / "a.jpg")) + images(None), "label": [0, 3]})
    faces = HFFaces(tmp_path, split=None)
    assert faces.read(0) == b"a"
    assert (faces.classes, faces.num_classes) == (None, 4)
    with pytest.raises(DataError, match=r"row 1 has no bytes, nor a file at None"):
        faces.read(1)


@pytest.mark.parametrize(
    ("data", "options", "named"),
    [
        ({"train": Table({}), "test": Table({})}, {"split": "val"}, r"split='val' is none of .*'train', 'test'"),
        (Table({}), {}, r"split='train', but .* without splits: set split to null"),
        (Table({"photo": [], "label": []}), {"split": None}, r"image_column='image' is no column .* photo, label"),
        (Table({"image": [], "label": []}), {"split": None}, "holds no sample"),
    ],
)
def test_parts_that_are_not_there(saved: dict[str, Any], tmp_path: Path, data: Any, options: dict, named: str) -> None:
    saved[tmp_path.name] = data
    with pytest.raises(DataError, match=named):
        HFFaces(tmp_path, **options)


@pytest.mark.parametrize(("label", "held"), [("ann", "str"), (-1, "-1"), (0.5, "float")])
def test_labels_that_are_no_class_index(saved: dict[str, Any], tmp_path: Path, label: Any, held: str) -> None:
    saved[tmp_path.name] = Table({"image": images(b"a"), "label": [label]})
    with pytest.raises(LabelError, match=rf"label_column='label' .* holds {held}, no class index"):
        HFFaces(tmp_path, split=None)


def test_no_folder(saved: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(DataNotFoundError, match=r"nowhere is no folder.*save_to_disk"):
        HFFaces(tmp_path / "nowhere")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "a.jpg").touch()
    with pytest.raises(DataNotFoundError, match=r"other holds a\.jpg: expected a data set"):
        HFFaces(tmp_path / "other")


def test_without_the_library_the_extra_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(ImportError, match=r"needs the library `datasets`.*pip install 'marginface\[hf\]'"):
        HFFaces(tmp_path)
