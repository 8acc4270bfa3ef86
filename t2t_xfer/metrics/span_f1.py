"""Span F1 over tagged words, with the semantics of seqeval 0.0.12: XTREME's tagging score.

It is neither token accuracy nor token F1 (see `spans.py`), so token accuracy stands beside it.
Every statistic is a count per sentence; precision, recall and F1 are made of their sums.

>>> metric = SpanF1()
>>> metric.score([metric.statistics(("DET", "NOUN"), ("DET", "VERB"))]).value
50.0
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from t2t_xfer.errors import UserError
from t2t_xfer.metrics.metric import percent, sums
from t2t_xfer.metrics.spans import read_spans
from t2t_xfer.records import Gold, Score


@dataclass(frozen=True)
class SpanF1:
    """Micro F1 of spans. An invalid prediction has no spans and no right tag."""

    name: str = "span_f1"
    signature: str = "span_f1|semantics:seqeval-0.0.12|version:1"

    def statistics(
        self, gold: Gold, value: Gold | None, evidence: float | None = None
    ) -> tuple[float, ...]:
        """Spans right, predicted and gold; words right and all.

        Raises:
            UserError: the numbers of tags differ. The reference would shift every later
                sentence of the file by the difference, without a word.
        """
        gold = _tags(gold)
        expected = read_spans(gold)
        if value is None:
            return (0.0, 0.0, float(len(expected)), 0.0, float(len(gold)))
        value = _tags(value)
        if len(value) != len(gold):
            raise UserError(
                f"{len(value)} predicted tags for {len(gold)} words; expected one tag for each"
                f" word. Gold: {_start(gold)}. Predicted: {_start(value)}."
            )
        found = expected if value == gold else read_spans(value)
        right = sum(a == b for a, b in zip(gold, value, strict=True))
        counts = (len(expected & found), len(found), len(expected), right, len(gold))
        return tuple(map(float, counts))

    def score(self, rows: Sequence[tuple[float, ...]]) -> Score:
        """F1, 0 to 100; 0 if neither side has a span. Details: precision, recall, token_accuracy.

        `token_accuracy` is the share of words with the right tag.
        """
        both, predicted, gold, right, words = sums(rows)
        details = {
            "precision": percent(both, predicted),
            "recall": percent(both, gold),
            "token_accuracy": percent(right, words),
        }
        f1 = percent(2 * both, predicted + gold)
        return Score(self.name, f1, len(rows), details, self.signature)


def _tags(answer: Gold) -> tuple[str, ...]:
    assert isinstance(answer, tuple), f"span_f1 compares tuples of tags, not {answer!r}"
    return tuple(str(tag) for tag in answer)


def _start(tags: tuple[str, ...]) -> str:
    return " ".join(tags[:8]) + (" …" if len(tags) > 8 else "")
