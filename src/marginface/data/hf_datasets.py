"""Labelled faces in a data set of Hugging Face's `datasets` library, an optional extra.

Shapes: M samples.
"""

from pathlib import Path
from typing import Any

import numpy as np

from marginface.data.errors import DataError, DataNotFoundError, LabelError
from marginface.data.found import found
from marginface.data.source import size_of


class HFFaces:
    """Faces of a data set that `save_to_disk` wrote, or of parquet files as a hub keeps them.

    Images stay encoded, as they are in it. Of parquet files the library makes a copy for itself, in its own cache
    (the environment variable HF_DATASETS_CACHE): for a large set call `save_to_disk` once instead.

    Args:
        root: Folder of the data set.
        split: Which part of it; None for a data set without parts.
        image_column: Column of the images, a `datasets.Image`.
        label_column: Column of the class indices, integers or a `datasets.ClassLabel`.
        image_size: Height, width in pixels that the images have.

    Attributes:
        labels: Class index of each sample, (M,) int64.
        num_classes: The highest class index and one.
        classes: Name of each identity where the column knows them, else None.
        image_size: As given.

    Raises:
        ImportError: `datasets` is not installed.
        DataNotFoundError: No data set there.
        DataError: No such split or column, or no sample.
        LabelError: The labels are no class indices.
    """

    def __init__(
        self,
        root: Path | str,
        split: str | None = "train",
        image_column: str = "image",
        label_column: str = "label",
        image_size: tuple[int, int] = (112, 112),
    ) -> None:
        datasets = _library()
        self.root, self.image_size, self._column = Path(root).absolute(), size_of(image_size), image_column
        data = self._part(_opened(datasets, self.root), split)
        for name, column in (("image_column", image_column), ("label_column", label_column)):
            if column not in data.column_names:
                raise DataError(
                    f"{name}={column!r} is no column of {self.root}; it has {', '.join(data.column_names)}."
                )
        try:
            # Of a row every column is read, and images of another column would even be decoded.
            self._data = data.select_columns([image_column]).cast_column(image_column, datasets.Image(decode=False))
        except (TypeError, ValueError, NotImplementedError) as error:
            raise DataError(
                f"image_column={image_column!r} of {self.root} holds {data.features[image_column]}, no images: name "
                "the column of the images."
            ) from error
        self.labels = self._read_labels(data, label_column)
        self.num_classes = int(self.labels.max()) + 1
        names = getattr(data.features[label_column], "names", None)
        self.classes: list[str] | None = None if names is None else list(names)

    def __len__(self) -> int:
        return len(self.labels)

    def read(self, index: int) -> bytes:
        """Encoded image of sample `index`.

        Raises:
            DataError: The data set keeps a path only, and no file is there.
        """
        image: dict[str, Any] = self._data[int(index)][self._column]
        if image["bytes"] is not None:
            return bytes(image["bytes"])
        try:
            return Path(image["path"]).read_bytes()
        except (OSError, TypeError) as error:
            raise DataError(
                f"{self.where(index)} has no bytes, nor a file at {image['path']}: save it again."
            ) from error

    def where(self, index: int) -> str:
        """The data set and the row of sample `index`."""
        return f"{self.root}, row {index}"

    def _part(self, data: Any, split: str | None) -> Any:
        parts = list(data) if isinstance(data, dict) else None  # a DatasetDict is one
        if parts is None and split is not None:
            raise DataError(f"split={split!r}, but {self.root} is a data set without splits: set split to null.")
        if parts is not None and split not in parts:
            raise DataError(f"split={split!r} is none of {self.root}; choose {', '.join(map(repr, parts))}.")
        return data if parts is None else data[split]

    def _read_labels(self, data: Any, column: str) -> np.ndarray:
        if not len(self._data):
            raise DataError(f"{self.root} holds no sample: choose another split, or save it again.")
        kind = str(getattr(data.features[column], "dtype", "lists"))
        held = kind
        if "int" in kind:  # any other would be decoded only to be refused
            labels = np.asarray(data.select_columns([column]).with_format("numpy")[column][:])
            held = f"{labels.min()}"  # nan where one is missing
            if labels.dtype.kind in "iu" and labels.min() >= 0:
                return labels.astype(np.int64)
        raise LabelError(
            f"label_column={column!r} of {self.root} holds {held}, no class index: cast it to integers from 0 on, such "
            "as class_encode_column does."
        )


def _opened(datasets: Any, root: Path) -> Any:
    """The data set, or its parts by name."""
    if any((root / name).is_file() for name in ("dataset_dict.json", "state.json")):
        return datasets.load_from_disk(str(root))
    if root.is_dir() and next(root.rglob("*.parquet"), None) is not None:
        return datasets.load_dataset(str(root))
    raise DataNotFoundError(
        f"{found(root)}: expected a data set that save_to_disk wrote, or parquet files. Download one first: "
        "datasets.load_dataset(NAME).save_to_disk(FOLDER)."
    )


def _library() -> Any:
    try:
        import datasets  # type: ignore[import-not-found,import-untyped,unused-ignore]
    except ImportError as error:
        raise ImportError(
            "data=hf_datasets needs the library `datasets`, an optional extra: pip install 'marginface[hf]'"
        ) from error
    return datasets
