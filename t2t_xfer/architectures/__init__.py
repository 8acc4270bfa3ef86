"""Where the target text sits in each architecture, and how answers are read from it.

Importing this package does not import torch: plans ask it what is possible.

>>> from t2t_xfer.records import Closed
>>> way_of("encoder", Closed).readouts
(<Readout.slots: 'slots'>,)
"""

from __future__ import annotations

from t2t_xfer.answers import AnswerFormat
from t2t_xfer.architectures.base import NO_WAY, Architecture, Way
from t2t_xfer.architectures.causal import Causal
from t2t_xfer.architectures.encoder import Encoder
from t2t_xfer.architectures.seq2seq import Seq2Seq
from t2t_xfer.errors import UnsupportedError
from t2t_xfer.records import ArchitectureName, Question, Readout

ARCHITECTURES: dict[ArchitectureName, type[Architecture]] = {
    "encoder": Encoder,
    "seq2seq": Seq2Seq,
    "causal": Causal,
}


def way_of(architecture: ArchitectureName, question: type[Question]) -> Way:
    """How an architecture answers a kind of question; without readouts if it cannot."""
    return ARCHITECTURES[architecture].ways.get(question, NO_WAY)


def planned_readout(
    architecture: ArchitectureName, answer: AnswerFormat, asked: Readout | None
) -> Readout:
    """The readout that a stage will use.

    Args:
        asked: what the task's YAML wants, if anything.

    Raises:
        UnsupportedError: the architecture cannot answer such questions, or not by that readout.
    """
    way = way_of(architecture, answer.asks)
    if not way.readouts:
        raise UnsupportedError(
            f"the architecture {architecture!r} cannot answer tasks of the format {answer.name!r}"
            + (
                f": {way.reason}."
                if way.reason
                else ". Leave the task or the model out of the study."
            )
        )
    if asked is None:
        return way.readouts[0]
    if asked not in way.readouts:
        raise UnsupportedError(
            f"the architecture {architecture!r} cannot read {answer.name!r} answers by the readout"
            f" {asked.value!r}; it can by {', '.join(r.value for r in way.readouts)}. Change"
            f" `readout: {{{architecture}: …}}` in the task's YAML, or leave it out."
        )
    return asked
