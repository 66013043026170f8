"""Whether data are there, and in words what stands in their place."""

import errno
from pathlib import Path

_NUM_SHOWN = 8


def found(folder: Path) -> str:
    """What a folder holds: its first entries, or that it is not there.

    Args:
        folder: Where the data were expected.
    """
    if not folder.is_dir():
        return f"{folder} is no folder"
    names = sorted(entry.name for entry in folder.iterdir())
    if not names:
        return f"{folder} is empty"
    more = f" and {len(names) - _NUM_SHOWN} more" if len(names) > _NUM_SHOWN else ""
    return f"{folder} holds {', '.join(names[:_NUM_SHOWN])}{more}"


def is_there(file: Path) -> bool:
    """Whether there is such a file; a name that no file can have, such as one of 300 letters, is not there."""
    try:
        return file.is_file()
    except OSError as error:
        if error.errno != errno.ENAMETOOLONG:
            raise
        return False
