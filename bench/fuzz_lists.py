"""Readers of lists, cards and caches for `bench/fuzz.py`: intact files, how to damage them, what must hold."""

import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

import numpy as np
import torch

from fuzz_mutations import WORDS, fields_mutant, json_mutant, lines_mutant, words_mutant
from fuzz_readers import FREE_BYTES, TABLE_BYTES, Reader, made
from marginface.audit import near_names, read_names, shared_names
from marginface.data.benchmark_files.ijb import IjbPack
from marginface.data.benchmark_files.megaface_lists import is_noise, read_noises, read_photo_list
from marginface.data.benchmark_files.trillion_pairs_lists import read_file_list, read_labels
from marginface.data.benchmark_files.ytf import read_splits
from marginface.data.ck_plus_sequences import read_sequences
from marginface.data.drop_list import read_drop_list
from marginface.data.errors import DataNotFoundError
from marginface.data.pair_lists import (
    ListedPair,
    Origin,
    find_images,
    read_agedb_pairs,
    read_cfp_pairs,
    read_lfw_pairs,
    read_rfw_pairs,
    read_two_line_pairs,
    read_wrong_pairs,
)
from marginface.data.pair_lists.paths import read_path_pairs
from marginface.embedding.store import EmbeddingStore, StoreError
from marginface.prepare.card import Card, read_card, write_card
from marginface.prepare.identities import first_names
from marginface.prepare.journal import Journal
from marginface.prepare.landmarks import read_landmarks

POINTS = "1 2 3.5 4 5 6 7 8 9 1e1"
JSON = [b"[", b"]", b"{", b"}", b'"', b",", b":", b"NaN", b"1e400", b"\\ud800", b"\\u0000", b"null", b"\xff"]
CARD = Card("align", image_size=(112, 96), num_images=3, template=((1.0, 2.5),) * 5, files_sha256={"a": "0"})
CARD_WITH_PACK = Card("pack", dropped={"x": 2}, pack_layout={"header_first": True, "header_id2": 1, "property_end": ""})
ORIGIN = Origin("a set", "somewhere", "images")
STORE = (3, 2, {"model": "m"})  # images, dimension, what it is of
SUMS = fields_mutant((0, "<I"), (4, "<I"), (8, "<I"))
AUDIT = {
    "source": {"labels_sha256": "0"},
    "reasons": ["overlap", "duplicate"],
    "drop": [{"index": 3, "reason": "overlap"}, {"index": 1, "reason": "duplicate"}],
}
JOURNAL = b'{"choose": "centre"}\n["a.jpg", [["a.jpg", "", "1"]], "", ""]\n["b.jpg", [], "no face", "none"]\n'
NAMES = [
    "Ann B\n\nJosé_García\n".encode(),
    b'm.01\t"Ann B"@en\nm.01\t"Anne (x) B"@fr\n',
    b"Ann_B\t1\nJose_Garcia\t20\n",
    b"0000045 Ann B\n00046, Jose Garcia, jr\n",
]


def list_readers(folder: Path) -> dict[str, Reader]:
    """Readers of lists, cards and caches.

    Args:
        folder: for the intact files that accompany a damaged one.
    """
    return {**_training_lists(), **_pair_lists(), **_benchmark_lists(), **_stores(folder / "store")}


def _lines(files: Sequence[bytes], read: Callable[[Path], None], free: int = FREE_BYTES) -> Reader:
    return Reader(list(files), WORDS, read, free, lines_mutant)


def _json(contents: Sequence[object], read: Callable[[Path], None]) -> Reader:
    return Reader([json.dumps(content).encode() for content in contents], JSON, read, mutate=json_mutant)


def _training_lists() -> dict[str, Reader]:
    cards = [json.loads(made(partial(write_card, card=card))) for card in (CARD, CARD_WITH_PACK)]
    points = [float(word) for word in POINTS.split()]
    marked = {"a/1.jpg": np.reshape(points, (5, 2)).tolist(), "b.jpg": None}
    tabs = POINTS.replace(" ", "\t").encode()
    header = ",".join(f"{axis}{point}" for point in range(1, 6) for axis in "xy").encode()
    row = POINTS.replace(" ", ",").encode()
    landmarks = {
        "insightface": [b"0\ta b/1.jpg\t7\t1\t2\t3\t4\t" + tabs + b"\n1\tb.jpg\t0\n0\tc.jpg\t1\t1\t2\t3\t4\n"],
        "sphereface_pytorch": [
            b"a b/1.jpg\t7\t" + tabs + b"\n",
            b"a.jpg %s\nb.jpg 7 %s" % (POINTS.encode(), POINTS.encode()),
        ],
        "csv": [b"path," + header + b",label\na/1.jpg," + row + b",7\nb.jpg" + b"," * 11 + b"\n"],
    }
    return {
        "drop_json": _json([AUDIT], _drop("audit.json")),
        "drop_text": _lines([b"# made for labels 0\n3\n1 # twin\n"], _drop("drop.txt")),
        "card": _json(cards, _card),
        **{f"landmarks_{layout}": _lines(files, partial(_marked, layout)) for layout, files in landmarks.items()},
        "landmarks_json": _json([marked], partial(_marked, "json")),
        "names": _lines(NAMES, _names),
        "journal": Reader([JOURNAL], JSON, _journal, mutate=lines_mutant),
        "identities": _lines([b"label,name\n0,Ann\n1,Bob\n"], _identities),
        "names_csv": _lines([b'Class_ID, Name, N\nn1, "A_B", 4\nn2, Jose_Garcia, 5\n'], _names_csv),
    }


