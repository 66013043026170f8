"""The page of an audit as a reader sees it: in headless Chromium, wide and narrow, light and dark."""

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

from marginface.audit import AuditSettings, SetNames, TrainingImages, compare, judge, scan_images, write_audit
from marginface.audit.duplicates import first_of_each
from marginface.data import FaceRecords
from marginface.data.image_set import ImageSet
from marginface.embedding import Embeddings

LONG = "a_benchmark_with_a_very_long_name_that_nothing_breaks_and_that_goes_on_and_on"


@pytest.fixture(scope="module")
def chromium(root: Path) -> ModuleType:
    """What drives the browser for the page of an evaluation."""
    spec = importlib.util.spec_from_file_location("report_browser", root / "tests" / "report" / "test_browser.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def browser(chromium: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    if chromium.CHROMIUM is None:
        pytest.skip("no chromium, chromium-browser or google-chrome on the PATH")
    browser = chromium.Browser(tmp_path_factory.mktemp("profile"))
    yield browser
    browser.close()


@pytest.fixture(scope="module")
def page(tiny_records: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a set with findings of most kinds."""
    source, rng = FaceRecords(tiny_records), np.random.default_rng(0)
    people = source.labels.copy()
    people[3], people[source.labels == 5] = 9, 4
    rows = (np.eye(16)[people] + rng.normal(0, 0.1, (len(source), 16))).astype(np.float32)
    rows[17] = rows[18]
    scan, settings = scan_images(source), AuditSettings(near_duplicate=0.999, benchmark_overlap=0.8, near_classes=3)
    training = TrainingImages(source, scan)
    theirs = Embeddings.of(torch.from_numpy(np.eye(16, dtype=np.float32)[[7, 15]]))
    distinct = first_of_each(scan.digest)
    found = compare(Embeddings.of(torch.from_numpy(rows)), training.labels, distinct, settings, {LONG: theirs})
    names = SetNames(classes=[[f"Class Number {label}"] for label in range(12)], listed=["class number 2", "Class 3"])
    report = judge(source, scan, found, settings, names, {"checkpoint": f"/folder/{LONG}/{LONG}.ckpt"})
    images = {LONG: ImageSet([source.read(7 * 8), source.read(0)])}
    return write_audit(tmp_path_factory.mktemp("page"), report, images)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 400])
def test_the_page_reads_well(browser: Any, page: Path, width: int, scheme: str) -> None:
    seen = browser.open(page, width, scheme)
    assert browser.complaints() == []
    asked = {event["request"]["url"].partition(",")[0] for event in browser.said("Network.requestWillBeSent")}
    assert asked <= {page.as_uri(), "data:", "data:image/jpeg;base64"}
    assert seen["page"] > 0.8 if scheme == "light" else seen["page"] < 0.05

    assert seen["overflow"] <= 0
    assert [box for box in seen["sections"] if box["left"] < 0 or box["right"] > width or not box["height"]] == []
    assert seen["overlaps"] == []
    assert [text for text in seen["texts"] if text["size"] < 11.9] == []
    assert [text for text in seen["texts"] if text["contrast"] < 4.5] == []

    assert len(seen["plots"]) == 7
    for plot in seen["plots"]:
        assert plot["visible"], plot
        assert max(plot["right"], plot["words"]) <= width, plot
        assert (plot["width"] > 340, plot["curves"]) == (True, 1), plot
    assert len(seen["images"]) > 60
    assert [image for image in seen["images"] if not image["loaded"] or image["width"] < 60] == []
