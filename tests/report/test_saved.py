"""What was measured comes back as it was; what is damaged does not come back at all."""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

from marginface.data import decode
from marginface.data.errors import DataError, DataNotFoundError
from marginface.data.image_set import ImageSet
from marginface.outcome import Outcome, Threshold
from marginface.report import Report, load_report, save_report
from marginface.report.plain import to_plain


def same_outcome(left: Outcome, right: Outcome) -> bool:
    """Units are arrays: they have no single truth."""
    for part in fields(Outcome):
        ours, theirs = getattr(left, part.name), getattr(right, part.name)
        if part.name == "units":
            assert list(ours) == list(theirs)
            assert all(np.array_equal(a, b) for name in ours for a, b in zip(ours[name], theirs[name], strict=True))
        elif to_plain(ours) != to_plain(theirs):
            return False
    return True


@pytest.fixture
def folder(tmp_path: Path, weak: Mapping[str, Outcome], images: dict[str, ImageSet]) -> Path:
    save_report(tmp_path / "made" / "here", weak, images, {"model": "sphere20"})
    return tmp_path / "made" / "here"


def test_a_report_comes_back_as_it_was(folder: Path, weak: Mapping[str, Outcome]) -> None:
    report = load_report(folder)
    assert report.about == {"model": "sphere20"}
    assert list(report.outcomes) == list(weak)
    for name, outcome in weak.items():
        assert same_outcome(report.outcomes[name], outcome), name
    assert report.outcomes["lfw"].figures["auc"] == weak["lfw"].figures["auc"]
    assert report.outcomes["lfw"].units["accuracy@strict"].value.dtype == np.float32


def test_saving_tells_what_was_saved(tmp_path: Path, weak: Mapping[str, Outcome], images: dict[str, ImageSet]) -> None:
    saved = save_report(tmp_path, weak, images, {})
    assert isinstance(saved, Report)
    assert saved.images == load_report(tmp_path).images


def test_only_the_hardest_images_are_kept_as_jpegs(
    folder: Path, weak: Mapping[str, Outcome], images: dict[str, ImageSet]
) -> None:
    kept = load_report(folder).images
    shown = {side for pair in weak["lfw"].hardest for side in (pair.first, pair.second)}
    assert set(kept) == {"lfw", "megaface"}
    assert set(kept["lfw"]) == shown
    some = min(shown)
    pixels = decode(kept["lfw"][some], "the report").astype(int)
    assert np.abs(pixels - images["lfw"].load(some).astype(int)).mean() < 8


def test_a_benchmark_without_images_is_saved_without(tmp_path: Path, weak: Mapping[str, Outcome]) -> None:
    save_report(tmp_path, weak, {}, {})
    assert load_report(tmp_path).images == {}


def test_numbers_that_json_lacks_come_back(tmp_path: Path, weak: Mapping[str, Outcome]) -> None:
    threshold = Threshold(0.5, -math.inf, math.nan, 2)
    save_report(tmp_path, {"lfw": replace(weak["lfw"], thresholds=[threshold])}, {}, {})
    (back,) = load_report(tmp_path).outcomes["lfw"].thresholds
    assert back.score == -math.inf
    assert math.isnan(back.tar)
    json.loads((tmp_path / "report.json").read_text(), parse_constant=pytest.fail)  # NaN is no JSON


def test_the_same_report_is_the_same_files(
    tmp_path: Path, weak: Mapping[str, Outcome], images: dict[str, ImageSet]
) -> None:
    for name in ("a", "b"):
        save_report(tmp_path / name, weak, images, {})
    for file in ("report.json", "units.npz"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


@pytest.mark.parametrize("name", ["report.json", "units.npz"])
def test_a_missing_file_is_named_with_the_remedy(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(DataNotFoundError, match=rf"has no {name}: .*src/eval\.py"):
        load_report(folder)


def edit(change: Callable[[dict], None]) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        text = json.loads((folder / "report.json").read_text())
        change(text)
        (folder / "report.json").write_text(json.dumps(text))

    return damage


def cut(name: str) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        (folder / name).write_bytes((folder / name).read_bytes()[:100])

    return damage


DAMAGES = {
    "cut short": (cut("report.json"), "Expecting|Unterminated|delimiter"),
    "no object": (lambda folder: (folder / "report.json").write_text("[]"), "is damaged"),
    "no text": (lambda folder: (folder / "report.json").write_bytes(b"\xff\xfe\x00"), "is damaged"),
    "nested without end": (lambda folder: (folder / "report.json").write_text("[" * 100_000), "is damaged"),
    "a newer version": (edit(lambda text: text.update(version=99)), "version 99, this program reads version 1"),
    "a part is missing": (edit(lambda text: text.pop("images")), "images"),
    "a figure is text": (
        edit(lambda text: text["benchmarks"]["lfw"]["figures"]["auc"].update(value="high")),
        r"lfw\.figures\['auc'\]\.value is 'high', which is no float",
    ),
    "no base64": (edit(lambda text: text["images"]["lfw"].update({"0": "<script>"})), "is damaged"),
    "units of another report": (cut("units.npz"), "units.npz is not the one that was written with it"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_report_is_refused(folder: Path, damage: str) -> None:
    change, message = DAMAGES[damage]
    change(folder)
    with pytest.raises(DataError, match=message) as error:
        load_report(folder)
    assert str(folder / "report.json") in str(error.value)
    assert "run python src/eval.py again" in str(error.value)


def test_units_of_another_shape_are_refused(tmp_path: Path, weak: Mapping[str, Outcome]) -> None:
    outcome = weak["ck_plus"]
    units = outcome.units["accuracy"]
    save_report(
        tmp_path, {"ck_plus": replace(outcome, units={"accuracy": units._replace(group=units.group[:5])})}, {}, {}
    )
    with pytest.raises(DataError, match=r"units of accuracy have the shapes \(327,\) and \(5,\)"):
        load_report(tmp_path)


class Bomb:
    def __reduce__(self) -> tuple[Callable[[str], object], tuple[str]]:
        return (pytest.fail, ("loading ran code",))


def test_loading_runs_no_code(folder: Path) -> None:
    import hashlib

    hostile = np.empty(1, dtype=object)
    hostile[0] = Bomb()
    np.savez(folder / "units.npz", **{"0.value": hostile, "0.group": hostile}, allow_pickle=True)
    edit(lambda text: text.update(units_sha256=hashlib.sha256((folder / "units.npz").read_bytes()).hexdigest()))(folder)
    with pytest.raises(DataError, match="allow_pickle=False"):
        load_report(folder)
