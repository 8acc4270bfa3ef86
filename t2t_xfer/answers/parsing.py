"""From a generated text to one of a closed set of labels, or to `invalid`. Never by guessing.

The chain, each step only if the one before found nothing:

1. exact: the text is a label's word (`canonical.py` says what "is" means);
2. alias: it is a synonym, in the example's language, else in English (a label's own name counts
   as English), else in any other language; one that speaks for two labels at once decides nothing;
3. match: exactly one label stands in the text at token borders. An occurrence inside a longer one
   does not count ("not duplicate" holds no "duplicate"), and a negation in the same sentence
   rejects the label instead of turning it round;
4. fuzzy: the text is a misspelling of one label and far from every other;
5. invalid.

>>> parser = TextParser({"same": "yes", "other": "no"}, {"de": {"same": ["ja"]}})
>>> parser.parse("Ja!", "de")
Parsed(value='same', status=<Status.alias: 'alias'>)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple, TypeAlias

from rapidfuzz import fuzz

from t2t_xfer.answers.canonical import canonical, canonical_sentences
from t2t_xfer.answers.negation import negations
from t2t_xfer.errors import SpecError
from t2t_xfer.records import Status

Synonyms: TypeAlias = Mapping[str, Mapping[str, Sequence[str]]]
"""Language -> label -> other words for it."""
Lexicon: TypeAlias = Mapping[str, str | None]
"""Canonical text -> label; None where it speaks for several labels."""

FUZZY_MINIMUM = 90.0
"""Lowest similarity (0..100, `rapidfuzz.fuzz.ratio`) that counts as a misspelling. One wrong
letter in ten is 90; `contraindication` for `contradiction` is 89.7."""
FUZZY_MARGIN = 10.0
"""Least distance to the most similar other label."""
FUZZY_MINIMUM_CHARACTERS = 4
"""Shorter words are one letter away from half the dictionary ("no" from "non")."""
MEMORY = 65_536
"""Remembered texts: a model says the same few things two hundred thousand times."""


class Parsed(NamedTuple):
    """A label's name, or None if and only if the status is `invalid`."""

    value: str | None
    status: Status


INVALID = Parsed(None, Status.invalid)


class TextParser:
    """Reads one of a closed set of labels from free text.

    Args:
        words: label -> the word that stands for it in target texts.
        synonyms: other words, by language; never written, only read.

    Raises:
        SpecError: two labels have the same word, or a word has neither letter nor digit.
    """

    def __init__(self, words: Mapping[str, str], synonyms: Synonyms) -> None:
        self._words = _canonical_words(words)
        self._names = words.keys()
        self._synonyms = synonyms
        # Bound to this object, so that it goes when the parser goes.
        self._lexicons = lru_cache(maxsize=None)(self._make_lexicons)
        self._remembered = lru_cache(maxsize=MEMORY)(self._parse)

    def parse(self, text: str, language: str) -> Parsed:
        """The label that the text names. Never raises, whatever the text."""
        return self._remembered(text, language)

    def _parse(self, text: str, language: str) -> Parsed:
        near, far = self._lexicons(language)
        whole = canonical(text)
        if whole in self._words:
            return Parsed(self._words[whole], Status.exact)
        if whole in far:
            return _parsed(far[whole], Status.alias)
        sentences = [_read(tokens, near, language) for tokens in canonical_sentences(text)]
        found = {label for sentence in sentences for label in sentence.labels}
        if found:
            denied = any(sentence.denied for sentence in sentences)
            label = found.pop() if len(found) == 1 and not denied else None
            return _parsed(label, Status.match)
        return _parsed(_misspelt(whole, near, language), Status.fuzzy)

    def _make_lexicons(self, language: str) -> tuple[Lexicon, Lexicon]:
        """Texts known in this language and in English; and those known in any language."""
        near: dict[str, str | None] = dict(self._words)
        _add(near, self._synonyms.get(language, {}))
        english = self._synonyms.get("en", {})
        _add(near, {name: (name, *english.get(name, ())) for name in self._names})
        far = dict(near)
        pairs = [pair for words in self._synonyms.values() for pair in words.items()]
        _add(far, {name: [w for n, ws in pairs if n == name for w in ws] for name in self._names})
        return near, far


