"""The form in which a generated text and an answer's words are compared.

NFKC, casefold, letters and digits with single spaces between: whatever else stands in the text
(punctuation, symbols, invisible marks) is a border between tokens. Gold words and generated texts
go through the same function, so `Not_Duplicate.` and `not duplicate` are one.

>>> canonical("**Entailment**!")
'entailment'
"""

from __future__ import annotations

import re
import unicodedata

CONTRACTED_NOT = re.compile(r"n't\b")
"""`isn't`, `doesn't`: the negation must be a token of its own."""

SENTENCE_END = re.compile(r"[.!;]+(?=\s|$)|[\n\r。।॥۔؛]+")
"""Ends of sentences. A question and its answer (`Paraphrase? No.`) stay in one, and so does
what a colon or a comma joins."""

# Turkish capital İ folds to i + a combining dot, and I to i although its small letter is ı: so
# the dot goes and ı becomes i, on both sides of every comparison.
TURKISH = str.maketrans({"\u0307": None, "ı": "i", "’": "'"})


def canonical(text: str) -> str:
    """Tokens of the text joined by single spaces; empty if it has no letter and no digit."""
    folded = unicodedata.normalize("NFKC", text).casefold().translate(TURKISH)
    folded = unicodedata.normalize("NFKC", CONTRACTED_NOT.sub(" not ", folded))
    return " ".join("".join(map(_token_character, folded)).split())


def _token_character(character: str) -> str:
    """Itself in a token, nothing if it is invisible, else a space."""
    category = unicodedata.category(character)
    # Marks (M) belong to the token: vowel signs of Hindi, Thai or Tamil are not letters.
    if category[0] in "LMN":
        return character
    return "" if category == "Cf" else " "


def canonical_sentences(text: str) -> list[tuple[str, ...]]:
    """The tokens of each sentence that has any."""
    parts = SENTENCE_END.split(unicodedata.normalize("NFKC", text))
    sentences = (tuple(canonical(part).split()) for part in parts)
    return [tokens for tokens in sentences if tokens]
