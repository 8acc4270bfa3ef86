"""Readers of XTREME's prediction and label files, with errors that name file and line.

The rule: what the reference reads, we read the same, line ends of every kind included; where it
would go on with a number that nobody meant (an unknown label, a tag file with words, a third
column, a byte order mark, which it takes for a part of the first line), we stop and say so.

    read_labels(Path("P/xnli/test-de.tsv"), TASKS["xnli"], print, gold=False)
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from t2t_xfer.errors import DataError, nearest
from t2t_xfer.xtreme.layout import INVALID, OUTSIDE, XtremeTask

Warn: TypeAlias = Callable[[str], None]
"""Takes what the user should know and what does not stop the scoring."""

_BOM = b"\xef\xbb\xbf"


class Line(NamedTuple):
    """One line without its end, and without white space around it."""

    number: int
    """From 1."""
    text: str


def read_text(path: Path) -> str:
    """The whole file.

    Raises:
        DataError: it cannot be opened, starts with a byte order mark or is not UTF-8; names file
            and line.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}.") from error
    if raw.startswith((_BOM, b"\xff\xfe", b"\xfe\xff")):
        raise DataError(
            f"{path}:1: the file starts with a byte order mark, which XTREME's scorer would read as"
            " a part of the first line. Save it as UTF-8 without one."
        )
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise DataError(f"{path}:{line}: not UTF-8 text: {error}. Save it as UTF-8.") from error
    return text


def read_lines(path: Path, warn: Warn) -> list[Line]:
    """The lines of a tsv file.

    Raises:
        DataError: as `read_text`, or there is no line.
    """
    text = read_text(path)
    if not text.strip():
        raise DataError(f"{path}:1: the file is empty.")
    unix = text.replace("\r\n", "\n").replace("\r", "\n")
    if unix != text:
        first = text.count("\n", 0, text.index("\r")) + 1
        warn(f"{path}:{first}: the file has Windows line ends. They are read as XTREME reads them.")
    lines = unix.split("\n")
    if not lines[-1]:
        lines.pop()  # the end of the last line, not a line of its own
    return [Line(number, line.strip()) for number, line in enumerate(lines, start=1)]


class Sentence(NamedTuple):
    """The tags of one sentence."""

    line: int
    """Where it begins, from 1."""
    tags: tuple[str, ...]


class LabelledQuestion(NamedTuple):
    """What a label file says of a question."""

    id: str
    texts: tuple[str, ...]
    """Its accepted answers."""


class Answers(NamedTuple):
    """What a prediction file says."""

    texts: dict[str, str]
    """By question id."""
    content: str
    """The file itself, to find lines in."""

    def line(self, id: str) -> int:
        """The line in which a question's id first stands."""
        return _line(self.content, id)


class _TwiceError(ValueError):
    """A key of a JSON object that stands there twice."""


def read_labels(path: Path, task: XtremeTask, warn: Warn, *, gold: bool) -> list[str]:
    """One label (`labels`) or one 0-based line number (`indices`) for each line.

    Args:
        gold: it is a label file, which may not hold our marks for "no answer".

    Raises:
        DataError: a line says something else.
    """
    lines = read_lines(path, warn)
    for line in lines:
        if task.kind == "indices":
            _check_index(path, line, gold)
        elif line.text not in task.inventory and (gold or line.text != INVALID):
            raise _unknown(path, line, "label", task.inventory)
    return [line.text for line in lines]


def _check_index(path: Path, line: Line, gold: bool) -> None:
    # The reference compares texts: `07` is not `7` there, so it must not be here.
    try:
        index = int(line.text)
        fits = str(index) == line.text and (index >= 0 or not gold)
    except ValueError:
        fits = False
    if not fits:
        raise DataError(
            f"{path}:{line.number}: {line.text!r} is no line number. Expected one whole number a"
            " line: the line of the sentence that was found, counted from 0."
        )


def read_tags(path: Path, task: XtremeTask, warn: Warn) -> list[Sentence]:
    """The sentences of a tag file: a blank line closes one, also one without words.

    Tags after the last blank line are a sentence, too.

    Raises:
        DataError: a line holds no tag of the task.
    """
    sentences: list[Sentence] = []
    tags: list[str] = []
    begin = 1
    for line in read_lines(path, warn):
        if not line.text:
            sentences.append(Sentence(begin, tuple(tags)))
            tags, begin = [], line.number + 1
        elif line.text not in (*task.inventory, OUTSIDE):
            raise _unknown(path, line, "tag", task.inventory)
        else:
            tags.append(line.text)
    return [*sentences, Sentence(begin, tuple(tags))] if tags else sentences


