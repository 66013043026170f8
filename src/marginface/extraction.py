"""Embedding of every image of some benchmarks once, whatever earlier runs have left to do."""

import logging
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from marginface.benchmark import Benchmark
from marginface.embedding import EmbeddingStore, StoreError, not_finite

log = logging.getLogger(__name__)

_NUM_CHECKED = 8  # embeddings made anew in each run, to see that the kept ones are this model's


class Extraction:
    """Stores of the benchmarks' embeddings, and which images still lack one.

    Args:
        benchmarks: By name.
        folder: Where the stores lie, one a model and set of images.
        model: Fingerprint of the model.
        dim: D, length of an embedding.

    Raises:
        DataError: The data of a benchmark are missing or damaged.
        StoreError: A store holds other embeddings.
    """

    def __init__(self, benchmarks: Mapping[str, Benchmark], folder: Path, model: str, dim: int) -> None:
        self.benchmarks, self.folder, self.model = dict(benchmarks), folder, model
        self.stores: dict[str, EmbeddingStore] = {}
        for name, benchmark in benchmarks.items():
            images = benchmark.images
            what = images.fingerprint()
            about = {"model": model, "images": what}
            self.stores[name] = EmbeddingStore(folder / model[:16] / what[:16], len(images), dim, about)

    def pending(self, name: str) -> NDArray[np.int64]:
        """Images to embed, rising: those without a row, and a few more to compare with what is there."""
        store = self.stores[name]
        missing = store.missing()
        num_kept = store.num_images - len(missing)
        if num_kept:
            log.info("%s: %d of %d embeddings are in %s", name, num_kept, store.num_images, store.folder)
        return np.union1d(missing, np.arange(min(_NUM_CHECKED, store.num_images)))

    def write(self, name: str, index: Tensor, plain: Tensor, flipped: Tensor) -> None:
        """Keep the embeddings of some images, (M,) and (M, D) twice.

        Raises:
            StoreError: One differs from what is kept of that image.
        """
        self.stores[name].write(index, plain, flipped)

    def rows(self, name: str) -> NDArray[np.float32]:
        """Embeddings of all images, (N, 2, D).

        Raises:
            StoreError: Some are missing, though all processes have done their part.
            ValueError: One is not finite.
        """
        store, images = self.stores[name], self.benchmarks[name].images
        store.refresh()
        missing = store.missing()
        if len(missing):
            raise StoreError(
                f"{len(missing)} of the {store.num_images} images of {name} have no intact embedding in "
                f"{store.folder}: cache_dir must be a folder that all processes see, on a disk with room"
            )
        rows = store.rows()
        wrong = not_finite(rows)
        if len(wrong):
            raise ValueError(
                f"{len(wrong)} images of {name} have an embedding that is not finite, the first is "
                f"{images.where(int(wrong[0]))}: check the weights for NaN, or set trainer.precision=32-true"
            )
        return rows
