"""Photos with landmarks to aligned crops."""

import multiprocessing
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import cv2
from tqdm import tqdm

from marginface.data.errors import DataError
from marginface.data.found import found
from marginface.data.image_names import image_names
from marginface.prepare.card import CARD_NAME, Card, read_card, write_card
from marginface.prepare.cropping import Cropping
from marginface.prepare.failures import Failure, count_kinds, write_failures
from marginface.prepare.landmarks import MarkedPhoto, read_landmarks
from marginface.prepare.templates import CONVENTIONS, TEMPLATES

LIST_NAME = "faces.txt"
_CHUNK = 32  # photos that a worker takes at a time


def align_photos(
    root: Path | str,
    out: Path | str,
    landmarks: Path | str,
    layout: str | None = None,
    image_size: tuple[int, int] = (112, 112),
    convention: str = "umeyama",
    quality: int = 95,
    num_workers: int = 0,
    progress: bool = True,
) -> Card:
    """Write `<path of the photo>.jpg` for each photo of a list, and `faces.txt` for those that the list labels.

    An interrupted run goes on where it was: crops that are there are not made again. Photos that cannot be used are
    listed in `failures.csv` and tried again by the next run.

    Args:
        root: Folder that the list's paths start from.
        out: Folder of the crops; made if missing.
        landmarks: The list, see :func:`marginface.prepare.landmarks.read_landmarks`.
        layout: Of the list: `insightface`, `sphereface_pytorch`, `csv`, `json`; None goes by its ending.
        image_size: (height, width) of the crops in pixels: 112 x 112 or 112 x 96.
        convention: `umeyama` (insightface) or `cp2tform` (SphereFace): where the least squares are taken.
        quality: JPEG quality of the crops.
        num_workers: Processes besides this one that do the work; 0 does it here.
        progress: Whether to show a progress bar.

    Returns:
        The data card, which lies beside the crops.

    Raises:
        ValueError: An unknown size or convention.
        DataError: The list is damaged, no photo can be used, or `out` holds something else than such crops.
    """
    size = (image_size[0], image_size[1])
    if size not in TEMPLATES:
        raise ValueError(f"image_size={list(size)}: templates are known for {', '.join(map(str, TEMPLATES))}")
    if convention not in CONVENTIONS:
        raise ValueError(f"convention={convention!r} is unknown: pass one of {', '.join(CONVENTIONS)}")
    photos = read_landmarks(landmarks, layout)
    cropping = Cropping(Path(root).absolute(), Path(out).absolute(), size, convention, quality)
    list_sha256 = sha256(Path(landmarks).read_bytes()).hexdigest()
    card = _begin(cropping, {Path(landmarks).name: list_sha256})
    usable, failures = _distinct(photos, cropping)
    todo = [photo for photo in usable if not cropping.target(photo).is_file()]
    with _calls(cropping, todo, num_workers) as results:
        bar = tqdm(results, total=len(usable), initial=len(usable) - len(todo), unit=" photos", disable=not progress)
        failures += [failure for failure in bar if failure is not None]
    return _finish(cropping, card, usable, failures)


def _begin(cropping: Cropping, inputs: dict[str, str]) -> Card:
    """The unfinished card; refuses a folder whose crops were made in another way."""
    card = Card(
        "align",
        finished=False,
        image_size=cropping.image_size,
        template=tuple((float(x), float(y)) for x, y in TEMPLATES[cropping.image_size]),
        convention=cropping.convention,
        quality=cropping.quality,
        files_sha256=inputs,
    )
    path = cropping.out / CARD_NAME
    if path.is_file():
        old = read_card(path)
        for name in ("step", "image_size", "convention", "quality", "files_sha256"):
            if getattr(old, name) != getattr(card, name):
                raise DataError(
                    f"out={cropping.out} was begun with {name}={getattr(old, name)}, now it is {getattr(card, name)}: "
                    "delete it, or pass another folder."
                )
    elif cropping.out.is_dir() and any(cropping.out.iterdir()):
        raise DataError(f"out={cropping.out} holds no {CARD_NAME} ({found(cropping.out)}): pass an empty folder.")
    cropping.out.mkdir(parents=True, exist_ok=True)
    write_card(path, card)
    return card


def _distinct(photos: Sequence[MarkedPhoto], cropping: Cropping) -> tuple[list[MarkedPhoto], list[Failure]]:
    """Photos whose crop is theirs alone and lies below `out`."""
    usable, failures, taken = [], [], set[Path]()
    for photo in photos:
        target = cropping.target(photo)
        if Path(photo.path).is_absolute() or ".." in Path(photo.path).parts:
            failures.append(Failure(photo.path, "path outside root", "give its path below root"))
        elif target in taken:
            failures.append(Failure(photo.path, "listed twice", f"an earlier line of the list makes {target.name}"))
        else:
            taken.add(target)
            usable.append(photo)
    return usable, failures


@contextmanager
def _calls(cropping: Cropping, photos: Sequence[MarkedPhoto], num_workers: int) -> Iterator[Iterator[Failure | None]]:
    """Results of `cropping` for each photo, in their order."""
    if num_workers < 1:
        yield map(cropping, photos)
        return
    # Fresh processes: a fork would copy the locks of OpenCV's threads.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(num_workers, context, initializer=cv2.setNumThreads, initargs=(1,)) as pool:
        try:
            yield pool.map(cropping, photos, chunksize=_CHUNK)
        except BrokenProcessPool as error:
            raise DataError(
                "a worker was killed (out of memory?). What is done stays: run the same again, or with fewer workers."
            ) from error
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _finish(cropping: Cropping, card: Card, photos: Sequence[MarkedPhoto], failures: Sequence[Failure]) -> Card:
    write_failures(cropping.out, failures)
    failed = {failure.name for failure in failures if failure.kind != "listed twice"}
    kept = [photo for photo in photos if photo.path not in failed]
    if not kept:
        raise DataError(f"no photo below root={cropping.root} can be used, the first: {failures[0].detail}")
    labels = Counter(photo.label for photo in kept)
    if None not in labels:
        lines = [f"{cropping.target(p).relative_to(cropping.out).as_posix()}\t{p.label}\n" for p in kept]
        (cropping.out / LIST_NAME).write_text("".join(lines), encoding="utf-8")
    strangers = len(image_names(cropping.out)) - len(kept)
    if strangers:
        raise DataError(f"out={cropping.out} holds {strangers} images besides the crops of the list: move them away.")
    card = replace(
        card,
        finished=True,
        num_images=len(kept),
        num_identities=None if None in labels else len(labels),
        num_encoded=sum(not photo.aligned for photo in kept),
        dropped=count_kinds(failures),
    )
    write_card(cropping.out / CARD_NAME, card)
    return card
