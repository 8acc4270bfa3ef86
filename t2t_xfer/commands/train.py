"""`t2t-xfer train`: one checkpoint, through the same stages as a study.

In several processes (`accelerate launch`) the first one walks through the plan and the others train
with it. It alone touches the store: before each training it tells the others which stage comes and
where, and at the end to stop. If it fails it tells them nothing: it ends, and the launcher ends
them.

    t2t-xfer train --model M --task mnli --text wiki.de.txt --text-rate 0.1
    t2t-xfer train --model M --task mnli --text-language de --data microworld
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from t2t_xfer import processes
from t2t_xfer.commands import options
from t2t_xfer.errors import UserError
from t2t_xfer.progress import quiet_libraries
from t2t_xfer.records import Json
from t2t_xfer.terminal import echo

if TYPE_CHECKING:
    from t2t_xfer.specs.data import TextSpec
    from t2t_xfer.specs.training import TrainingSpec
    from t2t_xfer.stages.base import Stage
    from t2t_xfer.stages.context import Context
    from t2t_xfer.stages.dry_run import DryRun
    from t2t_xfer.study.plan import Builder, Tip
    from t2t_xfer.study.plan_file import Plan
    from t2t_xfer.study.run import RunStage

_text_files = click.option(
    "--text",
    "text_files",
    multiple=True,
    metavar="FILE",
    help="Raw text to learn from beside the tasks, a document a line; {language} in the name stands"
    " for each --text-language.",
)
_text_languages = click.option(
    "--text-language",
    "text_languages",
    multiple=True,
    metavar="CODE",
    help="Languages of the raw text; without --text, of what --data has.",
)
_text_rate = click.option(
    "--text-rate",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    default=None,
    help="Share of the examples of a step that are raw text.  [default: 0.1]",
)


@click.command()
@click.option("--model", required=True, help=options.MODEL_HELP)
@click.option(
    "--task",
    "tasks",
    required=True,
    multiple=True,
    help="The task whose English training data is used. Repeated: a mixture of tasks.",
)
@click.option(
    "--training",
    "training_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    default=None,
    help="A YAML file with training settings (the keys of a study's `training`).",
)
@click.option(
    "--adapter",
    type=click.Choice(["none", "lora", "qlora"]),
    default=None,
    help="Train all weights, a LoRA adapter, or one over a base in 4 bits. Beats the YAML file.",
)
@_text_files
@_text_languages
@_text_rate
@click.option(
    "--dry-run",
    "only_plan",
    is_flag=True,
    help="Print parameters, steps and estimated memory. Loads no weights and writes nothing.",
)
@options.data
@options.seed
@options.limit
@options.output
@options.as_json
def train(
    model: str,
    tasks: tuple[str, ...],
    training_file: Path | None,
    adapter: str | None,
    text_files: tuple[str, ...],
    text_languages: tuple[str, ...],
    text_rate: float | None,
    only_plan: bool,
    data: str,
    seed: int,
    limit: int | None,
    output: Path,
    as_json: bool,
) -> None:
    """Train a model on one or more tasks; goes on where an interrupted run stopped."""

    text = _text_spec(text_files, text_languages, text_rate)
    builder, context = _builder(data)
    trained = tuple(dict.fromkeys(context.trained_on(task) for task in tasks))
    spec = context.task(trained[0]).spec
    settings = _training(training_file, adapter)
    tip = builder.start(_model(model, context, spec.source_language))
    tip = builder.train(tip, trained, settings, limit, seed, text)
    if only_plan:
        _print_dry_run(builder, context, tip, settings, as_json)
        return
    store = _run(builder, context, output)
    record = store.record(tip.trained_id)
    path = store.path(tip.trained_id) / "checkpoint"
    results: dict[str, Any] = dict(record.results)
    if as_json:
        echo(json.dumps({"checkpoint": str(path), **results}))
        return
    echo(f"{results['steps']} steps, final loss {results['final_loss']}")
    share = results["trainable_parameters"] / results["parameters"]
    echo(f"{results['trainable_parameters']} parameters trained, {share:.2%} of all")
    echo(f"padding: {results['padding_share']:.1%} of the tokens computed")
    if "fresh_head" in results:
        echo("fresh head: the model held no LM head, so this one began untrained")
    echo(f"checkpoint: {path}")


def _builder(data: str) -> tuple[Builder, Context]:
    quiet_libraries()
    from t2t_xfer.specs.catalogue import Catalogue
    from t2t_xfer.stages.context import Context
    from t2t_xfer.study.plan import Builder

    context = Context(Catalogue(), data)
    return Builder(context), context


def _model(name: str, context: Context, language: str) -> Any:
    from t2t_xfer.stages.bases import as_model_spec

    return as_model_spec(name, (language,))


def _training(file: Path | None, adapter: str | None) -> TrainingSpec:
    from t2t_xfer.specs.load import load_yaml
    from t2t_xfer.specs.training import TrainingSpec, merge

    settings = load_yaml(file, TrainingSpec) if file is not None else TrainingSpec()
    return settings if adapter is None else merge(settings, {"adapter": adapter})


def _run(builder: Builder, context: Context, output: Path) -> Any:
    """Runs the builder's stages; a failure becomes this command's own error.

    Of several processes, only the first returns.
    """
    from t2t_xfer.stages.preflight import preflight
    from t2t_xfer.stages.run import StageRunner
    from t2t_xfer.study.plan_file import Plan
    from t2t_xfer.study.run import run_plan, would_run
    from t2t_xfer.study.store import Store

    plan = Plan("single", tuple(builder.stages.values()), ())
    store = Store(output / options.STORE)
    preflight(would_run(plan, store), context, plan.stages)
    runner = StageRunner(context)
    if processes.count() > 1:
        from t2t_xfer.training.devices import join

        join()
    if not processes.is_first():
        _follow(plan, runner)
        raise SystemExit(0)
    say = functools.partial(echo, err=True)
    summary = run_plan(plan, store, _leading(runner), say)
    for error in summary.errors.values():
        if isinstance(error, UserError):
            raise error
    if summary.failed:
        log = summary.logs.get(summary.failed[0], "none")
        echo(f"failed: {summary.failed[0]}, log: {log}", err=True)
        raise SystemExit(1)
    _dismiss()
    return store


def _leading(run_stage: RunStage) -> RunStage:
    """The same, with all processes in a training. Alone: the same."""
    if processes.count() == 1:
        return run_stage
    from t2t_xfer.training.devices import from_first

    def run(stage: Stage, work: Path, needs: Mapping[str, Path]) -> Mapping[str, Json]:
        if stage.kind == "train":
            sources = {role: str(path) for role, path in needs.items()}
            from_first((stage.id, str(work), sources))
        return run_stage(stage, work, needs)

    return run


def _dismiss() -> None:
    """Tells the other processes that all is done."""
    if processes.count() > 1:
        from t2t_xfer.training.devices import from_first, leave

        from_first(None)
        leave()


def _follow(plan: Plan, run_stage: RunStage) -> None:
    """What a process does that is not the first: it trains when told to."""
    from t2t_xfer.training.devices import from_first, leave

    stages = {stage.id: stage for stage in plan.stages}
    while (told := from_first()) is not None:
        name, work, sources = told
        run_stage(stages[name], Path(work), {role: Path(at) for role, at in sources.items()})
    leave()


def _text_spec(
    files: tuple[str, ...], languages: tuple[str, ...], rate: float | None
) -> TextSpec | None:
    """The raw text that the options ask for; None if none of them is given.

    Raises:
        UserError: they do not fit together.
    """
    from pydantic import ValidationError

    from t2t_xfer.specs.data import TextSpec
    from t2t_xfer.specs.load import expected_words

    if not files and not languages:
        if rate is not None:
            raise UserError("--text-rate needs --text FILE or --text-language CODE.")
        return None
    stated: dict[str, Any] = {"languages": languages}
    if files:
        stated["files"] = files
    if rate is not None:
        stated["rate"] = rate
    try:
        return TextSpec.model_validate(stated)
    except ValidationError as e:
        options = {"files": "--text", "languages": "--text-language", "rate": "--text-rate"}
        found = e.errors(include_url=False)[0]
        option = options[str(found["loc"][0])]
        raise UserError(f"{option}: expected {expected_words(found)}.") from e


def _print_dry_run(
    builder: Builder, context: Context, tip: Tip, training: TrainingSpec, as_json: bool
) -> None:
    """Says what the last stage of a chain would do."""
    from t2t_xfer.stages.dry_run import dry_run
    from t2t_xfer.stages.train import TrainStage

    (stage,) = (each for each in builder.stages.values() if each.id == tip.trained_id)
    assert isinstance(stage, TrainStage)
    found = dry_run(context, tip.base, stage)
    if as_json:
        peak = {"peak": found.memory.peak}
        echo(json.dumps({**asdict(found), "memory": {**asdict(found.memory), **peak}}))
        return
    echo(_as_text(found, training))


def _as_text(found: DryRun, training: TrainingSpec) -> str:
    """The figures in a column, units beside them."""
    share = found.trainable / found.parameters
    memory = found.memory
    lines = [
        ("parameters", f"{found.parameters:,}"),
        ("trained", f"{found.trainable:,} ({share:.2%})"),
        ("steps", f"{found.steps:,} of {found.examples_per_step} examples"),
        (
            "tokens per step",
            f"{found.tokens_per_step:,.0f} (most {found.most_tokens_in_a_step:,}), in"
            f" {found.micro_batches_per_step:.1f} micro-batches of at most"
            f" {training.micro_batch_tokens:,}",
        ),
        ("padding", f"{found.padding_share:.1%} of what is computed"),
        ("peak memory", f"{options.binary_size(memory.peak)}, estimated for one device"),
        *((f"  {f.name}", options.binary_size(getattr(memory, f.name))) for f in fields(memory)),
    ]
    width = max(len(name) for name, _ in lines)
    return "\n".join(f"{name:<{width}}  {value}" for name, value in lines)
