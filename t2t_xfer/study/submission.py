"""XTREME's prediction files of a run, and why some cannot be made.

The rule: one submission is one model, one intermediate task (or adapter) and one seed; what is
ambiguous is listed and asked about. Nothing is written that XTREME's scorer would misread: where
the data that was tested is not XTREME's (words, order, distractors), the task is refused with what
is needed instead.

    files, refused = make_files(Results.read(directory), Submission(("xnli",)), print)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from t2t_xfer.data.examples import fingerprint, read_examples
from t2t_xfer.errors import UnsupportedError, UserError, nearest
from t2t_xfer.records import Readout
from t2t_xfer.specs.catalogue import Catalogue
from t2t_xfer.stages.context import Context
from t2t_xfer.stages.predict import PredictStage
from t2t_xfer.stages.score import ScoreStage
from t2t_xfer.study.plan_file import Cell
from t2t_xfer.study.results import Result, Results
from t2t_xfer.xtreme.layout import BY_TASK, XtremeTask
from t2t_xfer.xtreme.read import Warn
from t2t_xfer.xtreme.write import (
    ScoredRow,
    SortedLines,
    TatoebaPair,
    label_text,
    lines_of_originals,
    lines_of_rows,
    prediction_text,
)

OPTIONS = ("model", "intermediate", "seed")
"""What tells the runs of a study apart."""
_GOLD_ONLY = ("google/xtreme", "mteb/")
"""Where BUCC's gold pairs stand without the sentences around them."""


class Files(NamedTuple):
    """The texts of one task's files, by `directory/file`."""

    predictions: dict[str, str]
    labels: dict[str, str]


class Submission(NamedTuple):
    """What a submission is to be made of."""

    tasks: tuple[str, ...] = ()
    """Our names; empty: all that the run has."""
    model: str | None = None
    """Which run is meant; None: the only one."""
    intermediate: str | None = None
    seed: int | None = None
    originals: Path | None = None
    """A folder with the original files of Tatoeba."""
    partial: bool = False
    """Also from a part of the test rows, or of a study."""

    def means(self, cell: Result | Cell) -> bool:
        """Whether a cell is of the run that is meant, as far as that is said."""
        said = ((getattr(self, option), getattr(cell, option)) for option in OPTIONS)
        return all(wanted in (None, value) for wanted, value in said)


def make_files(
    results: Results, asked: Submission, warn: Warn
) -> tuple[Files, list[UnsupportedError]]:
    """The files of a run, and why those of some tasks cannot be made.

    Raises:
        UnsupportedError: no task's files can be made.
        UserError: the run is not clear, not finished, or has none of the tasks.
    """
    finished = _embedded([each for each in results.finished if each.split == "test"])
    _check_tasks(finished, results.unfinished, asked)
    names = asked.tasks or tuple(BY_TASK)
    chosen = _chosen([each for each in finished if each.target in names], asked)
    files, refused = Files({}, {}), list[UnsupportedError]()
    for target in [name for name in BY_TASK if name in chosen]:
        try:
            made = _task_files(target, chosen[target], asked, warn)
        except UnsupportedError as error:
            refused.append(error)
            continue
        files.predictions.update(made.predictions)
        files.labels.update(made.labels)
    if not files.predictions:
        raise refused[0]
    return files, refused


def _embedded(results: Sequence[Result]) -> list[Result]:
    """Of pairs, what the embeddings found: that is what XTREME scores."""
    embedded = {each.target for each in results if each.readout == Readout.embed}
    return [e for e in results if e.target not in embedded or e.readout == Readout.embed]


def _chosen(results: Sequence[Result], asked: Submission) -> dict[str, dict[str, Result]]:
    """The results of one run by target and language.

    Raises:
        UserError: none fits the choice, or several runs do; lists them.
    """
    fitting = [each for each in results if asked.means(each)]
    if not fitting:
        raise UserError(_none_fits(results, asked))
    found: dict[str, dict[str, Result]] = {}
    for each in fitting:
        of_target = found.setdefault(each.target, {})
        if each.language in of_target:
            runs = [other for other in fitting if other.target == each.target]
            several = {name: known for name, known in _known(runs).items() if len(known) > 1}
            listed = "; ".join(f"--{name} {' | '.join(known)}" for name, known in several.items())
            raise UserError(f"there are several runs of {each.target}. Choose one: {listed}.")
        of_target[each.language] = each
    return found


def _none_fits(results: Sequence[Result], asked: Submission) -> str:
    if not results:
        return "the run holds no finished scores. Run it (again), then write the submission."
    for option, known in _known(results).items():
        named = getattr(asked, option)
        if named is not None and str(named) not in known:
            hint = nearest(str(named), known)
            return f"--{option} {named}: the run has {', '.join(known)}.{hint}"
    return "no output of the run has this --model, --intermediate and --seed together."


def _known(results: Sequence[Result]) -> dict[str, list[str]]:
    return {
        option: list(dict.fromkeys(str(getattr(each, option)) for each in results))
        for option in OPTIONS
    }


