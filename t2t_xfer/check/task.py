"""Checking a task over the data it names: does every gold answer survive text, parser and metric?

Everything that is there is looked at: every language, every split, every row. The data source may
lack configurations; what it lacks is named. So is what the places of a task's own files give away:
nothing there, or rows read as another language's.

    checker = Checker(Context(Catalogue(), "mirror:data/hub"))
    checker.check("xnli").ok()
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

from t2t_xfer.answers import CLOSED
from t2t_xfer.answers.parsing import canonical
from t2t_xfer.check.findings import (
    NOTHING,
    BadRow,
    LanguageCheck,
    Lengths,
    ModelCheck,
    Sample,
    SplitCheck,
    TaskCheck,
)
from t2t_xfer.check.model import Tokens, check_model
from t2t_xfer.check.rows import (
    Looked,
    Wanted,
    check_split,
    label_alarms,
    order_problems,
    row_keys,
    used_fields,
)
from t2t_xfer.data.examples import fingerprint, missing_languages, read_examples
from t2t_xfer.data.places import Place, find_places
from t2t_xfer.data.sources import Source
from t2t_xfer.errors import AbsentError, DataError, UserError, nearest
from t2t_xfer.paths import is_dir
from t2t_xfer.records import SPLITS, Gold, Json, Split
from t2t_xfer.specs.task import TaskSpec
from t2t_xfer.stages.context import Context
from t2t_xfer.stages.run import same_option
from t2t_xfer.stages.task import Task, render

SAMPLES = 3
"""Rendered examples in a report."""
ORDER: tuple[Split, ...] = ("train", "validation", "test")


class Checker:
    """Checks tasks one after the other; training answers are counted once.

    Args:
        limit: look at this many rows of each split, the same ids in every language.
        tokens: also ask how this model's tokenizer sees the answers.
        said: called before each split with the task, language and split that come next.
    """

    def __init__(
        self,
        context: Context,
        limit: int | None = None,
        tokens: Tokens | None = None,
        said: Callable[[str, str, Split], None] = lambda task, language, split: None,
    ) -> None:
        self._context = context
        self._limit = limit
        self._tokens = tokens
        self._said = said
        self._trained: dict[str, Trained] = {}

    def check(self, name: str) -> TaskCheck:
        """Everything about one task.

        Raises:
            SpecError: the task's YAML or its prompt is wrong.
        """
        try:
            task = self._context.task(name)
        except AbsentError as e:  # its tags come from data that are not there
            return self._nothing(name, str(e))
        present = {code: self._present(task, code) for code in _languages(task)}
        majority, problems = self._majority(task) if any(present.values()) else (None, [])
        source = task.spec.source_language
        golds: dict[Split, Mapping[str, Gold]] = {}
        found: dict[str, list[SplitCheck]] = {code: [] for code in present}
        samples = _Samples(task, present)
        # The source language first: parallel rows of the others are compared with it.
        for code in sorted(present, key=lambda code: code != source):
            for split in present[code]:
                self._said(name, code, split)
                looked = check_split(task, self._wanted(task, code, split, majority, golds))
                found[code].append(looked.check)
                samples.see(code, looked)
                if code == source and task.spec.parallel and task.spec.labels:
                    golds[split] = {e.id: e.gold for e in looked.examples if e.gold is not None}
        languages = tuple(LanguageCheck(code, tuple(found[code])) for code in present)
        content = partial(self._content, task)
        model = self._model(task, languages)
        problems += place_problems(task.spec, self._context.source)
        problems += order_problems(task.spec, self._context.source)
        rows = _problems(languages)
        if not (problems or rows or any(each.splits for each in languages)):
            problems += [NOTHING, *self._no_rows(task)]
        if model is not None:
            problems += [f"{model.model}: {problem}" for problem in model.problems]
        return TaskCheck(
            task.name,
            task.answer.name,
            task.spec.metric,
            tuple(_labels(task)),
            languages,
            tuple(_absent(task, present, content)),
            (*problems, *rows),
            (
                *place_alarms(task.spec, content),
                *label_alarms(languages, source),
            ),
            tuple(samples.chosen()),
            model,
        )

    def _model(self, task: Task, languages: Sequence[LanguageCheck]) -> ModelCheck | None:
        return None if self._tokens is None else check_model(task, self._tokens, languages)

    def _nothing(self, name: str, why: str) -> TaskCheck:
        spec = self._context.catalogue.task(name)
        languages = tuple(LanguageCheck(code, ()) for code in spec.languages)
        problems = (NOTHING, why)
        return TaskCheck(
            *(name, spec.answer, spec.metric, (), languages, spec.languages, problems, (), ()),
        )

    def _no_rows(self, task: Task) -> list[str]:
        """What is said of the first row's place."""
        try:
            fingerprint(task.spec, self._context.source, task.spec.languages[0], "test")
        except DataError as e:
            return [str(e)]
        return []

    def _present(self, task: Task, language: str) -> list[Split]:
        """The splits that are there, none of them the same rows as another."""
        seen: set[str] = set()
        splits: list[Split] = []
        # The hub's XQuAD has one split, which is our test split.
        only_trained = language not in (*task.spec.languages, task.spec.source_language)
        looked_at: tuple[Split, ...] = ("train",) if only_trained else SPLITS[::-1]
        for split in looked_at:
            content = self._content(task, language, split)
            if content is not None and content not in seen:
                seen.add(content)
                splits.append(split)
        return sorted(splits, key=ORDER.index)

    def _content(self, task: Task, language: str, split: Split) -> str | None:
        """What pins the rows of a split; None if there are none of its own."""
        source = self._context.source
        own = split == "test" or language == task.spec.source_language
        # Asked as if it were the source language, whose every split may be read.
        spec = task.spec.model_copy(update={"source_language": language})
        try:
            content = fingerprint(
                task.spec, source, language, split, allow_target_language_training=True
            )
            return None if missing_languages(spec, source, [language], split) else content
        except AbsentError:
            return None
        except DataError:
            # Reading it will say what is wrong; but one file that trains all languages is only
            # the source language's.
            return split if own else None

    def _wanted(
        self,
        task: Task,
        language: str,
        split: Split,
        majority: str | None,
        golds: Mapping[Split, Mapping[str, Gold]],
    ) -> Wanted:
        return Wanted(
            self._context.source,
            language,
            split,
            self._limit,
            majority,
            golds.get(split, {}) if language != task.spec.source_language else {},
            self._tokens,
            *self._training_rows(task)[1:],
        )

    def _training_rows(self, task: Task) -> Trained:
        """The answers and the texts of the rows that a task is trained on."""
        name = task.spec.train_task or task.name
        if name not in self._trained:
            self._trained = {name: trained_rows(self._context, name, self._limit)}
        return self._trained[name]

    def _majority(self, task: Task) -> tuple[str | None, list[str]]:
        """The most frequent answer of the English training data, and what is wrong with it."""
        if task.answer.name not in CLOSED or task.answer.name == "cloze":
            return None, []
        train = self._context.task(task.spec.train_task or task.name)
        if set(train.options) != set(task.options):
            return None, [
                f"answers with {', '.join(task.options)}, but its training task {train.name!r}"
                f" with {', '.join(train.options)}: give the labels of both the same names."
            ]
        golds = self._training_rows(task).golds
        return (same_option(train, task, golds) if golds else None), []


