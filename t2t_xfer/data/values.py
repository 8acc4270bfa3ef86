"""Raw values as a data file holds them, made immutable.

Types stay: `0`, `"0"`, `0.0` and `False` are four different values. Bytes are text if they are
UTF-8; what is no text stays out of reach: whoever looks such a column up is told so.

    freeze({"tokens": ["a", b"b"]})  ->  {"tokens": ("a", "b")}
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from t2t_xfer.errors import DataError
from t2t_xfer.records import Row, Value

_SCALARS = frozenset({str, int, bool, type(None)})
DEEPEST = 64
"""Lists and objects inside of each other. Data sets have three or four."""


class Unreadable(str):
    """Stands for bytes that are no text; what they look like, for messages."""


def freeze(value: object, depth: int = 0) -> Value:
    """Lists become tuples, deeply; decimals become numbers, NaN (as pandas writes a missing value)
    null, and what JSON does not know (dates, …) its text.

    Raises:
        DataError: more than `DEEPEST` lists inside of each other.
    """
    if value is None or isinstance(value, str | int):
        return value
    if isinstance(value, float):
        return None if value != value else value
    if depth == DEEPEST:
        raise DataError(f"a value is nested more than {DEEPEST} deep. Flatten it.")
    if isinstance(value, list | tuple):
        return _whole(tuple([v if type(v) in _SCALARS else freeze(v, depth + 1) for v in value]))
    if isinstance(value, Mapping):
        return {str(key): freeze(item, depth + 1) for key, item in value.items()}
    if isinstance(value, bytes | bytearray | memoryview):
        return _text(bytes(value))
    if isinstance(value, Decimal):  # of the database's type DECIMAL(10, 0) whole numbers
        whole = value.is_finite() and value.as_tuple().exponent == 0
        return int(value) if whole else float(value)
    return str(value)


def _text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return Unreadable(f"{len(raw)} bytes that begin {raw[:8]!r}")


def _whole(items: tuple[Value, ...]) -> Value:
    """A list; if something in it cannot be read, it cannot."""
    bad = next((item for item in items if type(item) is Unreadable), None)
    return items if bad is None else bad


def freeze_row(row: Mapping[str, object], where: str = "") -> Row:
    """One row with every value frozen.

    Args:
        where: begins the message of an error.
    """
    try:
        return {key: freeze(value) for key, value in row.items()}
    except DataError as error:
        raise DataError(f"{where}: {error}" if where else str(error)) from error
