"""Training on the rows of one task, or of a mixture of several.

The stream of examples is a function of the stage alone (`training/mixture.py`); here each place of
it becomes the rows that the architecture trains on.

Settings that nobody has stated become the published ones of the task and the architecture. The
resolved numbers stand in the stage's identity, and where they are from beside it, so the record
has both. Of raw text the content counts and not the names of its files.

Dev scores are taken exactly as a `predict` and a `score` stage would do it, on the validation rows
of the language that trains. Both stand in the identity of the training, since they decide its
weights.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, cast

from pydantic import (
    Field,
    JsonValue,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from t2t_xfer import processes
from t2t_xfer.architectures.checkpoint import AdapterBase, adapter_base
from t2t_xfer.data.examples import missing_languages
from t2t_xfer.data.rawtext import read_documents, text_identity
from t2t_xfer.errors import AbsentError, TrainingError, UnsupportedError, UserError
from t2t_xfer.paths import expanded
from t2t_xfer.records import ArchitectureName, Example, Json, Pair, Prompted, Readout, Slots
from t2t_xfer.specs.data import TextSpec
from t2t_xfer.specs.training import HOW_TO_RUN, TrainingSpec
from t2t_xfer.stages.base import Attempt, Fields, How, Kind, Shown, Stage
from t2t_xfer.stages.bases import Base, check_autocast, check_length, model_identity, resolve
from t2t_xfer.stages.context import Context
from t2t_xfer.stages.few_shot import check_untrained
from t2t_xfer.stages.logs import write_jsonl
from t2t_xfer.stages.model import CHECKPOINT, Weights, load_to_train, save_trained, weights_of
from t2t_xfer.stages.preconditions import check_rows, check_words
from t2t_xfer.stages.predict import (
    ROWS_VERSION,
    Evaluated,
    PredictStage,
    Tagging,
    check_codes,
    count_pieces,
    plan_predict,
    readout_planned,
    readouts_of,
)
from t2t_xfer.stages.score import ScoreStage, plan_score, score_examples
from t2t_xfer.stages.task import Task, check_unchanged, read_training, training_data

if TYPE_CHECKING:
    from t2t_xfer.architectures.base import Architecture
    from t2t_xfer.architectures.loading import LoadedModel
    from t2t_xfer.architectures.rows import Row
    from t2t_xfer.training.loop import Trained
    from t2t_xfer.training.mixture import Mixture, StreamPlace
    from t2t_xfer.training.objectives import CoTrained, TextRows

VERSION = 3
OBJECTIVES_VERSION = 1
"""Of the rows that text becomes (`training/objectives.py`)."""


class TrainedTask(Fields, extra="allow"):
    """A task that is trained on. What is extra describes the rows (`task.training_data`)."""

    shown: Shown
    tagging: Tagging | None = None
    language: str = ""
    """The source language, or, where the task names several:"""
    languages: tuple[str, ...] = ()

    @property
    def in_languages(self) -> tuple[str, ...]:
        """Of the rows."""
        return self.languages or (self.language,)

    @property
    def form(self) -> Readout | None:
        """Of tags, the readout that they are trained for."""
        return None if self.tagging is None else self.tagging.form


class TrainText(Fields, extra="allow"):
    """Raw text among the examples. What is extra is its `TextSpec`, without the files."""

    version: int
    data: dict[str, JsonValue]
    """By language the number and the hash of its documents."""


class Dev(Fields):
    """How the dev score of a task is taken."""

    predict: PredictStage
    score: ScoreStage


class TrainHow(How):
    """How a training is done; with `HOW_TO_RUN` of its settings."""

    checkpoint_steps: int | None = None
    settings_from: dict[str, str] = Field(default_factory=dict)
    """Setting to `stated`, or to who published it."""
    text_files: tuple[str, ...] | None = None
    gradient_checkpointing: bool = False
    report_to: str = "none"


class TrainStage(Stage):
    """Weights, or an adapter, trained from a base or from what another stage made."""

    kind: ClassVar[Kind] = "train"

    how: TrainHow = Field(default=TrainHow(), exclude=True)
    model: dict[str, JsonValue]
    """Content of a checkpoint that exists; empty if a stage makes it."""
    dtype: str
    tasks: tuple[TrainedTask, ...]
    """In JSON the keys of a single task stand with the stage's own, those of several under
    `mixture`."""
    limit: int | None
    """Training rows of each task."""
    training: TrainingSpec
    seed: int
    text: TrainText | None = None
    dev: tuple[Dev, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _with_tasks(cls, value: Any) -> Any:
        if not isinstance(value, dict) or "tasks" in value:
            return value
        own = {key: value[key] for key in value if key in cls.model_fields}
        rest = {key: value[key] for key in value if key not in own}
        return {**own, "tasks": rest.get("mixture", (rest,))}

    @model_serializer(mode="wrap")
    def _as_json(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        found: dict[str, Any] = handler(self)
        tasks = found.pop("tasks")
        return {**found, **(tasks[0] if len(tasks) == 1 else {"mixture": tasks})}

    @property
    def settings(self) -> TrainingSpec:
        """Of the training, with those that change no result, so that they are in `how`."""
        told = {key: getattr(self.how, key) for key in HOW_TO_RUN if key in self.how.plain()}
        return self.training.model_copy(update=told)

    @property
    def raw_text(self) -> TextSpec | None:
        """What text is read, and from where."""
        if self.text is None:
            return None
        stated = {**(self.text.model_extra or {}), "files": self.how.text_files}
        return TextSpec.model_validate(stated)

    def parts(self, context: Context) -> list[TrainedPart]:
        """The training rows of each task; unlabelled ones cannot be trained on.

        Raises:
            DataError: as `read_examples`.
            UserError: a task has changed since the plan was made.
        """
        found = []
        for each in self.tasks:
            task = context.planned(each.shown)
            rows = read_training(context, task.name, each.in_languages, self.limit)
            found.append(TrainedPart(task, *rows, each.form))
        return found

    def run(self, attempt: Attempt) -> dict[str, Json]:
        """See `Stage.run`. Several processes do it together."""
        from t2t_xfer.architectures.adapters import count_parameters
        from t2t_xfer.training.devices import whole_weights
        from t2t_xfer.training.loop import train
        from t2t_xfer.training.trainer import LOG, JsonLines

        context, work, training = attempt.context, attempt.work, self.settings
        parts = self.parts(context)
        # Loaded afresh: training changes the weights that a warm model would share.
        context.forget_model()
        start = weights_of(self.how, attempt.needs)
        loaded = load_to_train(start, self.dtype, training, self.seed)
        parameters = count_parameters(loaded.model)
        check_parts(loaded.architecture, parts)
        text = self.raw_text
        texts = None if text is None else text_rows(context, text, loaded.architecture, self.seed)

        def rows_of(place: StreamPlace) -> list[Row]:
            if texts is not None and place.task == len(parts):
                return [texts.row(place.example)]
            return parts[place.task].rows(loaded.architecture, place)

        mixture = with_text(mixture_of(parts, training, self.seed), parts, text)
        # A first row of each task before the first step: what cannot work fails here, by name.
        for place in mixture.first_of_each():
            rows_of(place)
        trained = train(
            loaded,
            mixture,
            rows_of,
            training,
            seed=self.seed,
            directory=work / "training",
            callbacks=[JsonLines(work / LOG)] if training.report_to == "jsonl" else [],
            progress=attempt.progress,
            dev_scores=partial(dev_scores, context, loaded, self.dev),
        )
        weights = whole_weights(loaded.model)
        if not processes.is_first():
            return {}
        directory = work / CHECKPOINT
        base = None if training.adapter == "none" else self._base(directory, start, loaded)
        save_trained(loaded, directory, base, weights)
        _write_logs(work, trained)
        _remove_if_empty(work / "training")
        translated: dict[str, Json] = {
            each.shown.task: [*each.languages] for each in self.tasks if each.languages
        }
        return {
            "steps": trained.steps,
            "examples": trained.examples,
            "training_examples": sum(len(part.examples) for part in parts),
            **_parts_seen(mixture, texts, trained),
            "tokens": trained.tokens,
            "padding_share": round(trained.padding_share, 4),
            "micro_batch_tokens": trained.micro_batch_tokens,
            "processes": processes.count(),
            "trainable_parameters": parameters.trainable,
            "parameters": parameters.total,
            "final_loss": round(trained.losses[-1], 6) if trained.losses else None,
            "device": str(loaded.model.device),
            **({} if loaded.fresh_head is None else {"fresh_head": list(loaded.fresh_head.names)}),
            **_selected(trained),
            **_pieces(parts, rows_of),
            **({"translate_train": translated} if translated else {}),
        }

    def _base(self, directory: Path, start: Weights, loaded: LoadedModel) -> AdapterBase:
        """What an adapter in `directory` says of the model that it belongs to."""
        path = start.path
        identity = {key: value for key, value in self.model.items() if key != "adapter"}
        if "checkpoint" in self.needs:
            identity = {**model_identity(path, None)}
            # The stages of a store keep their distance from each other wherever the store goes.
            path = os.path.relpath(path, directory)
        elif expanded(path).is_dir():
            path = str(expanded(path).absolute())
        quantised = "nf4" if self.training.adapter == "qlora" else None
        fresh = None if loaded.fresh_head is None else loaded.fresh_head.sha256
        if fresh is None and start.adapter is not None:  # it goes on
            fresh = adapter_base(start.adapter).fresh_head
        return AdapterBase(path, start.revision, quantised, self.dtype, identity, fresh)


@dataclass(frozen=True)
class TrainedPart:
    """The training rows of one task."""

    task: Task
    examples: Sequence[Example]
    prompted: Sequence[Prompted]
    form: Readout | None
    """Of tags, the readout that they are trained for."""

    def rows(self, architecture: Architecture, place: StreamPlace) -> list[Row]:
        """What the architecture trains on at one place of the stream."""
        text = self.prompted[place.example]
        if self.task.answer.shuffles:
            text = self.task.answer.render(self.examples[place.example], place.epoch)
        return architecture.training_rows(text, self.form)


def check_parts(architecture: Architecture, parts: Sequence[TrainedPart]) -> None:
    """Refuses what the tokenizer cannot say apart, and examples that do not fit: before the first
    step and not at the one where they come.

    Raises:
        UnsupportedError, DataError: see `preconditions`.
    """
    for part in parts:
        readout = readout_planned(architecture.name, part.task)
        check_words(architecture.codec, architecture.name, part.task, readout)
        check_rows(architecture, part.task, part.prompted, part.form, training=True)


def _write_logs(work: Path, trained: Trained) -> None:
    """Losses of every step, also by part of a mixture; dev scores of every evaluation."""
    rows: list[dict[str, Json]] = [{"loss": loss} for loss in trained.losses]
    for row, by_part in zip(rows, trained.part_losses, strict=True):
        if by_part:
            row["parts"] = {**by_part}
    write_jsonl(work / "losses.jsonl", rows)
    if trained.selected is not None:
        curve = (point._asdict() for point in trained.selected.curve)
        write_jsonl(work / "dev.jsonl", curve)


def _parts_seen(
    mixture: Mixture | CoTrained, texts: TextRows | None, trained: Trained
) -> dict[str, Json]:
    """How many examples of each part came, and the latest loss of each."""
    counts = mixture.counts(trained.examples)
    if len(counts) == 1:
        return {}
    found: dict[str, Json] = {
        "examples_of": {**counts},
        "final_loss_of": {
            name: round(loss, 6)
            for by_part in trained.part_losses
            for name, loss in by_part.items()
        },
    }
    if texts is not None:
        found["text_examples_of"] = {**texts.counts(counts["text"])}
        found["text_documents"] = {code: len(d) for code, d in texts.documents.items()}
    return found


def _selected(trained: Trained) -> dict[str, Json]:
    """Which weights were kept, if they were chosen on dev scores."""
    if trained.selected is None:
        return {}
    best = trained.selected.best
    return {
        "selected_step": best.step,
        "dev_score": best.score,
        "dev_scores": {**best.scores},
        "dev_evaluations": len(trained.selected.curve),
    }


def _pieces(
    parts: Sequence[TrainedPart], rows_of: Callable[[StreamPlace], Sequence[Row]]
) -> dict[str, Json]:
    """How many sentences of tagging tasks were cut into pieces."""
    from t2t_xfer.training.mixture import StreamPlace

    found: dict[str, Json] = {}
    for number, part in enumerate(parts):
        if part.task.answer.asks is not Slots:
            continue
        rows = [rows_of(StreamPlace(number, i, 0)) for i in range(len(part.examples))]
        counts = count_pieces(part.task, map(len, rows))
        counts["removed_tokens"] = sum(row.removed_tokens for some in rows for row in some)
        found |= counts if len(parts) == 1 else {f"{part.task.name}_pieces": counts}
    return found


def mixture_of(parts: Sequence[TrainedPart], training: TrainingSpec, seed: int) -> Mixture:
    """The stream over the parts, as the training settings mix them.

    Raises:
        TrainingError: a task has no training examples.
    """
    from t2t_xfer.training.mixture import Mixture, Part

    for part in parts:
        if not part.examples:
            raise TrainingError(f"task {part.task.name!r}: there are no training examples.")
    if len(parts) == 1:
        return Mixture.of_one(len(parts[0].examples), seed)
    settings = training.mixture
    return Mixture(
        [Part(part.task.name, len(part.examples)) for part in parts],
        settings.rate,
        cap=settings.cap,
        temperature=settings.temperature,
        seed=seed,
    )


def with_text(
    mixture: Mixture, parts: Sequence[TrainedPart], text: TextSpec | None
) -> Mixture | CoTrained:
    """The stream with raw text in it, if there is any."""
    from t2t_xfer.training.objectives import CoTrained

    return mixture if text is None else CoTrained(mixture, text.share, parts[0].task.name)


def _remove_if_empty(folder: Path) -> None:
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()


def dev_scores(context: Context, loaded: LoadedModel, planned: Sequence[Dev]) -> dict[str, float]:
    """By task, of a model as it is now."""
    from t2t_xfer.engines.transformers import TransformersEngine

    scores: dict[str, float] = {}
    for predict, score in ((each.predict, each.score) for each in planned):
        task = context.planned(predict.shown)
        check_unchanged(task, score.parsed.plain(), task.parsed())
        rows = context.prompted(task.name, predict.language, predict.split, predict.limit)
        engine = TransformersEngine(loaded, predict.batch_tokens)
        read = engine.answer(rows[1], predict.readout, predict.decoding)
        scored = score_examples(task, *rows, {each.id: each for each in read})
        scores[task.name] = cast("float", scored.results["score"])
    return scores


def text_rows(context: Context, text: TextSpec, architecture: Architecture, seed: int) -> TextRows:
    """The text of a planned stage as training rows."""
    from t2t_xfer.training.objectives import TextRows

    documents = {code: read_documents(text, context.source, code) for code in text.codes}
    assert text.row_tokens is not None
    return TextRows(documents, architecture, text.row_tokens, seed)


def plan_training(
    context: Context,
    base: Base,
    first: bool,
    tasks: Sequence[str],
    stated: TrainingSpec,
    limit: int | None,
    seed: int,
    text: TextSpec | None = None,
) -> TrainStage:
    """The training of a base on one or more tasks, with raw text if there is any.

    How tasks are mixed does not count where there is only one.

    Args:
        first: it starts from the base rather than from another stage.
        limit: training rows of each task.

    Raises:
        UserError: whatever cannot work.
    """
    training, sources = resolve(base, tasks, stated)
    check_length(base, training.max_input_tokens)
    check_autocast(base, training.autocast)
    settings = training.canonical()
    if len(tasks) == 1:
        del settings["mixture"]
    files = {} if text is None or text.files is None else {"text_files": text.located()}
    return TrainStage.model_validate(
        {
            "how": {
                "checkpoint_steps": training.checkpoint_steps,
                "settings_from": sources,
                **files,
                **training.how_to_run(),
            },
            "version": VERSION,
            "model": base.identity if first else {},
            "dtype": base.dtype,
            "tasks": [_trained(context, base, task) for task in tasks],
            "limit": limit,
            "training": settings,
            "seed": seed,
            **_text(context, text, training),
            **_dev(context, base, tasks, training),
        }
    )


def _trained(context: Context, base: Base, name: str) -> dict[str, Any]:
    task = context.task(name)
    check_trainable(base.architecture, task)
    found = {"shown": task.shown(), **training_data(context, task)}
    if task.answer.asks is Slots:
        check_codes(base, task)
        form = readout_planned(base.architecture, task)
        found["tagging"] = {"rows_version": ROWS_VERSION, "form": form}
    return found


def check_trainable(architecture: ArchitectureName, task: Task) -> None:
    """Refuses what could only fail once training has begun.

    Raises:
        UnsupportedError: nothing can be trained on the task, or not by this architecture.
    """
    if task.answer.asks is Pair:
        raise UnsupportedError(
            f"task {task.name!r}: its answers are pairs, which are found by the states of a model"
            " as it is. There is nothing to train on; use it as a target only."
        )
    check_untrained(task)
    readout_planned(architecture, task)


def check_same_form(architecture: ArchitectureName, trained: Task, tested: Task) -> None:
    """Refuses to read a trained model in another form than it was trained in.

    Raises:
        UnsupportedError: of two tagging tasks one is written, the other is read in one pass; or
            the tested task shows solved examples.
    """
    check_untrained(tested)
    if trained.answer.asks is not Slots or tested.answer.asks is not Slots:
        return
    form, readout = readout_planned(architecture, trained), readout_planned(architecture, tested)
    if form is not readout:
        raise UnsupportedError(
            f"task {tested.name!r} is read by {readout.value!r}, but its training task"
            f" {trained.name!r} is trained for {form.value!r}, and a model learns the form with"
            f" the tags. Give both the same `readout: {{{architecture}: …}}`."
        )


def _text(
    context: Context, text: TextSpec | None, training: TrainingSpec
) -> dict[str, dict[str, Any]]:
    """What the identity of a `train` stage says of raw text; nothing where there is none.

    Raises:
        AbsentError, DataError: there is no such text.
        UserError: its rows are longer than inputs may be.
    """
    if text is None:
        return {}
    row_tokens = text.row_tokens or training.max_input_tokens
    if row_tokens > training.max_input_tokens:
        raise UserError(
            f"text: row_tokens is {row_tokens}, but max_input_tokens is"
            f" {training.max_input_tokens}, which is what the model is asked to read. Lower the"
            " first or raise the second."
        )
    data: dict[str, Json] = {
        code: [*text_identity(text, context.source, code)] for code in text.codes
    }
    stated = {**text.canonical(), "row_tokens": row_tokens}
    return {"text": {"version": OBJECTIVES_VERSION, **stated, "data": data}}


def _dev(
    context: Context, base: Base, tasks: Sequence[str], training: TrainingSpec
) -> dict[str, list[Dev]]:
    """What the identity of a `train` stage says of dev scores; nothing where none are asked for.

    Tasks of a mixture that have no validation rows do not count, as text does not.

    Raises:
        AbsentError: no task has validation rows.
        UnsupportedError: the architecture cannot answer a task.
    """
    if training.select is None:
        return {}
    chosen_on = [name for name in tasks if _has_validation(context, name)]
    if not chosen_on:
        raise AbsentError(
            f"task {', '.join(tasks)} has no validation rows in its source language here, so no"
            " weights can be chosen on them. Set `select: null` for it, which keeps the last ones."
        )
    found = []
    for name in chosen_on:
        task, language = context.task(name), context.task(name).spec.source_language
        check_chosen_on_rows_alone(task)
        test = Evaluated(name, language, "validation", training.select.limit, scored_only=False)
        readout = readouts_of(base.architecture, task)[0]
        length = training.max_input_tokens
        read = plan_predict(context, base, False, test, readout, length)
        found.append(Dev(predict=read, score=plan_score(context, test)))
    return {"dev": found}


def check_chosen_on_rows_alone(task: Task) -> None:
    """Refuses to choose weights on scores that need more than the dev rows.

    Raises:
        UnsupportedError: options are compared with what they are worth without their example.
    """
    if task.spec.rank.needs_null:
        raise UnsupportedError(
            f"task {task.name!r}: `rank` compares options with their scores without an"
            " example, which are not read again at every dev score of a training. Set"
            " `select: null`, or `rank: {normalise: sum}`."
        )


def _has_validation(context: Context, name: str) -> bool:
    spec = context.task(name).spec
    return not missing_languages(spec, context.source, [spec.source_language], "validation")