def _parsed(label: str | None, status: Status) -> Parsed:
    return INVALID if label is None else Parsed(label, status)


def _canonical_words(words: Mapping[str, str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for label, word in words.items():
        key = canonical(word)
        if not key:
            raise SpecError(
                f"the word {word!r} of label {label!r} has neither a letter nor a digit, so it"
                " cannot be found in a generated text. Give the label another word."
            )
        if key in found:
            raise SpecError(
                f"labels {found[key]!r} and {label!r} have the same word {word!r} (upper and lower"
                " case and punctuation do not count). Give one of them another word."
            )
        found[key] = label
    return found


def _add(lexicon: dict[str, str | None], words: Mapping[str, Iterable[str]]) -> None:
    """Add one tier of texts. What an earlier tier knows stays."""
    tier: dict[str, set[str]] = {}
    for label, texts in words.items():
        for text in texts:
            tier.setdefault(canonical(text), set()).add(label)
    for text, labels in tier.items():
        if text:
            lexicon.setdefault(text, labels.pop() if len(labels) == 1 else None)


class _Sentence(NamedTuple):
    labels: frozenset[str | None]
    """Labels that the sentence names; None stands for an ambiguous word."""
    denied: bool
    """Whether it takes back what it or its neighbours name."""


def _read(tokens: tuple[str, ...], lexicon: Lexicon, language: str) -> _Sentence:
    spans = _occurrences(tokens, lexicon)
    labels = frozenset(lexicon[" ".join(tokens[a:b])] for a, b in spans)
    covered = {i for a, b in spans for i in range(a, b)}
    free = [i for i in range(len(tokens)) if i not in covered]
    denials = [i for i in free if negations(tokens[i : i + 1], language)]
    if not spans:
        # "No. Paraphrase." denies across the border; "I am not sure. Paraphrase." does not.
        return _Sentence(labels, denied=len(denials) == len(tokens))
    # A label that negates by itself is not denied by what comes after: "no, it does not".
    negating = all(negations(tokens[a:b], language) for a, b in spans)
    first = min(a for a, _ in spans)
    return _Sentence(labels, any(not negating or i < first for i in denials))


def _occurrences(tokens: tuple[str, ...], lexicon: Lexicon) -> list[tuple[int, int]]:
    """Where texts of the lexicon stand among the tokens, without those inside longer ones."""
    longest = max(text.count(" ") for text in lexicon) + 1
    spans: list[tuple[int, int]] = []
    for start in range(len(tokens)):
        for end in range(min(len(tokens), start + longest), start, -1):
            text = " ".join(tokens[start:end])
            if text in lexicon and not _is_letter(text):
                if not spans or end > spans[-1][1]:
                    spans.append((start, end))
                break
    return spans


def _is_letter(text: str) -> bool:
    """A single letter of a script with spaces: an article or a pronoun as often as an answer."""
    return len(text) == 1 and text.upper() != text.lower()


def _misspelt(text: str, lexicon: Lexicon, language: str) -> str | None:
    """The label that the whole text misspells."""
    ratios = {
        known: fuzz.ratio(text, known, score_cutoff=FUZZY_MINIMUM)
        for known, label in lexicon.items()
        if label is not None and _may_misspell(text, known, language)
    }
    best = max(ratios, key=ratios.__getitem__, default="")
    if not best or not ratios[best]:
        return None
    others = [known for known, label in lexicon.items() if label != lexicon[best]]
    second = max((fuzz.ratio(text, other) for other in others), default=0.0)
    return lexicon[best] if ratios[best] - second >= FUZZY_MARGIN else None


def _may_misspell(text: str, known: str, language: str) -> bool:
    """Whether the similarity of the two may count at all.

    `incorrect` is as similar to `correct` as a misspelling is, so the first letters must agree
    (what negates is mostly a prefix), and both must hold the same negations.
    """
    if len(known) < FUZZY_MINIMUM_CHARACTERS or text[:1] != known[:1]:
        return False
    return negations(text.split(), language) == negations(known.split(), language)
