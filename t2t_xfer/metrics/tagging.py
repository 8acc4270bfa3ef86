"""Metrics of tagged words: span F1 with the semantics of seqeval 0.0.12, and token accuracy.

XTREME scores UDPOS and PAN-X with that version, and its reading decides the numbers: a bare tag
is a span's type, so equal neighbours are *one* span (`NOUN NOUN` is one NOUN), and the first
character of a bare tag is taken for a BIOES prefix (`SYM` and `SCONJ` for `S-`, so they never
merge; `INTJ` for `I-`; anything with `O` for "outside"). Later versions read other types. So span
F1 is neither token accuracy nor token F1, and token accuracy stands beside it.

>>> sorted(read_spans(("DET", "NOUN", "NOUN")))
[('DET', 0, 0), ('NOUN', 1, 2)]
>>> sorted(read_spans(("B-PER", "I-PER", "O", "I-LOC")))
[('LOC', 3, 3), ('PER', 0, 1)]
>>> metric = SpanF1()
>>> metric.scored([metric.statistics(("DET", "NOUN"), ("DET", "VERB"))]).value
50.0
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, ClassVar, NamedTuple, TypeAlias

from t2t_xfer.errors import UserError
from t2t_xfer.metrics.base import Metric, percent
from t2t_xfer.records import Gold

if TYPE_CHECKING:
    from t2t_xfer.metrics.base import Floats

Span: TypeAlias = tuple[str, int, int]
"""Type, first word, last word (included)."""


class _Tag(NamedTuple):
    prefix: str
    """The first character, whatever it is."""
    type: str
    """What stands after the last hyphen, or the whole tag."""


OUTSIDE = _Tag("O", "O")
"""The reference puts an `O` between sentences; it stands at both ends of each of ours."""


@lru_cache(maxsize=4096)  # a few tags stand on millions of words
def _read(tag: str) -> _Tag:
    return _Tag(tag[:1], tag.rsplit("-", 1)[-1])


def _ends(before: _Tag, tag: _Tag) -> bool:
    """Whether a span ends with the word before this one."""
    if before.prefix in ("E", "S"):
        return True
    if before.prefix in ("B", "I") and tag.prefix in ("B", "S", "O"):
        return True
    return before.prefix not in ("O", ".") and before.type != tag.type


def _starts(before: _Tag, tag: _Tag) -> bool:
    """Whether a span starts at this word."""
    if tag.prefix in ("B", "S"):
        return True
    if before.prefix in ("E", "S", "O") and tag.prefix in ("E", "I"):
        return True
    return tag.prefix not in ("O", ".") and before.type != tag.type


def read_spans(tags: tuple[str, ...]) -> set[Span]:
    """The spans of one sentence.

    Because of the `O` around it, a sentence's spans do not depend on its neighbours, so the sums
    over sentences are the reference's numbers over the whole file.

    Raises:
        UserError: a span ends that never started. The reference would let it start somewhere in
            an earlier sentence. Only tags like `X-O` or `.-PER` can do this.
    """
    spans: set[Span] = set()
    first: int | None = None
    before = OUTSIDE
    for i, tag in enumerate((*map(_read, tags), OUTSIDE)):
        if _ends(before, tag):
            if first is None:
                raise UserError(
                    f"tag {tags[i - 1]!r} (word {i - 1}) ends a span that no tag has started."
                    " Name tags without a hyphen, or with the prefix B-, I-, E- or S-."
                )
            # `first` stays: in `B-A . I-.` the reference lets the second span start where the
            # first one did.
            spans.add((before.type, first, i - 1))
        if _starts(before, tag):
            first = i
        before = tag
    return spans


class SpanF1(Metric):
    """Micro F1 of spans. An invalid prediction has no spans and no right tag."""

    name = "span_f1"
    answers = ("tags",)
    signature: ClassVar[str] = "span_f1|semantics:seqeval-0.0.12|version:1"

    def statistics(
        self, gold: Gold, value: Gold | None, evidence: float | None = None
    ) -> tuple[float, ...]:
        """Spans right, predicted and gold; words right and all.

        Raises:
            UserError: the numbers of tags differ. The reference would shift every later
                sentence of the file by the difference, without a word.
        """
        gold = _tags(gold)
        expected = read_spans(gold)
        if value is None:
            return (0.0, 0.0, float(len(expected)), 0.0, float(len(gold)))
        value = _tags(value)
        if len(value) != len(gold):
            raise UserError(
                f"{len(value)} predicted tags for {len(gold)} words; expected one tag for each"
                f" word. Gold: {_start(gold)}. Predicted: {_start(value)}."
            )
        found = expected if value == gold else read_spans(value)
        right = sum(a == b for a, b in zip(gold, value, strict=True))
        counts = (len(expected & found), len(found), len(expected), right, len(gold))
        return tuple(map(float, counts))

    def score(self, sums: Floats, n: Floats) -> Floats:
        """F1; 0 if neither side has a span."""
        return percent(2 * sums[..., 0], sums[..., 1] + sums[..., 2])

    def details(self, sums: Floats, n: Floats) -> dict[str, Floats]:
        """Precision and recall of spans, and the share of words with the right tag."""
        return {
            "precision": percent(sums[..., 0], sums[..., 1]),
            "recall": percent(sums[..., 0], sums[..., 2]),
            "token_accuracy": percent(sums[..., 3], sums[..., 4]),
        }


def _tags(answer: Gold) -> tuple[str, ...]:
    assert isinstance(answer, tuple), f"span_f1 compares tuples of tags, not {answer!r}"
    return tuple(str(tag) for tag in answer)


def _start(tags: tuple[str, ...]) -> str:
    return " ".join(tags[:8]) + (" …" if len(tags) > 8 else "")


class TokenAccuracy(Metric):
    """Share of right tags over all words of all sentences. An invalid prediction has none right.

    CCG supertagging is scored so. jiant looks at the first subword of each word, which is the same
    number, since every word has one tag.
    """

    name = "token_accuracy"
    answers = ("tags",)
    signature: ClassVar[str] = "token_accuracy|over:words|invalid:wrong|version:1"

    def statistics(
        self, gold: Gold, value: Gold | None, evidence: float | None = None
    ) -> tuple[float, ...]:
        """Words with the right tag, and all words of the sentence.

        Raises:
            UserError: the numbers of tags differ.
        """
        if value is None:
            return (0.0, float(len(gold)))
        if len(value) != len(gold):
            raise UserError(
                f"{len(value)} predicted tags for {len(gold)} words; expected one tag for each"
                " word."
            )
        right = sum(a == b for a, b in zip(gold, value, strict=True))
        return (float(right), float(len(gold)))

    def score(self, sums: Floats, n: Floats) -> Floats:
        """The share of right tags. Long sentences weigh more than short ones."""
        return percent(sums[..., 0], sums[..., 1])
