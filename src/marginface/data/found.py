"""What stands in place of data that are missing, in words for error messages."""

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
