"""XTREME's numbers from two folders of its files, as its `evaluate.py` computes them.

The rule: the same files give the same numbers, 0 to 100. A task is scored if its directory is in
both folders, and then every language must be there. Where the reference would compute a number
from files that do not fit each other, we refuse and name file and line (`docs/xtreme.md`).

    score_folders(Path("predictions"), Path("labels"), print)["all_task"]
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean

from t2t_xfer.errors import DataError, UserError, nearest
from t2t_xfer.metrics import Accuracy, Metric, Mlqa, SpanF1, Squad
from t2t_xfer.metrics.aggregate import averages
from t2t_xfer.metrics.retrieval import pair_scores
from t2t_xfer.records import Answer, Json
from t2t_xfer.xtreme.layout import TASKS, XtremeTask
from t2t_xfer.xtreme.read import (
    Answers,
    LabelledQuestion,
    Sentence,
    Warn,
    read_answers,
    read_labels,
    read_pairs,
    read_questions,
    read_tags,
)

AVERAGED = {
    "labels": ("accuracy",),
    "indices": ("accuracy",),
    "tags": ("f1", "precision", "recall"),
    "answers": ("exact_match", "f1"),
    "pairs": ("f1", "precision", "recall"),
}
"""The figures of each kind of task."""
MAIN = {**AVERAGED, "tags": ("f1",), "pairs": ("f1",)}
"""Those whose mean is the task's score."""


def score_folders(
    predictions: Path, labels: Path, warn: Warn, partial: bool = False
) -> dict[str, Json]:
    """Scores every task that both folders have.

    Args:
        warn: takes what the user should know, one sentence at a time.
        partial: leave out the languages that neither folder has. Task means are then over those
            that are left, `missing` names the others, and no group of such a task has a score.

    Returns:
        `{"all_task", "classification", "tagging", "qa", "retrieval", "tasks": {directory:
        {"avg_metric", "avg_f1" and so on, "languages": {code: {figure: value}}}}}`. A group
        that is not complete is None.

    Raises:
        UserError: a folder or a language's file is missing, or files do not fit each other.
    """
    tasks = {
        task.directory: _score_task(task, predictions, labels, warn, partial)
        for task in _shared_tasks(predictions, labels, warn)
    }
    means = averages(
        {
            TASKS[name].task: {
                code: fmean(values[key] for key in MAIN[TASKS[name].kind])
                for code, values in languages.items()
            }
            for name, languages in tasks.items()
        }
    )
    return {
        "all_task": means.all_task,
        **means.groups,
        "tasks": {
            name: _summary(TASKS[name], languages, means.missing.get(TASKS[name].task, ()))
            for name, languages in tasks.items()
        },
    }


def _summary(
    task: XtremeTask, languages: Mapping[str, Mapping[str, float]], missing: Sequence[str]
) -> dict[str, Json]:
    means = {key: fmean(each[key] for each in languages.values()) for key in AVERAGED[task.kind]}
    return {
        "avg_metric": fmean(means[key] for key in MAIN[task.kind]),
        **{f"avg_{key}": mean for key, mean in means.items()},
        "languages": {code: dict(values) for code, values in languages.items()},
        **({"missing": list(missing)} if missing else {}),
    }


def _shared_tasks(predictions: Path, labels: Path, warn: Warn) -> list[XtremeTask]:
    """The tasks whose directory is in both folders."""
    there = {folder: _directories(folder) for folder in (predictions, labels)}
    for folder, names in there.items():
        for name in names:
            if name not in TASKS:
                hint = nearest(name, tuple(TASKS))
                warn(f"{folder / name}: no task of XTREME is called so; skipped.{hint}")
    shared = [
        task for name, task in TASKS.items() if all(name in names for names in there.values())
    ]
    for folder, other in ((predictions, labels), (labels, predictions)):
        alone = [name for name in TASKS if name in there[folder] and name not in there[other]]
        if alone:
            warn(f"not scored, because {other} has no such directory: {', '.join(alone)}.")
    if not shared:
        raise UserError(
            f"{predictions} and {labels} share no directory of a task of XTREME. Expected for"
            f" example xnli/test-de.tsv in both. The directories are: {', '.join(TASKS)}."
        )
    return shared


def _directories(folder: Path) -> list[str]:
    if not folder.is_dir():
        raise UserError(f"{folder}: there is no such directory.")
    return sorted(path.name for path in folder.iterdir() if path.is_dir())


