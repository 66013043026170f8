"""Detection in several processes: the same list; what is killed in the midst goes on and leaves no process."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from fake_detector import GreenFaces

from marginface.data import DataError
from marginface.prepare import detect_landmarks

PROGRAM = """
import sys
from fake_detector import GreenFaces
from marginface.prepare import detect_landmarks
if __name__ == "__main__":
    root, out, log = sys.argv[1:]
    detect_landmarks(root, out, GreenFaces(log=log, seconds=0.4), num_workers=1, progress=False)
"""


def is_alive(process: int) -> bool:
    stat = Path(f"/proc/{process}/stat")
    return stat.is_file() and stat.read_text().rpartition(")")[2].split()[0] != "Z"


def within(seconds: float, condition) -> bool:
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.02)
    return condition()


@pytest.fixture
def whole(folder: Path, tmp_path: Path) -> bytes:
    """The list as one undisturbed run writes it."""
    detect_landmarks(folder, tmp_path / "whole.csv", GreenFaces(), progress=False)
    return (tmp_path / "whole.csv").read_bytes()


def test_workers_find_the_same(folder: Path, tmp_path: Path, whole: bytes) -> None:
    log = tmp_path / "log"
    detect_landmarks(folder, tmp_path / "l.csv", GreenFaces(log=str(log)), num_workers=1, progress=False)
    assert (tmp_path / "l.csv").read_bytes() == whole
    assert (tmp_path / "l.card.json").read_text().replace('"l.csv"', '"whole.csv"') == (
        tmp_path / "whole.card.json"
    ).read_text()
    assert str(os.getpid()) not in log.read_text().split()


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.parametrize("blow", [signal.SIGKILL, signal.SIGINT], ids=["kill", "ctrl_c"])
def test_what_is_stopped_in_the_midst_goes_on(folder: Path, tmp_path: Path, whole: bytes, blow: int) -> None:
    program, out, log = tmp_path / "program.py", tmp_path / "l.csv", tmp_path / "log"
    program.write_text(PROGRAM)
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])}
    words = [sys.executable, str(program), str(folder), str(out), str(log)]
    run = subprocess.Popen(words, env=env, stderr=subprocess.PIPE, text=True, start_new_session=True)
    part = tmp_path / ".l.csv.part"
    # The settings, and the first chunk of 4; the worker is at the last 2.
    assert within(60, lambda: part.is_file() and part.read_bytes().count(b"\n") == 5), run.communicate()[1]
    (worker,) = set(log.read_text().split())
    if blow == signal.SIGINT:
        os.killpg(run.pid, blow)  # as the terminal does: to all of them
    else:
        run.kill()
    said = run.communicate(timeout=30)[1]
    assert run.returncode != 0
    assert not out.exists()
    assert within(10, lambda: not is_alive(int(worker)))
    if blow == signal.SIGINT:
        assert said.count("Traceback") == 1, said  # of the parent: workers say nothing
    again = tmp_path / "again"
    detect_landmarks(folder, out, GreenFaces(log=str(again)), progress=False)
    assert len(again.read_text().split()) == 2
    assert out.read_bytes() == whole
    assert not part.exists()


def test_a_worker_that_dies_is_told(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"a worker died .* What is done stays: run the same again"):
        detect_landmarks(folder, tmp_path / "l.csv", GreenFaces(dies=True), num_workers=1, progress=False)


def test_a_detector_that_cannot_travel_is_told(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"cannot go to worker processes .*: pass num_workers=0"):
        detect_landmarks(folder, tmp_path / "l.csv", lambda photo: None, num_workers=1, progress=False)
    with pytest.raises(ValueError, match=r"num_workers=-1: pass the number of processes"):
        detect_landmarks(folder, tmp_path / "l.csv", GreenFaces(), num_workers=-1, progress=False)