def _check_tasks(finished: Sequence[Result], unfinished: Sequence[Cell], asked: Submission) -> None:
    there = list(dict.fromkeys([*(e.target for e in finished), *(c.target for c in unfinished)]))
    possible = [target for target in there if target in BY_TASK]
    strange = [name for name in asked.tasks if name not in possible]
    if strange or (there and not possible):
        raise UserError(
            f"the run has no scores of {', '.join(strange) or 'a task of XTREME'}, only of"
            f" {', '.join(there)}."
        )
    names = asked.tasks or possible
    left = [cell for cell in unfinished if cell.target in names and asked.means(cell)]
    if left and not asked.partial:
        raise UserError(
            f"{len(left)} numbers of the run are not there yet, the first is {left[0].target} in"
            f" {left[0].language}. Run the study to its end, or pass --partial."
        )


def _predicted(result: Result) -> PredictStage | None:
    """The predictions behind a result."""
    if result.log is None or result.log.predict is None:
        return None
    return result.log.predict.stage(PredictStage)


def _limit(result: Result) -> int | None:
    """How many rows were tested; None: all."""
    return None if result.log is None else result.log.score.stage(ScoreStage).limit


def _task_files(target: str, outputs: Mapping[str, Result], asked: Submission, warn: Warn) -> Files:
    """The files of one target from its outputs by language.

    Raises:
        UnsupportedError: the tested data is not XTREME's, or only a part of it.
        UserError: an answer does not fit XTREME's files.
    """
    task = BY_TASK[target]
    limits = [limit for each in outputs.values() if (limit := _limit(each)) is not None]
    if limits and not asked.partial:
        raise UnsupportedError(
            f"{target}: only {limits[0]} rows of each test set were tested (--limit). Test all of"
            " them, or pass --partial for files that only our own label files fit."
        )
    for code, output in outputs.items():
        _check_data(task, code, output, asked.originals)
    files, counts = Files({}, {}), dict[str, int]()
    for code in [code for code in task.languages if code in outputs]:
        rows = [_scored(task, row) for row in _rows(outputs[code])]
        lines = _lines(task, code, outputs[code], asked.originals, warn)
        name = f"{task.directory}/{task.file_name(code)}"
        files.predictions[name] = prediction_text(task, rows, lines)
        files.labels[name] = label_text(task, rows, lines)
        counts[code] = len(rows)
    if not asked.partial:
        _warn_of_sizes(task, counts, warn)
    _warn_of_languages(task, outputs, warn)
    return files


def _rows(result: Result) -> Iterator[dict[str, Any]]:
    return iter(()) if result.log is None else result.log.scored()


def _scored(task: XtremeTask, row: Mapping[str, Any]) -> ScoredRow:
    # The second statistic of a mined pair says whether its margin reached the threshold.
    counted = task.kind != "pairs" or row["statistics"][1] > 0
    return ScoredRow(row["id"], row["gold"], row["value"], counted)


def _check_data(task: XtremeTask, code: str, output: Result, originals: Path | None) -> None:
    predicted = _predicted(output)
    place = None if predicted is None else predicted.place
    if place is None:  # files of the user's own
        return
    where = f"{task.task} in {code} was tested on {place}"
    if task.task == "udpos":
        raise UnsupportedError(
            f"{where}, whose words are not XTREME's: multiword tokens are split, and some languages"
            " take in treebanks of others. Needed: the CoNLL-U files of Universal Dependencies 2.5,"
            " named by `data: {files: …}` in a tasks/udpos.yaml of your own; then test again."
        )
    if task.task == "tatoeba" and originals is None:
        raise UnsupportedError(
            f"{where}, which has the pairs side by side, while XTREME's lines count in its own"
            " files, with English sorted. Needed: --originals DIR with the original files, for"
            f" example {code}-en.en and {code}-en.{code}."
        )
    if task.task == "bucc" and str(place).startswith(_GOLD_ONLY):
        raise UnsupportedError(
            f"{where}, which holds the gold pairs without the sentences around them. Needed: the"
            " BUCC 2018 files with all sentences and their ids; then test again."
        )


def _lines(
    task: XtremeTask, code: str, output: Result, originals: Path | None, warn: Warn
) -> SortedLines | None:
    """Where the tested sentences stand in XTREME's files; None where no line refers to any."""
    if task.kind != "indices":
        return None
    how: Any = {} if output.log is None else output.log.score.how
    context = Context(Catalogue(), how["data"])
    spec = context.task(task.task).spec
    predicted = _predicted(output)
    if predicted is None or fingerprint(spec, context.source, code, "test") != predicted.data:
        raise UserError(
            f"the {task.task} data of {code} in {how['data']} has changed since it was tested."
            " Test again."
        )
    examples = read_examples(spec, context.source, code, "test", _limit(output))
    pairs = [TatoebaPair(e.id, str(e.fields["source"]), str(e.fields["target"])) for e in examples]
    if originals is None:
        return lines_of_rows(pairs)
    return lines_of_originals(pairs, originals, code, warn)


def _warn_of_sizes(task: XtremeTask, counts: Mapping[str, int], warn: Warn) -> None:
    sizes = {code: task.size(code) for code in counts}
    odd = [
        f"{code} {count} of {sizes[code]}"
        for code, count in counts.items()
        if sizes[code] not in (None, count)
    ]
    if odd:
        warn(
            f"{task.directory} has other numbers of examples than XTREME's test sets, so that only"
            f" label files of the same data fit: {', '.join(odd)}."
        )


def _warn_of_languages(task: XtremeTask, outputs: Mapping[str, Result], warn: Warn) -> None:
    missing = [code for code in task.languages if code not in outputs]
    if missing:
        warn(
            f"{task.directory} lacks {', '.join(missing)}: XTREME's scorer wants every language of"
            " a task."
        )