def _score_task(
    task: XtremeTask, predictions: Path, labels: Path, warn: Warn, partial: bool
) -> dict[str, dict[str, float]]:
    """The figures of a task by language."""
    files = {
        code: [folder / task.directory / task.file_name(code) for folder in (predictions, labels)]
        for code in task.languages
    }
    absent = [code for code in files if partial and not any(path.is_file() for path in files[code])]
    if absent:
        warn(f"left out of {task.directory}: {', '.join(absent)}, which neither folder has.")
    left = {code: paths for code, paths in files.items() if code not in absent}
    missing = [path for paths in left.values() for path in paths if not path.is_file()]
    if missing:
        more = f" (and {len(missing) - 1} more files of {task.directory})" if missing[1:] else ""
        raise DataError(
            f"{missing[0]}: there is no such file{more}. XTREME scores a task in all of its"
            f" languages ({', '.join(task.languages)}) or not at all."
        )
    if not left:
        raise DataError(f"{predictions / task.directory} holds no file of XTREME's languages.")
    return {
        code: _score_language(task, code, paths[0], paths[1], warn) for code, paths in left.items()
    }


def _score_language(
    task: XtremeTask, code: str, predictions: Path, labels: Path, warn: Warn
) -> dict[str, float]:
    if task.kind == "tags":
        return _score_tags(task, predictions, labels, warn)
    if task.kind == "answers":
        metric = Mlqa(code) if task.directory == "mlqa" else Squad()
        return _score_answers(metric, predictions, labels, warn)
    if task.kind == "pairs":
        found, gold = read_pairs(predictions, warn, may_be_empty=True), read_pairs(labels, warn)
        return pair_scores(found, gold)
    return _score_labels(task, predictions, labels, warn)


def _score_labels(
    task: XtremeTask, predictions: Path, labels: Path, warn: Warn
) -> dict[str, float]:
    found = read_labels(predictions, task, warn, gold=False)
    gold = read_labels(labels, task, warn, gold=True)
    line = min(len(found), len(gold) + 1)
    _check_count(predictions, len(found), labels, len(gold), "lines", line)
    metric = Accuracy()
    rows = [metric.statistics(one, other) for one, other in zip(gold, found, strict=True)]
    return {"accuracy": metric.scored(rows).value}


def _check_count(
    predictions: Path, found: int, labels: Path, gold: int, what: str, line: int
) -> None:
    if found != gold:
        raise DataError(
            f"{predictions}:{line}: {found} {what}, but {labels} has {gold}. Both must have as"
            " many. Are they of the same task, language and version of the data?"
        )


def _score_tags(task: XtremeTask, predictions: Path, labels: Path, warn: Warn) -> dict[str, float]:
    found, gold = (read_tags(path, task, warn) for path in (predictions, labels))
    for number, (one, other) in enumerate(zip(found, gold, strict=False), start=1):
        if len(one.tags) != len(other.tags):
            raise _shift(predictions, one, labels, other, number)
    line = found[min(len(found), len(gold) + 1) - 1].line
    _check_count(predictions, len(found), labels, len(gold), "sentences", line)
    metric = SpanF1()
    rows = [metric.statistics(g.tags, p.tags) for g, p in zip(gold, found, strict=True)]
    score = metric.scored(rows)
    details = score.details
    return {"f1": score.value, "precision": details["precision"], "recall": details["recall"]}


def _shift(predictions: Path, one: Sentence, labels: Path, other: Sentence, n: int) -> DataError:
    return DataError(
        f"{predictions}:{one.line}: the sentence that begins here (sentence {n}) has"
        f" {len(one.tags)} tags, but {labels}:{other.line} has {len(other.tags)}. Write one tag for"
        " each word and one blank line after each sentence. XTREME's scorer (seqeval 0.0.12) would"
        " shift every later sentence by the difference."
    )


def _score_answers(metric: Metric, predictions: Path, labels: Path, warn: Warn) -> dict[str, float]:
    questions, answers = read_questions(labels), read_answers(predictions)
    _warn_of_ids(questions, answers, predictions, warn)
    if not any(text for question in questions for text in question.texts):
        warn(
            f"{labels}: every accepted answer is empty. XTREME's download scripts leave such files"
            " behind so that nobody trains on them; score with the original labels."
        )
    rows = []
    for question in questions:
        gold = tuple(Answer(text, 0) for text in question.texts)
        rows.append(metric.statistics(gold, answers.texts.get(question.id)))
    return dict(metric.scored(rows).details)


def _warn_of_ids(
    questions: Sequence[LabelledQuestion], answers: Answers, predictions: Path, warn: Warn
) -> None:
    missing = [question.id for question in questions if question.id not in answers.texts]
    if missing:
        warn(
            f"{predictions}: {len(missing)} of {len(questions)} questions have no answer and score"
            f" 0; the first is {missing[0]!r}."
        )
    known = {question.id for question in questions}
    strange = [id for id in answers.texts if id not in known]
    if strange:
        warn(
            f"{predictions}:{answers.line(strange[0])}: {len(strange)} answers belong to no"
            f" question and are passed over; the first is {strange[0]!r}."
        )
