"""Pair lists on disk and in memory, and the figures of a public network on real faces."""

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from marginface.backbone.mobilefacenet import MobileFaceNet
from marginface.backbone.weights import load_weights
from marginface.benchmark import Benchmark, PairBenchmark
from marginface.data.decode import decode
from marginface.data.errors import DataNotFoundError, PairsError
from marginface.data.pairs import FacePairs, write_pairs
from marginface.embedding import Embeddings
from marginface.metric import Interval


@pytest.fixture
def pairs() -> FacePairs:
    return FacePairs(
        images=[b"a", b"b", b"c", b"d"],
        first=np.array([0, 1, 2, 0]),
        second=np.array([1, 2, 3, 3]),
        same=np.array([True, False, True, False]),
    )


def figures(benchmark: PairBenchmark) -> dict[str, Interval]:
    metric = benchmark.metric()
    embedding = torch.randn(4, 3, generator=torch.Generator().manual_seed(0))
    metric.update(torch.arange(4), embedding, embedding)
    return metric.compute()


def test_pairs_in_memory_and_their_settings_reach_the_metric(pairs: FacePairs) -> None:
    benchmark = PairBenchmark(pairs=pairs, num_folds=2, protocols=["strict"], fars=[0.5], num_bootstrap=7)
    assert isinstance(benchmark, Benchmark)
    assert list(benchmark.images) == [b"a", b"b", b"c", b"d"]
    metric = benchmark.metric()
    assert metric is not benchmark.metric()
    assert (metric.num_folds, metric.num_bootstrap) == (2, 7)
    assert list(figures(benchmark)) == ["accuracy@strict", "auc", "eer", "tar@far=5e-1"]


def test_a_file_is_read_when_it_is_needed_and_travels_to_workers(pairs: FacePairs, tmp_path: Path) -> None:
    path = tmp_path / "tiny.bin"
    write_pairs(path, pairs)
    from_file = PairBenchmark(path, num_folds=2)
    for benchmark in (from_file, pickle.loads(pickle.dumps(from_file))):
        assert sorted(benchmark.images) == [b"a", b"b", b"c", b"d"]
        sides = [
            (benchmark.images[a], benchmark.images[b])
            for a, b in zip(benchmark.pairs.first, benchmark.pairs.second, strict=True)
        ]
        assert sides == [(b"a", b"b"), (b"b", b"c"), (b"c", b"d"), (b"a", b"d")]
        assert benchmark.pairs.same.tolist() == [True, False, True, False]


def test_a_missing_file_is_refused_at_construction_and_a_broken_one_when_read(tmp_path: Path) -> None:
    with pytest.raises(DataNotFoundError, match=r"absent\.bin"):
        PairBenchmark(tmp_path / "absent.bin")
    with pytest.raises(DataNotFoundError, match="no file"):
        PairBenchmark(tmp_path)
    broken = tmp_path / "broken.bin"
    broken.write_bytes(b"not a pickle")
    with pytest.raises(PairsError, match=r"broken\.bin"):
        PairBenchmark(broken).metric()


def test_exactly_one_source_of_pairs(pairs: FacePairs, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="either path or pairs"):
        PairBenchmark()
    with pytest.raises(ValueError, match="either path or pairs"):
        PairBenchmark(tmp_path, pairs=pairs)


def test_more_folds_than_pairs_are_refused(pairs: FacePairs) -> None:
    with pytest.raises(ValueError, match="num_folds=10"):
        PairBenchmark(pairs=pairs).metric()


def test_the_evaluation_has_the_figures_of_the_metric_and_all_a_report_draws(pairs: FacePairs) -> None:
    benchmark = PairBenchmark(pairs=pairs, num_folds=2, fars=[0.5, 0.1], num_bootstrap=20)
    generator = torch.Generator().manual_seed(0)
    plain, flipped = torch.randn(2, 4, 3, generator=generator)
    outcome, metric = benchmark.evaluate(Embeddings.of(plain, flipped, "concat")), benchmark.metric()
    metric.update(torch.arange(4), plain, flipped)
    assert outcome.figures == metric.compute()
    assert set(outcome.units) == {f"accuracy@{name}" for name in benchmark.protocols} | {"tar@far=5e-1"}
    assert set(outcome.unsupported) == {"tar@far=1e-1", "tar@insightface_far=1e-3"}
    assert list(outcome.roc) == list(outcome.histogram) == [""]
    shown = {(pair.first, pair.second, pair.same) for pair in outcome.hardest}
    assert shown == set(zip(pairs.first.tolist(), pairs.second.tolist(), pairs.same.tolist(), strict=True))
    assert outcome.excluded == {}


def test_without_a_mirrored_view_the_plain_one_stands_for_both(pairs: FacePairs) -> None:
    benchmark = PairBenchmark(pairs=pairs, num_folds=2, num_bootstrap=5)
    plain = torch.randn(4, 3, generator=torch.Generator().manual_seed(1))
    assert benchmark.evaluate(Embeddings.of(plain)).figures == benchmark.evaluate(Embeddings.of(plain, plain)).figures


def test_settings_that_do_not_suit_the_pairs_are_refused_before_anything_is_embedded(pairs: FacePairs) -> None:
    with pytest.raises(ValueError, match="num_folds=10"):
        PairBenchmark(pairs=pairs).check()
    with pytest.raises(ValueError, match=r"unknown \['lenient'\]"):
        PairBenchmark(pairs=pairs, num_folds=2, protocols=["lenient"]).check()
    PairBenchmark(pairs=pairs, num_folds=2).check()


def centre_columns(images: list[bytes]) -> Tensor:
    """Network input of 112 x 112 faces: columns 8..103, RGB, (x - 127.5) / 128, as (N, 3, 112, 96)."""
    pixels = np.stack([decode(image, "a real face")[:, 8:104] for image in images])
    return (torch.from_numpy(pixels).permute(0, 3, 1, 2).float() - 127.5) / 128


@pytest.mark.slow
def test_a_public_network_reaches_its_figures_on_real_faces(shared_data: Path) -> None:
    benchmark = PairBenchmark(shared_data / "lfw112" / "lfw_dev.bin", num_folds=2)
    backbone = MobileFaceNet(embedding_dim=128, image_size=(112, 96)).eval()
    load_weights(backbone, shared_data / "mobilefacenet_068.ckpt")
    metric = benchmark.metric()
    with torch.inference_mode():
        for index in torch.arange(len(benchmark.images)).split(16):  # 16 stay in cache
            faces = centre_columns([benchmark.images[i] for i in index])
            metric.update(index, backbone(faces), backbone(faces.flip(3)))
    found = {name: figure.value for name, figure in metric.compute().items()}
    assert len(benchmark.images) == 1598
    assert found == pytest.approx(
        {
            "accuracy@sphereface": 0.9892,
            "accuracy@insightface": 0.9892,
            "accuracy@strict": 0.9908,
            "auc": 0.99716,
            "eer": 0.0117,
            "tar@far=1e-1": 0.9933,
            "tar@far=1e-2": 0.9883,
        },
        abs=9e-4,  # one of the 1,200 pairs
    )
