"""Checking a task over the data it names: does every gold answer survive text, parser and metric?

Everything that is there is looked at: every language, every split, every row. The data source may
lack configurations; what it lacks is named. So is what the places of a task's own files give away
(nothing there, or rows read as another language's), and evidence, without a model, that labels are
the wrong way round. Inverted labels are learnt as well as right ones, so no training notices them.

    checker = Checker(Context(Catalogue(), "mirror:data/hub"))
    checker.check("xnli").ok()
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import cache
from math import sqrt
from pathlib import Path
from typing import TypeAlias

from t2t_xfer.answers.parsing import canonical
from t2t_xfer.check.findings import NOTHING, Finding, Overlap, SplitNumbers, TaskCheck
from t2t_xfer.check.model import Tokens, check_model
from t2t_xfer.check.rows import (
    Looked,
    SplitSetting,
    TrainingRows,
    check_split,
    row_keys,
    used_fields,
)
from t2t_xfer.data.examples import fingerprint, missing_languages, read_examples
from t2t_xfer.data.places import Place, find_places
from t2t_xfer.data.sources import Source
from t2t_xfer.errors import AbsentError, DataError, UserError, nearest
from t2t_xfer.paths import is_dir
from t2t_xfer.records import SPLITS, Cloze, Gold, Json, Pair, Split
from t2t_xfer.specs.task import TaskSpec
from t2t_xfer.stages.context import Context
from t2t_xfer.stages.predict import same_option
from t2t_xfer.stages.task import Task, render

SAMPLES = 3
"""Rendered examples in a report."""

ALIKE = frozenset({"entailment", "paraphrase", "duplicate", "equivalent", "same", "similar"})
"""Labels, as tasks name them, of texts that should be closer than the others'."""
CLEAR = 0.15
"""Least difference of two means, in standard deviations. MNLI has 0.4, QQP 0.8, PAWS-X 0.0."""
CLEAR_ERRORS = 4.0
"""And in standard errors."""
LEAST_AGREEMENT = 90.0
"""Percent of parallel rows that must have the source language's label."""

Content: TypeAlias = Callable[[str, Split], str | None]
"""What pins the rows of a language's split; None if there are none of its own."""


class Checker:
    """Checks tasks one after the other; training rows are read once.

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
        self._train = TrainingRows("")

    def check(self, name: str, logged: Sequence[Finding] = ()) -> TaskCheck:
        """Everything about one task.

        Args:
            logged: alarms that the scores of an earlier run gave.
        """
        try:
            task = self._context.task(name)
        except AbsentError as e:  # its tags come from data that are not there
            spec = self._context.catalogue.task(name)
            absent = [Finding("absent", code, "") for code in spec.languages]
            found = (*absent, *_nothing(str(e)), *logged)
            return TaskCheck(name, spec.answer, spec.metric, {c: {} for c in spec.languages}, found)
        spec, source = task.spec, self._context.source
        content = _content(task, source)
        present = {code: _present(task, code, content) for code in _languages(task)}
        looked, findings = self._looked(task, present)
        splits = {
            code: {split: looked[code, split].numbers for split in present[code]}
            for code in present
        }
        findings += order_findings(spec, source)
        of_rows = [f for c in present for s in present[c] for f in looked[c, s].findings]
        failed = any(each.severity == "problem" for each in (*findings, *of_rows))
        if not failed and not any(present.values()):
            findings += _nothing(*_no_rows(task, source))
        model = None
        if self._tokens is not None:
            model = check_model(task, self._tokens, splits)
            findings += [Finding("problem", model.model, each) for each in model.problems]
        findings += [*of_rows, *_absent(task, present, content)]
        findings += [*_place_alarms(spec, content), *_label_alarms(splits, spec.source_language)]
        samples = (looked[place].sample for place in _shown(task, present))
        return TaskCheck(
            task.name,
            task.answer.name,
            spec.metric,
            splits,
            (*findings, *logged),
            tuple(_labels(task)),
            tuple(sample for sample in samples if sample is not None),
            model,
        )

    def _looked(
        self, task: Task, present: Mapping[str, Sequence[Split]]
    ) -> tuple[dict[tuple[str, Split], Looked], list[Finding]]:
        """Every split, and what is wrong with answers and places before any row is looked at."""
        source = task.spec.source_language
        majority, findings, train = None, list[Finding](), TrainingRows("")
        if any(present.values()):
            majority, findings = self._majority(task)
            train = self._training_rows(task)
        findings += _place_problems(task.spec, self._context.source)
        setting = SplitSetting(
            task, self._context.source, self._limit, self._tokens, majority, train
        )
        compared = task.spec.parallel and bool(task.spec.labels)
        looked: dict[tuple[str, Split], Looked] = {}
        # The source language first: parallel rows of the others are compared with it.
        for code in sorted(present, key=lambda code: code != source):
            for split in present[code]:
                self._said(task.name, code, split)
                own = looked.get((source, split)) if compared and code != source else None
                golds: Mapping[str, Gold] = {} if own is None else own.golds
                looked[code, split] = check_split(setting, code, split, golds)
        return looked, findings

    def _training_rows(self, task: Task) -> TrainingRows:
        """The answers and the texts of the rows that a task is trained on."""
        name = task.spec.train_task or task.name
        if name != self._train.name:
            self._train = _training_rows(self._context, name, self._limit)
        return self._train

    def _majority(self, task: Task) -> tuple[str | None, list[Finding]]:
        """The most frequent answer of the English training data, and what is wrong with it."""
        if not task.answer.closed or task.answer.asks is Cloze:
            return None, []
        train = self._context.task(task.spec.train_task or task.name)
        if set(train.options) != set(task.options):
            what = (
                f"answers with {', '.join(task.options)}, but its training task {train.name!r}"
                f" with {', '.join(train.options)}: give the labels of both the same names."
            )
            return None, [Finding("problem", "", what)]
        golds = self._training_rows(task).golds
        return (same_option(train, task, golds) if golds else None), []


def _training_rows(context: Context, name: str, limit: int | None) -> TrainingRows:
    """The training rows of a task in the first language that it is trained in."""
    try:
        task = context.task(name)
        if task.answer.asks is Pair:
            return TrainingRows(name)
        rows = read_examples(task.spec, context.source, task.spec.trained_in[0], "train", limit)
        names = used_fields([render(task, rows[0])])
    except UserError:  # absent, or a failed check of the training task itself
        return TrainingRows(name)
    keys = {key: id for id, key in row_keys(rows, names)}
    return TrainingRows(name, [row.gold for row in rows], keys)


def _nothing(*why: str) -> list[Finding]:
    nothing = Finding("problem", "", "no rows are there, so nothing was checked.", kind=NOTHING)
    return [nothing, *(Finding("problem", "", each) for each in why)]


def _no_rows(task: Task, source: Source) -> list[str]:
    """What is said of the first row's place."""
    try:
        fingerprint(task.spec, source, task.spec.languages[0], "test")
    except DataError as e:
        return [str(e)]
    return []


