"""One model, with any number of adapters, on any number of tasks: planned, run and collected.

The rule: all of it is one plan over one base, so that the base is loaded once; what is wrong with
any part is said before anything runs; and what fails while it runs takes nothing else with it.

    planned = plan_evaluation(context, Wanted("org/model", ("none", "runs/a"), ("xnli",)), print)
    found = run_evaluation(planned, context, Store(Path("eval_outputs/store")), print)
    found.parts[0].results          # {"slots": {"en": {"score": 71.5, "n": 200, …}, "de": …}}
    found.lost                      # what failed, and why
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

from t2t_xfer.architectures.checkpoint import adapter_base, adapter_config, is_adapter
from t2t_xfer.errors import UnsupportedError, UserError
from t2t_xfer.records import Json
from t2t_xfer.stages.bases import as_model_spec, base_of
from t2t_xfer.stages.context import Context
from t2t_xfer.stages.plans import ModelEngine
from t2t_xfer.stages.predict import Evaluated as Tested
from t2t_xfer.stages.preflight import preflight
from t2t_xfer.stages.run import StageRunner
from t2t_xfer.study.plan import Builder
from t2t_xfer.study.plan_file import Plan
from t2t_xfer.study.run import RunStage, Say, Summary, run_plan, would_run
from t2t_xfer.study.stage import Stage
from t2t_xfer.study.store import Store
from t2t_xfer.study.tested import evaluated_languages

EngineName: TypeAlias = Literal["auto", "transformers", "vllm", "oracle", "majority"]
BASELINES = ("oracle", "majority")
NONE = "none"
"""Stands for the base without an adapter."""


@dataclass(frozen=True)
class Wanted:
    """What is to be evaluated."""

    model: str | None
    """A path, a hub id, `micro:…` or `new:…`; None for baselines."""
    adapters: tuple[str, ...]
    """Directories, and `none` for the model without any."""
    tasks: tuple[str, ...]
    languages: tuple[str, ...] = ("all",)
    """Codes; of a task that lacks some of them those that it has."""
    engine: EngineName = "auto"
    limit: int | None = None
    """Rows of a split."""
    max_input_tokens: int = 256
    skip_missing: bool = False
    """Leave out languages without test data."""


@dataclass(frozen=True)
class Part:
    """One adapter on one task."""

    adapter: str
    task: str
    scores: dict[str, dict[str, str]] = field(default_factory=dict)
    """By readout and language the ids of the scores; the main readout first."""
    absent: tuple[str, ...] = ()
    """Languages that were asked for and that the data lacks."""


@dataclass(frozen=True)
class PlannedEvaluation:
    """What would run."""

    plan: Plan
    parts: tuple[Part, ...]
    """In the order in which adapters and tasks were named."""
    picked: tuple[str, ...] = ()
    """What `auto` has picked and why, a line each."""


@dataclass(frozen=True)
class Lost:
    """A number that could not be had."""

    adapter: str
    task: str
    language: str
    readout: str
    why: str
    """What went wrong, in a line."""
    log: Path | None


@dataclass(frozen=True)
class PartResults:
    """The numbers of one adapter on one task."""

    adapter: str
    task: str
    results: dict[str, dict[str, Mapping[str, Json]]]
    """By readout and language what the record of the score holds."""
    missing: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By readout the languages that were asked for and have no number: failed, or not there."""


@dataclass(frozen=True)
class Evaluated:
    """What came out."""

    parts: tuple[PartResults, ...]
    """Those that have a number at all."""
    lost: tuple[Lost, ...]


def plan_evaluation(
    context: Context,
    wanted: Wanted,
    say: Say,
    store: Store | None = None,
) -> PlannedEvaluation:
    """The stages of an evaluation, after a look at everything that is named.

    Args:
        say: is told what `skip_missing` leaves out, in a line each.
        store: where `auto` looks for what an engine has begun.

    Raises:
        UserError: a task, language, model, adapter or engine that cannot be used; nothing has run.
    """
    tasks, adapters = dict.fromkeys(wanted.tasks), dict.fromkeys(wanted.adapters)
    if wanted.model is None and wanted.engine not in BASELINES:
        raise UnsupportedError("`evaluate` needs --model, or --engine oracle or majority.")
    _check_adapters_named(wanted, list(adapters))
    languages = evaluated_languages(
        context, tuple(tasks), wanted.languages, wanted.skip_missing, say
    )
    builder = Builder(context)
    parts = {
        (adapter, task): Part(
            adapter, task, absent=_absent(context, task, wanted.languages, languages[task])
        )
        for adapter in adapters
        for task in tasks
    }
    picked: list[str] = []
    engines = _engines(context, wanted, list(adapters), languages, store, picked.append)
    for adapter in _in_loading_order(adapters):
        for task in tasks:
            _plan_part(builder, wanted, parts[adapter, task], languages[task], engines.get(task))
    plan = Plan("single", tuple(builder.stages.values()), ())
    return PlannedEvaluation(plan, tuple(parts.values()), tuple(picked))


def _absent(
    context: Context, task: str, asked: tuple[str, ...], there: list[str]
) -> tuple[str, ...]:
    own = context.task(task).spec.languages
    wanted = own if "all" in asked else [code for code in own if code in asked]
    return tuple(code for code in wanted if code not in there)


