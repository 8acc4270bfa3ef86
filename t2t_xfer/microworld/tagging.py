"""Words with tags: parts of speech, named entities, and English supertags from the grammar.

Rule: a supertag follows from the constituent that a word stands in; a CCG parser that knows nothing
else can put every sentence together again (it does so in the tests).

    Anna    saw               a      dog   in                    the    garden  .
    N       (S[dcl]\\NP)/NP    NP/N   N     ((S\\NP)\\(S\\NP))/NP   NP/N   N       .
"""

from __future__ import annotations

from t2t_xfer.microworld.grammar import Segment, Sentence
from t2t_xfer.microworld.lexicon import Token, Tokens

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
NOMINAL = {"DET": "NP/N", "NUM": "N/N", "ADJ": "N/N", "ADV": "(N/N)/(N/N)", "NOUN": "N",
           "PART": "(NP/N)\\NP", "ADP": "(NP\\NP)/NP", "PRON": "NP"}  # fmt: skip
AUX = {"did": "b", "does": "b", "was": "pss", "is": "adj"}
PTB = {
    "DET": "DT",
    "NOUN": "NN",
    "PROPN": "NNP",
    "ADJ": "JJ",
    "ADV": "RB",
    "ADP": "IN",
    "NUM": "CD",
    "SCONJ": "IN",
    "CCONJ": "CC",
    "PRON": "PRP",
    "PUNCT": ".",
    "VERB": "VBD",
    "AUX": "VBD",
    "PART": "RB",
}
"""The Penn Treebank's tags, in the main."""


def words(sentence: Sentence) -> Tokens:
    """The tokens without their constituents."""
    return tuple(token for segment in sentence for token in segment.tokens)


def supertags(sentence: Sentence) -> tuple[str, ...]:
    """One CCG category a word, for a statement in English."""
    found: list[str] = []
    for i, segment in enumerate(sentence):
        later = {each.slot for each in sentence[i + 1 :]}
        found += _categories(segment, sentence, i, later)
    return tuple(found)


def _categories(segment: Segment, sentence: Sentence, at: int, later: set[str]) -> list[str]:
    slot, tokens = segment
    if slot in ("subject", "object"):
        return _nominal(tokens)
    if slot in ("verb", "have"):
        return [_verb(sentence, at)]
    if slot == "aux":
        return [f"(S[dcl]\\NP)/(S[{AUX[tokens[0].word]}]\\NP)"]
    if slot in ("by", "place"):
        return [f"({VP})/NP", *_nominal(tokens[1:])]
    if slot == "time":
        return _time(tokens, "S/S" if at == 0 else VP)
    if slot == "because":
        return [f"({VP})/S[dcl]"]
    fixed = {"not": VP, "predicate": "S[adj]\\NP", "but": "conj", "stop": "."}
    return [fixed[slot]] * len(tokens)


def _nominal(tokens: Tokens) -> list[str]:
    following = [token.tag for token in tokens[1:]] + [""]
    return [
        ("N/N" if after == "PROPN" else "N") if token.tag == "PROPN" else NOMINAL[token.tag]
        for token, after in zip(tokens, following, strict=True)
    ]


def _verb(sentence: Sentence, at: int) -> str:
    before = sentence[at - 1]
    if before.slot == "not":
        before = sentence[at - 2]
    form = AUX[before.tokens[0].word] if before.slot == "aux" else "dcl"
    has_object = at + 1 < len(sentence) and sentence[at + 1].slot == "object"
    return f"(S[{form}]\\NP)/NP" if has_object else f"S[{form}]\\NP"


def _time(tokens: Tokens, category: str) -> list[str]:
    if len(tokens) == 1:
        return [category]
    result = f"({category})"
    return [f"{result}/NP" if tokens[0].tag == "ADP" else f"{result}/N", "N"]


def penn(token: Token) -> str:
    """The Penn Treebank tag."""
    if token.word in ("not", "'s"):
        return "RB" if token.word == "not" else "POS"
    return PTB[token.tag]
