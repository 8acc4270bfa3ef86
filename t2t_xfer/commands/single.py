"""`t2t-xfer train` and `evaluate`: one checkpoint, one task, through the same stages as a study."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from t2t_xfer import processes
from t2t_xfer.commands import options, text_options
from t2t_xfer.commands.dry_run import print_dry_run
from t2t_xfer.errors import UserError
from t2t_xfer.progress import quiet_libraries
from t2t_xfer.terminal import echo

if TYPE_CHECKING:
    from t2t_xfer.specs.training import TrainingSpec
    from t2t_xfer.stages.context import Context
    from t2t_xfer.study.as_is import EngineName
    from t2t_xfer.study.plan import Builder

MODEL_HELP = (
    "A directory, a hub id, micro:encoder, micro:seq2seq or micro:causal (small, pretrained on the"
    " microworld), or the same with new: (small, untrained)."
)


@click.command()
@click.option("--model", required=True, help=MODEL_HELP)
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
@text_options.files
@text_options.languages
@text_options.rate
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

    text = text_options.text_spec(text_files, text_languages, text_rate)
    builder, context = _builder(data)
    trained = tuple(dict.fromkeys(context.trained_on(task) for task in tasks))
    spec = context.task(trained[0]).spec
    settings = _training(training_file, adapter)
    tip = builder.start(_model(model, context, spec.source_language))
    tip = builder.train(tip, trained, settings, limit, seed, text)
    if only_plan:
        print_dry_run(builder, context, tip, settings, as_json)
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


@click.command()
@click.option("--model", default=None, help=MODEL_HELP + " Not needed by oracle and majority.")
@click.option(
    "--adapter",
    "adapters",
    multiple=True,
    metavar="DIR|none",
    help="A LoRA adapter in PEFT's format, to put over the model; none: the model without one."
    " Repeated: one after the other over the same model, which is loaded once.",
)
@click.option("--task", "tasks", required=True, multiple=True, help="May be repeated.")
@click.option(
    "--language",
    "languages",
    multiple=True,
    default=("all",),
    help="May be repeated; or all. Of several tasks each is tested in those that it has.",
)
@click.option(
    "--engine",
    type=click.Choice(["auto", "transformers", "vllm", "oracle", "majority"]),
    default="auto",
    show_default=True,
    help="auto: vllm where it pays, else transformers. vllm: decoders only; see docs/vllm.md.",
)
@click.option("--max-input-tokens", type=click.IntRange(8), default=256, show_default=True)
@click.option(
    "--few-shot",
    type=click.IntRange(0),
    default=None,
    metavar="K",
    help="Show K solved examples before each; beats `few_shot` in the task's YAML.",
)
@options.data
@options.skip_missing
@options.limit
@options.output
@options.as_json
def evaluate(
    model: str | None,
    adapters: tuple[str, ...],
    tasks: tuple[str, ...],
    languages: tuple[str, ...],
    engine: EngineName,
    max_input_tokens: int,
    few_shot: int | None,
    data: str,
    skip_missing: bool,
    limit: int | None,
    output: Path,
    as_json: bool,
) -> None:
    """Test a model on tasks in some or all languages, zero-shot, with one or more adapters."""
    processes.check_single("t2t-xfer evaluate", "Start it once, without a launcher.")
    quiet_libraries()
    from t2t_xfer.commands.evaluated import print_evaluated
    from t2t_xfer.specs.catalogue import Catalogue
    from t2t_xfer.stages.context import Context
    from t2t_xfer.study.as_is import NONE, Evaluation, plan_evaluation, run_evaluation
    from t2t_xfer.study.store import Store

    asked = Evaluation(
        model, adapters or (NONE,), tasks, languages, engine, limit, max_input_tokens, skip_missing
    )
    shots = {} if few_shot is None else dict.fromkeys(tasks, few_shot)
    context = Context(Catalogue(), data, shots)
    say = functools.partial(echo, err=True)
    store = Store(output / options.STORE)
    plan = plan_evaluation(context, asked, say, store)
    results, lost = run_evaluation(plan, context, store, say)
    own = {task: context.task(task).spec.languages for task in dict.fromkeys(tasks)}
    print_evaluated(asked, own, results, lost, as_json)
    if lost:
        raise SystemExit(1)


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
    from t2t_xfer.commands.together import dismiss, follow, leading
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
        follow(plan, runner)
        raise SystemExit(0)
    say = functools.partial(echo, err=True)
    summary = run_plan(plan, store, leading(runner), say)
    for error in summary.errors.values():
        if isinstance(error, UserError):
            raise error
    if summary.failed:
        log = summary.logs.get(summary.failed[0], "none")
        echo(f"failed: {summary.failed[0]}, log: {log}", err=True)
        raise SystemExit(1)
    dismiss()
    return store
