"""`evaluate` as a study: one model as it is, with any number of adapters in place of intermediates.

The rule: all of it is one plan over one base, so that the base is loaded once; what is wrong with
any part is said before anything runs; and what fails while it runs takes nothing else with it. The
plan lies in the directory that holds the store and grows with every evaluation there; what was
evaluated twice counts as it was the last time.

    asked = Evaluation("org/model", ("none", "runs/a"), ("xnli",))
    plan = plan_evaluation(context, asked, print)
    results, lost = run_evaluation(plan, context, Store(Path("eval_outputs/store")), print)
    results.finished[0].score       # 71.5
    lost                            # what failed, and why

`--engine auto` picks transformers or vLLM once for a task, before anything runs. The readout is
never changed, and the engine that was picked stands in the identity of each prediction as if it had
been asked for by name. In order:

    vLLM cannot read it                          transformers
    some of it is in the store already           the engine that more of it is from
    vLLM is here, a GPU too, it is text that is
    written, and MIN_EXAMPLES or more of it      vllm
    anything else                                transformers

Why, and what was rejected: docs/decisions/014-auto-picks-once-for-a-task.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, NamedTuple, TypeAlias, cast

from t2t_xfer.architectures.checkpoint import adapter_base, adapter_config, is_adapter
from t2t_xfer.engines.vllm_limits import adapter_rank, check_model, gpu_at_hand, has_vllm
from t2t_xfer.errors import UnsupportedError, UserError
from t2t_xfer.files import FileLock
from t2t_xfer.records import Readout
from t2t_xfer.stages.base import Stage
from t2t_xfer.stages.bases import as_model_spec, base_of, config_of
from t2t_xfer.stages.context import Context
from t2t_xfer.stages.model import check_decodable
from t2t_xfer.stages.predict import Baseline, Evaluated, ModelEngine, PredictStage
from t2t_xfer.stages.preflight import preflight
from t2t_xfer.stages.run import StageRunner
from t2t_xfer.study.plan import Builder, Tip
from t2t_xfer.study.plan_file import PLAN, Cell, Plan, load_plan, save_plan
from t2t_xfer.study.results import Results
from t2t_xfer.study.run import Say, Summary, run_plan, would_run
from t2t_xfer.study.store import Store
from t2t_xfer.study.tested import evaluated_languages

EngineName: TypeAlias = Literal["auto", "transformers", "vllm", "oracle", "majority"]
BASELINES = ("oracle", "majority")
NONE = "none"
"""Stands for the base without an adapter."""
STUDY = "evaluation"
"""The name of every evaluation's plan."""
MIN_EXAMPLES = 2000
"""Below, the minute that vLLM takes to start is more than it can save."""


@dataclass(frozen=True)
class Evaluation:
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

    def test(self, task: str, language: str) -> Evaluated:
        """The rows of a task in a language."""
        return Evaluated(task, language, "test", self.limit, self.limit)


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


def plan_evaluation(
    context: Context, asked: Evaluation, say: Say, store: Store | None = None
) -> Plan:
    """The plan of an evaluation, after a look at everything that is named. Cells stand in the order
    of adapters, tasks and languages; notes say what `auto` has picked and why.

    Args:
        say: is told what `skip_missing` leaves out, in a line each.
        store: where `auto` looks for what an engine has begun.

    Raises:
        UserError: a task, language, model, adapter or engine that cannot be used; nothing has run.
    """
    tasks, adapters = dict.fromkeys(asked.tasks), dict.fromkeys(asked.adapters)
    if asked.model is None and asked.engine not in BASELINES:
        raise UnsupportedError("`evaluate` needs --model, or --engine oracle or majority.")
    _check_adapters_named(asked, list(adapters))
    languages = evaluated_languages(context, tuple(tasks), asked.languages, asked.skip_missing, say)
    notes: list[str] = []
    engines = _engines(context, asked, list(adapters), languages, store, notes.append)
    builder = Builder(context)
    cells = {
        (adapter, task): _cells(builder, asked, adapter, task, codes, engines.get(task))
        for adapter in _in_loading_order(adapters)
        for task, codes in languages.items()
    }
    return Plan(
        STUDY,
        tuple(builder.stages.values()),
        tuple(cell for a in adapters for t in tasks for cell in cells[a, t]),
        sources={task: context.task(task).spec.source_language for task in tasks},
        notes=tuple(notes),
        synthetic=context.data == "microworld",
        naive=builder.naive,
    )


def _engines(
    context: Context,
    asked: Evaluation,
    adapters: list[str],
    languages: Mapping[str, list[str]],
    store: Store | None,
    tell: Say,
) -> dict[str, ModelEngine]:
    """The engine of each task; nothing for baselines."""
    if asked.engine in BASELINES:
        return {}
    if asked.engine in ("transformers", "vllm"):
        return dict.fromkeys(languages, "vllm" if asked.engine == "vllm" else "transformers")
    over = [None if adapter == NONE else adapter for adapter in adapters]
    return choose_engines(context, asked, over, languages, store, tell)


