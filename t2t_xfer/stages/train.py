"""Training on the rows of one task, or of a mixture of several.

The stream of examples is a function of the spec alone (`training/mixture.py`); here each place of
it becomes the rows that the architecture trains on.

Settings that nobody has stated become the published ones of the task and the architecture. The
resolved numbers stand in the stage's identity, and where they are from beside it, so the record
has both. Of raw text the content counts and not the names of its files.

Dev scores are taken exactly as a `predict` and a `score` stage would do it, on the validation rows
of the language that trains. Both identities stand in that of the training, since they decide its
weights.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from t2t_xfer import processes
from t2t_xfer.architectures import planned_readout
from t2t_xfer.architectures.checkpoint import ANSWER_ROOM
from t2t_xfer.data.examples import missing_languages
from t2t_xfer.data.rawtext import read_documents, text_identity
from t2t_xfer.errors import AbsentError, UnsupportedError, UserError
from t2t_xfer.records import Decoding, Example, Json, Prompted, Readout
from t2t_xfer.specs.data import TextSpec
from t2t_xfer.specs.training import DEFAULTS, HOW_TO_RUN, TrainingSpec, published
from t2t_xfer.stages.bases import Base
from t2t_xfer.stages.context import Context
from t2t_xfer.stages.logs import write_jsonl
from t2t_xfer.stages.model import load_to_train, save_trained, weights_of
from t2t_xfer.stages.plans import (
    check_length,
    predict_spec,
    readouts_of,
    score_spec,
    train_spec,
    trained_parts,
)
from t2t_xfer.stages.preconditions import check_rows, check_words
from t2t_xfer.stages.predict import Evaluated, check_chosen_on_rows_alone
from t2t_xfer.stages.score import score_examples
from t2t_xfer.stages.stagelike import StageLike
from t2t_xfer.stages.tagging import count_training, form_of
from t2t_xfer.stages.task import Task, check_unchanged, languages_in, read_training, translated_in

if TYPE_CHECKING:
    from t2t_xfer.architectures.base import Architecture
    from t2t_xfer.architectures.loading import LoadedModel
    from t2t_xfer.architectures.rows import Row
    from t2t_xfer.training.loop import Trained
    from t2t_xfer.training.mixture import Mixture, Place
    from t2t_xfer.training.objectives import CoTrained, TextRows


@dataclass(frozen=True)
class TrainedPart:
    """The training rows of one task."""

    task: Task
    examples: Sequence[Example]
    prompted: Sequence[Prompted]
    form: Readout | None
    """Of tags, the readout that they are trained for."""

    def rows(self, architecture: Architecture, place: Place) -> list[Row]:
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
        asked = part.task.spec.readout.get(architecture.name)
        readout = planned_readout(architecture.name, part.task.answer, asked)
        check_words(architecture.codec, architecture.name, part.task, readout)
        check_rows(architecture, part.task, part.prompted, part.form, training=True)


def run_training(
    context: Context,
    stage: StageLike,
    work: Path,
    needs: Mapping[str, Path],
    task_of: Callable[[Mapping[str, Any]], Task],
    progress: bool,
) -> Mapping[str, Json]:
    """Does a `train` stage; the results go into its record. Several processes do it together.

    Args:
        task_of: the task of a part of the spec, refused if it has changed since planning.
    """
    from t2t_xfer.architectures.adapters import count_parameters
    from t2t_xfer.training.devices import whole_weights
    from t2t_xfer.training.loop import train
    from t2t_xfer.training.trainer import LOG, JsonLines

    spec, how = cast("Any", stage.spec), cast("Any", stage.how)
    # How often to save and the like change no result, so they are not in the spec.
    told = {key: how[key] for key in HOW_TO_RUN if key in how}
    training = TrainingSpec.model_validate({**spec["training"], **told})
    parts = []
    for part in trained_parts(spec):
        task = task_of(part)
        # Unlabelled rows cannot be trained on; `read_examples` has dropped them.
        read = read_training(context, task.name, languages_in(part), spec["limit"])
        parts.append(TrainedPart(task, *read, form_of(part)))
    # Loaded afresh: training changes the weights that a warm model would share.
    context.forget_model()
    loaded = load_to_train(weights_of(stage, needs), spec["dtype"], training, spec["seed"])
    parameters = count_parameters(loaded.model)
    architecture = loaded.architecture
    check_parts(architecture, parts)
    text = planned_text(spec, how)
    texts = None if text is None else text_rows(context, text, architecture, spec["seed"])

    def rows_of(place: Place) -> list[Row]:
        if texts is not None and place.task == len(parts):
            return [texts.row(place.example)]
        return parts[place.task].rows(architecture, place)

    mixture = with_text(mixture_of(parts, training, spec["seed"]), parts, text)
    # A first row of each task before the first step: what cannot work fails here, by name.
    for place in mixture.first_of_each():
        rows_of(place)
    trained = train(
        loaded,
        mixture,
        rows_of,
        training,
        seed=spec["seed"],
        directory=work / "training",
        callbacks=[JsonLines(work / LOG)] if training.report_to == "jsonl" else [],
        progress=progress,
        dev_scores=DevScorer(context, loaded, spec.get("dev", ()), task_of),
    )
    weights = whole_weights(loaded.model)
    if not processes.is_first():
        return {}
    save_trained(loaded, work, stage, needs, training, weights)
    _write_logs(work, trained)
    _remove_if_empty(work / "training")
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
        **translated_in(trained_parts(spec)),
    }


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
    parts: Sequence[TrainedPart], rows_of: Callable[[Place], Sequence[Row]]
) -> dict[str, Json]:
    """How many sentences of tagging tasks were cut into pieces."""
    from t2t_xfer.training.mixture import Place

    found: dict[str, Json] = {}
    for number, part in enumerate(parts):
        rows = (rows_of(Place(number, i, 0)) for i in range(len(part.examples)))
        counts = count_training(part.task, rows)
        found |= counts if len(parts) == 1 else {f"{part.task.name}_pieces": counts}
    return found


def mixture_of(parts: Sequence[TrainedPart], training: TrainingSpec, seed: int) -> Mixture:
    """The stream over the parts, as the training settings mix them.

    Raises:
        TrainingError: a task has no training examples.
    """
    from t2t_xfer.errors import TrainingError
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


LONGEST_ANSWER = 4 * ANSWER_ROOM
"""Tokens that a model must have behind a published length of inputs."""


class Resolved(NamedTuple):
    """Settings with every number in its place."""

    training: TrainingSpec
    sources: dict[str, Json]
    """Of each setting: `stated`, or who published it."""


class TrainPlan(NamedTuple):
    """What a `train` stage is, and how it is done."""

    spec: dict[str, Json]
    how: dict[str, Json]


def plan_training(
    context: Context,
    base: Base,
    first: bool,
    tasks: Sequence[str],
    stated: TrainingSpec,
    limit: int | None,
    seed: int,
    text: TextSpec | None = None,
) -> TrainPlan:
    """The training of a base on one or more tasks, with raw text if there is any.

    Args:
        first: it starts from the base rather than from another stage.
        limit: training rows of each task.

    Raises:
        UserError: whatever cannot work.
    """
    training, sources = resolve(base, tasks, stated)
    spec = train_spec(context, base, first, tasks, training, limit, seed)
    spec |= text_spec(context, text, training)
    spec |= dev_spec(context, base, tasks, training)
    how: dict[str, Json] = {
        "checkpoint_steps": training.checkpoint_steps,
        "settings_from": sources,
        **text_how(text),
    }
    return TrainPlan(spec, how)


def resolve(base: Base, tasks: Sequence[str], stated: TrainingSpec) -> Resolved:
    """The settings of a training: those that are stated, and published ones for the rest."""
    found = published(base.architecture, stated.adapter, tasks, stated.optimizer)
    said = stated.model_fields_set
    if stated.steps is not None:
        found.pop("epochs", None)
    length = found.get("max_input_tokens")
    if length is not None and not _fits(base, int(length.value)):
        del found["max_input_tokens"]
    taken = {key: setting for key, setting in found.items() if key not in said}
    values = {key: each.value for key, each in taken.items()}
    training = TrainingSpec.model_validate({**stated.model_dump(exclude_unset=True), **values})
    sources: dict[str, Json] = {key: each.source for key, each in taken.items()}
    keys = DEFAULTS.keys() | found.keys() | {"steps"}
    if training.steps is not None:
        keys -= {"epochs"}
    for key in sorted(keys - taken.keys()):
        if key in said and getattr(training, key) is not None:
            sources[key] = "stated"
        elif key in DEFAULTS:
            sources[key] = DEFAULTS[key]
    return Resolved(training, dict(sorted(sources.items())))


def _fits(base: Base, max_input_tokens: int) -> bool:
    try:
        check_length(base, max_input_tokens, LONGEST_ANSWER)
    except UnsupportedError:
        return False
    return True


def dev_spec(
    context: Context, base: Base, tasks: Sequence[str], training: TrainingSpec
) -> dict[str, list[Json]]:
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
    found: list[Json] = []
    for name in chosen_on:
        task, language = context.task(name), context.task(name).spec.source_language
        test = Evaluated(name, language, "validation", training.select.limit, scored_only=False)
        check_chosen_on_rows_alone(task)
        readout = readouts_of(base.architecture, task)[0]
        length = training.max_input_tokens
        read = predict_spec(context, base, False, test, readout, length)
        found.append({"predict": read, "score": score_spec(context, test)})
    return {"dev": found}


def _has_validation(context: Context, name: str) -> bool:
    spec = context.task(name).spec
    return not missing_languages(spec, context.source, [spec.source_language], "validation")


@dataclass
class DevScorer:
    """The dev score of every task, of a model as it is now."""

    context: Context
    loaded: LoadedModel
    planned: Sequence[Mapping[str, Any]]
    """`dev` of the stage's spec."""
    task_of: Callable[[Mapping[str, Any]], Task]
    """The task of a part of the spec, refused if it has changed since planning."""

    def __call__(self) -> dict[str, float]:
        """By task."""
        scores: dict[str, float] = {}
        for each in self.planned:
            task = self.task_of(each["predict"])
            check_unchanged(task, each["score"]["parsed"], task.parsed())
            scores[task.name] = self._score(task, each["predict"])
        return scores

    def _score(self, task: Task, spec: Mapping[str, Any]) -> float:
        from t2t_xfer.engines.transformers import TransformersEngine

        examples, prompted = self.context.prompted(
            task.name, spec["language"], spec["split"], spec["limit"]
        )
        engine = TransformersEngine(self.loaded, spec["batch_tokens"])
        decoding = Decoding(**spec.get("decoding", {}))
        read = engine.answer(prompted, Readout(spec["readout"]), decoding)
        scored = score_examples(task, examples, prompted, {each.id: each for each in read})
        return cast("float", scored.results["score"])


OBJECTIVES_VERSION = 1
"""Of the rows that text becomes (`architectures/objectives.py`, `training/cotraining.py`)."""


def text_spec(
    context: Context, text: TextSpec | None, training: TrainingSpec
) -> dict[str, dict[str, Json]]:
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


def text_how(text: TextSpec | None) -> dict[str, Json]:
    """Where the files are; nothing where there are none."""
    return {} if text is None or text.files is None else {"text_files": text.located()}


def planned_text(spec: Mapping[str, Any], how: Mapping[str, Any]) -> TextSpec | None:
    """The raw text of a planned stage."""
    if "text" not in spec:
        return None
    stated = {key: value for key, value in spec["text"].items() if key not in ("version", "data")}
    files = [*how["text_files"]] if "text_files" in how else None
    return TextSpec.model_validate({**stated, "files": files})


def text_rows(context: Context, text: TextSpec, architecture: Architecture, seed: int) -> TextRows:
    """The text of a planned stage as training rows."""
    from t2t_xfer.training.objectives import TextRows

    documents = {code: read_documents(text, context.source, code) for code in text.codes}
    assert text.row_tokens is not None
    return TextRows(documents, architecture, text.row_tokens, seed)
