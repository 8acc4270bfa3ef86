"""The gold answer as an engine would give it, in every way that an answer can be read.

    label    generate: the word      slots, rank: the highest score for the word
    span     generate: the text      slots: the place
    tags     generate: `0:DET …`     slots: one choice a word
    pair     generate: the id        embed, rank: the id as the nearest neighbour

What the answer format then makes of it must be the gold answer again.
"""

from __future__ import annotations

from t2t_xfer.architectures import ANSWER_READOUTS
from t2t_xfer.records import Answer, Example, Generation, Gold, Prompted, Readout
from t2t_xfer.stages.task import Task


def readouts_of_format(name: str) -> tuple[Readout, ...]:
    """`generate`, which every format can be logged in, and what any architecture offers."""
    offered = [
        readout
        for (_, answer), readouts in ANSWER_READOUTS.items()
        if answer == name
        for readout in readouts
    ]
    return tuple(dict.fromkeys([Readout.generate, *offered]))


def gold_generation(
    readout: Readout, task: Task, example: Example, prompted: Prompted
) -> Generation | None:
    """What a perfect engine would have read for this example.

    Args:
        example: with a gold answer that can be predicted (`reachable`).

    Returns:
        None where no reading says it alone: that a question has no answer is decided by a
        threshold beside its best span.
    """
    gold = str(example.gold)
    if readout is Readout.generate:
        return Generation(example.id, readout, text=prompted.target)
    if task.answer.name == "pair":
        found = (prompted.target,) if prompted.target else ()
        return Generation(example.id, readout, scores=(1.0,) * len(found), neighbours=found)
    if prompted.slots:
        index = {text: i for i, text in enumerate(task.answer.options.texts)}
        choices = tuple(index[target] for target in prompted.slot_targets)
        return Generation(example.id, readout, choices=choices)
    if prompted.copied:
        answer = prompted.answer
        place = None if answer is None else (answer.start, answer.end)
        return None if place is None else Generation(example.id, readout, place=place)
    best = task.options.index(gold)
    scores = tuple(0.0 if i == best else -1.0 for i in range(len(task.options)))
    # Options that are all as long, and as probable without the example.
    lengths, alone = (1,) * len(scores), (0.0,) * len(scores)
    return Generation(example.id, readout, scores=scores, lengths=lengths, without_context=(alone,))


def reachable(task: Task, gold: Gold) -> Gold:
    """The gold answer, or the nearest that can be predicted at all.

    Only tags have answers that cannot: a category that the training split does not hold (CCG).
    """
    if task.answer.name != "tags":
        return gold
    known = task.answer.options.texts
    other = task.spec.default_tag or known[0]
    return tuple(str(tag) if tag in known else other for tag in gold)


def expected_value(task: Task, gold: Gold) -> Gold:
    """What a prediction must hold to be the gold answer.

    Of several accepted answers to a question the first, which is what models are trained on,
    without the white space at its ends; empty: the question cannot be answered. Of several
    translations the first.
    """
    if isinstance(gold, str) or task.answer.name == "tags":
        return gold
    if not gold:
        return ""
    first = gold[0]
    return first.text.strip() if isinstance(first, Answer) else first
