"""From a generated text to one of a closed set of labels, or to `invalid`. Never by guessing.

Gold words and generated texts are compared in one form (`canonical`). The chain, each step only if
the one before found nothing:

1. exact: the text is a label's word;
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

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple, TypeAlias

from rapidfuzz import fuzz

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


def _words(text: str) -> frozenset[str]:
    return frozenset(canonical(text).split())


ANYWHERE: frozenset[str] = _words(
    # English, German, Dutch, Afrikaans
    "no not never neither nor none nothing cannot without non"
    " nicht nichts kein keine keinen keinem keiner keines nie niemals nein weder ohne"
    " niet geen nooit nee zonder"
    # French, Spanish, Portuguese, Italian
    " pas jamais aucun aucune sans nunca jamás ningún ninguna ninguno tampoco sin"
    " não nunca nenhum nenhuma sem mai nessun nessuna nessuno senza"
    # Russian, Bulgarian, Greek, Kazakh, Georgian
    " не нет ни никогда нито няма никога без δεν μη μην όχι ούτε χωρίς емес жоқ არ არა ვერ"
    # Turkish, Hungarian, Finnish, Estonian
    " değil değildir yok hayır asla nem sem soha nincs ei eivät mitte pole"
    # Vietnamese, Indonesian, Tagalog, Swahili
    " không chẳng chưa tidak bukan tiada walang hapana hakuna siyo sio haina"
    # Arabic, Hebrew, Persian, Urdu
    " ليس وليس فليس ليست ليسا ليسوا لا ولا لم ولم لن غير بدون לא אינו אינה אין בלי"
    " نیست نیستند نه بدون نہیں نہ بغیر"
    # Hindi, Marathi, Bengali, Tamil, Telugu, Malayalam
    " नहीं नही मत बिना नाही नाहीत नव्हे নয় না নেই இல்லை அல்ல కాదు లేదు അല്ല ഇല്ല"
)
"""Negations of one language that are no common word of another."""

ONLY_IN: Mapping[str, frozenset[str]] = {
    "el": _words("δε"),
    "es": _words("ni"),
    "et": _words("ega"),
    "eu": _words("ez ezta"),
    "fi": _words("en et emme ette älä"),
    "fr": _words("n ne ni"),
    "hi": _words("न"),
    "hu": _words("ne"),
    "id": _words("tak"),
    "it": _words("né"),
    "jv": _words("ora dudu"),
    "ms": _words("tak"),
    "sw": _words("si"),
    "tl": _words("hindi di wala"),
    "yo": _words("kò ko kì kii kìí rárá"),
}
"""Words that negate in this language and mean something else in others."""

INSIDE: tuple[str, ...] = tuple(
    canonical(part)
    for part in (
        *("不", "没", "沒", "非", "未", "無", "无", "否"),  # Chinese, partly Japanese
        *("ない", "ません", "なし"),  # Japanese
        *("않", "아니", "아닙", "아닌", "없", "못"),  # Korean
        *("ไม่", "มิใช่"),  # Thai
        "မဟုတ်",  # Burmese
    )
)
"""Negations inside a token, in scripts without spaces and where they are endings."""


def negations(tokens: Sequence[str], language: str) -> list[str]:
    """The tokens that negate, in canonical form, in a text of this language or in English."""
    only_here = ONLY_IN.get(language, frozenset())
    return [
        token
        for token in tokens
        if token in ANYWHERE or token in only_here or any(part in token for part in INSIDE)
    ]
