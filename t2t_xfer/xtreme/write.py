"""Our scored answers as XTREME's files: predictions, and the gold answers in the same layout.

The rule: what is wrong for us must be wrong for XTREME's scorer. So an answer that could not be
read becomes a line that no label equals, a sentence without spans, or a question without an answer,
and scoring the two folders gives the numbers of our own report.

    prediction_text(TASKS["pawsx"], [ScoredRow("1", "paraphrase", "different")])     # "0\\n"

Of Tatoeba, XTREME sorts the English sentences by code points and leaves the others as they are.
Line n of a prediction file is about the n-th English sentence, and says the line (from 0) of the
other language's sentence that was found. The hub's copy has the pairs side by side, so that these
places are known only from the original files.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from t2t_xfer.errors import DataError, UserError
from t2t_xfer.languages import language
from t2t_xfer.records import Json
from t2t_xfer.xtreme.layout import INVALID, NOTHING_FOUND, OUTSIDE, XtremeTask
from t2t_xfer.xtreme.read import Warn, read_lines


class TatoebaPair(NamedTuple):
    """One example of Tatoeba."""

    id: str
    english: str
    foreign: str


class SortedLines(NamedTuple):
    """The places of all sentences of a language."""

    ids: Sequence[str]
    """Of the examples, in the order of XTREME's English file."""
    line_of: Mapping[str, int]
    """Example id to the line of its foreign sentence, from 0."""


def lines_of_rows(pairs: Sequence[TatoebaPair]) -> SortedLines:
    """The places where the examples stand in the order of the original files themselves."""
    ordered = sorted(pairs, key=lambda pair: pair.english.strip())
    return SortedLines(
        [pair.id for pair in ordered], {pair.id: line for line, pair in enumerate(pairs)}
    )


def lines_of_originals(
    pairs: Sequence[TatoebaPair], originals: Path, code: str, warn: Warn
) -> SortedLines:
    """The places in the original files of a language.

    Args:
        originals: holds `de-en.en` and `de-en.de`, as XTREME's scripts leave them, or
            `tatoeba.deu-eng.eng` and `tatoeba.deu-eng.deu`, as they come from LASER; or has a
            folder `tatoeba` that does.

    Raises:
        UserError: there are no such files.
        DataError: they do not hold exactly the sentences of the examples.
    """
    english, foreign, is_sorted = _find(originals, code)
    ours = {pair.english.strip(): pair.id for pair in pairs}
    lines = [line.text for line in read_lines(english, warn)]
    for number, text in enumerate(lines, start=1):
        if text not in ours:
            raise DataError(
                f"{english}:{number}: {text[:60]!r} is none of the English sentences that were"
                f" tested in {code}. The run must have tested all sentences of these very files."
            )
    if len(lines) != len(pairs) or len(set(lines)) != len(lines):
        raise DataError(
            f"{english}:{len(lines)}: {len(lines)} sentences, but {len(pairs)} were tested in"
            f" {code}. Both must have the same ones, each once."
        )
    numbers: dict[str, int] = {}
    for number, line in enumerate(read_lines(foreign, warn)):
        numbers.setdefault(line.text, number)
    for pair in pairs:
        if pair.foreign.strip() not in numbers:
            raise DataError(
                f"{foreign}: no line is the sentence {pair.foreign[:60]!r}, which was tested in"
                f" {code}."
            )
    return SortedLines(
        [ours[text] for text in (lines if is_sorted else sorted(lines))],
        {pair.id: numbers[pair.foreign.strip()] for pair in pairs},
    )


def _find(originals: Path, code: str) -> tuple[Path, Path, bool]:
    iso3 = language(code).iso3
    for folder in (originals, originals / "tatoeba"):
        ready = folder / f"{code}-en.en", folder / f"{code}-en.{code}"
        raw = folder / f"tatoeba.{iso3}-eng.eng", folder / f"tatoeba.{iso3}-eng.{iso3}"
        for files, is_sorted in ((ready, True), (raw, False)):
            if all(file.is_file() for file in files):
                return *files, is_sorted
    raise UserError(
        f"{originals}: holds neither {code}-en.en with {code}-en.{code} (as XTREME's scripts leave"
        f" them) nor tatoeba.{iso3}-eng.eng with tatoeba.{iso3}-eng.{iso3} (as they come from"
        " LASER)."
    )


