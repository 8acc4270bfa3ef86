"""The scored answers of a run: a study's directory, or the one that `evaluate` wrote to.

The rule: one run is one model, one intermediate task and one seed; what is ambiguous is listed and
asked about. Of `evaluate`'s scores only those count that the task files of today would give.

    outputs, _ = find_outputs(Path("eval_outputs/quickstart"), "store")
    choose(outputs, Choice(model="micro-encoder", intermediate="none", seed=0))
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from t2t_xfer.data.source import open_source
from t2t_xfer.errors import SpecError, UserError, nearest
from t2t_xfer.specs.catalogue import Catalogue
from t2t_xfer.stages.logs import STATISTICS
from t2t_xfer.stages.task import load_task
from t2t_xfer.study.record import Record
from t2t_xfer.study.results import PLAN, load_study
from t2t_xfer.study.stage import Cell, canonical_json
from t2t_xfer.study.store import Store


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
        with self.statistics.open(encoding="utf-8") as lines:
            return [json.loads(line) for line in lines]


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
    for cell in load_study(run).cells:
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