def _engines(
    context: Context,
    wanted: Wanted,
    adapters: list[str],
    languages: Mapping[str, list[str]],
    store: Store | None,
    tell: Say,
) -> dict[str, ModelEngine]:
    """The engine of each task; nothing for baselines."""
    if wanted.engine in BASELINES:
        return {}
    if wanted.engine in ("transformers", "vllm"):
        return dict.fromkeys(languages, "vllm" if wanted.engine == "vllm" else "transformers")
    from t2t_xfer.study.engine_choice import choose_engines

    over = [None if adapter == NONE else adapter for adapter in adapters]
    return choose_engines(context, wanted, over, languages, store, tell)


def _check_adapters_named(wanted: Wanted, adapters: list[str]) -> None:
    """Looks at every adapter's own files, in the order in which they were named.

    Raises:
        UserError: one is none, or another model's; or there can be no adapters here.
    """
    if adapters == [NONE]:
        return
    if wanted.engine in BASELINES:
        raise UnsupportedError(
            f"--engine {wanted.engine} answers without a model; leave out --adapter."
        )
    assert wanted.model is not None
    if is_adapter(wanted.model):
        base = adapter_base(wanted.model).path or "its base"
        raise UserError(
            f"the model {wanted.model} is an adapter itself, over {base}. Name {base} as --model"
            " and each adapter as --adapter."
        )
    for adapter in adapters:
        base_of(as_model_spec(wanted.model), None if adapter == NONE else adapter)


def _in_loading_order(adapters: Mapping[str, None]) -> list[str]:
    """Those over a 4-bit base last, which is another base; large ones first, for which vLLM has to
    keep room from its start."""

    def place(adapter: str) -> tuple[bool, int]:
        if adapter == NONE:
            return False, 0
        config = adapter_config(adapter)
        ranks = [config.get("r") or 0, *(config.get("rank_pattern") or {}).values()]
        return adapter_base(adapter).quantised is not None, -max(map(int, ranks))

    return sorted(adapters, key=place)


def _plan_part(
    builder: Builder, wanted: Wanted, part: Part, codes: list[str], engine: ModelEngine | None
) -> None:
    tests = {code: Tested(part.task, code, "test", wanted.limit, wanted.limit) for code in codes}
    if wanted.model is None or engine is None:
        for code, test in tests.items():
            score_id = builder.baseline(wanted.engine, test, None)
            part.scores.setdefault(wanted.engine, {})[code] = score_id
        return
    source_language = builder.context.task(part.task).spec.source_language
    adapter = None if part.adapter == NONE else part.adapter
    tip = builder.start(as_model_spec(wanted.model, (source_language,)), adapter)
    for code, test in tests.items():
        for score_id, readout in builder.test_at(tip, test, wanted.max_input_tokens, engine):
            part.scores.setdefault(readout, {})[code] = score_id


def run_evaluation(
    planned: PlannedEvaluation,
    context: Context,
    store: Store,
    say: Say,
    progress: bool = True,
) -> Evaluated:
    """Runs what is not done yet and collects all numbers.

    Args:
        say: is told which engine `auto` has picked, and of each stage, in a line.
        progress: show bars on a terminal.

    Raises:
        UserError: the data or an adapter does not fit, before anything has run; or nothing at all
            could be scored, and the user can mend it.
    """
    plan = planned.plan
    preflight(would_run(plan, store), context, plan.stages)
    for line in planned.picked:
        say(line)
    errors: dict[str, Exception] = {}
    runner = StageRunner(context, progress)
    summary = run_plan(plan, store, noting(runner, errors), say)
    found = _collected(planned, store, summary, errors)
    mistakes = [error for error in errors.values() if isinstance(error, UserError)]
    if mistakes and not found.parts:
        raise mistakes[0]
    return found


def noting(run_stage: RunStage, errors: dict[str, Exception]) -> RunStage:
    """The same; what a stage raises is kept in `errors` by the stage's id, too."""

    def run(stage: Stage, work: Path, needs: Mapping[str, Path]) -> Mapping[str, Json]:
        try:
            return run_stage(stage, work, needs)
        except Exception as error:
            errors[stage.id] = error
            raise

    return run


def _collected(
    planned: PlannedEvaluation, store: Store, summary: Summary, errors: Mapping[str, Exception]
) -> Evaluated:
    stages = {stage.id: stage for stage in planned.plan.stages}
    parts: list[PartResults] = []
    lost: list[Lost] = []
    for part in planned.parts:
        results: dict[str, dict[str, Mapping[str, Json]]] = {}
        for readout, ids in part.scores.items():
            for code, score_id in ids.items():
                record = store.record(score_id)
                if record is not None:
                    results.setdefault(readout, {})[code] = record.results
                    continue
                failed = _failed(score_id, stages, summary)
                why = _words(errors.get(failed))
                log = summary.logs.get(failed)
                lost.append(Lost(part.adapter, part.task, code, readout, why, log))
        if results:
            missing = {
                readout: (*part.absent, *(code for code in ids if code not in results[readout]))
                for readout, ids in part.scores.items()
                if readout in results
            }
            parts.append(PartResults(part.adapter, part.task, results, missing))
    return Evaluated(tuple(parts), tuple(lost))


def _failed(stage_id: str, stages: Mapping[str, Stage], summary: Summary) -> str:
    """The stage whose failure took this one with it: itself, or one that it needs."""
    if stage_id in summary.failed:
        return stage_id
    lost = {*summary.failed, *summary.blocked}
    needs = (need for need in stages[stage_id].needs.values() if need in lost)
    need = next(needs, None)
    return stage_id if need is None else _failed(need, stages, summary)


def _words(error: Exception | None) -> str:
    """An error in a line; the log has all of it."""
    if error is None:
        return "it was not done"
    text = " ".join(str(error).split())
    return text if isinstance(error, UserError) else f"{type(error).__name__}: {text}"[:400]
