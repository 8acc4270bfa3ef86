"""Translated training data of a task: rows in, rows in another language out, with a record of both.

Data in a folder is whole and says what made it. Pieces are kept as they come, a language's
`train.jsonl` is written when all are there, its `record.json` last. What was made otherwise is
never overwritten. The new task is the one that was translated in everything but its data, and it
names the languages it is trained in, so nothing trained on it passes for zero-shot.

    tasks/mnli_mt.yaml                      a task like any other, trained on the rows below
    translated/mnli_mt/de/train.jsonl       MNLI's own columns, and `source_row`
    translated/mnli_mt/de/record.json       model, settings, what was translated and what dropped
    translated/mnli_mt/pieces/de-….jsonl    every piece; may be deleted
"""

from __future__ import annotations

import hashlib
import io
import json
import logging
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ruamel.yaml import YAML

from t2t_xfer.data.examples import fingerprint
from t2t_xfer.data.textfile import content_hash
from t2t_xfer.errors import DataError, UnsupportedError, UserError
from t2t_xfer.files import write_text
from t2t_xfer.languages import LANGUAGES, nearest_language
from t2t_xfer.languages import language as language_of
from t2t_xfer.progress import Progress
from t2t_xfer.records import Json
from t2t_xfer.specs.base import NAME_PATTERN, NAME_WORDS
from t2t_xfer.specs.model import TranslatorSpec
from t2t_xfer.specs.task import TaskSpec
from t2t_xfer.stages.bases import model_identity
from t2t_xfer.stages.context import Context
from t2t_xfer.stages.task import Task
from t2t_xfer.translate.rows import ID_COLUMN, SourceRow, Told, Translation, source_rows

if TYPE_CHECKING:
    from t2t_xfer.translate.model import Translating

log = logging.getLogger(__name__)

VERSION = 1
"""Of the rules by which rows are cut, aligned and dropped."""
BATCH_TOKENS = 8192
"""Padded tokens of one batch, input and expected translation."""
ROWS, RECORD = "train.jsonl", "record.json"
LEFT = ("task", "data", "train_task", "contains", "languages", "parallel", "note", "id_field")
"""Keys of a task that its translation does not take over."""


@dataclass(frozen=True)
class Order:
    """What is to be translated, by what, and where it goes."""

    task: str
    """The task whose rows are meant: `mnli` where XNLI is trained on MNLI."""
    name: str
    """Of the new task."""
    languages: tuple[str, ...]
    model: str
    """A folder or a hub id."""
    revision: str | None
    translator: TranslatorSpec
    dtype: str
    limit: int | None
    output: Path

    @property
    def yaml(self) -> Path:
        """The new task's file."""
        return self.output / "tasks" / f"{self.name}.yaml"

    def folder(self, code: str) -> Path:
        """Where a language's rows and record go."""
        return self.output / "translated" / self.name / code


def parse_languages(text: str, source_language: str) -> tuple[str, ...]:
    """The languages of `de,ru,sw`."""
    codes = tuple(code.strip() for code in text.split(",") if code.strip())
    if not codes:
        raise UserError("--to names no language. Give codes such as --to de,ru,sw.")
    for number, code in enumerate(codes):
        if code not in LANGUAGES:
            raise UserError(
                f"--to {code}: unknown language.{nearest_language(code)} Languages are named by"
                f" code: {', '.join(LANGUAGES)}."
            )
        if code == source_language:
            raise UserError(
                f"--to {code}: the training rows are in {code} already. Rows are translated from"
                " the source language, never to it."
            )
        if code in codes[:number]:
            raise UserError(f"--to {text}: {code} stands there twice.")
    return codes


