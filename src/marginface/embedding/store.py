"""Embeddings of an image set on disk, of which an interrupted run leaves a usable part.

Shapes: N images, V = 2 views of each (plain, mirrored), D embedding, M images of a batch.
"""

import json
import os
import shutil
import tempfile
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

_ROWS, _CHECKSUMS, _ABOUT = "rows.f32", "checksums.u32", "about.json"
_LEAST_COSINE = 0.99  # of an embedding with the same one made anew, in bf16 and other batches


class StoreError(ValueError):
    """Embeddings on disk that do not belong to this model or these images."""


class EmbeddingStore:
    """A folder with one row of float32 an image and a checksum of each row; 0 stands for a row not yet there.

    Several processes write rows of one store at the same time. A row is written before its checksum, so what was
    cut off or damaged is noticed, and embedded again.

    Args:
        folder: Of this store alone; made if need be.
        num_images: N.
        dim: D.
        about: What the embeddings are of; a store made for something else is refused.

    Raises:
        StoreError: The folder holds other embeddings, or files of another size.
    """

    def __init__(self, folder: Path, num_images: int, dim: int, about: Mapping[str, str]) -> None:
        self.folder, self.num_images, self.dim = folder, num_images, dim
        self._about = {**about, "num_images": num_images, "dim": dim}
        if not folder.exists():
            self._make()
        self._refuse_another()
        self.present = self._intact()

    def missing(self) -> NDArray[np.int64]:
        """Numbers of the images without an intact row, when the store was opened or last :meth:`refresh` ed."""
        return np.flatnonzero(~self.present)

    def refresh(self) -> None:
        """See what other processes have written."""
        self.present = self._intact()

    def write(self, index: Tensor, plain: Tensor, flipped: Tensor) -> None:
        """Put the embeddings of some images in; those that are there already are compared instead.

        Args:
            index: Numbers of the images, (M,) int64.
            plain: Their embeddings, (M, D).
            flipped: Those of their mirror images, (M, D).

        Raises:
            StoreError: A row that is there was made by another model.
        """
        rows = torch.stack([plain, flipped], dim=1).float().cpu().contiguous().numpy()
        known = self.present[index.cpu().numpy()]
        if known.any():
            self._compare(index.cpu().numpy()[known], rows[known])
        with (self.folder / _ROWS).open("r+b") as data, (self.folder / _CHECKSUMS).open("r+b") as checksums:
            for number, row in zip(index.cpu().numpy()[~known].tolist(), rows[~known], strict=True):
                raw = row.tobytes()
                os.pwrite(data.fileno(), raw, number * len(raw))
                os.pwrite(checksums.fileno(), np.uint32(zlib.crc32(raw)).tobytes(), number * 4)

    def rows(self) -> NDArray[np.float32]:
        """All rows, (N, V, D), mapped into memory."""
        return np.memmap(self.folder / _ROWS, np.float32, "c", shape=(self.num_images, 2, self.dim))

    def _make(self) -> None:
        """Fill a folder of another name first: another process may be doing the same."""
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        unfinished = Path(tempfile.mkdtemp(prefix=".making-", dir=self.folder.parent))
        for name, size in ((_ROWS, self._row_bytes), (_CHECKSUMS, 4)):
            with (unfinished / name).open("wb") as file:
                file.truncate(self.num_images * size)
        (unfinished / _ABOUT).write_text(json.dumps(self._about, indent=2) + "\n")
        try:
            unfinished.rename(self.folder)
        except OSError:  # the other process was faster
            shutil.rmtree(unfinished)

    @property
    def _row_bytes(self) -> int:
        return 2 * self.dim * 4

    def _refuse_another(self) -> None:
        remedy = "delete that folder, or choose another cache_dir"
        try:
            found = json.loads((self.folder / _ABOUT).read_text())
        except (OSError, ValueError, RecursionError) as error:
            raise StoreError(f"{self.folder} holds no embeddings ({_ABOUT} cannot be read): {remedy}") from error
        if not isinstance(found, dict):
            raise StoreError(f"{self.folder} holds no embeddings ({_ABOUT} holds a {type(found).__name__}): {remedy}")
        differs = [f"{k}: {found.get(k)!r:.80}, here {v!r}" for k, v in self._about.items() if found.get(k) != v]
        if differs:
            raise StoreError(f"{self.folder} holds the embeddings of something else ({'; '.join(differs)}): {remedy}")
        for name, size in ((_ROWS, self._row_bytes), (_CHECKSUMS, 4)):
            path = self.folder / name
            actual = path.stat().st_size if path.is_file() else 0
            if actual != self.num_images * size:
                raise StoreError(f"{path} has {actual} bytes instead of {self.num_images * size}: {remedy}")

    def _intact(self) -> NDArray[np.bool_]:
        stored = np.fromfile(self.folder / _CHECKSUMS, np.uint32)
        rows = self.rows()
        intact = np.zeros(self.num_images, np.bool_)
        for number in np.flatnonzero(stored):
            intact[number] = zlib.crc32(rows[number]) == stored[number]
        return intact

    def _compare(self, index: NDArray[np.int64], rows: NDArray[np.float32]) -> None:
        kept = torch.from_numpy(self.rows()[index]).flatten(1)
        cosine = torch.cosine_similarity(kept, torch.from_numpy(rows).flatten(1))
        wrong = torch.isfinite(cosine) & (cosine < _LEAST_COSINE) & (kept.norm(dim=1) > 0)
        if bool(wrong.any()):
            first = int(index[int(wrong.nonzero()[0])])
            raise StoreError(
                f"{self.folder}: the embedding of image {first} has a cosine of {float(cosine[wrong][0]):.3f} with the "
                "one made now: another model made it, or the image has changed; delete that folder"
            )
