"""What tagging tasks add to the identity, the checks and the record of a stage.

A model is trained on tags in the form that it will be read in: `readout: {causal: generate}` in a
task's YAML changes its training rows, so the form belongs to the identity of a `train` stage.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from t2t_xfer.architectures import planned_readout
from t2t_xfer.architectures.micro import NUM_SENTINELS, SPECIAL
from t2t_xfer.errors import UnsupportedError
from t2t_xfer.records import ArchitectureName, Generation, Json, Readout, Slots
from t2t_xfer.stages.bases import Base
from t2t_xfer.stages.few_shot import check_untrained
from t2t_xfer.stages.task import Task

if TYPE_CHECKING:
    from t2t_xfer.architectures.rows import Row

ROWS_VERSION = 3
"""Of the rows that sentences become. 2: sentences that are too long are cut into even pieces. 3: an
encoder reads a word at its own first token, not at a space that is a token by itself."""


def trained_form(base: Base, task: Task) -> dict[str, Json]:
    """What `train_spec` says of a tagging task; nothing of others.

    Raises:
        UnsupportedError: see `check_codes`, or the architecture has no such readout.
    """
    if task.answer.asks is not Slots:
        return {}
    check_codes(base, task)
    readout = tag_readout(base.architecture, task)
    return {"tagging": {"rows_version": ROWS_VERSION, "form": readout.value}}


def read_form(base: Base, task: Task, readout: Readout) -> dict[str, Json]:
    """What `predict_spec` says of a tagging task beside its readout; nothing of others.

    Raises:
        UnsupportedError: see `check_codes`; or tags are to be written without their grammar.
    """
    if task.answer.asks is not Slots:
        return {}
    check_codes(base, task)
    if readout is Readout.generate and not task.spec.decoding.constrained:
        raise UnsupportedError(
            f"task {task.name!r}: tags are written under their grammar only, because a model is"
            " trained on the tags and not on the words between them. Leave out"
            " `decoding: {constrained: false}`."
        )
    # One pass logs both readings; what is written is one of them.
    held = readout is Readout.generate and task.spec.tag_reading == "legal"
    return {"tagging": {"rows_version": ROWS_VERSION, **({"legal": True} if held else {})}}


def form_of(spec: Any) -> Readout | None:
    """The form that a `train` stage's spec asks for, for `Architecture.training_rows`."""
    return Readout(spec["tagging"]["form"]) if "tagging" in spec else None


def tag_readout(architecture: ArchitectureName, task: Task) -> Readout:
    """The readout of a tagging task, which is also the form of its training rows."""
    return planned_readout(architecture, task.answer, task.spec.readout.get(architecture))


def check_codes(base: Base, task: Task) -> None:
    """Refuses more tags than a new model's vocabulary has codes for, before it is made.

    Raises:
        UnsupportedError: it has too few. That of a model that exists is seen when it is loaded.
    """
    if base.new is None:
        return
    special = len(SPECIAL) + NUM_SENTINELS
    if len(task.options) > base.new.vocabulary - special:
        raise UnsupportedError(
            f"task {task.name!r} has {len(task.options)} tags, and each needs a token of its own,"
            f" but a new model with a vocabulary of {base.new.vocabulary} has"
            f" {base.new.vocabulary - special} to give. Set `new.vocabulary` to at least"
            f" {len(task.options) + special}."
        )


def check_same_form(architecture: ArchitectureName, trained: Task, tested: Task) -> None:
    """Refuses to read a trained model in another form than it was trained in.

    Raises:
        UnsupportedError: of two tagging tasks one is written, the other is read in one pass; or
            the tested task shows solved examples.
    """
    check_untrained(tested)
    if trained.answer.asks is not Slots or tested.answer.asks is not Slots:
        return
    form, readout = tag_readout(architecture, trained), tag_readout(architecture, tested)
    if form is not readout:
        raise UnsupportedError(
            f"task {tested.name!r} is read by {readout.value!r}, but its training task"
            f" {trained.name!r} is trained for {form.value!r}, and a model learns the form with"
            f" the tags. Give both the same `readout: {{{architecture}: …}}`."
        )


def count_training(task: Task, rows_of_each: Iterable[Sequence[Row]]) -> dict[str, Json]:
    """How many sentences training cuts into pieces; nothing for other tasks, whose rows are not
    made."""
    if task.answer.asks is not Slots:
        return {}
    counts = [*rows_of_each]
    removed = sum(row.removed_tokens for rows in counts for row in rows)
    return {**_counts([len(rows) for rows in counts]), "removed_tokens": removed}


def count_read(task: Task, generations: Sequence[Generation]) -> dict[str, Json]:
    """How many sentences were read in pieces; nothing for other tasks."""
    if task.answer.asks is not Slots:
        return {}
    return _counts([generation.pieces for generation in generations])


def _counts(pieces: Sequence[int]) -> dict[str, Json]:
    return {"num_split": sum(n > 1 for n in pieces), "num_pieces": sum(pieces)}
