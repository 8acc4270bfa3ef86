"""XTREME's file layout: directory names, languages, suffixes, and what a line may say.

    {predictions or labels}/{directory}/test-{language}.{tsv|json}

>>> TASKS["bucc2018"].task, TASKS["bucc2018"].file_name("zh")
('bucc', 'test-zh.tsv')
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal, TypeAlias

from t2t_xfer.metrics.aggregate import LANGUAGES

Kind: TypeAlias = Literal["labels", "indices", "tags", "answers", "pairs"]
"""One label a line; one 0-based line number a line; one tag a line with a blank line after each
sentence; JSON with a text for each question id; two ids a line with a tab between."""

INVALID = "invalid"
"""What our prediction files say where no label could be read. No label is called so: it is wrong,
as an unreadable answer is in our own numbers."""
OUTSIDE = "O"
"""What they say for each word of a sentence whose tags could not be read: it opens no span."""
NOTHING_FOUND = -1
"""What they say where no sentence was found."""


@dataclass(frozen=True)
class XtremeTask:
    """One of XTREME's nine tasks, as its files have it."""

    directory: str
    """XTREME's name."""
    task: str
    """Ours."""
    kind: Kind
    inventory: tuple[str, ...] = ()
    """The labels or tags that a file may hold."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """Our names of the labels, where XTREME writes others."""
    sizes: Mapping[str, int] = field(default_factory=dict)
    """Test examples by language, or under `""` for every language that is not named. Empty: not
    known for certain."""

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages that XTREME tests, in its order."""
        return LANGUAGES[self.task]

    def file_name(self, language: str) -> str:
        """The name of a language's file inside the directory."""
        return f"test-{language}.{'json' if self.kind == 'answers' else 'tsv'}"

    def size(self, language: str) -> int | None:
        """How many test examples XTREME has in a language; None if that is not known here."""
        return self.sizes.get(language, self.sizes.get(""))


_UPOS = "ADJ ADP ADV AUX CCONJ DET INTJ NOUN NUM PART PRON PROPN PUNCT SCONJ SYM VERB X"
_NO_UPOS = "_"  # some treebanks leave words without a tag
_BIO = ("O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC")
_NLI = ("entailment", "neutral", "contradiction")
_MLQA = {"en": 11590, "de": 4517, "es": 5253, "ar": 5335, "zh": 5137, "vi": 5495, "hi": 4918}
_TYDIQA = {"ar": 921, "bn": 113, "en": 440, "fi": 782, "id": 565, "ko": 276, "ru": 812, "sw": 499}
_TATOEBA = {"jv": 205, "ka": 746, "kk": 575, "ml": 687, "sw": 390, "ta": 307, "te": 234, "th": 548}

_TASKS = (
    XtremeTask(
        "pawsx",
        "paws_x",
        "labels",
        ("0", "1"),
        {"different": "0", "paraphrase": "1"},
        {"": 2000},
    ),
    XtremeTask("xnli", "xnli", "labels", _NLI, sizes={"": 5010}),
    XtremeTask("udpos", "udpos", "tags", (*_UPOS.split(), _NO_UPOS)),
    XtremeTask("panx", "panx", "tags", _BIO),
    XtremeTask("xquad", "xquad", "answers", sizes={"": 1190}),
    XtremeTask("mlqa", "mlqa", "answers", sizes=_MLQA),
    XtremeTask("tydiqa", "tydiqa", "answers", sizes={**_TYDIQA, "te": 669}),
    XtremeTask("bucc2018", "bucc", "pairs"),
    XtremeTask("tatoeba", "tatoeba", "indices", sizes={**_TATOEBA, "": 1000}),
)

TASKS: Mapping[str, XtremeTask] = MappingProxyType({each.directory: each for each in _TASKS})
"""By XTREME's directory names, group after group."""

BY_TASK: Mapping[str, XtremeTask] = MappingProxyType({each.task: each for each in _TASKS})
"""By our names."""
