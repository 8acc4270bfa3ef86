"""CoNLL-U: the tagging format of Universal Dependencies.

A row is a sentence with the columns `tokens` (FORM) and `pos_tags` (UPOS, as names). Comments,
multiword-token lines (`3-4`) and empty nodes (`5.1`) are passed over, so `im` of a German file is
read as `in dem`, as the hub's `udpos.*` has it. XTREME's own preprocessing keeps the fused form:
`fused`.

    1\tDie\t_\tDET\t...        ->  {"tokens": ("Die", "Katze"), "pos_tags": ("DET", "NOUN")}
    2\tKatze\t_\tNOUN\t...
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from t2t_xfer.data.textfile import numbered_lines
from t2t_xfer.errors import DataError
from t2t_xfer.records import Row

_COLUMNS = 10


def read_conllu(path: Path) -> Iterator[Row]:
    """One row a sentence, in file order.

    Raises:
        DataError: a line is not ten tab-separated columns; names file and line.
    """
    words: list[tuple[str, str]] = []
    for number, line in numbered_lines(path):
        if not line.strip():
            yield from _sentence(words)
            words = []
        elif not line.startswith("#"):
            words.extend(_word(line, f"{path}:{number}"))
    yield from _sentence(words)


def _sentence(words: list[tuple[str, str]]) -> Iterator[Row]:
    if words:
        tokens, tags = zip(*words, strict=True)
        yield {"tokens": tokens, "pos_tags": tags}


def _word(line: str, where: str) -> list[tuple[str, str]]:
    """The word of a line with its tag; nothing for multiword tokens and empty nodes."""
    cells = split_line(line, where)
    number, form, upos = cells[0], cells[1], cells[3]
    if number.isdecimal():
        return [(form, upos)]
    if number.replace("-", "").replace(".", "").isdecimal():
        return []
    raise DataError(f"{where}: expected a word number in the first column, found {number!r}.")


def split_line(line: str, where: str) -> list[str]:
    """The ten columns of a line.

    Raises:
        DataError: there are more or fewer.
    """
    cells = line.split("\t")
    if len(cells) != _COLUMNS:
        raise DataError(
            f"{where}: expected {_COLUMNS} columns separated by tabs (CoNLL-U), found {len(cells)}."
        )
    return cells
