"""Benchmarks that are aligned in another way than the training set are refused or warned of."""

import logging
from dataclasses import replace
from pathlib import Path

import pytest

from marginface.benchmark import OwnPairs, PairBenchmark
from marginface.data import DataError
from marginface.datamodule import FaceDataModule
from marginface.prepare import convert_faces, pack_pairs
from marginface.prepare.benchmark_agreement import check_benchmarks
from marginface.prepare.card import CARD_NAME, Card, read_card, write_card
from marginface.prepare.templates import TEMPLATES
from marginface.prepare.verification import pairs_card_path

POINTS = tuple((float(x), float(y)) for x, y in TEMPLATES[(112, 112)])
CARD = Card("align", image_size=(112, 112), template=POINTS, convention="umeyama")


def moved(by: float) -> tuple[tuple[float, float], ...]:
    return tuple((x + by, y) for x, y in POINTS)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"image_size": (112, 96)}, r"benchmark own: by its card, faces at .* to the image_size \(112, 96\)"),
        ({"template": moved(-8)}, r"to the template .* align them alike, or delete the card if it is wrong"),
        ({"template": POINTS[:2]}, "to the template"),
        ({"finished": False}, "did not finish"),
    ],
)
def test_faces_that_lie_elsewhere_are_refused(tmp_path: Path, values: dict[str, object], message: str) -> None:
    write_card(tmp_path / CARD_NAME, replace(CARD, **values))  # type: ignore[arg-type]
    with pytest.raises(DataError, match=message):
        check_benchmarks(CARD, {"none": None, "own": tmp_path})


@pytest.mark.parametrize(
    "values", [{}, {"template": moved(0.01)}, {"template": None}, {"image_size": None}, {"convention": None}]
)
def test_the_same_alignment_passes_in_silence(
    tmp_path: Path, values: dict[str, object], caplog: pytest.LogCaptureFixture
) -> None:
    write_card(tmp_path / CARD_NAME, replace(CARD, **values))  # type: ignore[arg-type]
    with caplog.at_level(logging.WARNING):
        check_benchmarks(CARD, {"own": tmp_path})
    assert caplog.text == ""


def test_without_cards_there_is_nothing_to_compare(tmp_path: Path) -> None:
    check_benchmarks(CARD, {"folder": tmp_path, "file": tmp_path / "lfw.bin"})
    write_card(tmp_path / CARD_NAME, replace(CARD, image_size=(1, 1)))
    check_benchmarks(None, {"own": tmp_path})


def test_another_convention_is_warned_of(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_card(tmp_path / CARD_NAME, replace(CARD, convention="cp2tform"))
    with caplog.at_level(logging.WARNING):
        check_benchmarks(CARD, {"own": tmp_path})
    assert "aligned by cp2tform, those of the training set by umeyama" in caplog.text


def test_training_compares_its_benchmarks(folder: Path, tmp_path: Path) -> None:
    (folder / "pairs.txt").write_text("cleo/0.jpg cleo/1.jpg 1\nanna/0.jpg bert/0.jpg 0\n")
    path, root = tmp_path / "own.bin", tmp_path / "pack"
    pack_pairs(folder, path, num_folds=1)
    convert_faces(folder, root, "records", progress=False)
    write_card(root / CARD_NAME, replace(read_card(root / CARD_NAME), template=POINTS))
    for benchmark, card in ((path, pairs_card_path(path)), (folder, folder / CARD_NAME)):
        own = OwnPairs(folder, "pairs.txt", num_folds=1) if benchmark == folder else PairBenchmark(path, num_folds=1)
        FaceDataModule(root, benchmarks={"own": own})
        write_card(card, replace(CARD, template=moved(8)))
        with pytest.raises(DataError, match="benchmark own: by its card, faces at"):
            FaceDataModule(root, benchmarks={"own": own})
