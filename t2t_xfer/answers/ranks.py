"""What ranked options are compared by: logged log-probabilities, normalised or calibrated.

With `s` the log-probability of a whole option, its end token included, summed over its `n` tokens:

    sum          s
    tokens       s / n                                (the end token counts in both)
    characters   s / characters of its text
    pmi          s - s behind the domain text alone   log p(option | input) - log p(option | domain)
    contextual   s - log mean p                       p: its share among the options where the
                                                      prompt's fields say nothing

Contextual calibration comes after `tokens` or `characters`. It is Zhao et al.'s `W = diag(p)^-1`,
`b = 0`, of which only the logarithm is taken, so the best option is theirs.

>>> Ranks(RankSpec(normalise="tokens"), cloze=False).signature
'rank:tokens'
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from t2t_xfer.records import Generation, Readout
from t2t_xfer.specs.reading import RankSpec


class Ranks:
    """How the options of one task are compared."""

    def __init__(self, spec: RankSpec, cloze: bool) -> None:
        self._normalise = spec.resolved(cloze)
        self._calibrated = spec.calibrate == "contextual"
        self.signature = self._signed(spec, cloze)
        """For the score's signature; empty for the sums of fixed options, the plainest of all."""

    def scores(self, generation: Generation, texts: Sequence[str]) -> tuple[float, ...]:
        """One number for each option, the highest of which is the answer.

        Args:
            generation: with `without_context` where that is compared with. The scores of another
                readout than `rank` stay as they are.
            texts: of the options, in their order.

        Raises:
            ValueError: the log lacks what is compared: a bug of ours.
        """
        if generation.readout is not Readout.rank:
            return generation.scores
        own = self._normalised(generation.scores, generation, texts)
        if not self._calibrated and self._normalise != "pmi":
            return own
        if not generation.without_context:
            raise ValueError(f"generation {generation.id!r} has no scores without context")
        if self._normalise == "pmi":
            (alone,) = generation.without_context
            return tuple(score - other for score, other in zip(own, alone, strict=True))
        free = [self._normalised(each, generation, texts) for each in generation.without_context]
        return tuple(score - other for score, other in zip(own, _log_mean_share(free), strict=True))

    def _normalised(
        self, scores: Sequence[float], generation: Generation, texts: Sequence[str]
    ) -> tuple[float, ...]:
        if self._normalise == "tokens":
            lengths: Sequence[int] = generation.lengths
        elif self._normalise == "characters":
            lengths = [len(text) for text in texts]
        else:
            return tuple(scores)
        if len(lengths) != len(scores):
            raise ValueError(f"generation {generation.id!r}: {lengths} are no lengths of {scores}")
        return tuple(score / length for score, length in zip(scores, lengths, strict=True))

    def _signed(self, spec: RankSpec, cloze: bool) -> str:
        plain = self._normalise == "sum" and not cloze
        said: list[str] = [] if plain else [self._normalise]
        if self._normalise == "pmi":
            said.append(f"domain={spec.domain!r}")
        if self._calibrated:
            said.append(f"contextual={','.join(map(repr, spec.content_free))}")
        return f"rank:{'+'.join(said)}" if said else ""


def _log_mean_share(inputs: Sequence[Sequence[float]]) -> list[float]:
    """The logarithm of each option's mean probability among the options, over several inputs."""
    shares = [_log_shares(scores) for scores in inputs]
    return [_log_sum(column) - math.log(len(inputs)) for column in zip(*shares, strict=True)]


def _log_shares(scores: Sequence[float]) -> list[float]:
    total = _log_sum(scores)
    return [score - total for score in scores]


def _log_sum(terms: Sequence[float]) -> float:
    """log(sum(exp(term))), whatever the size of the terms."""
    top = max(terms)
    return top + math.log(sum(math.exp(term - top) for term in terms))
