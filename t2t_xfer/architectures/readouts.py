"""Which readout each architecture offers for each answer format. Known without torch.

The first readout of an entry is the default. What is not in the table cannot be done, and a plan
that asks for it ends before any training.

>>> planned_readout("encoder", "label", asked=None)
<Readout.slots: 'slots'>
"""

from __future__ import annotations

from t2t_xfer.errors import UnsupportedError
from t2t_xfer.records import ArchitectureName, Readout

ANSWER_READOUTS: dict[tuple[ArchitectureName, str], tuple[Readout, ...]] = {
    # One mask slot for every token of the longest label word: one forward pass.
    ("encoder", "label"): (Readout.slots,),
    # `rank` is exact for label words of any number of tokens; `slots` reads their first tokens
    # only and needs these to differ; `generate` writes one of them, token by token.
    ("seq2seq", "label"): (Readout.rank, Readout.slots, Readout.generate),
    ("causal", "label"): (Readout.rank, Readout.slots, Readout.generate),
    # Letters are label words.
    ("encoder", "choice"): (Readout.slots,),
    ("seq2seq", "choice"): (Readout.rank, Readout.slots, Readout.generate),
    ("causal", "choice"): (Readout.rank, Readout.slots, Readout.generate),
    # Texts of choices: the mean log-probability of their tokens (and the end token) decides.
    ("seq2seq", "cloze"): (Readout.rank,),
    ("causal", "cloze"): (Readout.rank,),
    # Yes or no after a prompt for each choice: the log-odds are compared.
    ("encoder", "separate"): (Readout.slots,),
    ("seq2seq", "separate"): (Readout.slots,),
    ("causal", "separate"): (Readout.slots,),
    # Two pointers, compared with the context's states.
    ("encoder", "span"): (Readout.slots,),
    ("seq2seq", "span"): (Readout.generate,),
    ("causal", "span"): (Readout.generate,),
    ("encoder", "tags"): (Readout.slots,),
    # Each is trained in the form that it is read in (docs/tagging.md).
    ("seq2seq", "tags"): (Readout.slots, Readout.generate),
    ("causal", "tags"): (Readout.slots, Readout.generate),
    # Nothing is trained: the states of one layer, and the yes/no question about the nearest.
    ("encoder", "pair"): (Readout.embed, Readout.rank),
    ("seq2seq", "pair"): (Readout.embed, Readout.rank),
    ("causal", "pair"): (Readout.embed, Readout.rank),
}

REASONS: dict[tuple[ArchitectureName, str], str] = {
    ("encoder", "cloze"): (
        "an encoder compares answers over the same mask slots, and the texts of choices have any"
        " number of tokens. Write `form: separate` (a yes or no to each choice) or leave `form` out"
        " (letters): every architecture can answer these"
    ),
}
"""Why a pair is not in the table, and the way out."""


def planned_readout(architecture: ArchitectureName, answer: str, asked: Readout | None) -> Readout:
    """The readout that a stage will use; `asked` is what the task's YAML wants, if anything.

    Raises:
        UnsupportedError: the architecture cannot answer this format, or not by that readout.
    """
    possible = ANSWER_READOUTS.get((architecture, answer), ())
    if not possible:
        reason = REASONS.get((architecture, answer))
        raise UnsupportedError(
            f"the architecture {architecture!r} cannot answer tasks of the format {answer!r}"
            + (f": {reason}." if reason else ". Leave the task or the model out of the study.")
        )
    if asked is None:
        return possible[0]
    if asked not in possible:
        raise UnsupportedError(
            f"the architecture {architecture!r} cannot read {answer!r} answers by the readout"
            f" {asked.value!r}; it can by {', '.join(r.value for r in possible)}. Change"
            f" `readout: {{{architecture}: …}}` in the task's YAML, or leave it out."
        )
    return asked