def _languages(task: Task) -> list[str]:
    """The task's languages, the source language, and those that it is trained in."""
    trained = () if task.answer.name == "pair" else (task.spec.source_language,)
    return list(dict.fromkeys((*task.spec.languages, *trained, *task.spec.train_languages)))


def _labels(task: Task) -> list[Mapping[str, Json]]:
    words = task.prompt.words
    found: list[Mapping[str, Json]] = []
    for name, label in task.spec.labels.items():
        word = words.get(name, name)  # separate choices are answered with yes and no
        told = {"name": name, "value": label.value, "word": word, "normalised": canonical(word)}
        found.append(told)
    return found


def _absent(
    task: Task,
    present: Mapping[str, Sequence[Split]],
    content: Callable[[str, Split], str | None],
) -> list[str]:
    """What a study of this task would miss.

    Test rows of each language (validation rows, if the task has no test rows in any language, as
    intermediate tasks have none), and English training rows if it is trained on its own.
    """
    tested: Split = "test" if any("test" in splits for splits in present.values()) else "validation"
    source, translated, absent = task.spec.source_language, task.spec.train_languages, list[str]()
    for code, splits in present.items():
        if code in task.spec.languages and not translated:
            absent += [code] if not splits else [] if tested in splits else [f"{code}/{tested}"]
    absent += [f"{code}/train" for code in translated if "train" not in present[code]]
    trained = task.spec.train_task is None and task.answer.name != "pair" and not translated
    if trained and present.get(source) and content(source, "train") is None:
        absent.append(f"{source}/train")
    return absent


def _problems(languages: Iterable[LanguageCheck]) -> list[str]:
    found = []
    for each in languages:
        for split in each.splits:
            where = f"{each.language}/{split.split}"
            if split.state == "failed" and split.problem:
                found.append(f"{where}: {split.problem}")
            elif split.state == "failed":
                found += _lost(where, split)
            if split.unfit:
                found.append(f"{where}: {split.unfit}")
    return found


def _lost(where: str, split: SplitCheck) -> list[str]:
    found = []
    for readout in split.right:
        rows = [row for row in split.not_back if row.readout == readout.value]
        if rows:
            found.append(
                f"{where}: {len(rows)} of {split.n} gold answers do not come back by"
                f" {readout.value}, for example {_shown(rows[0])}."
            )
    if split.oracle < split.ceiling:
        found.append(
            f"{where}: the gold answers score {split.ceiling:.2f}, but {split.oracle:.2f} once"
            " they have gone through text and parser."
        )
    return found


