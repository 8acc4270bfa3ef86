"""Words with tags: parts of speech, named entities, and English supertags from the grammar.

Rule: a supertag follows from the constituent that a word stands in; a CCG parser that knows nothing
else can put every sentence together again (it does so in the tests).

    Anna    saw               a      dog   in                    the    garden  .
    N       (S[dcl]\\NP)/NP    NP/N   N     ((S\\NP)\\(S\\NP))/NP   NP/N   N       .
"""

from __future__ import annotations

from t2t_xfer.microworld.grammar import Sentence
from t2t_xfer.microworld.lexicon import Token, Tokens, load_lexicon

# fmt: off
TAGS = (
    "ADJ", "ADP", "ADV", "AUX", "CCONJ", "DET", "INTJ", "NOUN", "NUM", "PART", "PRON", "PROPN",
    "PUNCT", "SCONJ", "SYM", "VERB", "X",
)
# fmt: on
"""The order of `pos_tags` in google/xtreme."""

ENTITIES = ("O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC")
"""The order of `ner_tags` in google/xtreme."""

VP = "(S\\NP)\\(S\\NP)"
"""Of adverbials."""


def words(sentence: Sentence) -> Tokens:
    """The tokens without their constituents."""
    return tuple(token for segment in sentence for token in segment.tokens)


def english(section: str, word: str) -> str:
    """A category or tag, or nothing, from `lexicon/en.yaml`."""
    return load_lexicon("en").phrase(section, word)


def penn(token: Token) -> str:
    """The Penn Treebank's tag, in the main."""
    return english("penn", token.word) or english("penn", token.tag)


def supertags(sentence: Sentence) -> tuple[str, ...]:
    """One CCG category a word, for a statement in English."""
    return tuple(tag for i in range(len(sentence)) for tag in _categories(sentence, i))


def _categories(sentence: Sentence, at: int) -> list[str]:
    slot, tokens = sentence[at]
    if slot in ("subject", "object"):
        return _nominal(tokens)
    if slot in ("verb", "have"):
        return [_verb(sentence, at)]
    if slot == "aux":
        return [f"(S[dcl]\\NP)/(S[{english('takes', tokens[0].word)}]\\NP)"]
    if slot in ("by", "place"):
        return [f"({VP})/NP", *_nominal(tokens[1:])]
    if slot == "time":
        return _time(tokens, "S/S" if at == 0 else VP)
    return [english("constituents", slot)] * len(tokens)


def _nominal(tokens: Tokens) -> list[str]:
    following = [token.tag for token in tokens[1:]] + [""]
    return [
        "N/N" if token.tag == after == "PROPN" else english("nominal", token.tag)
        for token, after in zip(tokens, following, strict=True)
    ]


def _verb(sentence: Sentence, at: int) -> str:
    before = sentence[at - 2 if sentence[at - 1].slot == "not" else at - 1]
    form = english("takes", before.tokens[0].word) if before.slot == "aux" else "dcl"
    has_object = at + 1 < len(sentence) and sentence[at + 1].slot == "object"
    return f"(S[{form}]\\NP)/NP" if has_object else f"S[{form}]\\NP"


def _time(tokens: Tokens, category: str) -> list[str]:
    if len(tokens) == 1:
        return [category]
    return [f"({category})/NP" if tokens[0].tag == "ADP" else f"({category})/N", "N"]
