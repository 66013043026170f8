"""Damaged files: each reader returns a value or a typed error, at once, in memory that the file's size bounds.

    python bench/fuzz.py [--inputs 100000] [--seed 0] [--readers recordio idx ...]

Prints a row a reader: how many inputs were read, how many refused, the slowest in milliseconds, the most memory in kB.
Stops at the first other outcome with the seed and number of the input.
"""

import argparse
import random
import signal
import tempfile
import time
import tracemalloc
from pathlib import Path
from types import FrameType
from typing import NamedTuple

from fuzz_readers import Reader, make_readers
from marginface.data.errors import DataError

SECONDS = 5  # an input that takes longer counts as a hang
TIMES_SIZE = 64  # memory allowed besides, in sizes of the file: objects are larger than their bytes
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


def outcome(reader: Reader, content: bytes, path: Path) -> tuple[bool, float, int]:
    """Read one input.

    Returns:
        Whether it was read rather than refused, the seconds it took, the peak of memory in bytes.

    Raises:
        Exception: whatever is no :class:`DataError`: the reader is at fault.
    """
    path.write_bytes(content)
    accepted, seconds, peak = once(reader, path)
    bound = reader.free + TIMES_SIZE * len(content)
    if peak > bound:  # a table of the interpreter itself may have grown just then: the input is to blame if it repeats
        peak = min(peak, once(reader, path)[2])
    assert peak <= bound, f"{peak} bytes of memory for a file of {len(content)}"
    return accepted, seconds, peak


def once(reader: Reader, path: Path) -> tuple[bool, float, int]:
    """Read a file: whether it was accepted, the seconds, the peak of memory in bytes."""
    tracemalloc.start()
    begin = time.perf_counter()
    try:
        reader.read(path)
        accepted = True
    except DataError:
        accepted = False
    finally:
        seconds, peak = time.perf_counter() - begin, tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    return accepted, seconds, peak


def fuzz(name: str, reader: Reader, num_inputs: int, seed: int, folder: Path) -> str:
    """Row of the table for one reader."""
    num_read, slowest, most = 0, 0.0, 0
    for number in range(num_inputs):
        rng = random.Random(f"{seed} {name} {number}")
        content = damage(rng.choice(reader.files), random_mutations(rng, reader.pieces))
        signal.setitimer(signal.ITIMER_REAL, SECONDS)
        try:
            accepted, seconds, peak = outcome(reader, content, folder / name)
        except BaseException:
            print(f"{name}: input {number} of seed {seed}: {content[:2000]!r}")
            raise
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
        num_read += accepted
        slowest, most = max(slowest, seconds), max(most, peak)
    counts = (num_inputs, num_read, num_inputs - num_read)
    return f"{name:>14}" + "".join(f" {n:>9,}" for n in counts) + f" {1e3 * slowest:>9.1f} {most // 1000:>9,}"


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
    signal.signal(signal.SIGALRM, hung)
    with tempfile.TemporaryDirectory() as intact, tempfile.TemporaryDirectory() as damaged:
        readers = make_readers(Path(intact))
        print(f"{'reader':>14} {'inputs':>9} {'read':>9} {'refused':>9} {'max ms':>9} {'max kB':>9}")
        for name in args.readers or readers:
            print(fuzz(name, readers[name], args.inputs, args.seed, Path(damaged)), flush=True)


if __name__ == "__main__":
    main()
