"""Benchmarks in a data module: read as they are, checked before any long work."""

from pathlib import Path

import pytest
import torch
from small_module import SPLIT, module, pair_file

from marginface.benchmark import PairBenchmark
from marginface.data import read_pairs
from marginface.datamodule import HELDOUT, BenchmarkDataModule


def test_benchmarks_are_reported_not_validated_on(tiny_records: Path, tmp_path: Path) -> None:
    path = pair_file(tmp_path / "lfw.bin")
    before = path.read_bytes()
    data = module(tiny_records, benchmarks={"lfw": PairBenchmark(path, num_folds=2)}, **SPLIT)
    data.setup("fit")
    data.setup("test")
    assert list(data.validation) == [HELDOUT]
    assert list(data.benchmarks) == ["lfw"]
    [loader] = data.test_dataloader()
    batch = torch.cat([b["image"] for b in loader])
    assert batch[:, 0, 0, 0].tolist() == [10 * i for i in range(8)]
    assert path.read_bytes() == before
    assert list(data.benchmarks["lfw"].images) == list(read_pairs(path).images)


@pytest.mark.parametrize("stage", ["fit", "test"])
def test_and_of_a_benchmark_too(tiny_records: Path, tmp_path: Path, stage: str) -> None:
    benchmark = PairBenchmark(pair_file(tmp_path / "lfw.bin", (96, 96)), num_folds=2)
    with pytest.raises(ValueError, match=r"image 0 of lfw.bin has size \(96, 96\)"):
        module(tiny_records, benchmarks={"lfw": benchmark}).setup(stage)


def test_a_benchmark_that_does_not_suit_its_metric_is_refused_at_once(tiny_records: Path, tmp_path: Path) -> None:
    benchmark = PairBenchmark(pair_file(tmp_path / "lfw.bin"), num_folds=10)
    with pytest.raises(ValueError, match="num_folds=10"):
        module(tiny_records, benchmarks={"lfw": benchmark}).setup("test")


def test_benchmarks_alone_need_no_training_data(tmp_path: Path) -> None:
    data = BenchmarkDataModule({"lfw": PairBenchmark(pair_file(tmp_path / "lfw.bin"), num_folds=2)}, num_workers=0)
    data.setup("test")
    assert [len(loader.dataset) for loader in data.test_dataloader()] == [8]
    with pytest.raises(ValueError, match="eval_batch_size=0"):
        BenchmarkDataModule({}, eval_batch_size=0)
