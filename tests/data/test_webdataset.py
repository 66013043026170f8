import io
import pickle
import tarfile
from pathlib import Path

import numpy as np
import pytest

from marginface.data import webdataset
from marginface.data.errors import DataNotFoundError, LabelError, RecordError
from marginface.data.webdataset import TarShards

SAMPLES = [("000.jpg", b"a0"), ("000.cls", b"1"), ("001.cls", b"0\n"), ("001.png", b"b" * 600)]


def shard(path: Path, files: list[tuple[str, bytes]], mode: str = "w", **options) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, mode, **options) as tar:
        for name, content in files:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return path


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_samples_of_all_shards_in_the_order_of_names(tmp_path: Path, form: int) -> None:
    shard(tmp_path / "b.tar", [("x/" + "long" * 24 + ".jpg", b"c0"), ("x/" + "long" * 24 + ".cls", b"7")], format=form)
    shard(tmp_path / "a.tar", SAMPLES, format=form)
    faces = TarShards(tmp_path, image_size=(112, 96))
    assert [faces.read(i) for i in range(len(faces))] == [b"a0", b"b" * 600, b"c0"]
    assert faces.labels.tolist() == [1, 0, 7]
    assert faces.labels.dtype == np.int64
    assert (faces.num_classes, faces.image_size) == (8, (112, 96))
    assert faces.where(0) == f"{tmp_path / 'a.tar'}, byte 512"


def test_other_files_and_folders_are_passed_over(tmp_path: Path) -> None:
    path = shard(tmp_path / "a.tar", [(".hidden.cls", b"x"), *SAMPLES, ("001.json", b"{}"), ("readme.txt", b"hello")])
    with tarfile.open(path, "a") as tar:
        folder = tarfile.TarInfo("002.jpg")
        folder.type = tarfile.DIRTYPE
        tar.addfile(folder)
    assert TarShards(tmp_path).labels.tolist() == [1, 0]


def test_a_pickled_source_reads_the_same_and_costs_28_bytes_a_sample(tmp_path: Path) -> None:
    files = [(f"{i:04}.{kind}", b"5") for i in range(300) for kind in ("jpg", "cls")]
    faces = TarShards(shard(tmp_path / "a.tar", files).parent)
    faces.read(0)
    pickled = pickle.dumps(faces)
    assert len(pickled) < 300 * 28 + 1500
    assert pickle.loads(pickled).read(299) == b"5"


def test_few_shards_are_open_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webdataset, "_MAX_OPEN", 2)
    for number in range(5):
        shard(tmp_path / f"{number}.tar", [("0.jpg", b"%d" % number), ("0.cls", b"0")])
    faces = TarShards(tmp_path)
    assert [faces.read(i) for i in (0, 1, 2, 3, 4, 0, 4)] == [b"0", b"1", b"2", b"3", b"4", b"0", b"4"]
    assert len(faces._open) == 2


@pytest.mark.parametrize(
    ("files", "named"),
    [
        (SAMPLES[:1], "sample '000' has no label"),
        (SAMPLES[1:2], "sample '000' has no image"),
        ([SAMPLES[0], SAMPLES[2], SAMPLES[1], SAMPLES[3]], "sample '000' has no label.*must follow one another"),
        ([*SAMPLES[:2], ("000.png", b"a")], "sample '000' has two images"),
        ([("readme.txt", b"")], "holds no `<key>.jpg`"),
        ([], "holds no `<key>.jpg`"),
    ],
)
def test_incomplete_samples_are_named(tmp_path: Path, files: list[tuple[str, bytes]], named: str) -> None:
    shard(tmp_path / "a.tar", files)
    with pytest.raises(RecordError, match=named):
        TarShards(tmp_path)


@pytest.mark.parametrize("label", [b"", b"ann", b"-1", b"1.5", b"9" * 12, b"1" + b" " * 100])
def test_a_label_that_is_no_class_index(tmp_path: Path, label: bytes) -> None:
    shard(tmp_path / "a.tar", [("000.jpg", b"a"), ("000.cls", label)])
    with pytest.raises(LabelError, match=r"a\.tar: 000\.cls holds .* no class index"):
        TarShards(tmp_path)


def test_compressed_damaged_and_cut_shards_are_refused(tmp_path: Path) -> None:
    shard(tmp_path / "gz" / "a.tar", SAMPLES, "w:gz")
    with pytest.raises(RecordError, match=r"a\.tar is damaged or no uncompressed tar.*gunzip"):
        TarShards(tmp_path / "gz")
    whole = shard(tmp_path / "whole" / "a.tar", [*SAMPLES, ("002.cls", b"1"), ("002.jpg", b"c" * 5000)]).read_bytes()
    for cut in (0, 100, 600, 1536, 3000, 4500, 6500):
        (tmp_path / "whole" / "a.tar").write_bytes(whole[:cut])
        with pytest.raises(RecordError, match=r"a\.tar is damaged"):
            TarShards(tmp_path / "whole")


def test_mutated_shards_give_typed_errors_or_samples(tmp_path: Path) -> None:
    path = shard(tmp_path / "a.tar", [("long" * 30 + ".jpg", b"a"), ("long" * 30 + ".cls", b"0"), *SAMPLES])
    whole, rng = path.read_bytes()[:8192], np.random.default_rng(0)
    for _ in range(300):
        bad = bytearray(whole)
        for place in rng.integers(0, len(bad), 8):
            block = place // 512 * 512
            bad[place] = rng.integers(256)
            if rng.random() < 0.7:  # mend the checksum, so that the change is believed
                total = sum(bad[block : block + 148]) + 256 + sum(bad[block + 156 : block + 512])
                bad[block + 148 : block + 156] = b"%06o\0 " % total
        path.write_bytes(bad)
        try:
            faces = TarShards(tmp_path)
            [faces.read(i) for i in range(len(faces))]
        except (RecordError, LabelError):
            continue


def test_a_header_that_leads_backwards_is_refused(tmp_path: Path) -> None:
    path = shard(tmp_path / "a.tar", SAMPLES)
    bad = bytearray(path.read_bytes())
    bad[1024 + 124 : 1024 + 136] = (-1024).to_bytes(12, "big", signed=True)
    bad[1024 + 148 : 1024 + 156] = b"%06o\0 " % (sum(bad[1024:1172]) + 256 + sum(bad[1180:1536]))
    path.write_bytes(bad)
    with pytest.raises(RecordError, match=r"a\.tar is damaged"):
        TarShards(tmp_path)


def test_a_shard_that_shrank_or_went_away(tmp_path: Path) -> None:
    path = shard(tmp_path / "a.tar", SAMPLES)
    faces, later = TarShards(tmp_path), TarShards(tmp_path)
    path.write_bytes(path.read_bytes()[:513])
    with pytest.raises(RecordError, match=r"a\.tar, byte 512 needs 2 bytes, 1 are left"):
        faces.read(0)
    path.unlink()
    with pytest.raises(DataNotFoundError, match=r"a\.tar is gone"):
        later.read(0)


def test_no_shard(tmp_path: Path) -> None:
    with pytest.raises(DataNotFoundError, match=r"is empty, no \*\.tar: expected tar shards"):
        TarShards(tmp_path)
