"""The audit command, from the data on disk to the cleaned set."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hydra import compose, initialize_config_dir
from hydra.errors import InstantiationException

from marginface.backbone import SphereNet
from marginface.data import DataError, FaceRecords, encode, write_face_records, write_pairs
from marginface.data.kept import KeptFaces
from marginface.data.layout.ck_plus import write_ck_plus
from marginface.engine.auditing import audit

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
    assert found["not_looked_at"] == {}
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    assert (metrics["num_images"], metrics["dropped/exact_duplicate"], metrics["overlap/synthetic"] > 0) == (
        16,
        1,
        True,
    )
    page = (tmp_path / "audit.html").read_text()
    assert page.count("data:image/jpeg;base64,") > 4
    assert "Classes that show a person of synthetic" in page
    assert not re.search(r"<script|https?://|src=\"(?!data:)", page)


@pytest.mark.slow
def test_two_processes_share_the_work_and_say_the_same(command, root: Path, words: list[str], tmp_path: Path) -> None:
    """Both end, write once, and agree: embeddings of other batches may differ in the last digits, decisions may not."""
    words = [*words, "benchmark=synthetic", "settings.near_classes=2", "cache_dir=null"]
    call(root, words)
    alone = json.loads((tmp_path / "audit.json").read_text())
    done = command("audit", *words, "trainer.devices=2", f"results_dir={tmp_path}/two", f"hydra.run.dir={tmp_path}/run")
    assert done.stdout.count("to drop ") == 1
    together = json.loads((tmp_path / "two" / "audit.json").read_text())
    assert_alike({**alone, "about": {}}, {**together, "about": {}})


def assert_alike(one: Any, other: Any) -> None:
    if isinstance(one, dict):
        assert list(one) == list(other)
        one, other = list(one.values()), list(other.values())
    if isinstance(one, list):
        assert len(one) == len(other)
        for mine, theirs in zip(one, other, strict=True):
            assert_alike(mine, theirs)
    elif isinstance(one, float):
        assert other == pytest.approx(one, abs=1e-4)
    else:
        assert one == other or re.sub(r"\d\.\d+", "", one) == re.sub(r"\d\.\d+", "", other)


def test_without_a_model_bytes_and_names_are_looked_at(root: Path, spoilt: Path, tmp_path: Path) -> None:
    (tmp_path / "identity_meta.csv").write_text('Class_ID, Name\nn1, "Ada"\nn2, "Bea"\nn3, "Cyd"\nn4, "Dot Day"\n')
    (tmp_path / "lfw-names.txt").write_text("Bea\t3\nDay_Dot\t1\n")
    lists = [f"names={tmp_path}/lfw-names.txt", f"class_names={tmp_path}/identity_meta.csv"]
    call(root, [*bare(spoilt), *lists, f"results_dir={tmp_path}"])
    found = json.loads((tmp_path / "audit.json").read_text())
    dropped = {(entry["index"], entry["reason"]) for entry in found["drop"]}
    assert dropped == {(COPY, "exact_duplicate"), *((i, "benchmark_name") for i in range(EACH, 2 * EACH))}
    assert [(each["label"], each["listed"]) for each in found["near_names"]] == [(3, "Day_Dot")]
    assert set(found["not_looked_at"]) == {"near_duplicate", "label_noise", "benchmark_overlap", "same_identity"}
    page = (tmp_path / "audit.html").read_text()
    assert page.count("not looked at") == 4
    assert "Dot Day is like Day_Dot but for the order of words" in page


def bare(root: Path) -> list[str]:
    """Words of an audit without a model."""
    return [
        *("data=records", f"data.root={root}", "data.num_workers=0", "trainer.accelerator=cpu", "embeddings=false"),
    ]


def test_a_benchmark_that_is_not_there_shows_before_the_scan(
    root: Path, words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("marginface.engine.audit_data.scan_images", lambda *_: pytest.fail("it was scanned"))
    write_pairs(tmp_path / "cut.bin", ([b"no image", b"nor this"], [True]))
    with pytest.raises(DataError, match=r"image 0 of cut.bin: cannot decode"):
        call(root, [*words, "benchmark=pairs", f"benchmark.pairs.path={tmp_path}/cut.bin"])
    with pytest.raises(InstantiationException, match=r"lfw\.bin is neither"):
        call(root, [*words, "benchmark=lfw"])


def test_classes_that_are_no_people_are_not_told_apart(root: Path, words: list[str], tmp_path: Path) -> None:
    write_ck_plus(tmp_path / "ck")
    data = ["data=ck_plus", f"data.root={tmp_path}/ck", "data.source.fold=0", "data.num_workers=0"]
    model = [word for word in words if not word.startswith("data")]
    with pytest.raises(ValueError, match="are those that its benchmark asks for, not people"):
        call(root, [*data, *model])
    call(root, [*data, "embeddings=false", "trainer.accelerator=cpu", f"results_dir={tmp_path}"])
    assert json.loads((tmp_path / "metrics.json").read_text())["num_identities"] == 7


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
    with pytest.raises(ValueError, match=r"ckpt=None, weights=None, clean=None: give exactly one.*embeddings=false"):
        call(root, ["data=records", f"data.root={spoilt}"])
    with pytest.raises(ValueError, match="does not name its classes; add class_names=PATH"):
        call(root, [*words, f"names={spoilt}/names.txt"])
    with pytest.raises(ValueError, match=r"limit_test_batches=1: an audit needs all images"):
        call(root, [*words, "trainer.limit_test_batches=1"])
    with pytest.raises(ValueError, match=r"embeddings=false asks no model, but weights=.* is given"):
        call(root, [*words, "embeddings=false"])
    for word, message in (
        ("data.root=???", r"data\.root must be set, as in data\.root=VALUE"),
        ("benchmark=synthetic", r"benchmark=\['synthetic'\] is compared by embeddings"),
        ("trainer.devices=2", "trainer.devices=2, but embeddings=false runs in one process"),
        ("class_names=a.txt", "class_names=a.txt is compared with nothing: add names=PATH"),
    ):
        with pytest.raises(ValueError, match=message):
            call(root, [*bare(spoilt), word])
