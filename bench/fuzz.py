"""Damaged files: each reader returns a value or a typed error, at once, in memory that the file's size bounds.

    python bench/fuzz.py [--inputs 100000] [--seed 0] [--readers recordio idx ...]

Prints a row a reader: how many inputs were read, how many refused, the slowest in milliseconds, the most memory in kB.
The first inputs are the intact files cut after each byte. Stops at the first other outcome with the seed and number of
the input.
"""

import argparse
import faulthandler
import random
import resource
import signal
import sys
import tempfile
import time
import tracemalloc
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import NamedTuple

from fuzz_images import image_readers
from fuzz_lists import list_readers
from fuzz_readers import Reader, make_readers

SECONDS = 5  # of the processor; an input that takes more counts as a hang
LAST_SECONDS = 300  # for 64 inputs, on the clock, then the process ends: compiled code that waits lets no signal in
TIMES_SIZE = 128  # memory allowed besides, in sizes of the file: a list that one byte of a pickle makes takes 88
NATIVE_FREE = 2**25  # of memory that compiled code takes by itself: its arenas grow in large steps
TRACED = 8  # of so many inputs, one has all its memory counted
MOST_CUT = 2048  # bytes of an intact file that is cut after each of them
CLEAR = Path("/proc/self/clear_refs")
KINDS = ("overwrite", "insert", "delete", "duplicate", "truncate", "swap")


class Hang(BaseException):
    """An input took too long; no Exception, which a reader might take for damage."""


class Mutation(NamedTuple):
    """One damage: kind, begin and end (fractions of the file's length), the bytes that an overwrite or insert puts."""

    kind: str
    begin: float
    end: float
    piece: bytes


def damage(content: bytes, mutations: list[Mutation]) -> bytes:
    """Apply mutations in their order."""
    for kind, begin, end, piece in mutations:
        a, b = sorted((round(begin * len(content)), round(end * len(content))))
        content = {
            "overwrite": content[:a] + piece + content[a + len(piece) :],
            "insert": content[:a] + piece + content[a:],
            "delete": content[:a] + content[b:],
            "duplicate": content[:b] + content[a:b] + content[b:],
            "truncate": content[:a],
            "swap": content[b:] + content[a:b] + content[:a],
        }[kind]
    return content


def random_mutations(rng: random.Random, pieces: list[bytes]) -> list[Mutation]:
    """One to four damages; most are local."""
    found = []
    for _ in range(rng.choice((1, 1, 1, 2, 3, 4))):
        begin = rng.random()
        end = min(1.0, begin + rng.random() ** 4)
        piece = rng.choice(pieces) if rng.random() < 0.6 else rng.randbytes(rng.choice((1, 1, 1, 2, 4, 9)))
        found.append(Mutation(rng.choice(KINDS[:2] * 3 + KINDS), begin, end, piece))
    return found


def random_input(reader: Reader, rng: random.Random) -> bytes:
    """An intact file after damage that knows its format, that does not, or both."""
    content = rng.choice(reader.files)
    kind = rng.random() if reader.mutate else 1.0
    if reader.mutate and kind < 0.6:
        content = reader.mutate(rng, content)
    return content if kind < 0.4 else damage(content, random_mutations(rng, reader.pieces))


def outcome(reader: Reader, content: bytes, path: Path, traced: bool = True) -> tuple[bool, float, int]:
    """Read one input.

    Args:
        reader: What reads it.
        content: The input.
        path: File for it.
        traced: whether each object counts as memory, which takes three times as long; else what is taken from the
            system does, in its large steps.

    Returns:
        Whether it was read rather than refused, the seconds of the processor that it took, the peak of memory in bytes.

    Raises:
        Exception: whatever is none of the reader's errors: the reader is at fault.
    """
    path.write_bytes(content)
    accepted, seconds, peak = once(reader, path, traced)
    bound = reader.free + TIMES_SIZE * len(content)
    if peak > bound:  # a table of the interpreter itself may have grown just then: the input is to blame if it repeats
        peak = min(peak, once(reader, path, traced)[2])
    assert peak <= bound, f"{peak} bytes of memory for a file of {len(content)}"
    return accepted, seconds, peak


def once(reader: Reader, path: Path, traced: bool) -> tuple[bool, float, int]:
    """Read a file: whether it was accepted, the seconds, the peak of memory in bytes."""
    before = _most_resident(anew=True)
    if traced:
        tracemalloc.start()
    begin = time.process_time()
    try:
        reader.read(path)
        accepted = True
    except reader.errors:
        accepted = False
    finally:
        seconds, peak = time.process_time() - begin, tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    return accepted, seconds, max(peak, _most_resident() - before - NATIVE_FREE)


def _most_resident(anew: bool = False) -> int:
    """Most memory that the process held, in bytes: what compiled code takes, tracemalloc does not see.

    Args:
        anew: forget what it held before; where that cannot be done (not Linux), a second peak is seen if it is higher.
    """
    if anew:
        with suppress(OSError):
            CLEAR.write_text("5")
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def fuzz(name: str, reader: Reader, num_inputs: int, seed: int, folder: Path) -> str:
    """Row of the table for one reader."""
    num_read, slowest, most = 0, 0.0, 0
    cut = [content[:end] for content in reader.files for end in range(min(len(content), MOST_CUT))]
    for number in range(num_inputs):
        rng = random.Random(f"{seed} {name} {number}")
        content = cut[number] if number < len(cut) else random_input(reader, rng)
        if number % 64 == 0:
            faulthandler.dump_traceback_later(LAST_SECONDS, exit=True, file=sys.__stderr__)
        signal.setitimer(signal.ITIMER_PROF, SECONDS)
        try:
            accepted, seconds, peak = outcome(reader, content, folder / name, number % TRACED == 0)
        except BaseException:
            print(f"{name}: input {number} of seed {seed}: {content[:2000]!r}")
            raise
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
        num_read += accepted
        slowest, most = max(slowest, seconds), max(most, peak)
    faulthandler.cancel_dump_traceback_later()
    counts = (num_inputs, num_read, num_inputs - num_read)
    return f"{name:>20}" + "".join(f" {n:>9,}" for n in counts) + f" {1e3 * slowest:>9.1f} {most // 1000:>9,}"


def all_readers(folder: Path) -> dict[str, Reader]:
    """All readers by their names; the folder is empty, for the intact files that accompany a damaged one."""
    return make_readers(folder) | image_readers() | list_readers(folder)


def hung(number: int, frame: FrameType | None) -> None:
    """Signal handler: end an input that takes too long."""
    raise Hang(f"no outcome within {SECONDS} s")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--inputs", type=int, default=100_000, help="damaged inputs for each reader")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--readers", nargs="*", help="names of some readers; all without")
    args = parser.parse_args()
    signal.signal(signal.SIGPROF, hung)
    with tempfile.TemporaryDirectory() as intact, tempfile.TemporaryDirectory() as damaged:
        readers = all_readers(Path(intact))
        print(f"{'reader':>20} {'inputs':>9} {'read':>9} {'refused':>9} {'max ms':>9} {'max kB':>9}")
        for name in args.readers or readers:
            print(fuzz(name, readers[name], args.inputs, args.seed, Path(damaged)), flush=True)


if __name__ == "__main__":
    main()
