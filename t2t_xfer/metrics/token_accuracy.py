"""Token accuracy: the share of words with the right tag, over all words of all sentences.

CCG supertagging is scored so. jiant looks at the first subword of each word, which is the same
number, since every word has one tag.

>>> metric = TokenAccuracy()
>>> metric.score([metric.statistics(("N", "S\\\\NP"), ("N", "NP"))]).value
50.0
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from t2t_xfer.errors import UserError
from t2t_xfer.metrics.metric import percent, sums
from t2t_xfer.records import Gold, Score


@dataclass(frozen=True)
class TokenAccuracy:
    """Share of right tags. An invalid prediction has no right tag."""

    name: str = "token_accuracy"
    signature: str = "token_accuracy|over:words|invalid:wrong|version:1"

    def statistics(
        self, gold: Gold, value: Gold | None, evidence: float | None = None
    ) -> tuple[float, ...]:
        """Words with the right tag, and all words of the sentence.

        Raises:
            UserError: the numbers of tags differ.
        """
        if value is None:
            return (0.0, float(len(gold)))
        if len(value) != len(gold):
            raise UserError(
                f"{len(value)} predicted tags for {len(gold)} words; expected one tag for each"
                " word."
            )
        right = sum(a == b for a, b in zip(gold, value, strict=True))
        return (float(right), float(len(gold)))

    def score(self, rows: Sequence[tuple[float, ...]]) -> Score:
        """The share of right tags, 0 to 100. Long sentences weigh more than short ones."""
        right, words = sums(rows)
        return Score(self.name, percent(right, words), len(rows), {}, self.signature)
