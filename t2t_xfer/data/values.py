"""Raw values as a data file holds them, made immutable.

Types stay: `0`, `"0"`, `0.0` and `False` are four different values.

    freeze({"tokens": ["a", "b"]})  ->  {"tokens": ("a", "b")}
"""

from __future__ import annotations

from collections.abc import Mapping

from t2t_xfer.records import Row, Value

_SCALARS = frozenset({str, int, float, bool, type(None)})


def freeze(value: object) -> Value:
    """Lists become tuples, deeply; what JSON does not know (dates, …) becomes its text."""
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, list | tuple):
        return tuple([v if type(v) in _SCALARS else freeze(v) for v in value])
    if isinstance(value, Mapping):
        return {str(key): freeze(item) for key, item in value.items()}
    return str(value)


def freeze_row(row: Mapping[str, object]) -> Row:
    """One row with every value frozen."""
    return {key: freeze(value) for key, value in row.items()}
