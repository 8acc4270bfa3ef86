"""Metrics of answers to questions: SQuAD, MLQA and SQuAD 2.0, each the mean of exact match and F1.

**SQuAD** (XTREME scores XQuAD and TyDiQA so in every language): answers are lowercased, then lose
ASCII punctuation and the English articles; words are what white space separates. So languages
without spaces are scored by whole phrases (`北京` is no part of `北京大学`), and marks outside
ASCII count (`«Kiev»` is not `Kiev`). That is the published number; changing it would make ours
another one.

**MLQA** (Lewis et al. 2020) has a normaliser for each language: answers lose every character of a
Unicode category P* and ASCII punctuation, then the language's articles; in Chinese each Han
character is a word. The rules are those of `mlqa_evaluation_v1.py`, oddities included: Arabic loses
the letters of its article wherever they stand, also inside a word.

**SQuAD 2.0**: some questions have no answer. A prediction is the best span with the *evidence* that
it beats "no answer"; the null score is the evidence with its sign turned. A threshold on the null
score decides: above it, there is no answer. A question without an answer counts 1 if and only if
that is what was predicted. The semantics are those of the official `evaluate-v2.0.py`, which the
published "best exact" and "best F1" come from: exact match and F1 have a threshold each, chosen on
the predictions by one sweep. It starts with no question answered, takes them in by ascending null
score (of equal ones in the order given), and remembers the null score of the question after which
the sum of the scores was first at its highest.

    null scores   -5   -1   2           the sum starts at 1: one question has no answer
    answerable    yes  no   yes         +1 -> 2, -1 -> 1, +1 -> 2: the threshold is -5

>>> Squad().statistics((Answer("The Norman dynasty", 0),), "Norman kings")
(0.0, 0.5)
>>> normalized_in("Der Rhein!", "de")
'rhein'
>>> normalized_in("北京大学 (Peking University)", "zh")
'北 京 大 学 peking university'
>>> find_best_threshold([Candidate(-5.0, 1.0), Candidate(-1.0, -1.0), Candidate(2.0, 1.0)], 1)
Best(threshold=-5.0, total=2.0)
"""

from __future__ import annotations

import math
import re
import string
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from t2t_xfer.errors import UnsupportedError
from t2t_xfer.metrics.base import Metric, percent, statistics_by_id
from t2t_xfer.records import Answer, Gold, Prediction

if TYPE_CHECKING:
    from t2t_xfer.metrics.base import Floats

ENGLISH_ARTICLES = re.compile(r"\b(a|an|the)\b")
PUNCTUATION = str.maketrans("", "", string.punctuation)

ARTICLES: Mapping[str, re.Pattern[str] | None] = {
    "en": re.compile(r"\b(a|an|the)\b"),
    "es": re.compile(r"\b(un|una|unos|unas|el|la|los|las)\b"),
    "de": re.compile(r"\b(ein|eine|einen|einem|eines|einer|der|die|das|den|dem|des)\b"),
    "vi": re.compile(r"\b(của|là|cái|chiếc|những)\b"),
    # The reference's pattern has a second branch, which asks for a start of text after a space and
    # so never matches.
    "ar": re.compile("ال"),
    "hi": None,
    "zh": None,
}
"""What each language's normaliser removes beside punctuation. There are no other languages."""

_HAN = re.compile("([\u4e00-\u9fa5])")
"""The characters that are a word each in Chinese; rarer ones (extension A, say) are not."""


class Squad(Metric):
    """The mean of exact match and F1; both are in the details. An invalid prediction is wrong."""

    name = "squad"
    answers = ("span",)
    signature: ClassVar[str] = (
        "squad|mean:exact_match,f1|normalizer:squad1.1|answers:best|version:1"
    )

    def statistics(
        self, gold: Gold, value: Gold | None, evidence: float | None = None
    ) -> tuple[float, ...]:
        """Exact match and F1, 0 to 1, each against the accepted answer that suits it best."""
        return exact_and_f1(gold, value, normalized)

    def score(self, sums: Floats, n: Floats) -> Floats:
        """The mean of both figures."""
        return _mean_of_both(sums, n)

    def details(self, sums: Floats, n: Floats) -> dict[str, Floats]:
        """Means over the examples."""
        return _both(sums, n)