def _check_adapters_named(asked: Evaluation, adapters: list[str]) -> None:
    """Looks at every adapter's own files, in the order in which they were named.

    Raises:
        UserError: one is none, or another model's; or there can be no adapters here.
    """
    if adapters == [NONE]:
        return
    if asked.engine in BASELINES:
        raise UnsupportedError(
            f"--engine {asked.engine} answers without a model; leave out --adapter."
        )
    assert asked.model is not None
    if is_adapter(asked.model):
        base = adapter_base(asked.model).path or "its base"
        raise UserError(
            f"the model {asked.model} is an adapter itself, over {base}. Name {base} as --model"
            " and each adapter as --adapter."
        )
    for adapter in adapters:
        base_of(as_model_spec(asked.model), None if adapter == NONE else adapter)


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


def _cells(
    builder: Builder,
    asked: Evaluation,
    adapter: str,
    task: str,
    codes: Sequence[str],
    engine: ModelEngine | None,
) -> list[Cell]:
    """Of an adapter on a task: by readout, the main one first, and by language."""
    if asked.model is None or engine is None:
        baseline = cast("Baseline", asked.engine)
        model, architecture = str(baseline), ""
        scored = [
            (builder.baseline(baseline, asked.test(task, code), None), model, code)
            for code in codes
        ]
    else:
        tip = _tip(builder, asked, task, None if adapter == NONE else adapter)
        scored = [
            (score_id, readout, code)
            for code in codes
            for score_id, readout in builder.test_at(
                tip, asked.test(task, code), asked.max_input_tokens, engine
            )
        ]
        model, architecture = asked.model, str(tip.base.architecture)
    readouts = list(dict.fromkeys(readout for _, readout, _ in scored))
    return [
        Cell(
            STUDY,
            model,
            architecture,
            adapter,
            task,
            code,
            seed=0,
            readout=readout,
            score_id=score_id,
            same_data=False,
        )
        for score_id, readout, code in sorted(scored, key=lambda each: readouts.index(each[1]))
    ]


def _tip(builder: Builder, asked: Evaluation, task: str, adapter: str | None) -> Tip:
    assert asked.model is not None
    source_language = builder.context.task(task).spec.source_language
    return builder.start(as_model_spec(asked.model, (source_language,)), adapter)


def run_evaluation(
    plan: Plan, context: Context, store: Store, say: Say, progress: bool = True
) -> tuple[Results, list[Lost]]:
    """Runs what is not done yet and collects all numbers.

    Args:
        say: is told which engine `auto` has picked, and of each stage, in a line.
        progress: show bars on a terminal.

    Raises:
        UserError: the data or an adapter does not fit, before anything has run; or nothing at all
            could be scored, and the user can mend it.
    """
    preflight(would_run(plan, store), context, plan.stages)
    for line in plan.notes:
        say(line)
    add_to_plan(store.root.parent, plan)
    summary = run_plan(plan, store, StageRunner(context, progress), say)
    results = Results(plan, store)
    mistakes = [error for error in summary.errors.values() if isinstance(error, UserError)]
    if mistakes and not results.finished:
        raise mistakes[0]
    stages = {stage.id: stage for stage in plan.stages}
    return results, [_lost(cell, stages, summary) for cell in results.unfinished]


def add_to_plan(directory: Path, plan: Plan) -> None:
    """Adds an evaluation to the earlier ones of a directory.

    Raises:
        UserError: the directory is a study's, or it cannot be read or written.
    """
    directory.mkdir(parents=True, exist_ok=True)
    lock = FileLock(directory / f".{PLAN}.lock")  # two evaluations may begin at once
    lock.take(wait=True)
    try:
        if (directory / PLAN).exists():
            before = load_plan(directory)
            if before.study != STUDY:
                raise UserError(
                    f"{directory} is the directory of the study {before.study!r}. Give another"
                    " --output, for example the one above it."
                )
            plan = _together(before, plan)
        save_plan(directory, replace(plan, notes=(), naive={}))
    finally:
        lock.give_back()


def _together(before: Plan, plan: Plan) -> Plan:
    cells = {cell.key: cell for cell in (*before.cells, *plan.cells)}
    stages = {stage.id: stage for stage in (*before.stages, *plan.stages)}
    wanted = {cell.score_id for cell in cells.values()}
    for stage in reversed(stages.values()):  # each stands after what it needs
        if stage.id in wanted:
            wanted.update(stage.needs.values())
    return replace(
        plan,
        stages=tuple(stage for stage in stages.values() if stage.id in wanted),
        cells=tuple(cells.values()),
        sources={**before.sources, **plan.sources},
        synthetic=before.synthetic or plan.synthetic,
    )


