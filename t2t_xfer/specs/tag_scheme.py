"""The scheme BIO: `B-X` begins a span of the type X, `I-X` goes on with it, `O` is outside.

One rule: `I-X` follows `B-X` or `I-X` and nothing else. IOB1, as the original CoNLL files have it,
opens a span with `I-X` too; `made_legal` is the way from there to BIO.

>>> bio_follows(("O", "B-PER", "I-PER"))
((), (), (1, 2))
"""

from __future__ import annotations

from collections.abc import Sequence


def bio_mistake(tags: Sequence[str]) -> str:
    """What keeps the tags from being BIO, as a clause; empty if nothing does."""
    for tag in tags:
        kind, dash, span = tag.partition("-")
        if tag != "O" and not (kind in ("B", "I") and dash and span):
            return f"{tag!r} is neither 'O' nor 'B-…' nor 'I-…'"
        if "-" in span:
            return f"{tag!r} has two hyphens, and the metric reads what stands after the last"
        if kind == "I" and f"B-{span}" not in tags:
            return f"{tag!r} has no 'B-{span}'"
    return ""


def bio_follows(tags: Sequence[str]) -> tuple[tuple[int, ...], ...]:
    """For each tag the tags one of which must stand before it; see `Options.follows`."""
    index = {tag: i for i, tag in enumerate(tags)}
    return tuple(
        tuple(sorted((index[f"B{tag[1:]}"], index[tag]))) if tag.startswith("I-") else ()
        for tag in tags
    )


def made_legal(tags: Sequence[str]) -> tuple[str, ...]:
    """The tags with `B-X` for every `I-X` that goes on with nothing.

    seqeval 0.0.12, which XTREME scores with, opens a span at such an `I-X`, so the spans that it
    reads stay the same.

    >>> made_legal(("O", "I-PER", "I-PER", "I-LOC"))
    ('O', 'B-PER', 'I-PER', 'B-LOC')
    """
    legal: list[str] = []
    for tag in tags:
        goes_on = bool(legal) and legal[-1] in (tag, f"B{tag[1:]}")
        legal.append(f"B{tag[1:]}" if tag.startswith("I-") and not goes_on else tag)
    return tuple(legal)


def num_illegal(tags: Sequence[str]) -> int:
    """How many `I-X` go on with nothing.

    >>> num_illegal(("I-PER", "I-PER", "O", "B-LOC", "I-LOC"))
    1
    """
    return sum(a != b for a, b in zip(tags, made_legal(tags), strict=True))