@dataclass(frozen=True)
class ScoredRow:
    """One example as a `score` stage logs it."""

    id: str
    gold: Any
    """As JSON: a text, a list of tags, or a list of `{text, start}`."""
    value: Any
    """The same for the answer; None if none could be read. A span's is its text."""
    counted: bool = True
    """False: a mined pair that its threshold turned down."""


Lines: TypeAlias = SortedLines | None


def prediction_text(task: XtremeTask, rows: Sequence[ScoredRow], lines: Lines = None) -> str:
    """The content of a prediction file.

    Args:
        lines: of Tatoeba, where each sentence stands in XTREME's files.

    Raises:
        UserError: an answer is no label or tag of XTREME's.
    """
    if task.kind == "answers":
        return _json({row.id: row.value for row in rows if row.value is not None})
    if task.kind == "indices":
        assert lines is not None
        found = {row.id: row.value for row in rows}
        return _lines(lines.line_of.get(found[id], NOTHING_FOUND) for id in lines.ids)
    if task.kind == "pairs":
        return _lines(f"{row.id}\t{row.value}" for row in rows if row.counted and row.value)
    if task.kind == "tags":
        return _sentences(task, (row.value or [OUTSIDE] * len(row.gold) for row in rows))
    return _lines(INVALID if row.value is None else _label(task, row.value) for row in rows)


def label_text(task: XtremeTask, rows: Sequence[ScoredRow], lines: Lines = None) -> str:
    """The content of the label file that `rows` were scored with; see `prediction_text`."""
    if task.kind == "answers":
        questions: list[Json] = [{"id": row.id, "answers": _answers(row.gold)} for row in rows]
        return _json({"version": "1.1", "data": [{"paragraphs": [{"qas": questions}]}]})
    if task.kind == "indices":
        assert lines is not None
        gold = {row.id: row.gold for row in rows}
        return _lines(lines.line_of[gold[id]] for id in lines.ids)
    if task.kind == "pairs":
        return _lines(f"{row.id}\t{id}" for row in rows for id in _partners(row.gold))
    if task.kind == "tags":
        return _sentences(task, (row.gold for row in rows))
    return _lines(_label(task, row.gold) for row in rows)


def write_folders(folders: Mapping[Path, Mapping[str, str]]) -> None:
    """Writes the files of each folder, by their paths inside it, or none at all.

    Raises:
        UserError: a folder is not empty, or cannot be written.
    """
    for folder in folders:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise UserError(
                f"{folder} is there and not an empty directory. Nothing is overwritten: give"
                " another place."
            )
    _check_apart(list(folders))
    work = {folder: folder.with_name(f".{folder.name}.{os.getpid()}.tmp") for folder in folders}
    try:
        for folder, files in folders.items():
            for name, content in files.items():
                path = work[folder] / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(content, encoding="utf-8", newline="\n")
        for folder in folders:
            if folder.is_dir():
                folder.rmdir()
            os.replace(work[folder], folder)
    except OSError as error:
        raise UserError(
            f"{error.filename or folder} cannot be written: {error.strerror}. Choose another place."
        ) from error
    finally:
        for path in work.values():
            shutil.rmtree(path, ignore_errors=True)


def _check_apart(folders: Sequence[Path]) -> None:
    found = [folder.resolve() for folder in folders]
    if any(one in other.parents for one in found for other in found):
        raise UserError(f"{' and '.join(map(str, folders))}: neither may lie inside the other.")


def _lines(items: Iterable[object]) -> str:
    return "".join(f"{item}\n" for item in items)


def _sentences(task: XtremeTask, sentences: Iterable[Sequence[str]]) -> str:
    return "".join(
        f"{_lines(_known(task, tag, 'tag') for tag in sentence)}\n" for sentence in sentences
    )


def _label(task: XtremeTask, name: str) -> str:
    return _known(task, task.labels.get(name, name), "label")


def _known(task: XtremeTask, text: str, what: str) -> str:
    if text not in (*task.inventory, OUTSIDE):
        raise UserError(
            f"the task {task.task!r} answers {text!r}, which is no {what} of XTREME's"
            f" {task.directory}: {', '.join(task.inventory)}."
        )
    return text


def _answers(gold: Iterable[Mapping[str, Json]]) -> list[Json]:
    return [{"text": each["text"], "answer_start": each["start"]} for each in gold]


def _partners(gold: Any) -> list[str]:
    return [gold] if isinstance(gold, str) and gold else list(gold)


def _json(value: Mapping[str, Json]) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1) + "\n"
