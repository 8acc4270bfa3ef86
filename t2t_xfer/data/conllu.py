"""CoNLL-U: the tagging format of Universal Dependencies, read in two ways.

A row is a sentence with the columns `tokens` (FORM) and `pos_tags` (UPOS, as names).

- `read_conllu` passes over comments, multiword-token lines (`3-4`) and empty nodes (`5.1`), so `im`
  of a German file is read as `in dem`, as the hub's `udpos.*` has it.
- `read_fused` reads one token for each written word, as XTREME makes its `udpos` data: `im` with
  the tag of one of its syntactic words, the one nearest to the root of the sentence, counted by the
  words above it in the tree (edges of the DEPS column included); of several equally near ones, the
  one whose tag comes first in a list of the language. Empty nodes are passed over, zero-width
  non-joiners and spaces inside words removed, and sentences dropped whose words are all, or all but
  one, masked as `_`.

Source of the latter: google-research/xtreme, `third_party/ud-conversion-tools/lib/conll.py` (the
choice of the word), bplank/ud-conversion-tools, `conllu_to_conll.py` (the lists), and
`utils_preprocess.py` (`udpos_preprocess`: masks, spaces, the order of files).

    1-2  im    _  _    …    ->  {"tokens": ("in", "dem"), "pos_tags": ("ADP", "DET")}
    1    in    _  ADP  …    or  {"tokens": ("im",), "pos_tags": ("ADP",)}
    2    dem   _  DET  …
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

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


DEFAULT_PRECEDENCE = (
    *("VERB", "NOUN", "PROPN", "PRON", "ADJ", "NUM", "ADV", "INTJ", "AUX", "ADP", "DET", "PART"),
    *("CCONJ", "SCONJ", "X", "PUNCT"),
)
PRECEDENCE: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "es": ("VERB", "AUX", "PRON", "ADP", "DET"),
        "fr": (
            *("VERB", "AUX", "PRON", "NOUN", "ADJ", "ADV", "ADP", "DET", "PART", "SCONJ"),
            "CONJ",  # a tag of UD 1: CCONJ is not in this list
        ),
        "it": ("VERB", "AUX", "ADV", "PRON", "ADP", "DET", "INTJ"),
    }
)
"""Which tag wins among words of a fused form that are equally near to the root, by language. Other
languages: `DEFAULT_PRECEDENCE`. A fact of XTREME, gaps included."""

MASKED = "_"
"""The form of a word whose text is not free (some treebanks leave all words out)."""
_ZERO_WIDTH_NON_JOINER = "\u200c"


@dataclass(frozen=True)
class _Word:
    """A syntactic word."""

    number: int
    form: str
    upos: str
    heads: tuple[int, ...]
    """HEAD, and the heads that DEPS adds; 0 is the root."""


@dataclass(frozen=True)
class _Fused:
    """A written word that covers the syntactic words `first` to `last`."""

    first: int
    last: int
    form: str
    where: str


@dataclass
class _Sentence:
    """What was read of a sentence so far."""

    words: dict[int, _Word] = field(default_factory=dict)
    fused: list[_Fused] = field(default_factory=list)


def read_fused(path: Path, language: str) -> Iterator[Row]:
    """One row a sentence, in file order, with the columns `tokens` and `pos_tags`.

    Args:
        path: a CoNLL-U file.
        language: whose list of tags decides between words of a fused form.

    Raises:
        DataError: a line is not CoNLL-U, or a fused form has words whose tags the list does not
            rank (XTREME's converter stops there, so its data lacks the whole file).
    """
    precedence = PRECEDENCE.get(language, DEFAULT_PRECEDENCE)
    sentence = _Sentence()
    for number, line in numbered_lines(path):
        if not line.strip():
            yield from _row(sentence, precedence)
            sentence = _Sentence()
        elif not line.startswith("#"):
            _take(sentence, line, f"{path}:{number}")
    yield from _row(sentence, precedence)


def _take(sentence: _Sentence, line: str, where: str) -> None:
    cells = split_line(line, where)
    place = read_number(cells[0], len(sentence.words), where)
    if isinstance(place, int):
        heads = _heads(cells, where)
        sentence.words[place] = _Word(place, cells[1].strip(), cells[3].strip(), heads)
    elif place is not None:
        sentence.fused.append(_Fused(*place, cells[1].strip(), where))


def _heads(cells: Sequence[str], where: str) -> tuple[int, ...]:
    head, deps = cells[6], cells[8]
    if head != "_" and not head.isdecimal():
        raise DataError(
            f"{where}: expected the number of the head in column 7, found {quoted(head)}."
        )
    named = [head] + ([] if deps == "_" else [pair.partition(":")[0] for pair in deps.split("|")])
    # Heads such as `8.1` are empty nodes, which are not there any more.
    return tuple(dict.fromkeys(int(number) for number in named if number.isdecimal()))


def _row(sentence: _Sentence, precedence: Sequence[str]) -> Iterator[Row]:
    """The row of a sentence; nothing if it is empty or masked."""
    tokens: list[str] = []
    tags: list[str] = []
    words = sentence.words
    covering = {fused.first: fused for fused in sentence.fused}
    covered = 0  # the last word of the fused form before
    for number in sorted(words):
        if number <= covered:
            continue
        word, fused = words[number], covering.get(number)
        if fused is not None:
            word, covered = _chosen(fused, words, precedence), fused.last
        tokens.append(word.form if fused is None else fused.form)
        tags.append(word.upos)
    if tokens and not _masked(tokens):
        yield {"tokens": tuple(map(_without_spaces, tokens)), "pos_tags": tuple(tags)}


def _masked(tokens: Sequence[str]) -> bool:
    masked = sum(token == MASKED for token in tokens)
    return masked > 0 and masked >= len(tokens) - 1


def _without_spaces(token: str) -> str:
    return token.replace(_ZERO_WIDTH_NON_JOINER, "").replace(" ", "")


def _chosen(fused: _Fused, words: Mapping[int, _Word], precedence: Sequence[str]) -> _Word:
    """The syntactic word whose tag a fused form takes.

    Raises:
        DataError: a word is missing, or several are equally near and not all have a rank.
    """
    span = [words.get(number) for number in range(fused.first, fused.last + 1)]
    there = [word for word in span if word is not None]
    if len(there) < len(span):
        raise DataError(
            f"{fused.where}: {quoted(fused.form)} covers the words {fused.first} to"
            f" {fused.last}, but"
            " not all of them are in its sentence."
        )
    above = [len(_ancestors(word, words)) for word in there]
    nearest = [word for word, count in zip(there, above, strict=True) if count == min(above)]
    if len(nearest) == 1:
        return nearest[0]
    unranked = [word.upos for word in nearest if word.upos not in precedence]
    if unranked:
        raise DataError(
            f"{fused.where}: words of {quoted(fused.form)} are equally near to the root, and"
            " XTREME's"
            f" list of tags for this language does not rank {unranked[0]!r}"
            f" ({', '.join(precedence)})."
            " Its converter stops at such a word, so its data lacks the whole file: move the file"
            " away, so that the pattern does not find it, or read it with `conllu: words`."
        )
    return min(nearest, key=lambda word: precedence.index(word.upos))


def _ancestors(word: _Word, words: Mapping[int, _Word]) -> set[int]:
    """Everything from which edges lead to the word, the root (0) included, itself not."""
    found: set[int] = set()
    left = list(word.heads)
    while left:
        number = left.pop()
        if number in found:
            continue
        found.add(number)
        if number in words:
            left.extend(words[number].heads)
    return found - {word.number}
