"""Photos with landmarks to aligned crops."""

from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path, PurePosixPath

from tqdm import tqdm

from marginface.data.errors import DataError
from marginface.data.found import found, is_there
from marginface.data.image_names import image_names
from marginface.data.list_file import number_names
from marginface.prepare.card import CARD_NAME, Card, read_card, write_card
from marginface.prepare.cropping import Cropping
from marginface.prepare.failures import Failure, count_kinds, write_failures
from marginface.prepare.identities import write_identities
from marginface.prepare.landmarks import MarkedPhoto, read_landmarks
from marginface.prepare.sample import Sample
from marginface.prepare.tally import Tally
from marginface.prepare.templates import CONVENTIONS, TEMPLATES
from marginface.prepare.workers import spread

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
    """Write `<path of the photo>.jpg` for each photo of a list, and `faces.txt` with their labels.

    Where the list labels no photo and all are in sub-folders, these are the labels. Landmarks refer to the upright
    photo: OpenCV turns photos as their EXIF data say before anything else, as the steps here and insightface's do,
    unlike Pillow. An interrupted run goes on where it was: crops that are there are not made again. Photos that cannot
    be used are listed in `failures.csv` and tried again by the next run.

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
    photos = _labelled(read_landmarks(landmarks, layout))
    cropping = Cropping(Path(root).absolute(), Path(out).absolute(), size, convention, quality)
    card = _begin(cropping, sha256(Path(landmarks).read_bytes()).hexdigest())
    usable, failures = _distinct(photos, cropping)
    todo = [photo for photo in usable if not is_there(cropping.target(photo))]
    with spread(cropping, todo, num_workers, _CHUNK) as results:
        bar = tqdm(results, total=len(usable), initial=len(usable) - len(todo), unit=" photos", disable=not progress)
        failures += [failure for failure in bar if failure is not None]
    return _finish(cropping, card, usable, failures)


def _begin(cropping: Cropping, list_sha256: str) -> Card:
    """The unfinished card; refuses a folder whose crops were made in another way."""
    card = Card(
        "align",
        finished=False,
        image_size=cropping.image_size,
        template=tuple((float(x), float(y)) for x, y in TEMPLATES[cropping.image_size]),
        convention=cropping.convention,
        quality=cropping.quality,
        made_from={"landmarks": list_sha256},
    )
    path = cropping.out / CARD_NAME
    if path.is_file():
        old = read_card(path)
        for name in ("step", "image_size", "convention", "quality", "made_from"):
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


def _labelled(photos: Sequence[MarkedPhoto]) -> Sequence[MarkedPhoto]:
    """Where the list has no label at all, the sub-folders are the labels."""
    folders = [str(PurePosixPath(photo.path).parent) for photo in photos]
    if "." in folders or any(photo.label is not None for photo in photos):
        return photos
    return [photo._replace(label=folder) for photo, folder in zip(photos, folders, strict=True)]


def _distinct(photos: Sequence[MarkedPhoto], cropping: Cropping) -> tuple[list[MarkedPhoto], list[Failure]]:
    """Photos whose crop is theirs alone and lies below `out`."""
    usable, failures, taken = [], [], set[Path]()
    for photo in photos:
        target = cropping.target(photo)
        if any(Path(path).is_absolute() or ".." in Path(path).parts for path in (photo.path, photo.crop or "")):
            failures.append(Failure(photo.name, "path outside root", "give its path below root"))
        elif target in taken:
            detail = f"an earlier line of the list makes {target.name}: name this crop by the column `crop` of a CSV"
            failures.append(Failure(photo.name, "listed twice", detail))
        else:
            taken.add(target)
            usable.append(photo)
    return usable, failures


def _finish(cropping: Cropping, card: Card, photos: Sequence[MarkedPhoto], failures: Sequence[Failure]) -> Card:
    """Write the lists and the card of what was made."""
    write_failures(cropping.out, failures)
    failed = {failure.name for failure in failures if failure.kind != "listed twice"}
    kept = [photo for photo in photos if photo.name not in failed]
    if not kept:
        raise DataError(f"no photo below root={cropping.root} can be used, the first: {failures[0].detail}")
    strangers = len(image_names(cropping.out)) - len(kept)
    if strangers > 0:
        raise DataError(f"out={cropping.out} holds {strangers} images besides the crops of the list: move them away.")
    labels = [photo.label for photo in kept if photo.label is not None]
    if len(labels) == len(kept):
        card = _label(cropping, card, kept, labels)
    card = replace(
        card,
        finished=True,
        num_images=len(kept),
        num_encoded=sum(not photo.aligned for photo in kept),
        dropped=count_kinds(failures),
    )
    write_card(cropping.out / CARD_NAME, card)
    return card


def _label(cropping: Cropping, card: Card, photos: Sequence[MarkedPhoto], labels: Sequence[str]) -> Card:
    """Write `faces.txt`; the card with the identities and the sum of the labelled crops."""
    classes, numbers = number_names(labels)
    words = labels
    if any(len(name.split()) != 1 for name in classes):  # a label is the last word of its line
        words = [str(number) for number in numbers]
        write_identities(cropping.out, classes)
    targets, tally = [cropping.target(photo) for photo in photos], Tally()
    lines = [
        f"{target.relative_to(cropping.out).as_posix()}\t{word}\n" for target, word in zip(targets, words, strict=True)
    ]
    (cropping.out / LIST_NAME).write_text("".join(lines), encoding="utf-8")
    samples = (Sample(0, int(number), target.read_bytes()) for number, target in zip(numbers, targets, strict=True))
    for _ in tally.watch(samples):
        pass
    return replace(card, num_identities=len(classes), faces_sha256=tally.faces_sha256())
