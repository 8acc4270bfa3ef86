"""Which language a text may be in, as far as its letters and its smallest words tell.

The rule: only what is sure is said. A script that one of our languages has alone names it; English
is told from other Latin text by its function words; everything else stays open.

>>> language_of(["Η γάτα κοιμάται."]), language_of(["The cat is in the house."])
('el', 'en')
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from t2t_xfer.languages import LANGUAGES
from t2t_xfer.scripts import first_word

_SCRIPTS = {
    "LATIN": "Latin",
    "CYRILLIC": "Cyrillic",
    "ARABIC": "Arabic",
    "BENGALI": "Bengali",
    "DEVANAGARI": "Devanagari",
    "GEORGIAN": "Georgian",
    "GREEK": "Greek",
    "HANGUL": "Hangul",
    "HEBREW": "Hebrew",
    "MALAYALAM": "Malayalam",
    "MYANMAR": "Burmese",
    "TAMIL": "Tamil",
    "TELUGU": "Telugu",
    "THAI": "Thai",
    "CJK": "Han",
    "HIRAGANA": "Japanese",
    "KATAKANA": "Japanese",
}
"""The first word of a letter's name in Unicode -> the script as `languages.py` has it."""

_ENGLISH = frozenset(
    ("the", "of", "and", "to", "in", "is", "a", "that", "was", "for",
     "on", "with", "as", "are", "by", "at", "be", "his", "he", "it")
)  # fmt: skip
_ENGLISH_SHARE = 0.1
"""Of the words of English text at least so many are in `_ENGLISH` (of XNLI's English test rows 28
in 100, of its German, Spanish, French, Turkish and Vietnamese ones at most 2)."""
_MANY = 20_000
"""Characters that are looked at."""


def script_of(texts: Iterable[str]) -> str | None:
    """The script of most letters; None if there is no letter of a script that we know."""
    letters = [c for c in _start(texts) if c.isalpha()]
    words = map(first_word, letters)
    counts = Counter(_SCRIPTS[word] for word in words if word in _SCRIPTS)
    if not counts:
        return None
    # Japanese is written with more Chinese characters than characters of its own.
    if counts["Japanese"] > 0.05 * counts.total():
        return "Japanese"
    return counts.most_common(1)[0][0]


def looks_english(texts: Iterable[str]) -> bool:
    """Whether the function words are English ones."""
    words = re.findall(r"[^\W\d_]+", _start(texts).casefold())
    return bool(words) and sum(w in _ENGLISH for w in words) >= _ENGLISH_SHARE * len(words)


def written_in(script: str | None) -> list[str]:
    """The codes of the languages with a script."""
    return [each.code for each in LANGUAGES.values() if each.script == script]


def language_of(texts: Iterable[str]) -> str | None:
    """The language, if script or function words decide it."""
    text = _start(texts)
    script = script_of([text])
    codes = written_in(script)
    if len(codes) == 1:
        return codes[0]
    return "en" if script == "Latin" and looks_english([text]) else None


def may_be(code: str, texts: Iterable[str]) -> bool:
    """Whether a text's letters are those of a language."""
    script = script_of(texts)
    return script is None or script == LANGUAGES[code].script


def _start(texts: Iterable[str]) -> str:
    found, length = [], 0
    for text in texts:
        found.append(text)
        length += len(text)
        if length > _MANY:
            break
    return " ".join(found)[:_MANY]
