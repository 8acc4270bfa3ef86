"""What `--engine auto` means for a task: transformers or vLLM, decided before anything runs.

The rule: the readout is never changed, and the engine that was picked stands in the identity of
each prediction as if it had been asked for by name. All adapters and languages of a task have the
same one, so that nothing but these differs between two of its numbers. In order:

    vLLM cannot read it                          transformers
    some of it is in the store already           the engine that more of it is from
    vLLM is here, a GPU too, it is text that is
    written, and MIN_EXAMPLES or more of it      vllm
    anything else                                transformers

    choose_engine(context, wanted, "xquad", ["none"], ["en", "de"], store)
    # Choice(engine="transformers", why="vLLM is not installed")

Why, and what was rejected: docs/decisions/014-auto-picks-once-for-a-task.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from t2t_xfer.engines.vllm_limits import adapter_rank, check_model, gpu_at_hand, has_vllm
from t2t_xfer.errors import UnsupportedError
from t2t_xfer.records import Readout
from t2t_xfer.stages.bases import as_model_spec, base_of, config_of
from t2t_xfer.stages.context import Context
from t2t_xfer.stages.model import check_decodable
from t2t_xfer.stages.plans import ModelEngine
from t2t_xfer.stages.predict import Evaluated
from t2t_xfer.study.plan import Builder
from t2t_xfer.study.store import Store

if TYPE_CHECKING:
    from t2t_xfer.study.evaluation import Wanted

MIN_EXAMPLES = 2000
"""Below, the minute that vLLM takes to start is more than it can save."""


class Choice(NamedTuple):
    """An engine, and why it is that one."""

    engine: ModelEngine
    why: str


def choose_engines(
    context: Context,
    wanted: Wanted,
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
        task: choose_engine(context, wanted, task, adapters, codes, store)
        for task, codes in languages.items()
    }
    for choice in dict.fromkeys(chosen.values()):
        tasks = ", ".join(task for task, each in chosen.items() if each == choice)
        tell(f"--engine auto: {choice.engine} for {tasks}: {choice.why}")
    return {task: choice.engine for task, choice in chosen.items()}


def choose_engine(
    context: Context,
    wanted: Wanted,
    task: str,
    adapters: Sequence[str | None],
    languages: Sequence[str],
    store: Store | None,
) -> Choice:
    """The engine for a task; see the module. No weights are loaded.

    Args:
        adapters: directories; None: the model without one.
        store: where earlier predictions are.

    Raises:
        UserError: the transformers engine cannot read it either.
    """
    try:
        fast = _predictions(context, wanted, task, adapters, languages, "vllm")
        _check_runs(wanted, adapters)
    except UnsupportedError as e:
        reason = str(e).partition(". ")[0]
        return Choice("transformers", reason.removeprefix("the engine `vllm` cannot read this: "))
    slow = _predictions(context, wanted, task, adapters, languages, "transformers")
    if store is not None:
        found = _begun(_done(store, slow), _done(store, fast), len(slow))
        if found is not None:
            return found
    if not has_vllm():
        return Choice("transformers", "vLLM is not installed")
    if Readout.generate not in slow.values():
        return Choice("transformers", "answers are read in one pass, where vLLM saves little")
    if not gpu_at_hand():
        return Choice("transformers", "vLLM pays on a GPU only")
    count = sum(
        len(context.prompted(task, code, "test", wanted.limit)[0]) for code in languages
    ) * len(adapters)
    if count < MIN_EXAMPLES:
        return Choice(
            "transformers", f"{count} examples are too few: from {MIN_EXAMPLES} on vLLM pays"
        )
    return Choice("vllm", f"{count} examples are to be written on a GPU")


def _begun(slow: int, fast: int, count: int) -> Choice | None:
    """The engine that finished more of the task, if any has and it can go on."""
    why = f"it has {max(slow, fast)} of {count} predictions in the store"
    if fast > slow and (fast == count or has_vllm()):
        return Choice("vllm", why)
    return Choice("transformers", why) if slow else None


def _predictions(
    context: Context,
    wanted: Wanted,
    task: str,
    adapters: Sequence[str | None],
    languages: Sequence[str],
    engine: ModelEngine,
) -> dict[str, Readout]:
    """The ids of the predictions that an engine would make, each with its readout."""
    assert wanted.model is not None
    builder = Builder(context)
    source_language = context.task(task).spec.source_language
    for adapter in adapters:
        tip = builder.start(as_model_spec(wanted.model, (source_language,)), adapter)
        for code in languages:
            test = Evaluated(task, code, "test", wanted.limit, wanted.limit)
            builder.test_at(tip, test, wanted.max_input_tokens, engine)
    stages = [stage for stage in builder.stages.values() if stage.kind == "predict"]
    return {stage.id: Readout(str(stage.spec["readout"])) for stage in stages}


def _check_runs(wanted: Wanted, adapters: Sequence[str | None]) -> None:
    """Refuses what vLLM cannot run on a GPU, whatever the task.

    Raises:
        UnsupportedError: the model or one of the adapters.
    """
    assert wanted.model is not None
    base = base_of(as_model_spec(wanted.model))
    if base.new is None:
        path, revision = str(base.how["path"]), base.how["revision"]
        config = config_of(path, None if revision is None else str(revision))
        check_model(config, path, wanted.max_input_tokens, on_cpu=False)
    for adapter in filter(None, adapters):
        check_decodable(adapter)
        adapter_rank(adapter)


def _done(store: Store, predictions: dict[str, Readout]) -> int:
    return sum(store.record(stage_id) is not None for stage_id in predictions)
