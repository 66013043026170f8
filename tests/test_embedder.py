import itertools
from pathlib import Path

import lightning as L
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from marginface import Preprocess
from marginface.backbone import MobileFaceNet, SphereNet
from marginface.benchmark import PairBenchmark
from marginface.data import FacePairs, FaceRecords, sample_pairs
from marginface.datamodule import BenchmarkDataModule
from marginface.embedder import FaceEmbedder


def embedder(flip: str = "concat", **options) -> FaceEmbedder:
    torch.manual_seed(0)
    return FaceEmbedder(SphereNet(4, 8, (48, 40)), Preprocess((48, 40), flip=flip), **options).eval()


def images(n: int = 3) -> Tensor:
    return torch.randint(0, 256, (n, 3, 112, 112), generator=torch.Generator().manual_seed(0)).to(torch.uint8)


@pytest.fixture(scope="module")
def benchmarks(tiny_records: Path) -> dict[str, PairBenchmark]:
    """Two pair lists over different identities."""
    source = FaceRecords(tiny_records)

    def pairs(first: int, last: int, num_pairs: int) -> FacePairs:
        indices = [i for i, c in enumerate(source.labels) if first <= c < last]
        return sample_pairs(source, indices, num_pairs, 0, num_folds=2)

    return {
        name: PairBenchmark(pairs=p, num_folds=2, num_bootstrap=5)
        for name, p in (("small", pairs(0, 6, 12)), ("large", pairs(6, 12, 40)))
    }


def trainer(folder: Path, **options) -> L.Trainer:
    quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False}
    return L.Trainer(accelerator="cpu", default_root_dir=folder, enable_checkpointing=False, **quiet, **options)


def test_forward_is_backbone_of_preprocess() -> None:
    model, batch = embedder(), images()
    expected = model.backbone((batch[:, :, 32:80, 36:76].float() - 127.5) / 128)
    torch.testing.assert_close(model(batch), expected)
    assert model(batch).shape == (3, 8)


def test_both_mirrors_the_pixels_of_the_crop() -> None:
    model, batch = embedder(), images()
    plain, mirrored = model.both(batch)
    torch.testing.assert_close(plain, model(batch))
    torch.testing.assert_close(mirrored, model(batch.flip(-1)))
    assert not torch.allclose(plain, mirrored)


@pytest.mark.parametrize("flip", ["concat", "sum", "none"])
def test_embed_merges_both_orientations_to_unit_length(flip: str) -> None:
    model, batch = embedder(flip), images()
    plain, mirrored = (x.detach() for x in model.both(batch))
    merged = {"concat": torch.cat([plain, mirrored], 1), "sum": plain + mirrored, "none": plain}[flip]
    found = model.embed(batch)
    torch.testing.assert_close(found, F.normalize(merged))
    torch.testing.assert_close(found.norm(dim=1), torch.ones(3))
    assert not found.requires_grad


def test_embed_of_a_single_image_is_a_vector() -> None:
    model, batch = embedder(), images()
    single = model.embed(batch[1])
    assert single.shape == (16,)
    torch.testing.assert_close(single, model.embed(batch)[1])


def test_a_mirrored_image_has_the_same_sum() -> None:
    model, batch = embedder("sum"), images()
    torch.testing.assert_close(model.embed(batch), model.embed(batch.flip(-1)))


@pytest.mark.parametrize("training", [True, False])
def test_embed_uses_and_leaves_the_modes_of_the_network(training: bool) -> None:
    torch.manual_seed(0)
    model = FaceEmbedder(MobileFaceNet(16, (112, 112))).train(training)  # has batch norms
    model.backbone.stem.eval()  # a part is frozen
    modes = [module.training for module in model.modules()]
    before = {name: value.clone() for name, value in model.backbone.named_buffers()}
    batch = images(2)
    torch.testing.assert_close(model.embed(batch)[0], model.embed(batch[0]), rtol=1e-3, atol=1e-4)
    assert [module.training for module in model.modules()] == modes
    assert all(torch.equal(value, before[name]) for name, value in model.backbone.named_buffers())


