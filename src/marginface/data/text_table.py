"""Rows of a large text file: a name or none, then numbers, read block by block.

Shapes: R rows of a block, C numbers of a row.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from marginface.data.errors import DataError

_BLOCK_BYTES = 2**22


class TableBlock(NamedTuple):
    """Some rows of a table.

    Args:
        line: Number of the first row's line in the file, from 1.
        names: First word of each row, (R,); empty for a table without names.
        numbers: (R, C) of the table's kind.
    """

    line: int
    names: list[str]
    numbers: NDArray[Any]


@dataclass(frozen=True)
class TextTable:
    """A text file with the same columns in each line; a file of any size is read in little memory.

    Args:
        path: The file.
        columns: What a row holds, in words for messages: ``("img", "tid", "mid")``.
        named: Whether the first column is a name; the others are numbers.
        kind: ``int`` or ``float``.
        separator: What parts the columns; None for white space.
        has_header: Whether the first line names the columns.
        more_columns: Whether rows go on with columns that are passed over.
    """

    path: Path
    columns: tuple[str, ...]
    named: bool = False
    kind: Callable[[bytes], int | float] = int
    separator: bytes | None = None
    has_header: bool = False
    more_columns: bool = False

    def blocks(self) -> Iterator[TableBlock]:
        """All rows in their order.

        Raises:
            DataError: A line is not such a row, or there is none; names the line.
        """
        line = 1
        with self.path.open("rb") as file:
            if self.has_header:
                self._check_header(file.readline())
                line += 1
            first = line
            while block := file.read(_BLOCK_BYTES):
                block += file.readline()  # to the end of the line that was cut
                found = self._parse(block, line)
                yield found
                line += len(found.numbers)
        if line == first:
            raise DataError(f"{self.path} holds no row of {self._layout}: copy the file again")

    def refuse(self, line: int, why: str) -> DataError:
        """The error for a line that cannot be used."""
        return DataError(f"{self.path} line {line}: {why}; expected {self._layout}: copy the file again or mend it")

    @property
    def _dtype(self) -> type[np.int64] | type[np.float64]:
        return np.int64 if self.kind is int else np.float64

    @property
    def _layout(self) -> str:
        return f"'{(self.separator or b' ').decode().join((*self.columns, *['...'] * self.more_columns))}'"

    def _check_header(self, text: bytes) -> None:
        words = text.split(self.separator)
        if not words or words[0].strip().isdigit():
            found = f"{text.strip()[:80]!r} is a row" if words else "there is nothing"
            raise self.refuse(1, f"{found} where the header should be")

    def _parse(self, block: bytes, line: int) -> TableBlock:
        numbers = None if self.named or self.separator or self.more_columns else self._at_once(block)
        return self._by_line(block, line) if numbers is None else TableBlock(line, [], numbers)

    def _at_once(self, block: bytes) -> NDArray[Any] | None:
        """Numbers of rows that are parted by single spaces; None if any row is not."""
        num_columns = len(self.columns)
        text = np.frombuffer(block if block.endswith(b"\n") else block + b"\n", np.uint8)
        gaps = text[text <= ord(" ")]
        if len(gaps) % num_columns or (gaps.reshape(-1, num_columns) != [32] * (num_columns - 1) + [10]).any():
            return None
        after_sign = text[1:][(text[:-1] == ord("-")) | (text[:-1] == ord("+"))]
        if ((after_sign < ord("0")) | (after_sign > ord("9"))).any():  # numpy reads a bare sign as a number
            return None
        try:
            numbers = np.fromstring(block, dtype=self._dtype, sep=" ")
        except ValueError:  # some word is no number
            return None
        if self.kind is int and (np.abs(numbers) == np.iinfo(np.int64).max).any():  # it stands for all larger ones
            return None
        return numbers.reshape(-1, num_columns) if len(numbers) == len(gaps) else None

    def _by_line(self, block: bytes, line: int) -> TableBlock:
        names, numbers = [], []
        width = len(self.columns)
        limit = -1 if not self.more_columns else width
        for place, text in enumerate(block.split(b"\n")[: -1 if block.endswith(b"\n") else None]):
            words = text.strip().split(self.separator, limit)
            if len(words) != width and not (self.more_columns and len(words) > width):
                raise self.refuse(line + place, f"{_shown(text)} has {len(words)} columns")
            try:
                names += [word.decode() for word in words[: self.named]]
                numbers.append(np.array([self._number(word) for word in words[self.named : width]], self._dtype))
            except (ValueError, OverflowError) as error:
                raise self.refuse(line + place, f"{_shown(text)} holds a word of another kind") from error
        return TableBlock(line, names, np.stack(numbers))

    def _number(self, word: bytes) -> int | float:
        if b"_" in word:  # Python alone reads 1_0 as 10
            raise ValueError(f"{word!r} is no number")
        return self.kind(word)


def _shown(text: bytes) -> str:
    return repr(text.decode(errors="backslashreplace").strip()[:80])
