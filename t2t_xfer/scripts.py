"""The scripts of letters, by their Unicode names: did an answer drift into another one?

The rule: a letter's script is the first word of its name in the Unicode character database, so
nothing is guessed. It tells Arabic from Latin, and cannot tell German from English.

    outside("Berlin ist", "de")     # (9, 0): letters, and those outside the language's script
    outside("Берлин ok", "ru")      # (8, 2)
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import lru_cache

from t2t_xfer.languages import LANGUAGES

FIRST_WORDS: Mapping[str, frozenset[str]] = {
    "Han": frozenset({"CJK", "IDEOGRAPHIC"}),
    "Japanese": frozenset(
        {"CJK", "IDEOGRAPHIC", "HIRAGANA", "KATAKANA", "HALFWIDTH", "KATAKANA-HIRAGANA"}
    ),
    "Hangul": frozenset({"HANGUL", "HALFWIDTH"}),
    "Burmese": frozenset({"MYANMAR"}),
    "Latin": frozenset({"LATIN", "FULLWIDTH", "MODIFIER", "FEMININE", "MASCULINE"}),
}
"""Script of a language (`languages.Language.script`) to first words of names; the others are the
name itself in capitals."""


def outside(texts: Iterable[str] | str, language: str) -> tuple[int, int]:
    """Number of letters, and of those outside the language's script; nothing of an unknown one."""
    known = LANGUAGES.get(language)
    if known is None:
        return 0, 0
    own = FIRST_WORDS.get(known.script, frozenset({known.script.upper()}))
    letters = strange = 0
    for char, count in Counter("".join(texts)).items():
        if char.isalpha():
            letters += count
            strange += 0 if first_word(char) in own else count
    return letters, strange


@lru_cache(maxsize=65536)
def first_word(letter: str) -> str:
    """`LATIN` of an `a`; empty for what has no name."""
    return unicodedata.name(letter, "").partition(" ")[0]
