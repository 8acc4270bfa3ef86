"""From a run's outputs to the texts of XTREME's files, and why some cannot be made.

The rule: nothing is written that XTREME's scorer would misread. Where the data that was tested is
not XTREME's (words, order, distractors), the task is refused with what is needed instead.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from t2t_xfer.data.examples import fingerprint, read_examples
from t2t_xfer.errors import UnsupportedError, UserError
from t2t_xfer.specs.catalogue import Catalogue
from t2t_xfer.stages.context import Context
from t2t_xfer.study.outputs import Choice, Output, choose, find_outputs
from t2t_xfer.study.stage import Cell
from t2t_xfer.xtreme.layout import BY_TASK, XtremeTask
from t2t_xfer.xtreme.tatoeba import Pair, SortedLines, lines_of_originals, lines_of_rows
from t2t_xfer.xtreme.textfile import Warn
from t2t_xfer.xtreme.write import Scored, label_text, prediction_text

_GOLD_ONLY = ("google/xtreme", "mteb/")
"""Where BUCC's gold pairs stand without the sentences around them."""


class Files(NamedTuple):
    """The texts of one task's files, by `directory/file`."""

    predictions: dict[str, str]
    labels: dict[str, str]


class Wanted(NamedTuple):
    """What a submission is to be made of."""

    tasks: tuple[str, ...]
    """Our names; empty: all that the run has."""
    choice: Choice
    originals: Path | None
    """A folder with the original files of Tatoeba."""
    partial: bool
    """Also from a part of the test rows, or of a study."""


def make_files(
    run: Path, store: str, wanted: Wanted, warn: Warn
) -> tuple[Files, list[UnsupportedError]]:
    """The files of a run, and why those of some tasks cannot be made; see `find_outputs`.

    Raises:
        UnsupportedError: no task's files can be made.
        UserError: the run is not clear, not finished, or has none of the tasks.
    """
    outputs, unfinished = find_outputs(run, store)
    _check_tasks(outputs, unfinished, wanted)
    names = wanted.tasks or tuple(BY_TASK)
    chosen = choose([each for each in outputs if each.target in names], wanted.choice)
    files, refused = Files({}, {}), list[UnsupportedError]()
    for target in [name for name in BY_TASK if name in chosen]:
        try:
            made = _task_files(target, chosen[target], wanted, warn)
        except UnsupportedError as error:
            refused.append(error)
            continue
        files.predictions.update(made.predictions)
        files.labels.update(made.labels)
    if not files.predictions:
        raise refused[0]
    return files, refused


def _check_tasks(outputs: Sequence[Output], unfinished: Sequence[Cell], wanted: Wanted) -> None:
    finished = [output.target for output in outputs]
    there = list(dict.fromkeys([*finished, *(cell.target for cell in unfinished)]))
    possible = [target for target in there if target in BY_TASK]
    strange = [name for name in wanted.tasks if name not in possible]
    if strange or (there and not possible):
        raise UserError(
            f"the run has no scores of {', '.join(strange) or 'a task of XTREME'}, only of"
            f" {', '.join(there)}."
        )
    names = wanted.tasks or possible
    left = [cell for cell in unfinished if cell.target in names and wanted.choice.fits(cell)]
    if left and not wanted.partial:
        raise UserError(
            f"{len(left)} numbers of the run are not there yet, the first is {left[0].target} in"
            f" {left[0].language}. Run the study to its end, or pass --partial."
        )


def _task_files(target: str, outputs: Mapping[str, Output], wanted: Wanted, warn: Warn) -> Files:
    """The files of one target from its outputs by language.

    Raises:
        UnsupportedError: the tested data is not XTREME's, or only a part of it.
        UserError: an answer does not fit XTREME's files.
    """
    task = BY_TASK[target]
    limits = [output.limit for output in outputs.values() if output.limit is not None]
    if limits and not wanted.partial:
        raise UnsupportedError(
            f"{target}: only {limits[0]} rows of each test set were tested (--limit). Test all of"
            " them, or pass --partial for files that only our own label files fit."
        )
    for code, output in outputs.items():
        _check_data(task, code, output, wanted.originals)
    files, counts = Files({}, {}), dict[str, int]()
    for code in [code for code in task.languages if code in outputs]:
        rows = [_scored(task, row) for row in outputs[code].rows()]
        lines = _lines(task, code, outputs[code], wanted.originals, warn)
        name = f"{task.directory}/{task.file_name(code)}"
        files.predictions[name] = prediction_text(task, rows, lines)
        files.labels[name] = label_text(task, rows, lines)
        counts[code] = len(rows)
    if not wanted.partial:
        _warn_of_sizes(task, counts, warn)
    _warn_of_languages(task, outputs, warn)
    return files


def _scored(task: XtremeTask, row: Mapping[str, Any]) -> Scored:
    # The second statistic of a mined pair says whether its margin reached the threshold.
    counted = task.kind != "pairs" or row["statistics"][1] > 0
    return Scored(row["id"], row["gold"], row["value"], counted)


def _check_data(task: XtremeTask, code: str, output: Output, originals: Path | None) -> None:
    place = output.predictions.spec.get("place")
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
    task: XtremeTask, code: str, output: Output, originals: Path | None, warn: Warn
) -> SortedLines | None:
    """Where the tested sentences stand in XTREME's files; None where no line refers to any."""
    if task.kind != "indices":
        return None
    how: Any = output.score.how
    context = Context(Catalogue(), how["data"])
    spec = context.task(task.task).spec
    if fingerprint(spec, context.source, code, "test") != output.predictions.spec["data"]:
        raise UserError(
            f"the {task.task} data of {code} in {how['data']} has changed since it was tested."
            " Test again."
        )
    examples = read_examples(spec, context.source, code, "test", output.limit)
    pairs = [Pair(e.id, str(e.fields["source"]), str(e.fields["target"])) for e in examples]
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


def _warn_of_languages(task: XtremeTask, outputs: Mapping[str, Output], warn: Warn) -> None:
    missing = [code for code in task.languages if code not in outputs]
    if missing:
        warn(
            f"{task.directory} lacks {', '.join(missing)}: XTREME's scorer wants every language of"
            " a task."
        )