def translate(
    context: Context, order: Order, say: Callable[[str], None]
) -> dict[str, Mapping[str, Any]]:
    """Makes what is not there yet; the record of each language."""
    task = context.task(order.task)
    _check_translatable(task.spec)
    for code in order.languages:
        order.translator.token_for(code)
    text = _translated_task(task.spec, order)
    _check_file(order.yaml, text)
    identity = _identity(context, task, order)
    done = {code: _record(order.folder(code), identity) for code in order.languages}
    missing = [code for code, record in done.items() if record is None]
    if missing:
        from t2t_xfer.translate.model import load_translating

        rows = list(source_rows(context, task, order.limit))
        translating = load_translating(
            order.model,
            order.revision,
            order.translator,
            dtype=order.dtype,
            batch_tokens=BATCH_TOKENS,
        )
        for code in missing:
            translating.check(code)
        for code in missing:
            record = done[code] = _translated(order, code, rows, translating, identity)
            say(summary(code, record))
    write_text(order.yaml, text)
    return {code: record for code, record in done.items() if record is not None}


def summary(code: str, record: Mapping[str, Any]) -> str:
    """One line about a language."""
    lost = ", ".join(f"{count} {why}" for why, count in record["dropped"].items())
    placed = ", ".join(f"{count} {how}" for how, count in record["aligned"].items())
    return (
        f"{code}: {record['translated']} of {record['rows']} rows"
        + (f"; dropped: {lost}" if lost else "")
        + (f"; answers: {placed}" if placed else "")
    )


def _check_translatable(spec: TaskSpec) -> None:
    if spec.answer in ("tags", "pair"):
        why = "its tags belong to the words" if spec.answer == "tags" else "its rows are pairs"
        raise UnsupportedError(
            f"task {spec.task!r} cannot be translated, because {why} of each language. Translate"
            " a task whose answers are labels, choices or spans."
        )
    if spec.train_languages:
        raise UserError(
            f"task {spec.task!r} is trained in {', '.join(spec.train_languages)}: its rows are"
            " translations already. Translate the task that they were made from."
        )


def _translated_task(spec: TaskSpec, order: Order) -> str:
    """The text of the new task's file."""
    stated = spec.model_dump(mode="json", exclude_unset=True)
    content: dict[str, Any] = {
        "task": order.name,
        "data": {"files": {"train": f"translated/{order.name}/{{language}}/{ROWS}"}},
        "train_languages": [*order.languages],
        # The rows are the task's own in other words.
        "contains": [spec.task, *spec.contains],
        "languages": [spec.source_language],
        "id_field": ID_COLUMN,
        **{key: value for key, value in stated.items() if key not in LEFT},
        "note": f"{spec.task}'s training rows, translated by {Path(order.model).name} (t2t-xfer"
        " translate). Not zero-shot: every cell that is trained on it is marked translate-train.",
    }
    yaml, out = YAML(), io.StringIO()
    yaml.width = 100
    yaml.dump(content, out)
    return out.getvalue()


def _check_file(path: Path, text: str) -> None:
    """Refuses to write over another task."""
    if not NAME_PATTERN.fullmatch(path.stem):
        raise UserError(f"--name {path.stem}: expected {NAME_WORDS}.")
    if path.is_file() and path.read_text(encoding="utf-8") != text:
        raise UserError(
            f"{path} is there and says something else, for example other languages. Nothing is"
            " overwritten: give another --name, or move the file away."
        )


def _identity(context: Context, task: Task, order: Order) -> dict[str, Json]:
    """Everything that decides the rows: their source, the model and what it is told."""
    return {
        "version": VERSION,
        "shown": task.shown(),
        "data": fingerprint(task.spec, context.source, task.spec.source_language, "train"),
        "limit": order.limit,
        "model": model_identity(order.model, order.revision),
        "translator": order.translator.canonical(),
        "dtype": order.dtype,
    }


def _record(folder: Path, identity: dict[str, Json]) -> dict[str, Json] | None:
    """The record of a language that is done; None if there is none."""
    path = folder / RECORD
    if not path.is_file():
        return None
    try:
        record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        kept = record["identity"]
        same = record["sha256"] == content_hash(folder / ROWS)
    except (OSError, ValueError, KeyError) as e:
        raise UserError(f"{path} cannot be read: {e}. Move the folder away.") from e
    different = sorted(key for key in identity if kept.get(key) != identity[key])
    if different or not same:
        what = f"other settings ({', '.join(different)})" if different else "changes made since"
        raise UserError(
            f"{folder} holds translations with {what}. Nothing is overwritten: give another"
            " --name, or move the folder away."
        )
    return record


