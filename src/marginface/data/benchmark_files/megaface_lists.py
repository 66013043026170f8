"""Lists of MegaFace: which photos take part, and which of them are known to be mislabelled.

A photo list is JSON ``{"path": [...], "id": [...]}``: paths below the folder of images, and the identity of each; lists
of distractors have no ``id``. A noise list is text with a photo a line, after comments that begin with ``#``.

Source: ``templatelists`` of the MegaFace development kit; ``src/megaface`` of github.com/deepinsight/insightface.
"""

import json
from collections import Counter
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from marginface.data.errors import DataError, DataNotFoundError
from marginface.data.found import found
from marginface.data.json_file import read_json


class PhotoList(NamedTuple):
    """Photos in the order of their list.

    Args:
        path: Below the folder of images, one a photo.
        identity: Who is on it, one a photo; None for distractors.
    """

    path: Sequence[str]
    identity: Sequence[str] | None = None


def write_photo_list(file: Path, photos: PhotoList) -> None:
    """Write a list as the development kit has it."""
    content = {"path": list(photos.path)}
    if photos.identity is not None:
        content["id"] = list(photos.identity)
    file.write_text(json.dumps(content), encoding="utf-8")


def read_photo_list(file: Path, with_identity: bool) -> PhotoList:
    """Read a list.

    Args:
        file: The list.
        with_identity: Whether the photos need an identity.

    Raises:
        DataNotFoundError: There is no such file.
        DataError: It is no such list, lacks the identities, or names a photo twice.
    """
    if not file.is_file():
        raise DataNotFoundError(f"the list {file} is missing; {found(file.parent)}")
    content = read_json(file, "copy it again")
    path = _column(file, content, "path")
    _check_paths(file, path)
    if not with_identity:
        return PhotoList(path)
    identity = _column(file, content, "id")
    if len(identity) != len(path):
        raise DataError(f"{file} has {len(path)} entries in path, but {len(identity)} in id: it needs one for each")
    return PhotoList(path, identity)


def read_noises(file: Path) -> frozenset[str]:
    """Photos that a noise list names, by their path or by their name alone.

    Raises:
        DataNotFoundError: There is no such file.
        DataError: It is no UTF-8 text.
    """
    if not file.is_file():
        raise DataNotFoundError(f"the noise list {file} is missing; {found(file.parent)}")
    try:
        text = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{file} is no text file ({error.reason}): copy it again") from error
    lines = (line.strip() for line in text.splitlines() if not line.startswith("#"))
    # some copies have the identity that was overlooked first, then a tab
    return frozenset(line.split("\t")[1] if "\t" in line else line for line in lines if line)


def is_noise(path: str, noises: Collection[str]) -> bool:
    """Whether a noise list names a photo; the one of FaceScrub names them without their folder.

    Args:
        path: Of the photo, as in its list.
        noises: From `read_noises`.
    """
    return path in noises or path.rpartition("/")[2] in noises


def _column(file: Path, content: Any, key: str) -> list[str]:
    column = content.get(key) if isinstance(content, dict) else None
    if not isinstance(column, list) or not all(isinstance(entry, str | int) for entry in column):
        raise DataError(f'{file} has no list of names under "{key}": expected {{"path": [...], "id": [...]}}')
    if not column:
        raise DataError(f'{file} has nothing under "{key}": it names no photo')
    return [str(entry) for entry in column]


def _check_paths(file: Path, path: Sequence[str]) -> None:
    if len(set(path)) < len(path):
        twice, count = Counter(path).most_common(1)[0]
        raise DataError(f"{file} names {twice} {count} times: a photo must stand there once")
    outside = [entry for entry in path if entry.startswith("/") or ".." in entry.split("/")]
    if outside:
        raise DataError(f"{file} names {outside[0]}, which is not below the folder of images: use relative paths")