@dataclass(frozen=True)
class Mlqa(Metric):
    """The mean of exact match and F1 in one language. An invalid prediction is wrong.

    As a task's metric it has no language yet; `for_language` gives it one.
    """

    language: str = ""
    name = "mlqa"
    answers = ("span",)

    @property
    def signature(self) -> str:
        """Names the language, once there is one."""
        language = f"|language:{self.language}" if self.language else ""
        return f"mlqa|mean:exact_match,f1|normalizer:mlqa1.0{language}|answers:best|version:1"

    def for_language(self, code: str) -> Mlqa:
        """The metric with the normaliser of one language.

        Raises:
            UnsupportedError: MLQA has none for it.
        """
        if code not in ARTICLES:
            raise UnsupportedError(
                f"the metric mlqa has no normaliser for the language {code!r}: it has"
                f" {', '.join(ARTICLES)}. Test these, or give the task `metric: squad`, which"
                " treats all languages alike."
            )
        return Mlqa(code)

    def statistics(
        self, gold: Gold, value: Gold | None, evidence: float | None = None
    ) -> tuple[float, ...]:
        """Exact match and F1, 0 to 1, each against the accepted answer that suits it best."""
        if not self.language:
            raise ValueError("the metric mlqa needs a language: for_language(code)")
        return exact_and_f1(gold, value, partial(normalized_in, language=self.language))

    def score(self, sums: Floats, n: Floats) -> Floats:
        """The mean of both figures."""
        return _mean_of_both(sums, n)

    def details(self, sums: Floats, n: Floats) -> dict[str, Floats]:
        """Means over the examples."""
        return _both(sums, n)


@dataclass(frozen=True)
class SquadV2(Metric):
    """The mean of exact match and F1, each at its own threshold; both are in the details.

    Without thresholds every span stands, and only an empty text is "no answer". So it is, too, for
    a prediction without evidence. An invalid prediction is wrong.
    """

    exact_threshold: float | None = None
    """On the null score, for exact match. None: nothing was tuned."""
    f1_threshold: float | None = None
    name = "squad_v2"
    answers = ("span",)
    signature: ClassVar[str] = (
        "squad_v2|mean:exact_match,f1|normalizer:squad1.1|answers:best"
        "|thresholds:evaluate-v2.0,one-each|version:1"
    )

    def tuned(self, golds: Mapping[str, Gold], predictions: Iterable[Prediction]) -> SquadV2:
        """The thresholds that are best on these predictions.

        Predictions without evidence (the gold answers, or text that was written freely) have
        nothing to compare with a threshold. If none has any, nothing is tuned.

        Raises:
            UserError: as `statistics_by_id`.
        """
        found = list(predictions)
        raw = statistics_by_id(SquadV2(), golds, found)
        compared = [prediction for prediction in found if prediction.evidence is not None]
        if not compared:
            return SquadV2()
        unanswerable = sum(not golds[prediction.id] for prediction in compared)
        thresholds = [
            find_best_threshold(
                [_candidate(each, golds[each.id], raw[each.id][column]) for each in compared],
                unanswerable,
            ).threshold
            for column in range(2)
        ]
        return replace(self, exact_threshold=thresholds[0], f1_threshold=thresholds[1])

    def statistics(
        self, gold: Gold, value: Gold | None, evidence: float | None = None
    ) -> tuple[float, ...]:
        """Exact match and F1, 0 to 1; 1 if there is an answer; and both scores times that."""
        # Accepted answers that are empty once normalised count as none; then "" is the answer.
        texts = [text for text in map(normalized, _texts(gold)) if text] or [""]
        answerable = float(bool(gold))
        exact, _ = _against(texts, self._decided(value, evidence, self.exact_threshold), 1.0)
        _, f1 = _against(texts, self._decided(value, evidence, self.f1_threshold), 1.0)
        return (exact, f1, answerable, exact * answerable, f1 * answerable)

    def score(self, sums: Floats, n: Floats) -> Floats:
        """The mean of both figures."""
        return _mean_of_both(sums, n)

    def details(self, sums: Floats, n: Floats) -> dict[str, Floats]:
        """Means over all examples and, where there are any, over those with and without an answer
        (`HasAns_…`, `NoAns_…`); and the thresholds."""
        import numpy as np

        exact, f1, answerable, answered_exact, answered_f1 = np.moveaxis(sums, -1, 0)
        found = _both(sums, n)
        if np.any(answerable):
            found["HasAns_exact"] = percent(answered_exact, answerable)
            found["HasAns_f1"] = percent(answered_f1, answerable)
        if np.any(unanswerable := n - answerable):
            found["NoAns_exact"] = percent(exact - answered_exact, unanswerable)
            found["NoAns_f1"] = percent(f1 - answered_f1, unanswerable)
        if self.exact_threshold is not None and self.f1_threshold is not None:
            found["best_exact_thresh"] = np.array(self.exact_threshold)
            found["best_f1_thresh"] = np.array(self.f1_threshold)
        return found

    def _decided(
        self, value: Gold | None, evidence: float | None, threshold: float | None
    ) -> str | None:
        """The normalised answer that counts; empty: there is none."""
        if threshold is not None and evidence is not None and -evidence > threshold:
            return ""
        return None if value is None else normalized(_text(value))


