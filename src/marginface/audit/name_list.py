"""Files that list names of people, in the layouts that data sets come with.

====================  =========================================================  ====================================
layout                a line                                                     from
====================  =========================================================  ====================================
``id_name_csv``       ``n000001, "14th_Dalai_Lama", 424, 0, m`` below a header   VGGFace2: identity_meta.csv
``id_name_language``  ``m.0107_f<TAB>"Jonathan Crombie"@en``, several an id      MS-Celeb-1M: Top1M_MidList.Name.tsv
``name_count``        ``Aaron_Eckhart<TAB>1``; a number alone is passed over     LFW: lfw-names.txt, people.txt
``id_name``           ``0000045 Ann_Other``, ``n000001<TAB>Ann Other``           names of folders
``name``              ``Ann Other``                                              own lists
====================  =========================================================  ====================================

A file has the first of these layouts that all its lines have. An id that no tab follows is a number of five digits or
more.
"""

import csv
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from marginface.data.errors import DataError, DataNotFoundError

_HEADER = ("class_id", "name")  # of the csv; further columns may follow
_LANGUAGE = re.compile(r'(\S+)\t"(.*)"@[A-Za-z][\w-]*')
_COUNT = re.compile(r"([^\t]*[^\t\d\s][^\t]*)\t+\d+")
_ID = re.compile(r"(?=\S*\d)(\S+)\t+([^\t\d]*[^\W\d_][^\t]*)")
_NUMBER = re.compile(r"(\d{5,})[\s,]+(\S.*)")
_LONGEST = 1000  # characters of a line: the comparison of names takes the square of that


class NameList(NamedTuple):
    """People by name.

    Args:
        names: As written, in the order of the file.
        ids: By which the data set knows each of them, one a name; None where the file has none.
        layout: Of the file.
    """

    names: list[str]
    ids: list[str] | None
    layout: str

    def of_classes(self, classes: Sequence[str] | None) -> list[list[str]]:
        """Names of each class, in the order of the labels; a class may have several.

        A file with ids belongs to classes that are called by them (folders ``n000001``); else its order is taken for
        that of the labels.

        Args:
            classes: What the data set itself calls its classes; None if it does not.

        Raises:
            ValueError: A class whose id is not listed.
        """
        if self.ids is None or classes is None:
            return self._in_order()
        known: dict[str, list[str]] = {}
        for number, name in zip(self.ids, self.names, strict=True):
            known.setdefault(number, []).append(name)
        missing = [name for name in classes if name not in known]
        if missing:
            raise ValueError(
                f"class_names lists no name for {len(missing)} of the {len(classes)} classes, the first is "
                f"{missing[0]!r}: its ids, such as {self.ids[0]!r}, must be what the data set calls its classes"
            )
        return [known[name] for name in classes]

    def _in_order(self) -> list[list[str]]:
        together: dict[object, list[str]] = {}
        for key, name in zip(self.ids or range(len(self.names)), self.names, strict=True):
            together.setdefault(key, []).append(name)
        return list(together.values())


def read_names(path: Path | str) -> NameList:
    """Names from a file in one of the layouts above; empty lines count for nothing.

    Raises:
        DataNotFoundError: There is no such file.
        DataError: It holds no name, is no UTF-8 text, a csv without the columns ``Class_ID`` and ``Name``, or another
            table.
    """
    path = Path(path)
    if not path.is_file():
        raise DataNotFoundError(f"list of names {path} is missing: write one name a line")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is no UTF-8 text ({error}): convert it") from error
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not lines:
        raise DataError(f"{path} holds no name: write one name a line")
    if max(map(len, lines)) > _LONGEST:
        raise DataError(f"{path} has a line of {max(map(len, lines))} characters: is it a list of names, one a line?")
    if path.suffix.lower() == ".csv":
        return _from_csv(path, lines)
    for layout, parse in _LAYOUTS.items():
        counted = layout == "name_count"
        rows = [parse(line) for line in lines if not (counted and line.isdigit())]
        if rows and None not in rows:
            numbers, names = zip(*filter(None, rows), strict=True)
            return NameList(list(names), list(numbers) if numbers[0] else None, layout)
    table = next(line for line in lines if "\t" in line)
    raise DataError(
        f"{path} is a table of no known layout: {table[:80]!r} has a tab, and not all lines are alike; write one name "
        "a line, or an id, a tab and a name"
    )


def _from_csv(path: Path, lines: Sequence[str]) -> NameList:
    header, *rows = csv.reader(lines, skipinitialspace=True)
    columns = [word.strip().lower() for word in header]
    if not set(_HEADER) <= set(columns):
        raise DataError(
            f"{path} has the columns {', '.join(header)}: a csv of names needs Class_ID and Name; a list of names "
            "alone is a .txt"
        )
    places = [columns.index(word) for word in _HEADER]
    for number, row in enumerate(rows, start=2):
        if len(row) <= max(places) or not all(row[place].strip() for place in places):
            raise DataError(f"{path}, row {number}: {','.join(row)[:80]!r} lacks an id or a name: mend it")
    if not rows:
        raise DataError(f"{path} holds no name: write one row a person")
    numbers, names = ([row[place].strip() for row in rows] for place in places)
    return NameList(names, numbers, "id_name_csv")


def _groups(*patterns: re.Pattern[str]) -> Callable[[str], tuple[str, str] | None]:
    def parse(line: str) -> tuple[str, str] | None:
        found = next(filter(None, (pattern.fullmatch(line) for pattern in patterns)), None)
        return (found[1], found[2].strip()) if found else None

    return parse


def _name_count(line: str) -> tuple[str, str] | None:
    found = _COUNT.fullmatch(line)
    return ("", found[1].strip()) if found else None


_LAYOUTS: dict[str, Callable[[str], tuple[str, str] | None]] = {
    "id_name_language": _groups(_LANGUAGE),
    "name_count": _name_count,
    "id_name": _groups(_ID, _NUMBER),
    "name": lambda line: None if "\t" in line else ("", line),
}
