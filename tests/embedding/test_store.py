"""What is on disk is intact, this model's, or embedded again."""

import multiprocessing
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from marginface.embedding import EmbeddingStore, StoreError

ABOUT = {"model": "m", "images": "i"}
N, D = 6, 4


def embeddings() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(N, D, generator=generator), torch.randn(N, D, generator=generator)


def filled(folder: Path, *index: int) -> EmbeddingStore:
    store = EmbeddingStore(folder, N, D, ABOUT)
    put(store, *(index or range(N)))
    return store


def put(store: EmbeddingStore, *index: int) -> None:
    chosen = torch.tensor(index)
    plain, flipped = embeddings()
    store.write(chosen, plain[chosen], flipped[chosen])


def test_rows_come_back_and_a_new_store_misses_all(tmp_path: Path) -> None:
    assert EmbeddingStore(tmp_path / "a", N, D, ABOUT).missing().tolist() == list(range(N))
    store = filled(tmp_path / "a")
    assert np.array_equal(store.rows(), torch.stack(embeddings(), 1).numpy())


def test_an_interrupted_run_leaves_its_rows(tmp_path: Path) -> None:
    filled(tmp_path / "a", 4, 1)
    again = EmbeddingStore(tmp_path / "a", N, D, ABOUT)
    assert again.missing().tolist() == [0, 2, 3, 5]
    put(again, 0, 2, 3, 5)
    again.refresh()
    assert again.missing().tolist() == []
    assert np.array_equal(again.rows(), torch.stack(embeddings(), 1).numpy())


@pytest.mark.parametrize(("name", "offset"), [("rows.f32", 2 * 2 * D * 4 + 5), ("checksums.u32", 2 * 4 + 1)])
def test_a_damaged_row_is_missing_and_only_that(tmp_path: Path, name: str, offset: int) -> None:
    filled(tmp_path / "a")
    with (tmp_path / "a" / name).open("r+b") as file:
        file.seek(offset)
        byte = file.read(1)
        file.seek(offset)
        file.write(bytes([byte[0] ^ 0xFF]))
    assert EmbeddingStore(tmp_path / "a", N, D, ABOUT).missing().tolist() == [2]


def test_rows_that_are_there_are_compared_with_those_made_anew(tmp_path: Path) -> None:
    filled(tmp_path / "a")
    store = EmbeddingStore(tmp_path / "a", N, D, ABOUT)
    plain, flipped = embeddings()
    index = torch.arange(N)
    store.write(index, 1.5 * plain.bfloat16(), 1.5 * flipped)  # rounding is no other model
    assert np.array_equal(store.rows()[:, 0], plain.numpy()), "what was there is kept"
    plain[3] *= -1
    with pytest.raises(StoreError, match=r"embedding of image 3 has a cosine of .* another model"):
        store.write(index, plain, flipped)


def test_a_store_of_something_else_is_refused_by_name(tmp_path: Path) -> None:
    filled(tmp_path / "a")
    with pytest.raises(StoreError, match=r"model: 'm', here 'x'.*cache_dir"):
        EmbeddingStore(tmp_path / "a", N, D, ABOUT | {"model": "x"})
    with pytest.raises(StoreError, match="dim: 4, here 5"):
        EmbeddingStore(tmp_path / "a", N, 5, ABOUT)
    (tmp_path / "a" / "rows.f32").write_bytes(b"123")
    with pytest.raises(StoreError, match=r"rows.f32 has 3 bytes instead of 192"):
        EmbeddingStore(tmp_path / "a", N, D, ABOUT)
    (tmp_path / "a" / "about.json").write_text("{")
    with pytest.raises(StoreError, match=r"holds no embeddings \(about.json"):
        EmbeddingStore(tmp_path / "a", N, D, ABOUT)


def write_share(folder: Path, first: int) -> None:
    torch.set_num_threads(1)
    filled(folder, *range(first, N, 2))


def test_two_processes_fill_one_store(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=write_share, args=(tmp_path / "a", first)) for first in (0, 1)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        assert process.exitcode == 0
    store = EmbeddingStore(tmp_path / "a", N, D, ABOUT)
    assert store.missing().tolist() == []
    assert np.array_equal(store.rows(), torch.stack(embeddings(), 1).numpy())
    assert [path.name for path in tmp_path.iterdir()] == ["a"], "nothing unfinished is left"


@pytest.mark.parametrize("text", ["[]", "3", "[" * 50_000, '{"dim": ' + "[" * 300 + "]" * 300 + "}"])
def test_what_is_no_description_of_a_store_is_refused(tmp_path: Path, text: str) -> None:
    filled(tmp_path / "a")
    (tmp_path / "a" / "about.json").write_text(text)
    with pytest.raises(StoreError, match=r"holds (no embeddings|the embeddings of something else).{,400}cache_dir"):
        EmbeddingStore(tmp_path / "a", N, D, ABOUT)
