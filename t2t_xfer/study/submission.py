"""The scored answers of a run: a study's directory, or the one that `evaluate` wrote to.

The rule: one run is one model, one intermediate task and one seed; what is ambiguous is listed and
asked about. Of `evaluate`'s scores only those count that the task files of today would give.

    outputs, _ = find_outputs(Path("eval_outputs/quickstart"), "store")
    choose(outputs, Choice(model="micro-encoder", intermediate="none", seed=0))

From a run's outputs to the texts of XTREME's files, and why some cannot be made.

The rule: nothing is written that XTREME's scorer would misread. Where the data that was tested is
not XTREME's (words, order, distractors), the task is refused with what is needed instead.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from t2t_xfer.data.examples import fingerprint, read_examples
from t2t_xfer.data.sources import open_source
from t2t_xfer.errors import SpecError, UnsupportedError, UserError, nearest
from t2t_xfer.specs.catalogue import Catalogue
from t2t_xfer.stages.context import Context
from t2t_xfer.stages.logs import STATISTICS, read_log
from t2t_xfer.stages.task import load_task
from t2t_xfer.study.plan_file import PLAN, Cell, load_plan
from t2t_xfer.study.record import Record
from t2t_xfer.study.stage import canonical_json
from t2t_xfer.study.store import Store
from t2t_xfer.xtreme.layout import BY_TASK, XtremeTask
from t2t_xfer.xtreme.read import Warn
from t2t_xfer.xtreme.write import (
    Pair,
    Scored,
    SortedLines,
    label_text,
    lines_of_originals,
    lines_of_rows,
    prediction_text,
)


@dataclass(frozen=True)
class Output:
    """The scored answers of one target in one language."""

    model: str
    intermediate: str
    """Empty outside a study: there the model says it all."""
    seed: int | None
    target: str
    language: str
    score: Record
    predictions: Record
    statistics: Path
    """The file with every example's answer."""
    settings: str = ""
    """What else two runs of `evaluate` may differ in: texts that are equal if the runs are."""

    @property
    def limit(self) -> int | None:
        """How many rows were tested; None: all."""
        limit = self.score.spec["limit"]
        assert limit is None or isinstance(limit, int)
        return limit

    @property
    def run(self) -> tuple[str, str, int | None, str]:
        """What the outputs of one run share."""
        return self.model, self.intermediate, self.seed, self.settings

    @property
    def path(self) -> str:
        """The model as the command line named it; empty for a model of a study's own."""
        return str(self.predictions.how.get("path") or "")

    def rows(self) -> list[dict[str, Any]]:
        """One for each example, as the `score` stage logged it."""
        return list(read_log(self.statistics))


@dataclass(frozen=True)
class Choice:
    """Which run is meant; None: the only one."""

    model: str | None = None
    intermediate: str | None = None
    seed: int | None = None

    def fits(self, output: Output | Cell) -> bool:
        """Whether an output is of this run, as far as it is chosen."""
        path = output.path if isinstance(output, Output) else None
        return (
            self.model in (None, output.model, path)
            and self.intermediate in (None, output.intermediate)
            and self.seed in (None, output.seed)
        )


def find_outputs(run: Path, store: str) -> tuple[list[Output], list[Cell]]:
    """The outputs of a run, and the cells of a study that are not finished.

    Args:
        store: the name of the store's directory, which `evaluate` has inside its output and a
            study beside its own directory.

    Raises:
        UserError: the directory holds no run.
    """
    if (run / PLAN).is_file():
        return _of_study(run, Store(run.resolve().parent / store))
    if (run / store).is_dir():
        return _of_store(Store((run / store).resolve())), []
    raise UserError(
        f"{run} holds neither {PLAN} nor a {store}, so nothing was run there. Give the directory of"
        " a study, for example eval_outputs/quickstart, or the --output of `t2t-xfer evaluate`."
    )


def _of_study(run: Path, store: Store) -> tuple[list[Output], list[Cell]]:
    found: list[Output] = []
    unfinished: list[Cell] = []
    for cell in load_plan(run).cells:
        score = store.record(cell.score_id)
        predictions = None if score is None else _predictions(store, score)
        if score is None or predictions is None:
            unfinished.append(cell)
            continue
        if score.spec["split"] != "test":
            continue  # XTREME's files are of test rows
        statistics = store.path(cell.score_id) / STATISTICS
        what = (cell.model, cell.intermediate, cell.seed, cell.target, cell.language)
        found.append(Output(*what, score, predictions, statistics))
    return _embedded(found), unfinished