def _lost(cell: Cell, stages: Mapping[str, Stage], summary: Summary) -> Lost:
    failed = _failed(cell.score_id, stages, summary)
    why, log = _words(summary.errors.get(failed)), summary.logs.get(failed)
    return Lost(cell.intermediate, cell.target, cell.language, cell.readout, why, log)


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


class EngineChoice(NamedTuple):
    """An engine, and why it is that one."""

    engine: ModelEngine
    why: str


def choose_engines(
    context: Context,
    asked: Evaluation,
    adapters: Sequence[str | None],
    languages: Mapping[str, Sequence[str]],
    store: Store | None,
    tell: Callable[[str], None],
) -> dict[str, ModelEngine]:
    """The engine of each task; see `choose_engine`.

    Args:
        languages: those that each task is tested in.
        tell: is told which was picked and why, in a line for each reason.
    """
    chosen = {
        task: choose_engine(context, asked, task, adapters, codes, store)
        for task, codes in languages.items()
    }
    for choice in dict.fromkeys(chosen.values()):
        tasks = ", ".join(task for task, each in chosen.items() if each == choice)
        tell(f"--engine auto: {choice.engine} for {tasks}: {choice.why}")
    return {task: choice.engine for task, choice in chosen.items()}


def choose_engine(
    context: Context,
    asked: Evaluation,
    task: str,
    adapters: Sequence[str | None],
    languages: Sequence[str],
    store: Store | None,
) -> EngineChoice:
    """The engine for a task; see the module. No weights are loaded.

    Args:
        adapters: directories; None: the model without one.
        store: where earlier predictions are.

    Raises:
        UserError: the transformers engine cannot read it either.
    """
    try:
        fast = _predictions(context, asked, task, adapters, languages, "vllm")
        _check_runs(asked, adapters)
    except UnsupportedError as e:
        reason = str(e).partition(". ")[0]
        why = reason.removeprefix("the engine `vllm` cannot read this: ")
        return EngineChoice("transformers", why)
    slow = _predictions(context, asked, task, adapters, languages, "transformers")
    if store is not None:
        found = _begun(_done(store, slow), _done(store, fast), len(slow))
        if found is not None:
            return found
    if not has_vllm():
        return EngineChoice("transformers", "vLLM is not installed")
    if Readout.generate not in slow.values():
        return EngineChoice("transformers", "answers are read in one pass, where vLLM saves little")
    if not gpu_at_hand():
        return EngineChoice("transformers", "vLLM pays on a GPU only")
    count = sum(
        len(context.prompted(task, code, "test", asked.limit)[0]) for code in languages
    ) * len(adapters)
    if count < MIN_EXAMPLES:
        return EngineChoice(
            "transformers", f"{count} examples are too few: from {MIN_EXAMPLES} on vLLM pays"
        )
    return EngineChoice("vllm", f"{count} examples are to be written on a GPU")


def _begun(slow: int, fast: int, count: int) -> EngineChoice | None:
    """The engine that finished more of the task, if any has and it can go on."""
    why = f"it has {max(slow, fast)} of {count} predictions in the store"
    if fast > slow and (fast == count or has_vllm()):
        return EngineChoice("vllm", why)
    return EngineChoice("transformers", why) if slow else None


def _predictions(
    context: Context,
    asked: Evaluation,
    task: str,
    adapters: Sequence[str | None],
    languages: Sequence[str],
    engine: ModelEngine,
) -> dict[str, Readout]:
    """The ids of the predictions that an engine would make, each with its readout."""
    builder = Builder(context)
    for adapter in adapters:
        tip = _tip(builder, asked, task, adapter)
        for code in languages:
            builder.test_at(tip, asked.test(task, code), asked.max_input_tokens, engine)
    stages = [stage for stage in builder.stages.values() if isinstance(stage, PredictStage)]
    return {stage.id: stage.readout for stage in stages}


def _check_runs(asked: Evaluation, adapters: Sequence[str | None]) -> None:
    """Refuses what vLLM cannot run on a GPU, whatever the task.

    Raises:
        UnsupportedError: the model or one of the adapters.
    """
    assert asked.model is not None
    base = base_of(as_model_spec(asked.model))
    path = base.how.path
    if path is not None:
        config = config_of(path, base.how.revision)
        check_model(config, path, asked.max_input_tokens, on_cpu=False)
    for adapter in filter(None, adapters):
        check_decodable(adapter)
        adapter_rank(adapter)


def _done(store: Store, predictions: dict[str, Readout]) -> int:
    return sum(store.record(stage_id) is not None for stage_id in predictions)
