"""What a disk is asked for, per image, when a pack is read in random order and in that of SequentialSampler.

    python bench/sequential.py [--folder /tmp] [--megabytes 300] [--memory 96] [--block-size 1024] [--num-blocks 8]

Writes a pack, and lets the system keep only so much of it in memory as is stated, as if the set were far larger than
the memory. Each case reads images in the middle of an epoch. Bytes are those that this process had read from the disk,
waits are its page faults that had to wait for the disk; requests are those that the whole device served meanwhile,
other programs' among them. Times say something about this machine's disk only: that of a virtual machine may be memory
of its host, where no head has to move. Linux only.
"""

import argparse
import mmap
import os
import resource
import tempfile
import time
from collections import OrderedDict
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np

from marginface.data import BatchSampler, FaceRecords, SequentialSampler, write_face_records
from marginface.data.read_ahead import read_ahead

IMAGE_BYTES, PER_IDENTITY, BATCH = 5500, 46, 128
STRETCH = 128 << 10  # bytes that are dropped together


class Asked(NamedTuple):
    """Totals so far."""

    read_bytes: int
    waits: int
    requests: int
    seconds: float


class FewPages:
    """Keeps the memory that the system uses for a file below a limit: what was used longest ago is dropped.

    Args:
        faces: the pack.
        limit: bytes.
        around: bytes that the system reads around a page that it misses.
    """

    def __init__(self, faces: FaceRecords, limit: int, around: int) -> None:
        self.mapped, self.offsets = faces._reader._map(), faces._reader._index.offsets[1:]
        self.file = os.open(faces._reader.rec, os.O_RDONLY)
        self.limit, self.margin = limit, around // 2
        self.used: OrderedDict[int, None] = OrderedDict()
        self.drop(0, len(self.mapped))

    def use(self, first: int, end: int) -> None:
        """Images [first, end) are read now."""
        start, stop = int(self.offsets[first]) - self.margin, int(self.offsets[end]) + self.margin
        for stretch in range(max(0, start) // STRETCH, min(stop, len(self.mapped) - 1) // STRETCH + 1):
            self.used[stretch] = None
            self.used.move_to_end(stretch)
        while len(self.used) * STRETCH > self.limit:
            oldest, _ = self.used.popitem(last=False)
            self.drop(oldest * STRETCH, min(STRETCH, len(self.mapped) - oldest * STRETCH))

    def drop(self, start: int, length: int) -> None:
        """Pages that are in a page table stay, so that is cleared first."""
        self.mapped.madvise(mmap.MADV_DONTNEED, start, length)
        os.posix_fadvise(self.file, start, length, os.POSIX_FADV_DONTNEED)


def asked(stat: Path) -> Asked:
    """Totals of this process, and of the device that the file is about."""
    lines = dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())
    waits = resource.getrusage(resource.RUSAGE_SELF).ru_majflt
    requests = int(stat.read_text().split()[0]) if stat.exists() else 0
    return Asked(int(lines["read_bytes"]), waits, requests, time.perf_counter())


def read(faces: FaceRecords, pages: FewPages, requests: Iterable, announced: bool) -> int:
    """Read batches as a worker does; the number of images."""
    everything, count = np.arange(len(faces)), 0
    for request in requests:
        if announced:
            for first, end in request.ahead:
                pages.use(first, end)
            read_ahead(faces, everything, request.ahead)
        for index in request.indices.tolist():
            pages.use(index, index + 1)
            faces.read(index)
        count += len(request.indices)
    return count


def case(faces: FaceRecords, sampler: BatchSampler, options: argparse.Namespace, advice: int, announced: bool) -> Asked:
    """Per image, from the middle of an epoch on; what a resume loads at first is not counted."""
    around = 0 if announced or advice == mmap.MADV_RANDOM else options.around
    faces._reader.unmap()
    pages = FewPages(faces, options.memory << 20, around)
    pages.mapped.madvise(advice)
    sampler.start = len(sampler) // 3
    requests = iter(sampler)
    is_sequential = isinstance(sampler, SequentialSampler)
    read(faces, pages, islice(requests, 2 * options.block_size // BATCH if is_sequential else 1), announced)
    before = asked(options.device / "stat")
    count = read(faces, pages, islice(requests, options.images // BATCH), announced)
    after = asked(options.device / "stat")
    os.close(pages.file)
    return Asked(*((b - a) / count for a, b in zip(before, after, strict=True)))


def main() -> None:
    """Measure in turn and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=None, help="on the disk in question")
    parser.add_argument("--megabytes", type=int, default=300)
    parser.add_argument("--memory", type=int, default=96, help="MiB of the pack that stay in memory")
    parser.add_argument("--block-size", type=int, default=1024)
    parser.add_argument("--num-blocks", type=int, default=8)
    parser.add_argument("--images", type=int, default=4096, help="that each case reads")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as temporary:
        rng, count = np.random.default_rng(0), options.megabytes * 1_000_000 // IMAGE_BYTES
        write_face_records(temporary, ((i // PER_IDENTITY, rng.bytes(IMAGE_BYTES)) for i in range(count)))
        os.sync()
        faces = FaceRecords(temporary)
        device = Path(temporary).stat().st_dev
        options.device = Path(f"/sys/dev/block/{os.major(device)}:{os.minor(device)}").resolve()
        queues = [place / "queue" / "read_ahead_kb" for place in (options.device, options.device.parent)]  # of its disk
        options.around = next((int(queue.read_text()) << 10 for queue in queues if queue.exists()), STRETCH)
        blocks = SequentialSampler(faces.labels, BATCH, block_size=options.block_size, num_blocks=options.num_blocks)
        cases = {
            "random": (BatchSampler(count, BATCH), mmap.MADV_NORMAL, False),
            "random, without reading around": (BatchSampler(count, BATCH), mmap.MADV_RANDOM, False),
            "sequential, nothing announced": (blocks, mmap.MADV_NORMAL, False),
            "the same, without reading around": (blocks, mmap.MADV_RANDOM, False),
            "sequential": (blocks, mmap.MADV_NORMAL, True),
        }
        print(f"{count} images of {IMAGE_BYTES} bytes; the system reads {options.around >> 10} KiB around a miss\n")
        print(f"{'per image':34}  bytes read    of its own     waits  requests of the device         ms")
        for name, (sampler, advice, announced) in cases.items():
            found = case(faces, sampler, options, advice, announced)
            print(
                f"{name:34}{found.read_bytes:12.0f}{found.read_bytes / IMAGE_BYTES:12.2f} x{found.waits:10.4f}"
                f"{found.requests:24.4f}{1e3 * found.seconds:11.3f}"
            )


if __name__ == "__main__":
    main()
