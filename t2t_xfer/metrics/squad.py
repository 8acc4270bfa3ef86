"""SQuAD's exact match and F1 over words, as XTREME scores XQuAD and TyDiQA in every language.

Answers are lowercased, then lose ASCII punctuation and the English articles; words are what white
space separates. So languages without spaces are scored by whole phrases (`北京` is no part of
`北京大学`), and marks outside ASCII count (`«Kiev»` is not `Kiev`). That is the published number;
changing it would make ours another one.

>>> metric = Squad()
>>> metric.statistics((Answer("The Norman dynasty", 0),), "Norman kings")
(0.0, 0.5)
"""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from t2t_xfer.metrics.metric import percent, sums
from t2t_xfer.records import Answer, Gold, Score

ARTICLES = re.compile(r"\b(a|an|the)\b")
PUNCTUATION = str.maketrans("", "", string.punctuation)


@dataclass(frozen=True)
class Squad:
    """The mean of exact match and F1; both are in the details. An invalid prediction is wrong."""

    name: str = "squad"
    signature: str = "squad|mean:exact_match,f1|normalizer:squad1.1|answers:best|version:1"

    def statistics(
        self, gold: Gold, value: Gold | None, evidence: float | None = None
    ) -> tuple[float, ...]:
        """Exact match and F1, 0 to 1, each against the accepted answer that suits it best."""
        return exact_and_f1(gold, value, normalized)

    def score(self, rows: Sequence[tuple[float, ...]]) -> Score:
        """Means over the examples, 0 to 100."""
        exact, f1 = (percent(total, len(rows)) for total in sums(rows))
        details = {"exact_match": exact, "f1": f1}
        return Score(self.name, (exact + f1) / 2, len(rows), details, self.signature)


def normalized(text: str) -> str:
    """The form in which two answers are compared (SQuAD v1.1)."""
    return " ".join(ARTICLES.sub(" ", text.lower().translate(PUNCTUATION)).split())


def exact_and_f1(
    gold: Gold, value: Gold | None, normalized: Callable[[str], str]
) -> tuple[float, float]:
    """Exact match and word F1 of normalised texts, each against the answer that suits it best.

    Raises:
        ValueError: the gold answers are none, or not those of a question.
    """
    texts = [answer.text for answer in gold if isinstance(answer, Answer)]
    if not texts or len(texts) < len(gold):
        raise ValueError(f"{gold!r} are no answers with places")
    if value is None:
        return (0.0, 0.0)
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is no text")
    found = normalized(value)
    wanted = [normalized(text) for text in texts]
    return float(found in wanted), max(_f1(found.split(), each.split()) for each in wanted)


def _f1(found: list[str], wanted: list[str]) -> float:
    """Harmonic mean of precision and recall over words. Nothing against nothing is 0 here."""
    same = sum((Counter(found) & Counter(wanted)).values())
    return 2 * same / (len(found) + len(wanted)) if same else 0.0
