"""The real command: from photos to a pack that trains, step by step."""

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch
from hydra import compose, initialize_config_dir

from marginface.data import FaceRecords, encode, read_pairs
from marginface.data.alignment import TEMPLATE_112
from marginface.data.drop_list import labels_digest
from marginface.engine.preparation import PREPARE_KEYS, prepare_data
from marginface.prepare import read_card


@pytest.fixture
def run(root: Path, tmp_path: Path):
    """``run(*overrides)`` in this process."""

    def go(*overrides: str) -> None:
        with initialize_config_dir(str(root / "conf"), version_base="1.3"):
            prepare_data(compose("prepare", [f"run_dir={tmp_path}/run", *overrides]))

    return go


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Photos of two people with their list, and a list of pairs."""
    root = tmp_path / "photos"
    root.mkdir()
    rows = []
    for number in range(4):
        image = np.random.default_rng(number).integers(0, 255, (200, 240, 3)).astype(np.uint8)
        (root / f"{number}.jpg").write_bytes(encode(image))
        rows.append("\t".join([f"{number}.jpg", str(number // 2), *map(str, (TEMPLATE_112 + number).ravel().tolist())]))
    (root / "list.txt").write_text("\n".join(rows))
    return root


def test_photos_become_a_pack_and_a_benchmark(run, photos: Path, tmp_path: Path) -> None:
    crops, pack = tmp_path / "crops", tmp_path / "pack"
    run("step=align", f"root={photos}", f"out={crops}", f"align.landmarks={photos}/list.txt", "align.num_workers=0")
    run("step=pack", f"root={crops}/faces.txt", f"out={pack}")
    assert FaceRecords(pack).labels.tolist() == [0, 0, 1, 1]
    assert read_card(pack / "card.json").convention == "umeyama"
    (crops / "pairs.txt").write_text("0.jpg 1.jpg 1\n0.jpg 2.jpg 0\n")
    run("step=pack_pairs", f"root={crops}", f"out={pack}/own.bin")
    assert read_pairs(pack / "own.bin").same.tolist() == [True, False]
    run("step=convert", f"root={pack}", f"out={tmp_path}/shards", "convert.images_per_shard=3")
    run("step=unpack", f"root={pack}", f"out={tmp_path}/images")
    run("step=convert", f"root={tmp_path}/shards", f"out={tmp_path}/again", "convert.to=records")
    assert (tmp_path / "again" / "train.rec").read_bytes() == (pack / "train.rec").read_bytes()
    assert len(list((tmp_path / "images").glob("*/*.jpg"))) == 4


@pytest.mark.parametrize("repack", ["true", "false"])
def test_a_pack_is_cleaned_and_verified(run, faces: Path, tmp_path: Path, repack: str) -> None:
    source, out = FaceRecords(faces), tmp_path / "new"
    drop = [{"index": index, "reason": "label_noise"} for index in (0, 9)]
    audit = {"source": {"labels_sha256": labels_digest(source.labels)}, "reasons": {"label_noise": "", "damaged": ""}}
    (tmp_path / "audit.json").write_text(json.dumps({**audit, "drop": drop}))
    words = ("step=clean", f"root={faces}", f"clean.drop_list={tmp_path}/audit.json", f"clean.repack={repack}")
    with pytest.raises(ValueError, match="has no blur, only label_noise, damaged"):
        run(*words, f"out={out}", "clean.reasons=[blur]")
    run(*words, f"out={out}", "clean.reasons=[label_noise]")
    run("step=verify", f"root={out}")
    assert read_card(out / "card.json").dropped == {"label_noise": 2}
    assert len(FaceRecords(out)) == 24 * 8 - 2
    with pytest.raises(ValueError, match=r"step=clean needs out, clean\.drop_list"):
        run("step=clean", f"root={faces}")


@pytest.mark.slow
def test_a_run_can_be_traced_to_its_data(run, command, faces: Path, tmp_path: Path) -> None:
    root, folder = tmp_path / "new", tmp_path / "run"
    (tmp_path / "drop.txt").write_text("0\n")
    run("step=clean", f"root={faces}", f"out={root}", f"clean.drop_list={tmp_path}/drop.txt", "clean.repack=false")
    words = command.small(f"data.root={root}", "data.verify_card=true", "trainer.max_steps=1", "test=false")
    done = command("train", *words, f"hydra.run.dir={folder}")
    sha256 = read_card(root / "card.json").sha256()
    assert f"SHA-256 of the card: {sha256}" in done.stdout + done.stderr
    checkpoint = torch.load(folder / "checkpoints" / "last.ckpt", weights_only=True)
    assert checkpoint["FaceDataModule"]["card"] == sha256


def test_the_command_itself(command, faces: Path, tmp_path: Path) -> None:
    done: subprocess.CompletedProcess = command(
        "prepare", "step=unpack", f"root={faces}", f"out={tmp_path}/out", f"hydra.run.dir={tmp_path}/run"
    )
    assert "unpack: 192 images of 24 identities" in done.stdout + done.stderr
    assert len(list((tmp_path / "out").glob("*/*.jpg"))) == 192


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "step is missing: pass step=NAME, one of detect, align, pack"),
        (("step=crop",), "step 'crop' is unknown"),
        (("step=align",), r"step=align needs root, out, align\.landmarks: pass root=\.\.\. out=\.\.\."),
        (("step=pack", "root=a", "out=b", "+qualty=3"), "unknown config key.*qualty"),
    ],
)
def test_mistakes_are_named(run, words: tuple[str, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        run(*words)


def test_all_steps_and_their_settings_stand_in_the_config(root: Path) -> None:
    with initialize_config_dir(str(root / "conf"), version_base="1.3"):
        cfg = compose("prepare", ["run_dir=/nowhere"])
    assert set(cfg) == PREPARE_KEYS
