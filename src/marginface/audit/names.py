"""Which classes have the name of a person of a benchmark, and which one like it.

Two names are the same if their words are, in the same order, after this:

- ``Eckhart, Aaron`` becomes ``Aaron Eckhart`` (one comma, as catalogues write);
- letters lose their case and their accents; ``ø ł đ ð ħ ı`` become ``o l d d h i``, ``æ œ þ ß`` become ``ae oe th ss``;
- apostrophes vanish (``O'Neal`` is ``ONeal``);
- whatever else is no letter or digit, such as ``_``, ``-`` and ``.``, parts words.

Names are alike, which is for a person to look at, if they then differ in one of these only: the order of words, where
words are parted (``JK`` and ``J K``), what stands in brackets at the end, words between the first and the last one or
``jr sr ii iii iv`` after it, or one letter that is missing, another or elsewhere in a name of eight letters or more.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

_LETTERS = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ð": "d", "ħ": "h", "ı": "i", "æ": "ae", "œ": "oe", "þ": "th"})
_APOSTROPHES = re.compile("['’‘ʼ`´]")
_BRACKETS = re.compile(r"(?<=\S)[\s_]*\([^()]*\)\s*$")
_GENERATIONS = {"jr", "sr", "ii", "iii", "iv"}
_LEAST = 8  # letters of a name in which one may differ


@dataclass(frozen=True, kw_only=True)
class SetNames:
    """Names to look for in a training set.

    Args:
        classes: Of each of its classes, in the order of the labels; a class may have several.
        listed: Of a benchmark's people.
    """

    classes: Sequence[list[str]]
    listed: Sequence[str]

    def check(self, num_classes: int) -> None:
        """Refuse names that are not those of so many classes.

        Raises:
            ValueError: There are more or fewer.
        """
        if len(self.classes) != num_classes:
            raise ValueError(
                f"class_names has {len(self.classes)} names for {num_classes} classes: give one a class, in the order "
                "of the labels"
            )


class NearName(NamedTuple):
    """A class with a name like that of a person of a benchmark.

    Args:
        label: The class.
        name: Its name.
        listed: The person's.
        how: In what they differ.
    """

    label: int
    name: str
    listed: str
    how: str


def shared_names(classes: Sequence[list[str]], listed: Sequence[str]) -> list[int]:
    """Labels of the classes that have a name on a list.

    Args:
        classes: Names of each class, in the order of the labels.
        listed: The list.
    """
    known = {_words(name) for name in listed} - {()}
    return [label for label, names in enumerate(classes) if any(_words(name) in known for name in names)]


def near_names(classes: Sequence[list[str]], listed: Sequence[str]) -> list[NearName]:
    """Classes that have no name on a list, but one like a name there; each class once.

    Args:
        classes: Names of each class, in the order of the labels.
        listed: The list.
    """
    known: dict[tuple[str, str], str] = {}
    for name in listed:
        for how, key in _keys(name):
            known.setdefault((how, key), name)
    same = set(shared_names(classes, listed))
    found: dict[int, NearName] = {}
    for label, names in enumerate(classes):
        for name in names:
            alike = next(((how, known[how, key]) for how, key in _keys(name) if (how, key) in known), None)
            if label not in same and label not in found and alike:
                found[label] = NearName(label, name, alike[1], alike[0])
    return list(found.values())


def _keys(name: str) -> Iterator[tuple[str, str]]:
    """What two names have in common that differ in a few things only, by what it is."""
    words = _words(name)
    if not words:
        return
    together = "".join(words)
    yield "the order of words", " ".join(sorted(words))
    yield "where words are parted", together
    bare = _words(_BRACKETS.sub("", name))
    yield "what stands in brackets", " ".join(bare)
    core = [word for place, word in enumerate(bare) if not place or word not in _GENERATIONS]
    if len(core) > 1:
        yield "middle names", f"{core[0]} {core[-1]}"
    if len(together) >= _LEAST:
        for place in range(len(together)):
            yield "one letter", together[:place] + together[place + 1 :]
        yield "one letter", together  # has a letter more than the other name


def _words(name: str) -> tuple[str, ...]:
    last, comma, first = name.partition(",")
    if comma and "," not in first and first.strip():
        name = f"{first} {last}"
    letters = unicodedata.normalize("NFKD", _APOSTROPHES.sub("", name)).casefold().translate(_LETTERS)
    kept = (c for c in letters if not unicodedata.combining(c))
    return tuple("".join(c if c.isalnum() else " " for c in kept).split())