def _pair_lists() -> dict[str, Reader]:
    numbered = b"a\t1\t2\na\t1\tb\t1\nb\t1\t2\na\t2\tb\t2\n"
    two = b"a.jpg 1\nb.jpg 1\nc.jpg 1\nd.jpg 1\na.jpg 0\nc.jpg 0\nb.jpg 0\nd.jpg 0\n"
    agedb = b"a.jpg b.jpg 1\nc.jpg d.jpg -1\n"
    return {
        "pairs_lfw": _lines([b"2\t1\n" + numbered], _listed(read_lfw_pairs)),
        "pairs_rfw": _lines([numbered], _listed(partial(read_rfw_pairs, num_folds=2))),
        "pairs_agedb": _lines([agedb], _listed(partial(read_agedb_pairs, num_folds=2))),
        "pairs_two_lines": _lines([two], _listed(partial(read_two_line_pairs, num_folds=2))),
        "pairs_paths": _lines(
            [b"a.jpg b.jpg 1 3\nc.jpg d.jpg 0 1\n", b"a b.jpg\tc.jpg\t1\nd.jpg\te.jpg\t0\n"],
            _listed(partial(read_path_pairs, num_folds=2)),
        ),
        "pairs_cfp_images": _lines([CFP["Pair_list_F.txt"]], _cfp("Pair_list_F.txt")),
        "pairs_cfp_fold": _lines([CFP["Split/FF/01/same.txt"]], _cfp("Split/FF/01/same.txt")),
        "pairs_wrong": _lines([b"# wrong\n2\na\t1\t2\na\t1\tb\t1\n"], _wrong),
    }


CFP = {
    "Pair_list_F.txt": b"".join(b"%d ../Data/Images/001/frontal/%02d.jpg\n" % (i, i) for i in range(1, 5)),
    "Split/FF/01/same.txt": b"1,2\n1,3\n",
    "Split/FF/01/diff.txt": b"3,4\n2,4\n",
}


def _benchmark_lists() -> dict[str, Reader]:
    faces = b"".join(b"%d.jpg %s 0.9\n" % (i, POINTS.encode()) for i in (1, 2))
    photos = [{"path": ["A/1.png", "B/2.png"], "id": ["A", "B"]}, {"path": ["1/2@N00/3.jpg"], "id": [7]}]
    return {
        "ytf": _lines([b"split, pair, a, b, is_same\n1, 1, A/1, A/2, 1\n2, 1, A/1, B/0, 0\n"], _splits),
        "ck_plus_label": Reader([b"   3.0000000e+00\n"], WORDS, _expression, mutate=lines_mutant),
        "ijb_members": _ijb([b"1.jpg 1 1\n2.jpg 1 2\n"], "face_tid_mid.txt", lambda pack: pack.members()),
        "ijb_faces": _ijb([faces], "name_5pts_score.txt", lambda pack: pack.faces()),
        "ijb_pairs": _ijb([b"1 2 1\n1 3 0\n"], "template_pair_label.txt", lambda pack: pack.pairs()),
        "ijb_probes": _ijb([b"T,S,F\n1,1,x\n1,1,y\n2,3,z\n"], "1N_probe_mixed.csv", lambda pack: pack.probes()),
        "megaface_photos": _json(photos, _photos),
        "megaface_noises": _lines([b"# noises\nA_1.png\nB\tB/2.png\n"], _noises),
        "trillion_pairs_files": _lines([b"a/1.jpg 1 2\nb/2.jpg 3 4\n"], _file_list),
        "trillion_pairs_labels": _lines([b"0\n-1\n7\n"], _labels),
    }


def _stores(folder: Path) -> dict[str, Reader]:
    num_images, dim, about = STORE
    store = EmbeddingStore(folder, num_images, dim, about)
    rows = np.arange(num_images * dim, dtype=np.float32).reshape(num_images, dim) + 1
    store.write(torch.arange(num_images), torch.from_numpy(rows), torch.from_numpy(-rows))
    contents = {name: (folder / name).read_bytes() for name in ("about.json", "rows.f32", "checksums.u32")}

    def read(name: str, path: Path) -> None:
        opened = EmbeddingStore(beside(path, name, contents), *STORE)
        assert opened.rows().shape == (num_images, 2, dim)
        whole = opened.rows()[opened.present]
        assert np.array_equal(whole, np.stack([rows, -rows], 1)[opened.present]) or name == "checksums.u32"

    readers = {
        "store_about": _json([json.loads(contents["about.json"])], partial(read, "about.json")),
        "store_rows": Reader([contents["rows.f32"]], [b"\0"], partial(read, "rows.f32"), mutate=words_mutant),
        "store_checksums": Reader([contents["checksums.u32"]], [b"\0"], partial(read, "checksums.u32"), mutate=SUMS),
    }
    return {name: reader._replace(errors=(StoreError,)) for name, reader in readers.items()}


