"""Speed of the training loader against bare decoding on one core and against the usual pipeline; cost of a large pack.

    python bench/data.py [--root data/casia_webface] [--images 4096] [--rounds 5] [--records 500000] [--workers 0 2]
    python bench/data.py --large 500000 --workers 0 8

The usual pipeline: one file an image, cv2, albumentations (flip, normalise, ToTensorV2), default collate. Cases are
taken in turn in one run. Wall time suffers from other work on the machine; CPU time, of all processes, hardly. With
``--large`` one epoch of a pack of so many images is compared with epochs of the small one, by the most workers.
"""

import argparse
import multiprocessing
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

import albumentations as A
import cv2
import numpy as np
import simplejpeg
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset
from torchvision.io import ImageReadMode, decode_jpeg

from marginface.data import BatchSampler, FaceDataset, FaceLoader, FaceRecords, RecordWriter, encode, write_face_records
from marginface.data.record.irheader import pack

BATCH = 128
EXTRA = {  # transforms that are added to the flip, one at a time
    "brightness and contrast": A.RandomBrightnessContrast(p=1.0),
    "downscale": A.Downscale(scale_range=(0.2, 1.0), p=1.0),
    "colour jitter": A.ColorJitter(p=1.0),
    "dropout": A.CoarseDropout(p=1.0),
    "affine": A.Affine(rotate=(-8, 8), p=1.0),
}


class Seconds(NamedTuple):
    """Per image."""

    wall: float
    cpu: float


