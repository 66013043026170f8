"""The audit command, from the data on disk to the cleaned set."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from hydra import compose, initialize_config_dir

from marginface.backbone import SphereNet
from marginface.data import DataError, FaceRecords, encode, write_face_records, write_pairs
from marginface.data.kept import KeptFaces
from marginface.engine import audit

NUM_IDENTITIES, EACH, COPY, DARK = 4, 4, 6, 9


def face(identity: int, rng: np.random.Generator) -> bytes:
    """A JPEG that only its identity's coarse colours tell from others."""
    base = np.random.default_rng(identity).integers(0, 255, (7, 7, 3)).repeat(16, 0).repeat(16, 1)
    return encode(np.clip(base + rng.normal(0, 40, base.shape), 0, 255).astype(np.uint8))


@pytest.fixture(scope="module")
def spoilt(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pack with a copy of its first image in class 1, a black image and a pair list of its own people."""
    folder, rng = tmp_path_factory.mktemp("spoilt"), np.random.default_rng(0)
    images = [face(label, rng) for label in range(NUM_IDENTITIES) for _ in range(EACH)]
    images[COPY], images[DARK] = images[0], encode(np.zeros((112, 112, 3), np.uint8))
    write_face_records(folder, [(i // EACH, image) for i, image in enumerate(images)])
    write_pairs(folder / "synthetic.bin", ([images[12], images[13], images[13], images[14]], [True, False]))
    (folder / "names.txt").write_text("Bea\n")
    (folder / "classes.txt").write_text("Ada\nBEA\nCyd\nDot\n")
    torch.manual_seed(0)
    torch.save(SphereNet(depth=4).state_dict(), folder / "sphere4.pt")
    return folder


@pytest.fixture
def words(spoilt: Path, tmp_path: Path) -> list[str]:
    return [
        *("data=records", f"data.root={spoilt}", "data.num_workers=0", "data.eval_batch_size=8"),
        *(f"weights={spoilt}/sphere4.pt", "backbone=sphere4", "trainer.accelerator=cpu"),
        *("trainer.enable_progress_bar=false", f"cache_dir={tmp_path}/embeddings", f"results_dir={tmp_path}"),
    ]


def call(root: Path, words: list[str]) -> None:
    with initialize_config_dir(str(root / "conf"), version_base="1.3"):
        audit(compose("audit", ["run_dir=/nowhere", *words]))


def test_the_command_writes_a_report_and_the_list_cleans_the_set(
    command, spoilt: Path, words: list[str], tmp_path: Path
) -> None:
    lists = (f"names={spoilt}/names.txt", f"class_names={spoilt}/classes.txt")
    done = command(
        "audit",
        *words,
        *lists,
        "benchmark=synthetic",
        "benchmark.synthetic.num_folds=2",
        f"hydra.run.dir={tmp_path}/run",
    )
    assert "exact_duplicate    1" in done.stdout
    found = json.loads((tmp_path / "audit.json").read_text())
    reasons = {reason: {e["index"] for e in found["drop"] if e["reason"] == reason} for reason in found["reasons"]}
    assert len(reasons["exact_duplicate"]) == 1
    assert reasons["exact_duplicate"] < {0, COPY}
    assert reasons["benchmark_name"] == set(range(EACH, 2 * EACH))
    assert reasons["benchmark_overlap"] >= set(range(12, 16))
    assert found["num_dropped"] == len({entry["index"] for entry in found["drop"]})
    assert found["statistics"]["brightness"]["min"] == 0
    assert {"backbone", "fingerprint", "versions"} <= set(found["about"])
    page = (tmp_path / "audit.html").read_text()
    assert page.count("data:image/jpeg;base64,") > 4
    assert "Classes that show a person of synthetic" in page
    assert not re.search(r"<script|https?://|src=\"(?!data:)", page)


def test_a_second_audit_embeds_nothing_anew_and_says_the_same(
    root: Path, words: list[str], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    call(root, words)
    first = json.loads((tmp_path / "audit.json").read_text())
    with caplog.at_level("INFO"):
        call(root, words)
    assert "16 of 16 embeddings are in" in caplog.text
    again = json.loads((tmp_path / "audit.json").read_text())
    assert first["drop"] == again["drop"]


def test_cleaning_writes_a_list_beside_the_data(root: Path, spoilt: Path, words: list[str], tmp_path: Path) -> None:
    call(root, words)
    clean = ["data=records", f"data.root={spoilt}", f"clean={tmp_path}/audit.json", "reasons=[exact_duplicate]"]
    try:
        call(root, [*clean, "trainer.accelerator=cpu"])
        kept = KeptFaces(FaceRecords(spoilt), spoilt / "drop.txt")
    finally:
        (spoilt / "drop.txt").unlink()
    assert (len(kept), kept.num_classes) == (15, NUM_IDENTITIES)


def test_an_audit_of_another_set_does_not_clean_this_one(
    root: Path, words: list[str], tiny_records: Path, tmp_path: Path
) -> None:
    call(root, words)
    target = tmp_path / "drop.txt"
    clean = ["data=records", f"data.root={tiny_records}", f"clean={tmp_path}/audit.json", f"drop_list={target}"]
    with pytest.raises(DataError, match="was made for a set with other labels"):
        call(root, [*clean, "trainer.accelerator=cpu"])
    assert not target.exists()


def test_mistakes_are_named(root: Path, spoilt: Path, words: list[str]) -> None:
    with pytest.raises(ValueError, match="ckpt=None, weights=None, clean=None: give exactly one"):
        call(root, ["data=records", f"data.root={spoilt}"])
    with pytest.raises(ValueError, match="does not name its classes; add class_names=PATH"):
        call(root, [*words, f"names={spoilt}/names.txt"])
    with pytest.raises(ValueError, match=r"limit_test_batches=1: an audit needs all images"):
        call(root, [*words, "trainer.limit_test_batches=1"])
