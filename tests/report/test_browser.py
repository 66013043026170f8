"""The page as a reader sees it: in headless Chromium, wide and narrow, light and dark."""

import fcntl
import json
import os
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from marginface.data.image_set import ImageSet
from marginface.outcome import Outcome
from marginface.report import compare_reports, write_report

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run", "--disable-extensions"),
    *("--disable-background-networking", "--disable-component-update", "--remote-debugging-pipe"),
)
# Chromium speaks through the file descriptors 3 and 4, which only a process between can give it.
LAUNCH = (
    "import os, sys; r, w = map(int, sys.argv[1:3]); os.dup2(r, 3); os.dup2(w, 4); os.execv(sys.argv[3], sys.argv[3:])"
)
MEASURE = Path(__file__).with_name("measure.js").read_text()
LONG = "iresnet50_ArcFace_MS1MV3_a_very_long_name_of_a_checkpoint_that_nothing_breaks"


class Browser:
    """A headless Chromium with one tab, spoken to in the DevTools protocol."""

    def __init__(self, profile: Path) -> None:
        assert CHROMIUM is not None
        (their_in, self._out), (self._in, their_out) = os.pipe(), os.pipe()
        theirs = [fcntl.fcntl(fd, fcntl.F_DUPFD, 10) for fd in (their_in, their_out)]
        self._process = subprocess.Popen(
            [sys.executable, "-c", LAUNCH, *map(str, theirs), CHROMIUM, *FLAGS, f"--user-data-dir={profile}"],
            pass_fds=theirs,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for fd in (their_in, their_out, *theirs):
            os.close(fd)
        self._number, self._rest, self._session = 0, b"", ""
        self.events: list[dict[str, Any]] = []
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.ask(f"{domain}.enable")

    def ask(self, method: str, **params: Any) -> dict[str, Any]:
        self._number += 1
        call = {"id": self._number, "method": method, "params": params}
        os.write(self._out, json.dumps(call | ({"sessionId": self._session} if self._session else {})).encode() + b"\0")
        answer = self._wait(lambda message: message.get("id") == self._number)
        assert "error" not in answer, answer
        return dict(answer["result"])

    def open(self, page: Path, width: int, scheme: str) -> dict[str, Any]:
        """Show a page and measure it; what it complained of and asked for is in :attr:`events`."""
        self.events.clear()
        self.ask("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
        self.ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        self.ask("Page.navigate", url=page.as_uri())
        if not self.said("Page.loadEventFired"):
            self._wait(lambda message: message.get("method") == "Page.loadEventFired")
        result = self.ask("Runtime.evaluate", expression=MEASURE, returnByValue=True)
        assert "exceptionDetails" not in result, result
        return dict(result["result"]["value"])

    def said(self, *methods: str) -> list[dict[str, Any]]:
        return [event["params"] for event in self.events if event["method"] in methods]

    def complaints(self) -> list[dict[str, Any]]:
        return self.said("Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded")

    def close(self) -> None:
        self.ask("Browser.close")
        self._process.wait(timeout=20)
        os.close(self._in)
        os.close(self._out)

    def _wait(self, wanted: Any) -> dict[str, Any]:
        end = time.monotonic() + 60
        while True:
            while b"\0" in self._rest:
                line, self._rest = self._rest.split(b"\0", 1)
                message = json.loads(line)
                if "method" in message:
                    self.events.append(message)
                if wanted(message):
                    return dict(message)
            assert select.select([self._in], [], [], max(0, end - time.monotonic()))[0], "Chromium does not answer"
            part = os.read(self._in, 2**20)
            assert part, "Chromium has ended"
            self._rest += part


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("no chromium, chromium-browser or google-chrome on the PATH")
    browser = Browser(tmp_path_factory.mktemp("profile"))
    yield browser
    browser.close()


@pytest.fixture(scope="module")
def pages(
    weak: Mapping[str, Outcome],
    strong: Mapping[str, Outcome],
    images: dict[str, ImageSet],
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("pages")
    about = {"model": "sphere20", "fingerprint": "9f2c" * 16}
    single = write_report(root / "sphere20", weak, images, about)
    write_report(root / "iresnet50", strong, {}, about)
    folders = [root / "sphere20", root / "iresnet50", root / "iresnet50"]
    return {
        "one model": single,
        "two models": compare_reports(folders[:2], None, root / "two"),
        "long names": compare_reports(folders, ["sphere20", LONG, f"{LONG} again"], root / "long"),
    }


@pytest.fixture(params=["one model", "two models", "long names"])
def page(request: pytest.FixtureRequest, pages: dict[str, Path]) -> Path:
    return pages[request.param]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 400])
def test_the_page_reads_well(browser: Browser, page: Path, width: int, scheme: str) -> None:
    seen = browser.open(page, width, scheme)
    assert browser.complaints() == []
    asked = {event["request"]["url"].partition(",")[0] for event in browser.said("Network.requestWillBeSent")}
    assert asked <= {page.as_uri(), "data:", "data:image/jpeg;base64"}
    assert seen["width"] == width
    assert seen["page"] > 0.8 if scheme == "light" else seen["page"] < 0.05

    assert seen["overflow"] <= 0
    assert [box for box in seen["sections"] if box["left"] < 0 or box["right"] > width or not box["height"]] == []
    assert seen["overlaps"] == []
    assert [text for text in seen["texts"] if text["size"] < (11.9 if text["drawn"] else 10)] == []
    assert [text for text in seen["texts"] if text["contrast"] < 4.5] == []
    assert min(seen["keys"]) >= 3

    assert len(seen["plots"]) >= 6
    for plot in seen["plots"]:
        assert plot["visible"], plot
        assert plot["left"] >= 0, plot
        assert max(plot["right"], plot["words"]) <= width, plot
        assert (plot["width"] > 340, plot["height"] > 240) == (True, True), plot
        assert plot["curves"] > 0, plot
    assert [image for image in seen["images"] if not image["loaded"] or image["width"] < 60] == []


def test_the_hardest_pairs_are_seen(browser: Browser, pages: dict[str, Path], weak: Mapping[str, Outcome]) -> None:
    seen = browser.open(pages["one model"], 400, "light")
    assert len(seen["images"]) == sum(2 * len(outcome.hardest) for outcome in weak.values()) > 0


def test_a_bad_page_would_be_noticed(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "bad.html"
    path.write_text(
        "<script>console.error('broken')</script><img src='missing.jpg'>"
        "<p style='color: #bbb; width: 900px; font-size: 8px'>pale</p><svg class='plot' viewBox='0 0 20 10' width='20'>"
        "<title>small</title><text x='1' y='9' style='font-size: 9px'>one</text><text x='2' y='9'>two</text></svg>"
    )
    seen = browser.open(path, 400, "light")
    assert {event["type"] for event in browser.said("Runtime.consoleAPICalled")} == {"error"}
    assert len(browser.complaints()) == 2  # the image that is missing, too
    assert seen["overflow"] > 400
    assert seen["overlaps"] == ["one / two"]
    pale = next(text for text in seen["texts"] if text["text"] == "pale")
    assert (pale["size"], pale["contrast"] < 2) == (8, True)
    assert seen["plots"][0]["curves"] == 0
    assert not seen["images"][0]["loaded"]
