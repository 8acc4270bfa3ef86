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
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from t2t_xfer.data.textfile import Located, numbered_lines
from t2t_xfer.errors import DataError, quoted

_COLUMNS = 10
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
    cells: Sequence[str]
    """Its ten columns: FORM is the second, UPOS the fourth, HEAD the seventh, DEPS the ninth."""
    where: str


@dataclass(frozen=True)
class _Fused:
    """A written word that covers the syntactic words `first` to `last`."""

    first: int
    last: int
    form: str
    where: str


class _Tree(NamedTuple):
    """A sentence."""

    words: list[_Word]
    """In order: the word with the number 1 is the first."""
    fused: list[_Fused]
    line: int
    """Of the first word."""
    end: str
    """Where it ends."""


def read_conllu(path: Path) -> Iterator[Located]:
    """One row a sentence, in file order, of its syntactic words."""
    for words, fused, line, end in _trees(path):
        covered = max((each.last for each in fused), default=0)
        if covered > len(words):
            raise DataError(
                f"{end}: a multiword token covers word {covered}, but its sentence has"
                f" {len(words)}."
            )
        tokens, tags = ([word.cells[column] for word in words] for column in (1, 3))
        yield line, {"tokens": tuple(tokens), "pos_tags": tuple(tags)}


def read_fused(path: Path, language: str) -> Iterator[Located]:
    """One row a sentence, in file order, of its written words as XTREME has them.

    Args:
        path: a CoNLL-U file.
        language: whose list of tags decides between words of a fused form.
    """
    precedence = PRECEDENCE.get(language, DEFAULT_PRECEDENCE)
    for words, fused, line, _ in _trees(path):
        for word in words:
            _heads(word)  # each is checked, whether a fused form needs it or not
        tokens: list[str] = []
        tags: list[str] = []
        covering = {each.first: each for each in fused}
        covered = 0  # the last word of the fused form before
        for word in words:
            if word.number <= covered:
                continue
            form, tagged = word.cells[1].strip(), word
            if written := covering.get(word.number):
                form, covered = written.form, written.last
                tagged = _chosen(written, words, precedence)
            tokens.append(form)
            tags.append(tagged.cells[3].strip())
        if tokens and not _masked(tokens):
            yield line, {"tokens": tuple(map(_without_spaces, tokens)), "pos_tags": tuple(tags)}


def _trees(path: Path) -> Iterator[_Tree]:
    """The sentences of a file that have words.

    Raises:
        DataError: a line is not ten columns with tabs between them, or its number does not follow
            the one before.
    """
    words: list[_Word] = []
    fused: list[_Fused] = []
    start = 0
    for number, line in numbered_lines(path):
        where = f"{path}:{number}"
        if not line.strip():
            if words or fused:
                yield _Tree(words, fused, start, where)
            words, fused, start = [], [], 0
        elif not line.startswith("#"):
            cells = line.split("\t")
            if len(cells) != _COLUMNS:
                raise DataError(
                    f"{where}: expected {_COLUMNS} columns separated by tabs (CoNLL-U), found"
                    f" {len(cells)}."
                )
            start = start or number
            place = _number(cells[0], len(words), where)
            if isinstance(place, int):
                words.append(_Word(place, cells, where))
            elif place is not None:
                fused.append(_Fused(*place, cells[1].strip(), where))
    if words or fused:
        yield _Tree(words, fused, start, f"{path}, at its end")


def _number(cell: str, before: int, where: str) -> int | tuple[int, int] | None:
    """A word's number; first and last word of a multiword token; None for an empty node (`5.1`).

    `before` is the number of the word before, 0 at the start of a sentence: words are numbered one
    after the other, else a blank line between sentences or a word is missing.
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


def _masked(tokens: Sequence[str]) -> bool:
    masked = sum(token == MASKED for token in tokens)
    return masked > 0 and masked >= len(tokens) - 1


def _without_spaces(token: str) -> str:
    return token.replace(_ZERO_WIDTH_NON_JOINER, "").replace(" ", "")


def _chosen(fused: _Fused, words: Sequence[_Word], precedence: Sequence[str]) -> _Word:
    """The syntactic word whose tag a fused form takes.

    Raises:
        DataError: a word is missing, or several are equally near and not all have a rank (XTREME's
            converter stops there, so its data lacks the whole file).
    """
    if fused.last > len(words):
        raise DataError(
            f"{fused.where}: {quoted(fused.form)} covers the words {fused.first} to {fused.last},"
            " but not all of them are in its sentence."
        )
    span = words[fused.first - 1 : fused.last]
    above = [len(_ancestors(word, words)) for word in span]
    nearest = [word for word, count in zip(span, above, strict=True) if count == min(above)]
    if len(nearest) == 1:
        return nearest[0]
    tags = [word.cells[3].strip() for word in nearest]
    unranked = [tag for tag in tags if tag not in precedence]
    if unranked:
        raise DataError(
            f"{fused.where}: words of {quoted(fused.form)} are equally near to the root, and"
            f" XTREME's list of tags for this language does not rank {unranked[0]!r}"
            f" ({', '.join(precedence)}). Its converter stops at such a word, so its data lacks the"
            " whole file: move the file away, so that the pattern does not find it, or read it with"
            " `conllu: words`."
        )
    return min(nearest, key=lambda word: precedence.index(word.cells[3].strip()))


def _ancestors(word: _Word, words: Sequence[_Word]) -> set[int]:
    """Everything from which edges lead to the word, the root (0) included, itself not."""
    found: set[int] = set()
    left = _heads(word)
    while left:
        number = left.pop()
        if number not in found:
            found.add(number)
            left += _heads(words[number - 1]) if 1 <= number <= len(words) else []
    return found - {word.number}


def _heads(word: _Word) -> list[int]:
    head, deps = word.cells[6], word.cells[8]
    if head != "_" and not head.isdecimal():
        raise DataError(
            f"{word.where}: expected the number of the head in column 7, found {quoted(head)}."
        )
    named = [head] + ([] if deps == "_" else [pair.partition(":")[0] for pair in deps.split("|")])
    # Heads such as `8.1` are empty nodes, which are not there any more.
    return [int(number) for number in named if number.isdecimal()]