def _translated(
    order: Order,
    code: str,
    rows: Sequence[SourceRow],
    translating: Translating,
    identity: dict[str, Json],
) -> dict[str, Json]:
    """Translates one language and writes its files."""
    started, folder = time.perf_counter(), order.folder(code)
    made_by = {key: identity[key] for key in ("version", "model", "translator", "dtype")}
    digest = hashlib.sha256(json.dumps(made_by, sort_keys=True).encode()).hexdigest()[:12]
    store = PieceStore(folder.parent / "pieces" / f"{code}-{digest}.jsonl")
    no_spaces = language_of(code).no_spaces
    while True:  # an answer whose marks were lost asks for more, once
        store.asked.clear()
        told = [row.told(store.look_up, order.translator, no_spaces=no_spaces) for row in rows]
        missing = [text for text in store.asked if text not in store.known]
        if not missing:
            break
        with Progress(total=len(missing), desc=f"translate to {code}", unit="piece") as progress:
            for number, translation in translating.write(missing, code):
                store.add(missing[number], translation)
                progress.update()
    kept = [each for each in told if isinstance(each, Told)]
    dropped = Counter[str](each for each in told if isinstance(each, str))
    if not kept:
        raise DataError(
            f"none of the {len(rows)} rows of {order.task} could be translated:"
            f" {', '.join(f'{count} {why}' for why, count in dropped.items())}. See what the model"
            f" wrote in {store.path}; it may need another --translator (docs/translate.md)."
        )
    unchanged = sum(store.known[text].text == text for text in store.asked)
    if unchanged > len(store.asked) / 2:
        log.warning(
            "%d of %d pieces are the same as in the source language: does the model translate?"
            " See %s",
            *(unchanged, len(store.asked), store.path),
        )
    lines = (json.dumps(each.row, ensure_ascii=False) for each in kept)
    write_text(folder / ROWS, "".join(f"{line}\n" for line in lines))
    record: dict[str, Json] = {
        "identity": identity,
        "task": order.task,
        "language": code,
        "model": order.model,
        "commit": translating.commit,
        "rows": len(rows),
        "translated": len(kept),
        "dropped": {**dropped},
        "aligned": {**Counter(each.aligned for each in kept if each.aligned is not None)},
        "pieces": len(store.asked),
        "unchanged_pieces": unchanged,
        "sha256": content_hash(folder / ROWS),
        "device": str(translating.model.device),
        "versions": {name: version(name) for name in ("torch", "transformers")},
        "seconds": round(time.perf_counter() - started, 1),
    }
    write_text(folder / RECORD, json.dumps(record, ensure_ascii=False, indent=1) + "\n")
    return record


class PieceStore:
    """Translated pieces in a file, one a line, so that a killed run goes on where it stopped.

    A line is written as soon as its piece is translated; what a kill left of the last line is cut
    off. A piece is known by its own text, so the paragraph of five questions is translated once.

        {"source": "A dog slept.", "text": "Ein Hund schlief.", "loss": null}
    """

    def __init__(self, path: Path) -> None:
        """Reads what is there."""
        self.path = path
        self.known: dict[str, Translation] = {}
        """Source text to what became of it."""
        self.asked: dict[str, None] = {}
        """The texts that were looked up, each once."""
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with path.open("a+b") as file:
                file.seek(0)
                content = file.read()
                end = content.rfind(b"\n") + 1
                for line in content[:end].splitlines():
                    each = json.loads(line)
                    self.known[each["source"]] = Translation(each["text"], each["loss"])
                if end < len(content):
                    file.truncate(end)
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as e:
            raise DataError(
                f"{path} holds no translated pieces: {e}. Move it away to translate anew."
            ) from e

    def look_up(self, source: str) -> Translation | None:
        """What became of a text, if it is known."""
        self.asked[source] = None
        return self.known.get(source)

    def add(self, source: str, translation: Translation) -> None:
        """Keeps one piece."""
        self.known[source] = translation
        line = json.dumps({"source": source, **translation._asdict()}, ensure_ascii=False)
        with self.path.open("ab") as file:
            file.write(line.encode() + b"\n")