def _shown(row: BadRow) -> str:
    return f"{row.id!r}: gold {row.gold!r}, back {row.value!r}"


class _Samples:
    """A few rendered examples: of each split, or where there are languages, of three of them."""

    def __init__(self, task: Task, present: Mapping[str, Sequence[Split]]) -> None:
        source = task.spec.source_language
        own = [(source, split) for split in present.get(source, [])]
        others = [(c, s) for c, splits in present.items() if c != source for s in splits[-1:]]
        places = own if not others else [*own[:1], *others[:1], *own[-1:], *others[:0:-1]]
        self._wanted = list(dict.fromkeys(places))[:SAMPLES]
        self._found: dict[tuple[str, Split], Sample] = {}

    def see(self, language: str, looked: Looked) -> None:
        """Keeps a row of median length, if this place is wanted."""
        place = (language, looked.check.split)
        if place not in self._wanted or not looked.prompted:
            return
        median = Lengths.of(len(text.input) for text in looked.prompted).median
        text = next(text for text in looked.prompted if len(text.input) == median)
        self._found[place] = Sample(*place, text.id, text.input, text.target)

    def chosen(self) -> list[Sample]:
        """In the order of the places."""
        return [self._found[place] for place in self._wanted if place in self._found]


def with_alarms(check: TaskCheck, alarms: Iterable[str]) -> TaskCheck:
    """The same with more alarms, such as those of logged results."""
    return replace(check, alarms=(*check.alarms, *alarms))


def place_alarms(task: TaskSpec, content: Callable[[str, Split], str | None]) -> Iterator[str]:
    """Alarms about places that are read as another's.

    Args:
        task: of tasks that name no files of their own, only their splits are compared.
        content: what pins the rows of a language's split; None if there are none.
    """
    own = task.source_language
    if task.answer != "pair" and not task.train_languages:
        train, test = content(own, "train"), content(own, "test")
        if train is not None and train == test:
            yield f"{own}/train and {own}/test are the same rows: what is tested was trained on."
    if not task.data.files:
        return
    for code in task.languages:
        tested = content(code, "test")
        if own not in task.languages and tested is not None and tested == content(own, "test"):
            yield (
                f"{code}/test is read as {own}/test, too. If the training rows are not {own},"
                f" write `source_language: {code}`; else put {{language}} into the file's name."
            )
            return


def place_problems(task: TaskSpec, source: Source) -> Iterator[str]:
    """Files that the task names and that are not there, unless only some languages lack them.

    A data source may lack a language; files of the task's own are there or misspelt. Where other
    languages have the split, a language without it is named as absent, if no file beside looks like
    its own.
    """
    stated = [
        (split, list(_places(task, source, split)))
        for split in SPLITS
        if any(split in (part.files or {}) for part in task.data.sources)
    ]
    claimed = {place.location for _, places in stated for place in places}
    for split, places in stated:
        missing = [place for place in places if not _exists(place)]
        for place in missing:
            assert isinstance(place.location, Path)
            hint = nearest(place.location.name, _unclaimed(place.location.parent, claimed))
            if hint or len(missing) == len(places):
                yield f"{place.language}/{split}: {place}: there is no such file.{hint}"
                break


def _places(task: TaskSpec, source: Source, split: Split) -> Iterator[Place]:
    codes = {
        "train": task.trained_in,
        "validation": (task.source_language,),
        "test": task.languages,
    }
    for code in codes[split]:
        try:
            found = find_places(task, source, code, split)
        except DataError:  # said elsewhere
            continue
        yield from (p for p in found if isinstance(p.location, Path) and "*" not in str(p.location))


def _exists(place: Place) -> bool:
    try:
        return place.exists()
    except AbsentError:
        return False
    except DataError:  # a file for all languages: reading it says so
        return True


def _unclaimed(folder: Path, claimed: Collection[object]) -> list[str]:
    """Names of the files beside that the task does not name for another language or split."""
    if not is_dir(folder):
        return []
    return sorted(file.name for file in folder.iterdir() if file not in claimed)


class Trained(NamedTuple):
    """Of the training rows of one task; nothing where there are none that can be read."""

    golds: Sequence[Gold | None]
    keys: dict[int, str]
    """See `check_data.row_keys`; the id of one row for each."""
    name: str


def trained_rows(context: Context, name: str, limit: int | None) -> Trained:
    """The training rows of a task in the first language that it is trained in."""
    try:
        task = context.task(name)
        if task.answer.name == "pair":
            return Trained((), {}, name)
        language = task.spec.trained_in[0]
        rows = read_examples(task.spec, context.source, language, "train", limit)
        names = used_fields([render(task, rows[0])])
    except UserError:  # absent, or a failed check of the training task itself
        return Trained((), {}, name)
    keys = {key: id for id, key in row_keys(rows, names)}
    return Trained([row.gold for row in rows], keys, name)
