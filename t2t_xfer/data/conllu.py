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
from t2t_xfer.errors import DataError, quoted
from t2t_xfer.records import Row

_COLUMNS = 10


def read_conllu(path: Path) -> Iterator[Row]:
    """One row a sentence, in file order.

    Raises:
        DataError: a line is not ten tab-separated columns, or its number does not follow the one
            before; names file and line.
    """
    words: list[tuple[str, str]] = []
    covered = 0  # the last word of the multiword tokens so far
    for number, line in numbered_lines(path):
        where = f"{path}:{number}"
        if not line.strip():
            yield from _sentence(words, covered, where)
            words, covered = [], 0
        elif not line.startswith("#"):
            cells = split_line(line, where)
            place = read_number(cells[0], len(words), where)
            if isinstance(place, int):
                words.append((cells[1], cells[3]))
            elif place is not None:
                covered = max(covered, place[1])
    yield from _sentence(words, covered, f"{path}, at its end")


def _sentence(words: list[tuple[str, str]], covered: int, where: str) -> Iterator[Row]:
    if covered > len(words):
        raise DataError(
            f"{where}: a multiword token covers word {covered}, but its sentence has {len(words)}."
        )
    if words:
        tokens, tags = zip(*words, strict=True)
        yield {"tokens": tokens, "pos_tags": tags}


def read_number(cell: str, before: int, where: str) -> int | tuple[int, int] | None:
    """A word's number; first and last word of a multiword token; None for an empty node (`5.1`).

    Args:
        cell: the first column.
        before: the number of the word before, 0 at the start of a sentence.

    Raises:
        DataError: it is none of them, or words are not numbered one after the other: sentences
            without a blank line between them, or a line lost.
    """
    first, dash, last = cell.partition("-")
    if cell.isdecimal():
        if int(cell) == before + 1:
            return int(cell)
        problem = (
            f"the word number {cell} stands twice in its sentence. Is a blank line missing?"
            if 1 <= int(cell) <= before
            else f"expected the word number {before + 1}, found {cell}. Is a line missing?"
        )
        raise DataError(f"{where}: {problem}")
    if dash and first.isdecimal() and last.isdecimal() and int(first) <= int(last):
        return int(first), int(last)
    whole, dot, node = cell.partition(".")
    if dot and whole.isdecimal() and node.isdecimal():
        return None
    raise DataError(f"{where}: expected a word number in the first column, found {quoted(cell)}.")


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