def make_faces(root: Path, count: int) -> None:
    """A pack of JPEGs of 112 x 112 pixels, quality 95, about 5.5 KB each."""
    rng = np.random.default_rng(0)
    noise = (cv2.GaussianBlur(rng.normal(128, 70, (112, 112, 3)), (0, 0), 2.0) for _ in range(256))
    jpegs = [encode(np.clip(3 * (image - 128) + 128, 0, 255).astype(np.uint8)) for image in noise]
    write_face_records(root, ((place * 64 // count, jpegs[place % 256]) for place in range(count)))


class Files(Dataset[tuple[torch.Tensor, int]]):
    """The usual pipeline."""

    def __init__(self, paths: list[Path]) -> None:
        self.paths = paths
        self.transform = A.Compose([A.HorizontalFlip(p=0.5), A.Normalize((0.5,) * 3, (0.5,) * 3), A.ToTensorV2()])

    def __len__(self) -> int:
        """Number of files."""
        return len(self.paths)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        """Image (3, H, W) float32, label."""
        image = cv2.cvtColor(cv2.imread(str(self.paths[index])), cv2.COLOR_BGR2RGB)
        return self.transform(image=image)["image"], index % 64


def naive(faces: FaceRecords, count: int, folder: Path, workers: int) -> Iterable[object]:
    """Loader of the usual pipeline."""
    paths = [folder / f"{index}.jpg" for index in range(count)]
    for index, path in enumerate(paths):
        path.write_bytes(faces.read(index))
    return DataLoader(Files(paths), BATCH, True, num_workers=workers, persistent_workers=workers > 0, drop_last=True)


def ours(faces: FaceRecords, count: int, workers: int, *transforms: A.BasicTransform) -> FaceLoader:
    """The project's loader."""
    transform = A.Compose(list(transforms)) if transforms else None
    dataset = FaceDataset(faces, np.arange(count), faces.labels[:count], faces.image_size, transform)
    return FaceLoader(dataset, BatchSampler(count, BATCH), num_workers=workers, persistent_workers=workers > 0)


def decoders(jpegs: list[bytes]) -> dict[str, "Each"]:
    """Bare decoding to RGB, by the name of the library."""
    calls: dict[str, Callable[[bytes], object]] = {
        "simplejpeg": lambda jpeg: simplejpeg.decode_jpeg(jpeg, "RGB"),
        "cv2": lambda jpeg: cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR_RGB),
        "torchvision": lambda jpeg: decode_jpeg(torch.frombuffer(bytearray(jpeg), dtype=torch.uint8)),
        "PIL": lambda jpeg: np.asarray(Image.open(BytesIO(jpeg)).convert("RGB")),
    }
    return {name: Each(call, jpegs) for name, call in calls.items()}


class Each:
    """A call on each item in turn, again at every iteration."""

    def __init__(self, call: Callable[..., object], items: list[object] | list[bytes]) -> None:
        self.call, self.items = call, items

    def __iter__(self) -> Iterable[object]:  # type: ignore[override]
        """Results."""
        return map(self.call, self.items)


def cpu_seconds() -> float:
    """CPU time of this process and its living children."""
    stats = (Path(f"/proc/{child.pid}/schedstat") for child in multiprocessing.active_children())
    return time.process_time() + sum(int(stat.read_text().split()[0]) for stat in stats) / 1e9


def seconds(case: Iterable[object], count: int) -> Seconds:
    """Time to go through a case once."""
    wall, cpu = time.perf_counter(), cpu_seconds()
    for _ in case:
        pass
    return Seconds((time.perf_counter() - wall) / count, (cpu_seconds() - cpu) / count)


def in_turn(cases: dict[str, Iterable[object]], count: int, rounds: int) -> dict[str, list[Seconds]]:
    """Times of every case, the first round left out (it starts workers)."""
    times: dict[str, list[Seconds]] = {name: [] for name in cases}
    for turn in range(rounds + 1):
        for name, case in cases.items():
            if isinstance(case, FaceLoader):
                case.batches.set_epoch(turn)
            elapsed = seconds(case, count)
            if turn:
                times[name].append(elapsed)
    return times


def ratio(ones: list[Seconds], others: list[Seconds], unit: str) -> float:
    """How many times faster ``others`` are, the median over the rounds."""
    return statistics.median(getattr(a, unit) / getattr(b, unit) for a, b in zip(ones, others, strict=True))


def print_rates(times: dict[str, list[Seconds]]) -> None:
    """The main table."""
    base = "simplejpeg"
    print(f"| case | images/s | us CPU an image | x {base} on one core | the same by CPU time | x usual pipeline |")
    print("|---|---|---|---|---|---|")
    for name, taken in times.items():
        wall, cpu = (statistics.median(getattr(t, unit) for t in taken) for unit in ("wall", "cpu"))
        workers = int(name.split()[-2]) if name.endswith("workers") else 0
        cores, usual = max(1, workers), f"usual pipeline, {workers} workers"
        usual = usual if usual in times else next(other for other in times if other.startswith("usual"))
        print(
            f"| {name} | {1 / wall:.0f} | {cpu * 1e6:.1f} | {ratio(times[base], taken, 'wall'):.2f} "
            f"| {cores * ratio(times[base], taken, 'cpu'):.2f} | {ratio(times[usual], taken, 'cpu'):.2f} |"
        )


def print_augmentations(faces: FaceRecords, count: int, rounds: int) -> None:
    """What each further transform adds to the loader, against the transform by itself."""
    decoded = [cv2.imdecode(np.frombuffer(faces.read(i), np.uint8), cv2.IMREAD_COLOR_RGB) for i in range(count)]
    flip = A.HorizontalFlip(p=0.5)
    print("\n| transform after the flip | us by itself | us added to the loader | ratio |\n|---|---|---|---|")
    for name, extra in EXTRA.items():
        alone = A.Compose([extra])
        cases: dict[str, Iterable[object]] = {
            "alone": Each(lambda image, alone=alone: alone(image=image), decoded),
            "flip": ours(faces, count, 0, flip),
            "both": ours(faces, count, 0, flip, extra),
        }
        times = in_turn(cases, count, rounds)
        itself = statistics.median(t.cpu for t in times["alone"])
        added = statistics.median(b.cpu - f.cpu for b, f in zip(times["both"], times["flip"], strict=True))
        print(f"| {name} | {itself * 1e6:.1f} | {added * 1e6:.1f} | {added / itself:.2f} |")


def print_on_device(jpegs: list[bytes], device: str, rounds: int) -> None:
    """Decoding in batches on the device (nvJPEG on a GPU), and how far its pixels are from simplejpeg's."""
    parts = [torch.frombuffer(bytearray(jpeg), dtype=torch.uint8) for jpeg in jpegs[:BATCH]]
    pixels, taken = torch.empty(0), []
    for _ in range(10 * rounds):
        start = time.perf_counter()
        pixels = torch.stack(decode_jpeg(parts, ImageReadMode.RGB, device=device)).cpu()  # waits for the device
        taken.append((time.perf_counter() - start) / BATCH)
    usual = np.stack([simplejpeg.decode_jpeg(jpeg, "RGB") for jpeg in jpegs[:BATCH]])
    apart = np.abs(pixels.permute(0, 2, 3, 1).numpy().astype(int) - usual)
    print(
        f"\ndecoded on {device}: {1 / statistics.median(taken):.0f} images/s; pixels {apart.mean():.2f} apart in the "
        f"mean, at most {apart.max()}"
    )


def print_stall(faces: FaceRecords, count: int, epochs: int = 6) -> None:
    """Time from asking for an epoch to its first batch, with workers that stay."""
    loader, waits = ours(faces, count, 2, A.HorizontalFlip(p=0.5)), []
    for epoch in range(epochs):
        loader.batches.set_epoch(epoch)
        start = time.perf_counter()
        for place, _ in enumerate(loader):
            if place == 0:
                waits.append(time.perf_counter() - start)
    later = waits[1:]
    print(
        f"\nfirst batch of an epoch: {waits[0] * 1e3:.0f} ms at first, later {statistics.median(later) * 1e3:.0f} ms "
        f"(at most {max(later) * 1e3:.0f})"
    )


def private_bytes() -> int:
    """Memory of this process that no file backs."""
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("Anonymous"))


def print_large(folder: Path, count: int, workers: int, rounds: int) -> None:
    """An epoch of a large pack against epochs of a tenth of it."""
    make_faces(folder, count)
    faces, flip = FaceRecords(folder), A.HorizontalFlip(p=0.5)
    cases = {size: ours(faces, size, workers, flip) for size in (count // 10, count)}
    decode = Each(decoders([])["simplejpeg"].call, [faces.read(index) for index in range(4096)])
    times: dict[int, list[float]] = {size: [] for size in (0, *cases)}
    for turn in range(rounds + 1):
        times[0].append(seconds(decode, 4096).wall)
        for size, loader in cases.items():
            loader.batches.set_epoch(turn)
            times[size].append(seconds(loader, size // BATCH * BATCH).wall)
    bare, less, more = (1 / statistics.median(taken[1:]) for taken in times.values())
    print(
        f"\n{workers} workers: {less:.0f} images/s of {count // 10}, {more:.0f} of {count} ({more / less:.2f} of it); "
        f"{more / bare:.1f} x simplejpeg on one core"
    )


def print_open(folder: Path, records: int) -> None:
    """Time and memory to open a pack of many records, its images a few bytes each."""
    with RecordWriter(folder / "train.rec", folder / "train.idx") as writer:
        for key in range(records):
            writer.write(key, pack(key * 1000 // records, id=key, image=bytes(16)))
    (folder / "property").write_text("1000,112,112\n")
    before, start = private_bytes(), time.perf_counter()
    faces = FaceRecords(folder)
    elapsed, grown = time.perf_counter() - start, private_bytes() - before
    print(
        f"\n{len(faces)} records: opened in {elapsed:.2f} s, {grown / 1e6:.0f} MB ({grown / records:.0f} bytes a "
        f"record; 42 million: {grown / records * 42e6 / 1e9:.1f} GB), which forked workers share"
    )


def main() -> None:
    """Measure in turn and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, help="folder of a pack with property, train.rec, train.idx")
    parser.add_argument("--images", type=int, default=4096)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--records", type=int, default=500_000)
    parser.add_argument("--workers", type=int, nargs="+", default=[0, 2])
    parser.add_argument("--large", type=int, help="images of a large pack")
    options = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(0)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        print_open(folder, options.records)
        if options.root is None:
            make_faces(folder, options.images)
        faces = FaceRecords(options.root or folder)
        count = min(options.images, len(faces)) // BATCH * BATCH
        jpegs = [faces.read(index) for index in range(count)]
        print(f"\n{count} images of {sum(map(len, jpegs)) / count / 1e3:.1f} KB, batches of {BATCH}\n")
        cases: dict[str, Iterable[object]] = {**decoders(jpegs)}
        for workers in options.workers:
            cases[f"usual pipeline, {workers} workers"] = naive(faces, count, folder, workers)
            cases[f"ours, no flip, {workers} workers"] = ours(faces, count, workers)
            cases[f"ours, flip, {workers} workers"] = ours(faces, count, workers, A.HorizontalFlip(p=0.5))
        print_rates(in_turn(cases, count, options.rounds))
        print_augmentations(faces, count // 4 // BATCH * BATCH, options.rounds)
        print_stall(faces, count)
        if torch.cuda.is_available():
            print_on_device(jpegs, "cuda", options.rounds)
        if options.large:
            print_large(folder / "large", options.large, max(options.workers), 2)


if __name__ == "__main__":
    main()
