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
) -> Generation:
    """What a perfect engine would have read for this example.

    Raises:
        ValueError: the example has no gold answer, or its format cannot be read this way.
    """
    if example.gold is None:
        raise ValueError(f"example {example.id!r} has no gold answer")
    if readout is Readout.generate:
        return Generation(example.id, readout, text=prompted.target)
    if task.answer.name == "pair":
        return Generation(example.id, readout, scores=(1.0,), neighbours=(str(example.gold),))
    if prompted.slots:
        index = {text: i for i, text in enumerate(task.answer.options.texts)}
        choices = tuple(index[target] for target in prompted.slot_targets)
        return Generation(example.id, readout, choices=choices)
    if prompted.copied:
        place = None if prompted.answer is None else (prompted.answer.start, prompted.answer.end)
        return Generation(example.id, readout, place=place)
    best = task.options.index(str(example.gold))
    scores = tuple(0.0 if i == best else -1.0 for i in range(len(task.options)))
    lengths = (1,) * len(scores) if prompted.candidates else ()
    return Generation(example.id, readout, scores=scores, lengths=lengths)


def expected_value(gold: Gold) -> Gold:
    """What a prediction must hold to be the gold answer.

    Of several accepted answers to a question the first, which is what models are trained on;
    without the white space at its ends. Empty: the question cannot be answered.
    """
    if isinstance(gold, str):
        return gold
    if not gold:
        return ""
    first = gold[0]
    return first.text.strip() if isinstance(first, Answer) else gold
