"""Labelled faces from one layout to another: the images keep their bytes."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from marginface.prepare.card import CARD_NAME, Card, file_sizes, write_card
from marginface.prepare.identities import write_identities
from marginface.prepare.opened import OpenedFaces, open_faces
from marginface.prepare.tally import Tally
from marginface.prepare.writing import to_folder, to_records, to_shards, whole_folder

LAYOUTS = ("records", "folder", "shards")


def convert_faces(
    root: Path | str,
    out: Path | str,
    to: str,
    images_per_shard: int = 10_000,
    shuffle: int | None = None,
    progress: bool = True,
    step: str = "convert",
) -> Card:
    """Write a pack, a folder of images, or WebDataset shards from any of these, or from a list file.

    Images are taken as they are, unread: `pack_faces` is the step that checks and encodes them. There and back again
    gives the same files; from shuffled shards the images of an identity come in another order.

    Args:
        root: The set: a folder, or a list file.
        out: Folder to write to; made if missing, must be empty. It appears only when it is complete.
        to: `records`, `folder` or `shards`.
        images_per_shard: Images of a shard.
        shuffle: Seed to mix the images with before they go into shards, which are read in sequence; None keeps
            identities together.
        progress: Whether to show a progress bar.
        step: What the card calls this step.

    Returns:
        The data card, which lies beside the set.

    Raises:
        ValueError: An unknown layout, or a shuffle that it cannot have.
        DataError: The set is damaged, or `out` is not empty.
    """
    _refuse_unknown(to, shuffle)
    opened = open_faces(root)
    with whole_folder(Path(out)) as folder:
        card = write_layout(folder, opened, to, step, images_per_shard, shuffle, progress)
        write_card(folder / CARD_NAME, card)
    return card


def write_layout(
    folder: Path,
    opened: OpenedFaces,
    to: str,
    step: str,
    images_per_shard: int = 10_000,
    shuffle: int | None = None,
    progress: bool = True,
) -> Card:
    """Write the images of an opened set to a folder, and the names of its identities.

    Args:
        folder: Empty folder.
        opened: The set.
        to: `records`, `folder` or `shards`.
        step: What the card calls this step.
        images_per_shard: As of :func:`convert_faces`.
        shuffle: As of :func:`convert_faces`.
        progress: Whether to show a progress bar.

    Returns:
        The data card, not yet written.

    Raises:
        ValueError: An unknown layout, or a shuffle that it cannot have.
    """
    _refuse_unknown(to, shuffle)
    tally = Tally()
    samples = tally.watch(opened.samples(shuffle, progress))
    writers: dict[str, Callable[[], dict[str, str]]] = {
        "records": lambda: to_records(folder, samples, opened),
        "folder": lambda: to_folder(folder, samples, opened),
        "shards": lambda: to_shards(folder, samples, opened, images_per_shard),
    }
    card = finished_card(opened, tally, step, folder, writers[to]())
    write_identities(folder, [opened.classes[label] for label in opened.used()])
    return card


def finished_card(opened: OpenedFaces, tally: Tally, step: str, folder: Path, files: dict[str, str]) -> Card:
    """Card of a set that was made from another one, with the SHA-256 of its files in a folder."""
    return replace(
        opened.describe(step),
        num_images=tally.num_images,
        num_identities=tally.num_identities,
        faces_sha256=tally.faces_sha256(),
        files_sha256=files,
        files_bytes=file_sizes(folder, files),
    )


def _refuse_unknown(to: str, shuffle: int | None) -> None:
    if to not in LAYOUTS:
        raise ValueError(f"to={to!r} is unknown: pass one of {', '.join(LAYOUTS)}")
    if shuffle is not None and to != "shards":
        raise ValueError(f"shuffle={shuffle} has a meaning for to=shards only, to is {to!r}: leave it out")