def _languages(task: Task) -> list[str]:
    """The task's languages, the source language, and those that it is trained in."""
    trained = () if task.answer.asks is Pair else (task.spec.source_language,)
    return list(dict.fromkeys((*task.spec.languages, *trained, *task.spec.train_languages)))


def _content(task: Task, source: Source) -> Content:
    @cache
    def content(language: str, split: Split) -> str | None:
        own = split == "test" or language == task.spec.source_language
        # Asked as if it were the source language, whose every split may be read.
        spec = task.spec.model_copy(update={"source_language": language})
        try:
            found = fingerprint(
                task.spec, source, language, split, allow_target_language_training=True
            )
            return None if missing_languages(spec, source, [language], split) else found
        except AbsentError:
            return None
        except DataError:
            # Reading it will say what is wrong; but one file that trains all languages is only
            # the source language's.
            return split if own else None

    return content


def _present(task: Task, language: str, content: Content) -> list[Split]:
    """The splits that are there, none of them the same rows as another."""
    only_trained = language not in (*task.spec.languages, task.spec.source_language)
    # The hub's XQuAD has one split, which is our test split.
    looked_at: tuple[Split, ...] = ("train",) if only_trained else SPLITS[::-1]
    first = {content(language, split): split for split in looked_at[::-1]}
    return sorted((split for pin, split in first.items() if pin is not None), key=SPLITS.index)


def _shown(task: Task, present: Mapping[str, Sequence[Split]]) -> list[tuple[str, Split]]:
    """Places of a few rendered examples: each split, or three of the languages."""
    source = task.spec.source_language
    own = [(source, split) for split in present.get(source, [])]
    others = [(c, s) for c, splits in present.items() if c != source for s in splits[-1:]]
    places = own if not others else [*own[:1], *others[:1], *own[-1:], *others[:0:-1]]
    return list(dict.fromkeys(places))[:SAMPLES]


def _labels(task: Task) -> Iterator[Mapping[str, Json]]:
    words = task.prompt.words
    for name, label in task.spec.labels.items():
        word = words.get(name, name)  # separate choices are answered with yes and no
        yield {"name": name, "value": label.value, "word": word, "normalised": canonical(word)}


def _absent(
    task: Task, present: Mapping[str, Sequence[Split]], content: Content
) -> Iterator[Finding]:
    """What a study of this task would miss.

    Test rows of each language (validation rows, if the task has no test rows in any language, as
    intermediate tasks have none), and English training rows if it is trained on its own.
    """
    tested: Split = "test" if any("test" in splits for splits in present.values()) else "validation"
    source, translated = task.spec.source_language, task.spec.train_languages
    missing = list[str]()
    for code, splits in present.items():
        if code in task.spec.languages and not translated and tested not in splits:
            missing.append(f"{code}/{tested}" if splits else code)
    missing += [f"{code}/train" for code in translated if "train" not in present[code]]
    trained = task.spec.train_task is None and task.answer.asks is not Pair and not translated
    if trained and present.get(source) and content(source, "train") is None:
        missing.append(f"{source}/train")
    yield from (Finding("absent", where, "") for where in missing)