def _both(sums: Floats, n: Floats) -> dict[str, Floats]:
    return {"exact_match": percent(sums[..., 0], n), "f1": percent(sums[..., 1], n)}


def _mean_of_both(sums: Floats, n: Floats) -> Floats:
    both = _both(sums, n)
    return (both["exact_match"] + both["f1"]) / 2


def exact_and_f1(
    gold: Gold, value: Gold | None, normalized: Callable[[str], str]
) -> tuple[float, float]:
    """Exact match and word F1 of normalised texts, each against the answer that suits it best.

    Raises:
        ValueError: the gold answers are none, or not those of a question.
    """
    texts = _texts(gold)
    if not texts:
        raise ValueError("no answers are accepted")
    found = None if value is None else normalized(_text(value))
    return _against([normalized(text) for text in texts], found, 0.0)


def normalized(text: str) -> str:
    """The form in which two answers are compared (SQuAD v1.1)."""
    return " ".join(ENGLISH_ARTICLES.sub(" ", text.lower().translate(PUNCTUATION)).split())


def _texts(gold: Gold) -> list[str]:
    texts = [answer.text for answer in gold if isinstance(answer, Answer)]
    if isinstance(gold, str) or len(texts) < len(gold):
        raise ValueError(f"{gold!r} are no answers with places")
    return texts


def _text(value: Gold) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is no text")
    return value


def _against(texts: Sequence[str], found: str | None, nothing: float) -> tuple[float, float]:
    """Exact match and F1 against whichever normalised text suits best.

    Args:
        nothing: F1 of no words against no words, in which the official scorers differ.
    """
    if found is None:
        return (0.0, 0.0)
    words = found.split()
    return float(found in texts), max(_word_f1(words, text.split(), nothing) for text in texts)


def _word_f1(found: list[str], wanted: list[str], nothing: float) -> float:
    """Harmonic mean of precision and recall over words."""
    if not found and not wanted:
        return nothing
    same = sum((Counter(found) & Counter(wanted)).values())
    return 2 * same / (len(found) + len(wanted))


def normalized_in(text: str, language: str) -> str:
    """The form in which two answers of a language are compared (MLQA): words and single spaces."""
    bare = "".join(char for char in text.lower() if not _is_punctuation(char))
    articles = ARTICLES[language]
    if articles is not None:
        bare = articles.sub(" ", bare)
    if language == "zh":
        bare = _HAN.sub(r" \1 ", bare)
    return " ".join(bare.split())


@cache
def _is_punctuation(char: str) -> bool:
    # ASCII has marks of category S (`$`, `+`, `<`, `^`, `|`, `~` and the backquote), too.
    return char in string.punctuation or unicodedata.category(char).startswith("P")


class Candidate(NamedTuple):
    """A question that a threshold may let in."""

    null: float
    """The null score: what speaks against an answer."""
    gain: float
    """What the sum of the scores gains (or loses) when the predicted span stands."""


class Best(NamedTuple):
    """Where the sweep was at its highest."""

    threshold: float
    """Predictions with a null score above it are "no answer"."""
    total: float
    """The sum of the scores there. Where several questions have the threshold as their null score
    the sweep can stop between them, and no threshold reaches this sum."""


def find_best_threshold(candidates: Sequence[Candidate], unanswerable: int) -> Best:
    """The official sweep; see the module.

    If no question is worth answering, the official threshold is 0, which is below all null scores
    as long as these are probabilities. Ours may be negative: it is just below the lowest then.

    Args:
        unanswerable: how many of the questions have no answer. They are right at the start.
    """
    total = best = float(unanswerable)
    ordered = sorted(candidates, key=lambda candidate: candidate.null)
    threshold = 0.0
    if ordered and ordered[0].null <= threshold:
        threshold = math.nextafter(ordered[0].null, -math.inf)
    for candidate in ordered:
        total += candidate.gain
        if total > best:
            best, threshold = total, candidate.null
    return Best(threshold, best)


def _candidate(prediction: Prediction, gold: Gold, score: float) -> Candidate:
    """What an answer to this question gains over none: its score, or the loss of a sure point."""
    assert prediction.evidence is not None
    sure_point = 0.0 if prediction.value == "" else 1.0
    return Candidate(-prediction.evidence, score if gold else -sure_point)
