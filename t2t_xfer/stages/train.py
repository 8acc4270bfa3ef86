"""Training on the rows of one task, or of a mixture of several.

The stream of examples is a function of the spec alone (`training/mixture.py`); here each place of
it becomes the rows that the architecture trains on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from t2t_xfer import processes
from t2t_xfer.architectures import planned_readout
from t2t_xfer.records import Example, Json, Prompted, Readout
from t2t_xfer.specs.data import TextSpec
from t2t_xfer.specs.training import HOW_TO_RUN, TrainingSpec
from t2t_xfer.stages.checkpoints import load_to_train, save_trained, weights_of
from t2t_xfer.stages.context import Context
from t2t_xfer.stages.cotraining import planned_text, text_rows
from t2t_xfer.stages.logs import write_jsonl
from t2t_xfer.stages.plans import trained_parts
from t2t_xfer.stages.preconditions import check_rows, check_words
from t2t_xfer.stages.selecting import DevScorer
from t2t_xfer.stages.stagelike import StageLike
from t2t_xfer.stages.tagging import count_training, form_of
from t2t_xfer.stages.task import Task
from t2t_xfer.stages.training_data import languages_in, read_training, translated_in

if TYPE_CHECKING:
    from t2t_xfer.architectures.base import Architecture
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
        return architecture.training_rows(text, self.task.answer.options, self.form)


def check_parts(architecture: Architecture, parts: Sequence[TrainedPart]) -> None:
    """Refuses what the tokenizer cannot say apart, and examples that do not fit: before the first
    step and not at the one where they come.

    Raises:
        UnsupportedError, DataError: see `preconditions`.
    """
    for part in parts:
        asked = part.task.spec.readout.get(architecture.name)
        readout = planned_readout(architecture.name, part.task.answer.name, asked)
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