def _place_alarms(task: TaskSpec, content: Content) -> Iterator[Finding]:
    """Places that are read as another's. Of tasks that name no files of their own, only their
    splits are compared."""
    own = task.source_language
    if task.answer != "pair" and not task.train_languages:
        train, test = content(own, "train"), content(own, "test")
        if train is not None and train == test:
            what = f"{own}/train and {own}/test are the same rows: what is tested was trained on."
            yield Finding("alarm", "", what)
    if not task.data.files or own in task.languages:
        return
    for code in task.languages:
        tested = content(code, "test")
        if tested is not None and tested == content(own, "test"):
            what = (
                f"{code}/test is read as {own}/test, too. If the training rows are not {own},"
                f" write `source_language: {code}`; else put {{language}} into the file's name."
            )
            yield Finding("alarm", "", what)
            return


def _place_problems(task: TaskSpec, source: Source) -> Iterator[Finding]:
    """Files that the task names and that are not there, unless only some languages lack them.

    A data source may lack a language; files of the task's own are there or misspelt. Where other
    languages have the split, a language without it is named as absent, if no file beside looks like
    its own.
    """
    stated = {
        split: list(_places(task, source, split))
        for split in SPLITS
        if any(split in (part.files or {}) for part in task.data.sources)
    }
    claimed = {place.location for places in stated.values() for place in places}
    for split, places in stated.items():
        missing = [place for place in places if not _exists(place)]
        for place in missing:
            assert isinstance(place.location, Path)
            hint = nearest(place.location.name, _unclaimed(place.location.parent, claimed))
            if hint or len(missing) == len(places):
                what = f"{place}: there is no such file.{hint}"
                yield Finding("problem", f"{place.language}/{split}", what)
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


def order_findings(task: TaskSpec, source: Source) -> Iterator[Finding]:
    """Numbers that the data set itself names otherwise than the task does.

    Exchanged kinds (`PER` for `LOC`) and exchanged labels are learnt as well as right ones, and
    break no rule that rows could show. The hub says what its numbers mean; other sources do not.
    """
    column = task.tags_field or task.label_field
    for part in task.data.sources:
        if part.hub is None or column is None:
            continue
        config = part.hub.config_for(task.source_language)
        theirs = part.columns.get(column, column)
        names = source.class_names(part.hub.id, config).get(theirs, ())
        ours = task.tags or _by_number(task, part.labels)
        same = sorted(map(str.casefold, names)) == sorted(map(str.casefold, ours))
        if same and [n.casefold() for n in names] != [n.casefold() for n in ours]:
            what = (
                f"its numbers of {theirs!r} mean {', '.join(names)}, in this order, but the task"
                f" has {', '.join(ours)}."
            )
            yield Finding("problem", f"{part.hub.id}/{config}", what)


def _by_number(task: TaskSpec, own: Mapping[str, object]) -> tuple[str, ...]:
    """The labels in the order of their values, if these are 0, 1, 2, …; else none."""
    values = {own.get(name, label.value): name for name, label in task.labels.items()}
    numbers = range(len(values))
    whole = all(type(value) is int for value in values) and {*values} == {*numbers}
    return tuple(values[number] for number in numbers) if whole else ()


def _label_alarms(
    languages: Mapping[str, Mapping[Split, SplitNumbers | None]], source: str
) -> Iterator[Finding]:
    """Labels that look inverted, in two ways.

    Where two texts say the same, or one follows from the other, they mostly share more words than
    where they do not. Asked of the largest split of a language only: small ones may be adversarial
    (in ANLI contradictions share more). Of PAWS nothing is said: it was made so.
    Where the same id is the same example in every language, it has the same label in every one.
    """
    for code, splits in languages.items():
        known = {f"{code}/{split}": each for split, each in splits.items() if each is not None}
        largest = max(known, key=lambda where: known[where].n, default=None)
        if largest is not None:
            yield from _overlap_alarms(known[largest].overlap, largest)
        for where, each in known.items():
            if each.agreement is not None and each.agreement < LEAST_AGREEMENT:
                what = (
                    f"only {each.agreement:.1f} % of the rows have the label that the same id has"
                    f" in {source}: labels may be inverted, or rows out of order."
                )
                yield Finding("alarm", where, what)


def _overlap_alarms(found: Mapping[str, Overlap], where: str) -> Iterator[Finding]:
    for alike in found:
        for other in found:
            exchanged = alike.casefold() in ALIKE and other.casefold() not in ALIKE
            if exchanged and _clearly_more(found[other], found[alike]):
                what = (
                    f"the texts of {other!r} share more words than those of {alike!r}"
                    f" ({found[other].mean:.2f} and {found[alike].mean:.2f} of all words): these"
                    " labels may be exchanged. (Or the examples were chosen to mislead.)"
                )
                yield Finding("alarm", where, what)


def _clearly_more(other: Overlap, alike: Overlap) -> bool:
    more = other.mean - alike.mean
    spread = sqrt((other.variance + alike.variance) / 2)
    error = sqrt(other.variance / other.n + alike.variance / alike.n)
    return more > CLEAR * spread and more > CLEAR_ERRORS * error
