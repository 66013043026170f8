"""What a detection has found so far: a line a photo, kept when it is interrupted."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from marginface.data.errors import DataError


class Found(NamedTuple):
    """What a photo gave.

    Attributes:
        name: The photo's path below the root.
        rows: Of the list, one a face.
        kind: Why there is none, in few words; empty if there is one.
        detail: The same in more words.
    """

    name: str
    rows: list[list[str]]
    kind: str = ""
    detail: str = ""


class Journal:
    """A file of JSON lines: the settings, then a line a photo. A last line that was cut is taken off.

    Iterating gives what was found, in the order of the lines.

    Args:
        path: The file; made if missing.
        settings: What all lines must have been found with.

    Attributes:
        done: Names of the photos that have a line.

    Raises:
        DataError: The file is of a run with other settings, or damaged before its last line.
    """

    def __init__(self, path: Path, settings: Mapping[str, object]) -> None:
        self.path = path
        content = path.read_bytes() if path.is_file() else b""
        whole = content[: content.rfind(b"\n") + 1]
        if whole.count(b"\n") < 2:  # nothing was found with whatever settings
            whole = json.dumps(settings).encode() + b"\n"
        if whole != content:
            path.write_bytes(whole)
        self._refuse_other(settings, whole.split(b"\n", 1)[0])
        self.done = {found.name for found in self}

    def _refuse_other(self, settings: Mapping[str, object], first_line: bytes) -> None:
        try:
            begun = dict(json.loads(first_line))
        except (ValueError, TypeError, RecursionError) as error:
            raise DataError(f"{self.path} is no journal of a detection: delete it.") from error
        for name, value in settings.items():
            if begun.get(name) != value:
                raise DataError(
                    f"{self.path} is of an interrupted run with {name}={begun.get(name)}, now it is {value}: "
                    "delete it, or go on with the same."
                )

    def __iter__(self) -> Iterator[Found]:
        with self.path.open("rb") as file:
            next(file)
            for number, line in enumerate(file, 2):
                yield self._parse(line, number)

    def _parse(self, line: bytes, number: int) -> Found:
        try:
            name, rows, *why = json.loads(line)
            kind, detail = why
            words = [name, kind, detail, *(word for row in rows for word in row)]
            if not all(isinstance(word, str) for word in words):
                raise ValueError("a word is no text")
        except (ValueError, TypeError, RecursionError) as error:
            raise DataError(
                f"{self.path} line {number} is damaged ({error}): delete the file and start anew."
            ) from error
        return Found(name, rows, kind, detail)

    @contextmanager
    def appending(self) -> Iterator[Callable[[Found], None]]:
        """What writes a line, which is in the file when it returns."""
        with self.path.open("a", encoding="utf-8") as file:

            def write(found: Found) -> None:
                file.write(json.dumps(found) + "\n")
                file.flush()

            yield write

    def remove(self) -> None:
        """Delete the file."""
        self.path.unlink()