def _of_store(store: Store) -> list[Output]:
    newest: dict[tuple[object, ...], Output] = {}
    catalogue = Catalogue()
    current: dict[str, Any] = {}
    for folder in sorted((store.root / "score").glob("*-*")):
        stage_id = f"score/{folder.name}"
        score = store.record(stage_id)
        predictions = None if score is None else _predictions(store, score)
        if score is None or predictions is None or score.spec["split"] != "test":
            continue
        parsed: Any = score.spec["parsed"]
        target = parsed["task"]
        if target not in current:
            current[target] = _identity(catalogue, target, str(predictions.how["data"]))
        if current[target] != _said(parsed, predictions.spec["shown"]):
            continue
        model = score.label.rpartition("=")[0]
        language = str(score.spec["language"])
        output = Output(
            model, "", None, target, language, score, predictions, folder / STATISTICS,
            _settings(predictions),
        )  # fmt: skip
        key = (*output.run, target, language)
        # The same run over data that has changed since.
        if key not in newest or newest[key].score.finished <= score.finished:
            newest[key] = output
    return _embedded(newest.values())


def _predictions(store: Store, score: Record) -> Record | None:
    return store.record(score.needs["predictions"])


def _identity(catalogue: Catalogue, name: str, data: str) -> str | None:
    """What the task of today shows a model and reads from it; None if there is none."""
    try:
        task = load_task(catalogue, name, open_source(data))
    except SpecError:
        return None
    return _said(task.parsed(), task.shown())


def _said(parsed: object, shown: object) -> str:
    return canonical_json([parsed, shown])


def _settings(predictions: Record) -> str:
    told = ("model", "dtype", "engine", "readout", "decoding", "max_input_tokens", "limit")
    settings = {key: predictions.spec[key] for key in told if key in predictions.spec}
    needs = {role: need for role, need in predictions.needs.items() if role != "candidates"}
    return canonical_json([settings, needs])


def _embedded(outputs: Iterable[Output]) -> list[Output]:
    """Of pairs, what the embeddings found: that is what XTREME scores."""
    found = list(outputs)
    embedded = {each.target for each in found if each.predictions.spec["readout"] == "embed"}
    return [
        each
        for each in found
        if each.target not in embedded or each.predictions.spec["readout"] == "embed"
    ]


def choose(outputs: Sequence[Output], choice: Choice) -> dict[str, dict[str, Output]]:
    """The outputs of one run by target and language.

    Raises:
        UserError: none fits the choice, or several runs do; lists them.
    """
    fitting = [output for output in outputs if choice.fits(output)]
    if not fitting:
        raise UserError(_none_fits(outputs, choice))
    found: dict[str, dict[str, Output]] = {}
    for target in dict.fromkeys(output.target for output in fitting):
        of_target = [output for output in fitting if output.target == target]
        whole = [output for output in of_target if output.limit is None]
        runs = {output.run: output for output in whole or of_target}
        if len(runs) > 1:
            raise UserError(_several(target, list(runs.values())))
        (run,) = runs
        found[target] = {each.language: each for each in of_target if each.run == run}
    return found


def _none_fits(outputs: Sequence[Output], choice: Choice) -> str:
    if not outputs:
        return (
            "the run holds no finished scores of today's task files. Run it (again), then write"
            " the submission."
        )
    for option, known in _choices(outputs).items():
        asked = getattr(choice, option)
        if asked is not None and str(asked) not in known:
            return (
                f"--{option} {asked}: the run has {', '.join(known)}.{nearest(str(asked), known)}"
            )
    return "no output of the run has this --model, --intermediate and --seed together."


def _several(target: str, outputs: Sequence[Output]) -> str:
    choices = {option: known for option, known in _choices(outputs).items() if len(known) > 1}
    if not choices:
        return (
            f"there are {len(outputs)} runs of {target} by {outputs[0].model} with different"
            " settings or checkpoints. Evaluate the one that is meant into an --output of its own."
        )
    listed = "; ".join(f"--{option} {' | '.join(known)}" for option, known in choices.items())
    return f"there are several runs of {target}. Choose one: {listed}."


def _choices(outputs: Sequence[Output]) -> Mapping[str, list[str]]:
    found = {
        option: list(dict.fromkeys(str(getattr(each, option)) for each in outputs))
        for option in ("model", "intermediate", "seed")
    }
    if len(found["model"]) < len({each.path for each in outputs}):
        found["model"] = list(dict.fromkeys(each.path or each.model for each in outputs))
    return {option: known for option, known in found.items() if known not in ([""], ["None"])}


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
