"""MLQA's exact match and F1, whose normaliser differs by language (Lewis et al. 2020).

Answers are lowercased, lose every character of a Unicode category P* and ASCII punctuation, then
the language's articles; words are what white space separates, in Chinese each Han character is
one. The rules are MLQA's own (`mlqa_evaluation_v1.py`, which XTREME uses), oddities included:
Arabic loses the letters of its article wherever they stand, also inside a word.

>>> normalized("Der Rhein!", "de")
'rhein'
>>> normalized("北京大学 (Peking University)", "zh")
'北 京 大 学 peking university'
"""

from __future__ import annotations

import re
import string
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial

from t2t_xfer.errors import UnsupportedError
from t2t_xfer.metrics.metric import percent, sums
from t2t_xfer.metrics.squad import exact_and_f1
from t2t_xfer.records import Gold, Score

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


@dataclass(frozen=True)
class Mlqa:
    """The mean of exact match and F1 in one language. An invalid prediction is wrong.

    As a task's metric it has no language yet; `for_language` gives it one.
    """

    language: str = ""
    name: str = "mlqa"

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
        return exact_and_f1(gold, value, partial(normalized, language=self.language))

    def score(self, rows: Sequence[tuple[float, ...]]) -> Score:
        """Means over the examples, 0 to 100."""
        exact, f1 = (percent(total, len(rows)) for total in sums(rows))
        details = {"exact_match": exact, "f1": f1}
        return Score(self.name, (exact + f1) / 2, len(rows), details, self.signature)


def normalized(text: str, language: str) -> str:
    """The form in which two answers of a language are compared: words with a space between."""
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
