"""Records of declared types as plain JSON values, read back by those types alone: no code is run."""

import math
import types
import typing
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from typing import Any

_NOT_FINITE = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}  # JSON has no numbers for them


def to_plain(value: Any) -> Any:
    """Named tuples and dataclasses as objects, sequences, arrays and tensors as lists, NaN and infinity as text.

    Raises:
        TypeError: Something that has no plain form.
    """
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: to_plain(getattr(value, field.name)) for field in fields(value)}
    if hasattr(value, "_asdict"):
        return to_plain(value._asdict())
    if isinstance(value, Mapping):
        return {str(key): to_plain(part) for key, part in value.items()}
    if isinstance(value, str | bool | None):
        return value
    if hasattr(value, "tolist"):  # an array, a tensor, or one number of theirs
        return to_plain(value.tolist())
    if isinstance(value, Sequence):
        return [to_plain(part) for part in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, int | float):
        return value
    raise TypeError(f"{type(value).__name__} has no plain form")


def from_plain(kind: Any, value: Any, where: str) -> Any:
    """The record that :func:`to_plain` was given.

    Args:
        kind: Declared type: a record, ``Mapping[str, ...]``, ``Sequence[...]``, ``... | None``, or a plain type.
        value: As read from JSON.
        where: What it is, for messages.

    Raises:
        ValueError: It is not of this type; names the part that is not.
    """
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin is types.UnionType:  # only ever "or None"
        return None if value is None else from_plain(inner[0], value, where)
    if origin is not None and issubclass(origin, Mapping):
        return {key: from_plain(inner[1], part, f"{where}[{key!r}]") for key, part in _a(dict, value, where).items()}
    if origin is not None:
        return [from_plain(inner[0], part, f"{where}[{i}]") for i, part in enumerate(_a(list, value, where))]
    if is_dataclass(kind) or hasattr(kind, "_fields"):
        return _record(kind, _a(dict, value, where), where)
    if kind is float:
        return _NOT_FINITE[value] if isinstance(value, str) and value in _NOT_FINITE else float(_a(float, value, where))
    if kind is int and isinstance(value, float) and value.is_integer():  # counts that were summed as floats
        return int(value)
    return _a(kind, value, where)


def _record(kind: Any, value: dict[str, Any], where: str) -> Any:
    declared = typing.get_type_hints(kind)
    if unknown := sorted(set(value) - set(declared)):
        raise ValueError(f"{where} has the unknown part {unknown[0]!r}")
    if missing := [name for name in declared if name not in value and not _optional(kind, name)]:
        raise ValueError(f"{where} lacks the part {missing[0]!r}")
    return kind(**{name: from_plain(declared[name], part, f"{where}.{name}") for name, part in value.items()})


def _optional(kind: Any, name: str) -> bool:
    if hasattr(kind, "_fields"):
        return name in kind._field_defaults
    field = next(field for field in fields(kind) if field.name == name)
    return field.default is not MISSING or field.default_factory is not MISSING


def _a(kind: type, value: Any, where: str) -> Any:
    wanted = (int, float) if kind is float else kind
    if not isinstance(value, wanted) or (isinstance(value, bool) and kind is not bool):
        raise ValueError(f"{where} is {str(value)[:40]!r}, which is no {kind.__name__}")
    return value