def test_channels_last_changes_the_layout_only() -> None:
    plain, fast = embedder(), embedder(channels_last=True)
    weight = next(p for p in fast.backbone.parameters() if p.ndim == 4)
    assert weight.is_contiguous(memory_format=torch.channels_last)
    seen = []
    fast.backbone.register_forward_pre_hook(lambda module, args: seen.append(args[0]))
    torch.testing.assert_close(fast(images()), plain(images()), rtol=1e-4, atol=1e-5)
    assert seen[0].is_contiguous(memory_format=torch.channels_last)


def test_compiling_is_asked_of_the_backbone_only(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled = []
    monkeypatch.setattr(torch.nn.Module, "compile", lambda self, *a, **k: compiled.append(type(self).__name__))
    embedder()
    assert compiled == []
    embedder(compile_backbone=True)
    assert compiled == ["SphereNet"]


def test_preprocess_must_fit_the_backbone() -> None:
    with pytest.raises(ValueError, match=r"image_size=\(112, 112\) differs from backbone.image_size=\(112, 96\)"):
        FaceEmbedder(SphereNet(4, 8, (112, 96)), Preprocess((112, 112)))
    assert FaceEmbedder(SphereNet(4, 8, (112, 96))).preprocess.image_size == (112, 96)


def test_images_of_another_size_are_refused() -> None:
    with pytest.raises(ValueError, match=r"image has size \(100, 112\)"):
        embedder().embed(torch.zeros(1, 3, 100, 112, dtype=torch.uint8))


def test_each_loader_feeds_its_own_benchmark(tmp_path: Path, benchmarks: dict[str, PairBenchmark]) -> None:
    model = embedder()
    data = BenchmarkDataModule(benchmarks, eval_batch_size=5, num_workers=0)
    logged = trainer(tmp_path).test(model, data, verbose=False)
    figures = {key: value for part in logged for key, value in part.items()}
    for (name, benchmark), loader in zip(benchmarks.items(), data.test_dataloader(), strict=True):
        metric = benchmark.metric()
        for batch in loader:
            metric.update(batch["index"], *(e.detach() for e in model.both(batch["image"])))
        for key, interval in metric.compute().items():
            assert figures[f"test/{name}/{key}"] == pytest.approx(interval.value, abs=1e-6), key
    assert {key.split("/")[1] for key in figures} == {"small", "large"}


def test_outcomes_hold_figures_intervals_and_curves(tmp_path: Path, benchmarks: dict[str, PairBenchmark]) -> None:
    model = embedder()
    trainer(tmp_path).test(model, BenchmarkDataModule(benchmarks, num_workers=0), verbose=False)
    assert list(model.outcomes) == ["small", "large"]
    outcome = model.outcomes["large"]
    auc, histogram = outcome.figures["auc"], outcome.histogram[""]
    assert 0 <= auc.low <= auc.value <= auc.high <= 1
    assert sum(histogram.genuine) == sum(histogram.impostor) == 20
    assert outcome.roc[""].far[-1] == 1


def test_a_second_evaluation_starts_afresh(tmp_path: Path, benchmarks: dict[str, PairBenchmark]) -> None:
    model = embedder()
    data = BenchmarkDataModule({"small": benchmarks["small"]}, num_workers=0)
    first = trainer(tmp_path).test(model, data, verbose=False)
    assert trainer(tmp_path).test(model, data, verbose=False) == first
    assert trainer(tmp_path).test(embedder("sum"), data, verbose=False) == first, "protocols merge by themselves"


def test_state_dict_holds_nothing_of_an_evaluation(tmp_path: Path, benchmarks: dict[str, PairBenchmark]) -> None:
    model = embedder()
    before = list(model.state_dict())
    trainer(tmp_path).test(model, BenchmarkDataModule(benchmarks, num_workers=0), verbose=False)
    assert list(model.state_dict()) == before
    assert all(name.split(".")[0] in ("backbone", "preprocess") for name in before)


def test_distinct_weights_give_distinct_figures(tmp_path: Path, benchmarks: dict[str, PairBenchmark]) -> None:
    data = BenchmarkDataModule({"large": benchmarks["large"]}, num_workers=0)
    worse = embedder()
    for parameter, factor in zip(worse.backbone.parameters(), itertools.cycle([1.0, -1.0]), strict=False):
        parameter.data.mul_(factor)
    figures = [trainer(tmp_path).test(m, data, verbose=False)[0]["test/large/auc"] for m in (embedder(), worse)]
    assert figures[0] != figures[1]
