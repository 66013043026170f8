"""Embeddings are made once, kept, resumed, checked, and shared by processes."""

import json
import logging
import re
import shutil
import zlib
from pathlib import Path

import lightning as L
import numpy as np
import pytest
import torch
from hydra import compose, initialize_config_dir

from marginface import FaceRecognizer, Preprocess
from marginface.backbone import SphereNet
from marginface.data import read_pairs, write_pairs
from marginface.embedding import StoreError
from marginface.engine.evaluation import evaluate
from marginface.head import CosFace


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small network as `trainer.save_checkpoint` leaves it."""
    torch.manual_seed(0)
    model = FaceRecognizer(SphereNet(4, 8, (48, 40)), CosFace(), 5, preprocess=Preprocess((48, 40)))
    trainer = L.Trainer(accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False)
    trainer.strategy.connect(model)
    path = tmp_path_factory.mktemp("model") / "small.ckpt"
    trainer.save_checkpoint(path)
    return path


@pytest.fixture
def run(root: Path, faces: Path, tmp_path: Path, checkpoint: Path, caplog: pytest.LogCaptureFixture):
    """``run(*overrides)`` evaluates in this process; returns the figures and what was said of kept embeddings."""
    (tmp_path / "data").mkdir()
    shutil.copy(faces / "synthetic.bin", tmp_path / "data")
    (tmp_path / "data" / "train.rec").touch()

    def go(*overrides: str) -> tuple[dict, str]:
        caplog.clear()
        caplog.set_level(logging.INFO)
        words = (
            *(f"ckpt={checkpoint}", f"data.root={tmp_path}/data", "data.num_workers=0", f"run_dir={tmp_path}/run"),
            *("data.eval_batch_size=20", "trainer.accelerator=cpu", "trainer.enable_progress_bar=false"),
        )
        with initialize_config_dir(str(root / "conf"), version_base="1.3"):
            evaluate(compose("eval", [*words, f"cache_dir={tmp_path}/cache", *overrides]))
        path = tmp_path / "run" / "metrics.json"
        return json.loads(path.read_text()) if path.exists() else {}, caplog.text

    return go


def kept(text: str) -> list[str]:
    return re.findall(r"(\d+ of \d+) embeddings are in", text)


def test_a_second_evaluation_embeds_nothing_anew(run, tmp_path: Path) -> None:
    first, said = run()
    assert kept(said) == []
    second, said = run()
    assert kept(said) == ["81 of 81"]
    assert first == second
    assert len(list((tmp_path / "cache").glob("*/*"))) == 1


def test_one_batch_is_not_all_of_them(run, tmp_path: Path) -> None:
    assert run("trainer.limit_test_batches=1")[0] == {}


def test_an_interrupted_evaluation_goes_on(run, tmp_path: Path) -> None:
    found, said = run("trainer.limit_test_batches=2")
    assert found == {}, "a part of the images gives no figures"
    found, said = run()
    assert kept(said) == ["40 of 81"]
    assert found == run("cache_dir=null")[0]


def test_a_damaged_row_is_made_anew(run, tmp_path: Path) -> None:
    found, _ = run()
    (rows,) = (tmp_path / "cache").glob("*/*/rows.f32")
    with rows.open("r+b") as file:
        file.seek(rows.stat().st_size // 2)
        file.write(b"\xff" * 64)
    again, said = run()
    assert kept(said) in (["80 of 81"], ["79 of 81"])
    assert again == found


def test_rows_of_another_model_are_refused(run, tmp_path: Path) -> None:
    run()
    (store,) = (tmp_path / "cache").glob("*/*")
    rows = torch.randn(81, 16).numpy()
    (store / "rows.f32").write_bytes(rows.tobytes())
    (store / "checksums.u32").write_bytes(np.array([zlib.crc32(row) for row in rows], np.uint32).tobytes())
    with pytest.raises(StoreError, match=r"embedding of image 0 has a cosine of .* another model made it"):
        run()


def test_precision_and_images_have_stores_of_their_own(run, tmp_path: Path) -> None:
    run()
    _, said = run("trainer.precision=bf16-mixed")
    assert kept(said) == []
    pairs = read_pairs(tmp_path / "data" / "synthetic.bin")
    images = list(pairs.images)[::-1]
    write_pairs(tmp_path / "data" / "synthetic.bin", (images[:40], [True, False] * 10))
    _, said = run()
    assert kept(said) == []
    assert len(list((tmp_path / "cache").glob("*"))) == 2
    assert len(list((tmp_path / "cache").glob("*/*"))) == 3


def test_embeddings_for_the_run_only_leave_nothing(run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    run("cache_dir=null")
    assert list((tmp_path / "tmp").iterdir()) == []


def test_weights_that_are_not_finite_are_named_with_the_image(run, tmp_path: Path, checkpoint: Path) -> None:
    content = torch.load(checkpoint, weights_only=True)
    name = next(key for key in content["state_dict"] if key.startswith("backbone.") and key.endswith("weight"))
    content["state_dict"][name][0] = torch.nan
    torch.save(content, tmp_path / "nan.ckpt")
    with pytest.raises(ValueError, match=r"81 images of synthetic have an embedding that is not finite.*image 0 of"):
        run(f"ckpt={tmp_path}/nan.ckpt")


def test_files_of_embeddings_need_a_benchmark_that_has_a_format(run, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"export=.* needs exactly one benchmark with a file format"):
        run(f"export={tmp_path}/out")
    with pytest.raises(ValueError, match=r"features=.* needs exactly one benchmark"):
        run("ckpt=null", f"features={tmp_path}/in")
    with pytest.raises(ValueError, match="give exactly one of them"):
        run(f"features={tmp_path}/in")


@pytest.mark.slow
def test_two_processes_embed_each_image_once(command, faces: Path, checkpoint: Path, tmp_path: Path) -> None:
    words = (f"ckpt={checkpoint}", f"data.root={faces}", "data.num_workers=0", "trainer.accelerator=cpu")
    folders = tmp_path / "one", tmp_path / "two"
    for folder, devices in zip(folders, (1, 2), strict=True):
        command(
            "eval", *words, f"trainer.devices={devices}", f"cache_dir={folder}/cache", f"hydra.run.dir={folder}/run"
        )
    one, two = (json.loads((folder / "run" / "metrics.json").read_text())["synthetic"] for folder in folders)
    assert one.keys() == two.keys()
    for key, value in one.items():
        assert two[key]["value"] == pytest.approx(value["value"], abs=1e-6), key
