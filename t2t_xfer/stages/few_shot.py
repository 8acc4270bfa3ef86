"""Solved examples before the tested one: which they are, and how many of them fit.

The rule: shots are a function of seed, task and language. Of the first rows by a hash, the same ids
in every language, they are those with the smallest second hash, label after label, so that labels
are balanced; a tested example that is among them (some data sets repeat rows) is tested with those
that would be drawn without it. Shots that do not fit go from the front, and are counted.

    premise: A dog sleeps … relation: neutral
    <blank line>
    premise: Two men … relation:
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from t2t_xfer.data.examples import fingerprint, read_examples
from t2t_xfer.data.places import described
from t2t_xfer.errors import AbsentError, UnsupportedError, UserError
from t2t_xfer.records import (
    ArchitectureName,
    Closed,
    Example,
    Generation,
    Json,
    Prompted,
    Separate,
    Split,
)
from t2t_xfer.specs.reading import FewShotSpec, few_shots
from t2t_xfer.stages.task import Task, render

if TYPE_CHECKING:
    from t2t_xfer.stages.context import Context

POOL = 1000
"""Rows that shots are drawn from, where the split has more."""


@dataclass(frozen=True)
class Shot:
    """A solved example that may be shown."""

    input: str
    text: str
    """As it is shown: the input and its answer; of separate choices each question with its own."""
    kind: str
    """What is balanced: the label or letter; the same for all where there is none."""
    draw: str
    """Its place in the drawing, as a hash."""


def with_few_shots(task: Task, k: int) -> Task:
    """The task with another number of shots (`evaluate --few-shot K`).

    Raises:
        UnsupportedError: its answers cannot be shown.
    """
    shots = few_shots(task.spec.few_shot, k, task.name, task.spec.answer)
    return replace(task, spec=task.spec.model_copy(update={"few_shot": shots}))


def check_shots(architecture: ArchitectureName, task: Task) -> None:
    """Refuses shots for models that cannot read them.

    Raises:
        UnsupportedError: the architecture is an encoder.
    """
    if task.spec.few_shot is not None and architecture == "encoder":
        raise UnsupportedError(
            f"task {task.name!r}: `few_shot` shows solved examples before the tested one, which an"
            " encoder does not go on from: it fills masks. Leave out `few_shot`, or take a model of"
            " the architecture causal or seq2seq."
        )


def check_untrained(task: Task) -> None:
    """Refuses shots where a model is trained on the task, or tested after such a training.

    Raises:
        UnsupportedError: the task has some.
    """
    if task.spec.few_shot is not None:
        raise UnsupportedError(
            f"task {task.name!r}: `few_shot` is for models that are evaluated as they are. One that"
            " is trained on the task is trained and tested on single examples. Leave out `few_shot`"
            " here, and use it with `t2t-xfer evaluate` (docs/few_shot.md)."
        )


def shown_in(task: Task, language: str) -> str:
    """The language of the shots of a tested language."""
    shots = _spec(task)
    return language if shots.language == "same" else task.spec.source_language


def is_zero_shot(task: Task, language: str) -> bool:
    """Whether a score in a language comes without a row of it having been shown."""
    shots = task.spec.few_shot
    return shots is None or shots.language == "source" or language == task.spec.source_language


def source_of(context: Context, task: Task) -> Task:
    """The task whose rows are shown: what trains this one, or the task itself.

    Raises:
        UserError: the two have other answers.
    """
    shots = _spec(task)
    if shots.language == "same" or shots.split != "train" or task.spec.train_task is None:
        return task
    source = context.task(task.spec.train_task)
    if set(task.options) != set(source.options):
        raise UserError(
            f"the task {task.name!r} answers with {', '.join(task.options)}, but the rows of"
            f" {source.name!r}, which `few_shot` shows, with {', '.join(source.options)}. Give the"
            " labels of both the same names, or take `few_shot: {from: validation}`."
        )
    return source


def shots_spec(context: Context, task: Task, language: str) -> dict[str, Json]:
    """What the identity of a prediction says of the rows of its shots; nothing without shots.

    Raises:
        AbsentError: they are not there.
    """
    if task.spec.few_shot is None:
        return {}
    code, source, split = shown_in(task, language), source_of(context, task), _spec(task).split
    try:
        found = {
            "task": source.name,
            "language": code,
            **described(source.spec, code, split),
            "data": context.shots_fingerprint(source.name, code, split),
        }
    except AbsentError as e:
        raise AbsentError(_absent(task, source, code, split, str(e))) from e
    return {"shots": {**found}}


def _absent(task: Task, source: Task, code: str, split: str, why: str) -> str:
    return (
        f"task {task.name!r}: `few_shot` takes its examples from the {split} rows of"
        f" {source.name!r} in {code!r}, which are not there ({why}). Take another split with"
        " `from`, or `language: source`, or leave out `few_shot`."
    )


def shots_fingerprint(context: Context, name: str, language: str, split: Split) -> str:
    """Pins the rows; see `fingerprint`. That they may be in a target language was asked for."""
    spec = context.task(name).spec
    return fingerprint(spec, context.source, language, split, allow_target_language_training=True)


def drawn(context: Context, name: str, language: str) -> tuple[Shot, ...]:
    """All that may be shown for a task, in the order of drawing.

    Args:
        language: that of the shots (`shown_in`).

    Raises:
        AbsentError, DataError: the rows are not there, or not as the task says.
    """
    task = context.task(name)
    shots, source = _spec(task), source_of(context, task)
    examples = read_examples(
        source.spec,
        context.source,
        language,
        shots.split,
        limit=max(POOL, 20 * shots.k),
        allow_target_language_training=True,
    )
    start = f"few-shot/{shots.seed}/{task.name}/{shots.split}\n"
    found = []
    for example in examples:
        text = render(task, example)
        draw = hashlib.sha256(f"{start}{example.id}".encode()).hexdigest()
        found.append(Shot(text.input, _solved(task, text), _kind(task, example), draw))
    return tuple(sorted(found, key=lambda shot: shot.draw))


def _solved(task: Task, text: Prompted) -> str:
    return "".join(f"{each.input} {each.target}{_spec(task).separator}" for each in text.asked)


def _kind(task: Task, example: Example) -> str:
    return str(example.gold) if task.answer.asks in (Closed, Separate) else ""


def with_shots(task: Task, prompted: Sequence[Prompted], drawn: Sequence[Shot]) -> list[Prompted]:
    """The prompts with their shots.

    Raises:
        UserError: there are too few.
    """
    usual = _shown(task, drawn)
    inputs = {shot.input for shot in drawn}
    out = []
    for text in prompted:
        shots = usual
        if text.input in inputs:
            shots = _shown(task, [shot for shot in drawn if shot.input != text.input])
        wording = f"{text.wording}{_spec(task).separator}"
        out.append(replace(text, shots=shots, wording=wording))
    return out


def _shown(task: Task, drawn: Sequence[Shot]) -> tuple[str, ...]:
    """The texts of the first `k`, one of each kind in turn, in the order of drawing.

    Which kind begins is decided by the drawing too: its first shot was drawn first.
    """
    spec = _spec(task)
    kinds: dict[str, list[Shot]] = {}
    for shot in drawn:
        kinds.setdefault(shot.kind, []).append(shot)
    turns = [(turn, shot) for of_kind in kinds.values() for turn, shot in enumerate(of_kind)]
    chosen = [shot for _, shot in sorted(turns, key=lambda each: (each[0], each[1].draw))[: spec.k]]
    if len(chosen) < spec.k:
        raise UserError(
            f"task {task.name!r}: `few_shot` asks for {spec.k} examples, but the {spec.split} rows"
            f" hold {len(chosen)} beside the tested one. Lower `k`."
        )
    chosen.sort(key=lambda shot: shot.draw)
    return tuple(shot.text for shot in chosen)


def count_shots(task: Task, generations: Sequence[Generation]) -> dict[str, Json]:
    """What a `predict` record says of shots; nothing without them."""
    if task.spec.few_shot is None:
        return {}
    return {"removed_shots": sum(generation.removed_shots for generation in generations)}


def shots_scored(
    task: Task, language: str, generations: Sequence[Generation]
) -> tuple[list[str], dict[str, Json]]:
    """What the signature and the results of a score say of shots; nothing without them."""
    if task.spec.few_shot is None:
        return [], {}
    spec = task.spec.few_shot
    told = f"few-shot:{spec.k},seed:{spec.seed},from:{spec.split},language:{spec.language}"
    results: dict[str, Json] = {
        "shots": spec.k,
        "shots_language": shown_in(task, language),
        "zero_shot": is_zero_shot(task, language),
        **count_shots(task, generations),
    }
    return [told], results


def _spec(task: Task) -> FewShotSpec:
    assert task.spec.few_shot is not None
    return task.spec.few_shot
