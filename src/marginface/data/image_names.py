"""Names of the image files below a folder."""

import os
from pathlib import Path

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp")


def image_names(folder: Path) -> list[str]:
    """Paths of all images in a folder and its sub-folders, relative to it with ``/``, in the order of their names.

    Hidden files and folders and files of other kinds are passed over; a folder that is not there has none.
    """
    found = []
    for place, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if name[0] != "."]
        below = Path(place).relative_to(folder)
        found += [(below / name).as_posix() for name in files if name[0] != "." and name.lower().endswith(SUFFIXES)]
    return sorted(found)