def beside(path: Path, name: str, others: dict[str, bytes] | None = None) -> Path:
    """A folder that has the damaged file under a name, beside intact ones; made at the first input."""
    folder = path.with_name(f"{path.name}.folder")
    if not folder.exists():
        for each, content in {**(others or {}), name: b""}.items():
            (folder / each).parent.mkdir(parents=True, exist_ok=True)
            (folder / each).write_bytes(content)
        (folder / name).unlink()
        (folder / name).symlink_to(path)
    return folder


def _drop(name: str) -> Callable[[Path], None]:
    def read(path: Path) -> None:
        drop = read_drop_list(beside(path, name) / name)
        assert drop.index.dtype == np.int64
        assert (np.diff(drop.index) > 0).all()
        assert not len(drop.index) or drop.index[0] >= 0

    return read


def _card(path: Path) -> None:
    card = read_card(path)
    write_card(path.with_suffix(".again"), card)
    assert read_card(path.with_suffix(".again")) == card
    assert card.finished in (True, False)
    assert card.image_size is None or min(card.image_size) > 0
    assert card.template is None or np.isfinite(np.array(card.template, np.float64)).all()


def _marked(layout: str, path: Path) -> None:
    for photo in read_landmarks(path, layout):
        assert photo.points is None or (photo.points.shape == (5, 2) and np.isfinite(photo.points).all())
        assert photo.path.strip()
        with suppress(OSError):  # as whoever opens them expects
            (path.parent / "none" / photo.path).open("rb")


def _names(path: Path) -> None:
    listed = read_names(path)
    assert all(name.strip() == name for name in listed.names)
    classes = [["Jose Garcia"], ["nobody at all"]]
    assert shared_names(classes, listed.names) in ([], [0])
    near_names(classes, listed.names)


def _journal(path: Path) -> None:
    journal = Journal(path, {"choose": "centre"})
    assert journal.done == {found.name for found in journal}
    assert all(isinstance(word, str) for found in journal for row in found.rows for word in row)


def _identities(path: Path) -> None:
    names = first_names(beside(path, "identities.csv"), ["0", "1", "2"])
    assert len(names) == 3


def _names_csv(path: Path) -> None:
    _names(beside(path, "names.csv") / "names.csv")


def _listed(reader: Callable[[Path], list[ListedPair]]) -> Callable[[Path], None]:
    def read(path: Path) -> None:
        pairs = reader(path)
        folds = {pair.fold for pair in pairs}
        assert folds == set(range(len(folds)))
        with suppress(DataNotFoundError):  # what a correct list would end with here
            find_images(pairs, path.parent, ORIGIN)

    return read


def _cfp(name: str) -> Callable[[Path], None]:
    return lambda path: _listed(lambda folder: read_cfp_pairs(folder, "FF", 1))(beside(path, name, CFP))


def _wrong(path: Path) -> None:
    listed = [ListedPair("a/a_0001.jpg", f"{n}/{n}_000{i}.jpg", True, 0, "") for n, i in (("a", 2), ("b", 1))]
    places = read_wrong_pairs(path, len(listed), listed)
    assert set(places.tolist()) <= {0, 1}


def _splits(path: Path) -> None:
    pairs = read_splits(path)
    assert pairs.first.max() < len(pairs.videos)
    assert set(pairs.fold.tolist()) == set(range(pairs.fold.max() + 1))


def _expression(path: Path) -> None:
    name = "Emotion/S005/001/S005_001_00000011_emotion.txt"
    others = {"cohn-kanade-images/S005/001/S005_001_00000011.png": b""}
    (sequence,) = read_sequences(beside(path, name, others), 1)
    assert 0 <= sequence.expression < 7


def _ijb(files: Sequence[bytes], name: str, read: Callable[[IjbPack], object]) -> Reader:
    def read_pack(path: Path) -> None:
        read(IjbPack(beside(path, f"meta/ijbc_{name}"), "ijbc"))

    return _lines(files, read_pack, TABLE_BYTES)


def _photos(path: Path) -> None:
    photos = read_photo_list(path, with_identity=True)
    assert len(photos.path) == len(set(photos.path)) == len(photos.identity or ())


def _noises(path: Path) -> None:
    assert not is_noise("none.png", read_noises(path) - {"none.png"})


def _file_list(path: Path) -> None:
    assert not any(name.startswith("/") for name in read_file_list(path))


def _labels(path: Path) -> None:
    labels = read_labels(path, 3)
    assert labels.shape == (3,)
    assert labels.min() >= -1