def _unknown(path: Path, line: Line, what: str, known: Sequence[str]) -> DataError:
    where = f"{path}:{line.number}"
    expected = f"Expected one {what} a line: {', '.join(known)}."
    if not line.text:
        return DataError(f"{where}: the line is blank. {expected}")
    columns = line.text.split()
    if len(columns) > 1 and set(columns) & set(known):
        return DataError(
            f"{where}: {line.text!r} has {len(columns)} columns. XTREME's files hold the {what}"
            f" alone. {expected}"
        )
    hint = nearest(line.text, known)
    return DataError(f"{where}: {line.text!r} is no {what} of this task.{hint} {expected}")


def read_pairs(path: Path, warn: Warn, may_be_empty: bool = False) -> set[tuple[str, str]]:
    """The pairs of sentence ids, each once whatever the file repeats.

    Args:
        may_be_empty: a miner may find nothing.

    Raises:
        DataError: a line is not two ids with a tab between.
    """
    if may_be_empty and not read_text(path).strip():
        warn(f"{path}:1: the file is empty: no pair was found, which scores 0.")
        return set()
    pairs: set[tuple[str, str]] = set()
    lines = read_lines(path, warn)
    for line in lines:
        ids = line.text.split("\t")
        if len(ids) != 2 or not all(ids):
            raise DataError(
                f"{path}:{line.number}: {line.text!r} is no pair. Expected two sentence ids with a"
                " tab between: the other language's and the English one."
            )
        pairs.add((ids[0], ids[1]))
    if len(pairs) < len(lines):
        warn(f"{path}: {len(lines) - len(pairs)} lines repeat a pair and count once.")
    return pairs


def read_answers(path: Path) -> Answers:
    """The predicted answer of each question.

    Raises:
        DataError: not a JSON object of texts, or it holds an id twice.
    """
    content = read_text(path)
    value = _json(path, content)
    if not isinstance(value, dict):
        raise DataError(f"{path}:1: expected one JSON object, {{question id: answer text}}.")
    answers = Answers({}, content)
    for id, text in value.items():
        if not isinstance(text, str):
            raise DataError(
                f"{path}:{answers.line(id)}: the answer to {id!r} is {text!r}; expected a text."
            )
        answers.texts[id] = text
    return answers


def read_questions(path: Path) -> list[LabelledQuestion]:
    """The questions of a label file in SQuAD's format, or of the list that stands under `data`.

    Raises:
        DataError: another format, no question, or a question without an answer.
    """
    value: Any = _json(path, read_text(path))
    try:
        questions = [
            LabelledQuestion(
                _text(qa["id"]), tuple(_text(answer["text"]) for answer in qa["answers"])
            )
            for article in (value["data"] if isinstance(value, dict) else value)
            for paragraph in article["paragraphs"]
            for qa in paragraph["qas"]
        ]
    except (KeyError, TypeError) as error:
        raise DataError(
            f"{path}:1: not a label file of questions ({error!r}). Expected SQuAD's format:"
            ' {"data": [{"paragraphs": [{"qas": [{"id": …, "answers": [{"text": …}]}]}]}]}.'
        ) from error
    if not questions:
        raise DataError(f"{path}:1: the file holds no question.")
    for question in questions:
        if not question.texts:
            raise DataError(f"{path}: the question {question.id!r} has no accepted answer.")
    return questions


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value


def _json(path: Path, content: str) -> object:
    if not content.strip():
        raise DataError(f"{path}:1: the file is empty.")
    try:
        value: object = json.loads(content, object_pairs_hook=_once)
    except json.JSONDecodeError as error:
        raise DataError(f"{path}:{error.lineno}: broken JSON: {error.msg}.") from error
    except _TwiceError as error:
        key = str(error)
        raise DataError(
            f"{path}:{_line(content, key, 2)}: the key {key!r} stands there twice; expected each"
            " once."
        ) from error
    except RecursionError as error:
        raise DataError(f"{path}:1: broken JSON: it is nested too deeply.") from error
    except ValueError as error:  # a number with thousands of digits
        raise DataError(f"{path}:1: broken JSON: {error}.") from error
    return value


def _line(content: str, key: str, time: int = 1) -> int:
    """The line in which a key of a JSON text stands for the first or second time; 1 if unknown."""
    for written in (json.dumps(key), json.dumps(key, ensure_ascii=False)):
        before = content.split(written, time)
        if len(before) > time:
            return sum(part.count("\n") for part in before[:time]) + 1
    return 1


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """The object. JSON's readers would keep the last of two equal keys without a word."""
    found: dict[str, object] = {}
    for key, value in pairs:
        if key in found:
            raise _TwiceError(key)
        found[key] = value
    return found
