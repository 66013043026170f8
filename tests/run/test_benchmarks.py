"""Every benchmark by one command, and files of embeddings out of one run and into another."""

import json
from pathlib import Path

import lightning as L
import pytest
import torch
from hydra import compose, initialize_config_dir

from marginface import FaceRecognizer, Preprocess
from marginface.backbone import SphereNet
from marginface.engine.evaluation import evaluate
from marginface.head import CosFace

ALL = (
    *("lfw", "cfp_ff", "cfp_fp", "agedb_30", "calfw", "cplfw", "rfw", "ytf", "ijbb", "ijbc", "tinyface"),
    *("megaface", "trillion_pairs", "own_pairs", "own_gallery", "synthetic", "pairs"),
)
PATHS = (
    "benchmark.own_pairs.path=${data.root}/own_pairs",
    "benchmark.own_pairs.num_pairs=120",
    "benchmark.own_gallery.path=${data.root}/own_gallery",
    "benchmark.pairs.path=${data.root}/pairs.bin",
    "benchmark.tinyface.on_missing=exclude",  # the folder is its only list, and that is not whole
    "benchmark.trillion_pairs.labels=labels.txt",
    "benchmark.trillion_pairs.fprs=[0.1]",  # fewer impostor pairs support no smaller one
    "benchmark.trillion_pairs.identification_fprs=[0.5]",
)


@pytest.fixture
def run(root: Path, benchmark_root: Path, tmp_path: Path):
    """``run(benchmarks, *overrides)`` evaluates an untrained network; returns its figures."""
    torch.manual_seed(0)
    model = FaceRecognizer(SphereNet(4, 8, (48, 40)), CosFace(), 5, preprocess=Preprocess((48, 40)))
    trainer = L.Trainer(accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False)
    trainer.strategy.connect(model)
    trainer.save_checkpoint(tmp_path / "model.ckpt")

    def go(benchmarks: tuple[str, ...], *overrides: str) -> dict:
        words = [
            *(f"benchmark=[{','.join(benchmarks)}]", f"data.root={benchmark_root}", f"run_dir={tmp_path}/run"),
            *("data.num_workers=0", "trainer.accelerator=cpu", "trainer.enable_progress_bar=false", "cache_dir=null"),
            *(word for word in PATHS if word.split(".")[1] in benchmarks),
            *overrides,
        ]
        with initialize_config_dir(str(root / "conf"), version_base="1.3"):
            evaluate(compose("eval", [*words, *([] if "ckpt=null" in overrides else [f"ckpt={tmp_path}/model.ckpt"])]))
        path = tmp_path / "run" / "metrics.json"
        return json.loads(path.read_text()) if path.exists() else {}

    return go


@pytest.mark.slow
def test_one_command_measures_them_all(run, root: Path) -> None:
    assert {*ALL, "ck_plus"} == {path.stem for path in (root / "conf" / "benchmark").glob("*.yaml")}
    figures = run(ALL)
    assert list(figures) == list(ALL)
    for name, part in figures.items():
        assert part, f"{name} has no figure"
        for key, figure in part.items():
            assert figure["low"] <= figure["value"] <= figure["high"], (name, key)
            assert figure["over"], (name, key)
    assert {"accuracy@sphereface", "auc", "eer"} <= set(figures["lfw"])
    assert {"rank-1", "rank-5"} <= set(figures["tinyface"])
    assert any(key.startswith("gap/") for key in figures["rfw"])


@pytest.mark.parametrize("name", ["megaface", "trillion_pairs"])
def test_written_embeddings_score_like_the_model(run, tmp_path: Path, name: str) -> None:
    direct = run((name,))
    (tmp_path / "run" / "metrics.json").unlink()
    assert run((name,), f"export={tmp_path}/features") == {}, "only written, not scored"
    again = run((name,), "ckpt=null", f"features={tmp_path}/features")
    assert again[name].keys() == direct[name].keys()
    for key, figure in direct[name].items():
        assert again[name][key]["value"] == pytest.approx(figure["value"], abs=1e-6), key


def test_a_closed_set_task_asks_for_a_training_run(run, benchmark_root: Path) -> None:
    with pytest.raises(ValueError, match="classifier"):
        run(("ck_plus",), "data=ck_plus", "data.source.fold=0", f"data.root={benchmark_root}/ck_plus")


def test_trillion_pairs_without_labels_are_refused_before_anything_is_embedded(run, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"labels=null.*export=PATH"):
        run(("trillion_pairs",), "benchmark.trillion_pairs.labels=null")
    run(("trillion_pairs",), "benchmark.trillion_pairs.labels=null", f"export={tmp_path}/submission.bin")
    assert (tmp_path / "submission.bin").stat().st_size > 16
