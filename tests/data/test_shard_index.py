import io
import os
import tarfile
from pathlib import Path

import numpy as np
import pytest

from marginface.data import webdataset
from marginface.data.errors import RecordError
from marginface.data.shard_index import ShardTable, read_shard_index, stated, write_shard_index
from marginface.data.webdataset import TarShards

TABLE = ShardTable(
    np.array([512, 5 << 40], dtype=np.int64),
    np.array([7, 9000]),
    np.array([3, (1 << 31) - 1]),
    np.array([0, 1], dtype=np.int32),
)


def shard(path: Path, images: list[bytes]) -> None:
    with tarfile.open(path, "w") as tar:
        for number, image in enumerate(images):
            for kind, content in (("jpg", image), ("cls", b"%d" % number)):
                member = tarfile.TarInfo(f"{number}.{kind}")
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))


@pytest.fixture
def shards(tmp_path: Path) -> Path:
    """Two shards of two images and of one."""
    shard(tmp_path / "a.tar", [b"a0", b"a1"])
    shard(tmp_path / "b.tar", [b"b0"])
    return tmp_path


def content(faces: TarShards) -> list[tuple[bytes, int]]:
    return [(faces.read(index), int(faces.labels[index])) for index in range(len(faces))]


def test_what_was_written_is_read(tmp_path: Path) -> None:
    write_shard_index(tmp_path / "index", b"a.tar\t1\t2\n\n", TABLE)
    table = read_shard_index(tmp_path / "index", b"a.tar\t1\t2\n\n")
    for column, expected in zip(table, TABLE, strict=True):
        assert column.dtype == expected.dtype
        assert column.tolist() == expected.tolist()
    assert [path.name for path in tmp_path.iterdir()] == ["index"]


def test_no_file_or_one_of_other_shards_is_none(tmp_path: Path) -> None:
    assert read_shard_index(tmp_path / "index", b"\n") is None
    write_shard_index(tmp_path / "index", b"a.tar\t1\t2\n\n", TABLE)
    for other in (b"a.tar\t1\t3\n\n", b"a.tar\t2\t2\n\n", b"b.tar\t1\t2\n\n", b"a.tar\t1\t2\nb.tar\t1\t2\n\n"):
        assert read_shard_index(tmp_path / "index", other) is None


@pytest.mark.parametrize("damage", [lambda b: b[:-1], lambda b: b[:-28], lambda b: b[:3], lambda b: b + b"0" * 28])
def test_a_cut_file_is_refused(tmp_path: Path, damage) -> None:
    write_shard_index(tmp_path / "index", b"\n", TABLE)
    (tmp_path / "index").write_bytes(damage((tmp_path / "index").read_bytes()))
    with pytest.raises(RecordError, match=r"index is damaged: delete it"):
        read_shard_index(tmp_path / "index", b"\n")


def test_every_changed_byte_is_noticed(tmp_path: Path) -> None:
    write_shard_index(tmp_path / "index", b"\n", TABLE)
    whole = (tmp_path / "index").read_bytes()
    for place in range(1, len(whole)):
        (tmp_path / "index").write_bytes(whole[:place] + bytes([whole[place] ^ 16]) + whole[place + 1 :])
        with pytest.raises(RecordError, match="is damaged"):
            read_shard_index(tmp_path / "index", b"\n")


def test_shards_are_scanned_once(shards: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = TarShards(shards, index="shards.index")
    expected = [(b"a0", 0), (b"a1", 1), (b"b0", 0)]
    assert content(first) == expected
    monkeypatch.setattr(webdataset, "_samples", lambda shard: pytest.fail("scanned again"))
    again = TarShards(shards, index=shards / "shards.index")
    assert content(again) == expected
    assert (again.num_classes, again.where(2)) == (first.num_classes, first.where(2))


@pytest.mark.parametrize("change", ["content", "new", "gone", "renamed", "touched"])
def test_changed_shards_are_scanned_again(shards: Path, change: str) -> None:
    TarShards(shards, index="shards.index")
    if change == "content":
        shard(shards / "b.tar", [b"x0", b"x1", b"x2"])
    elif change == "new":
        shard(shards / "c.tar", [b"c0"])
    elif change == "gone":
        (shards / "b.tar").unlink()
    elif change == "renamed":
        (shards / "a.tar").rename(shards / "c.tar")
    else:
        os.utime(shards / "a.tar", ns=(0, 0))
    before = (shards / "shards.index").read_bytes()
    assert content(TarShards(shards, index="shards.index")) == content(TarShards(shards))
    assert (shards / "shards.index").read_bytes() != before
    assert (shards / "shards.index").read_bytes().startswith(stated(sorted(shards.glob("*.tar"))))
