"""JSON Lines: one object a line, checked line by line.

Blank lines are passed over. NaN, half surrogate pairs and a key that stands twice in one object are
refused.

    for row in read_jsonl(Path("data/hub/facebook/xnli/de/test.jsonl.gz")): ...
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

from t2t_xfer.data.textfile import numbered_lines
from t2t_xfer.data.values import freeze_row
from t2t_xfer.errors import DataError
from t2t_xfer.records import Row


def _reject(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):  # of two equal keys Python would keep the last
        twice = next(key for n, (key, _) in enumerate(pairs) if key in dict(pairs[:n]))
        raise ValueError(f"the key {twice!r} stands twice in one object")
    return found


_DECODER = json.JSONDecoder(parse_constant=_reject, object_pairs_hook=_object)
LONGEST_JSON = 2**30
"""Bytes of a file that holds one JSON list, since all of it is read at once."""
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


def read_jsonl(path: Path) -> Iterator[Row]:
    """Rows in file order; blank lines are passed over.

    Raises:
        DataError: a line is not a JSON object; names file and line.
    """
    for number, line in numbered_lines(path):
        if not line or line.isspace():
            continue
        yield _row(parse_json(line, f"{path}:{number}"), f"{path}:{number}")


def read_json(path: Path) -> Iterator[Row]:
    """Rows of a file that holds one JSON list of objects.

    Raises:
        DataError: it is something else, or longer than `LONGEST_JSON`; names the file.
    """
    lines: list[str] = []
    left = LONGEST_JSON
    for _, line in numbered_lines(path, longest=LONGEST_JSON):
        left -= len(line) + 1
        if left < 0:
            raise DataError(
                f"{path}: more than {LONGEST_JSON >> 20} MiB in one JSON list, which is read at"
                " once. Write one object a line into a file that ends in .jsonl."
            )
        lines.append(line)
    content = parse_json("\n".join(lines), str(path))
    if not isinstance(content, list):
        raise DataError(f"{path}: expected a list of objects, found {_kind(content)}.")
    for number, item in enumerate(content):
        yield _row(item, f"{path}, item {number}")


def parse_json(text: str, where: str) -> object:
    """One JSON value. NaN and half surrogate pairs are refused: nothing later could write them."""
    try:
        value: object = _DECODER.decode(text)
        if _SURROGATE.search(text):
            json.dumps(value, ensure_ascii=False).encode()
    except RecursionError as error:
        raise DataError(f"{where}: broken JSON: lists or objects are nested too deep.") from error
    except ValueError as error:
        raise DataError(f"{where}: broken JSON: {error}.") from error
    return value


def _row(value: object, where: str) -> Row:
    if not isinstance(value, dict):
        raise DataError(f"{where}: expected an object with columns, found {_kind(value)}.")
    return freeze_row(value, where)


def _kind(value: object) -> str:
    kinds = {dict: "an object", list: "a list", str: "a text", bool: "true or false"}
    return kinds.get(type(value), "null" if value is None else "a number")
