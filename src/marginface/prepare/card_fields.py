"""Whether what a data card's JSON holds is of the types of its fields."""

from collections.abc import Mapping
from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints

_LARGEST = 1 << 62  # of any number of images, bytes or pixels


def misfits(content: Mapping[str, Any], owner: type) -> list[str]:
    """Names of the fields whose values do not fit their annotations.

    Args:
        content: Values out of JSON, by the names of the fields; lists stand for tuples.
        owner: The dataclass that has the fields. Its integers are counts and sizes: never negative.
    """
    kinds = get_type_hints(owner)
    return [name for name, value in content.items() if not _fits(value, kinds[name])]


def _fits(value: Any, kind: Any) -> bool:
    origin, parts = get_origin(kind), get_args(kind)
    if origin is UnionType:
        return any(_fits(value, part) for part in parts)
    if origin is dict:
        return isinstance(value, dict) and all(_fits(each, parts[1]) for each in value.values())
    if origin is tuple:
        if not isinstance(value, list) or (parts[-1] is not ... and len(value) != len(parts)):
            return False
        return all(_fits(each, parts[0]) for each in value)
    if kind in (int, float):
        least = 0 if kind is int else -_LARGEST
        return type(value) in (int, kind) and least <= value <= _LARGEST  # no NaN passes
    return kind is Any or (value is None if kind is NoneType else type(value) is kind)
