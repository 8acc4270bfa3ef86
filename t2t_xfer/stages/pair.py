"""Answering `pair` tasks: embed both sides, search, and put the nearest to the yes/no question.

embed  -> for each English sentence the ids of the `top_k` nearest, with their cosines
rank   -> the same ids, with log p(yes) - log p(no) of each
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from t2t_xfer.answers import PairFormat
from t2t_xfer.architectures import planned_readout
from t2t_xfer.engines.embedding import embed
from t2t_xfer.engines.transformers import TransformersEngine
from t2t_xfer.records import Example, Generation, Prompted, Readout
from t2t_xfer.retrieval.search import nearest


def embed_pairs(
    engine: TransformersEngine, answer: PairFormat, examples: Sequence[Example]
) -> list[Generation]:
    """The nearest target-language sentences of every English sentence (XTREME's direction)."""
    sentences = [answer.sentences(example) for example in examples]
    texts = [source for source, _ in sentences] + [target for _, target in sentences]
    embedded = embed(engine.loaded, texts, answer.embedding, engine.batch_tokens)
    count = len(examples)
    found = nearest(embedded.vectors[:count], embedded.vectors[count:], answer.embedding.top_k)
    return [
        Generation(
            example.id,
            Readout.embed,
            scores=tuple(round(float(cosine), 9) for cosine in cosines),
            neighbours=tuple(examples[i].id for i in indices),
            removed_tokens=embedded.removed_tokens[row] + embedded.removed_tokens[count + row],
        )
        for row, (example, indices, cosines) in enumerate(
            zip(examples, found.indices, found.cosines, strict=True)
        )
    ]


@dataclass(frozen=True)
class _Asked:
    """One question of one query."""

    query: str
    prompted: Prompted


def rank_pairs(
    engine: TransformersEngine,
    answer: PairFormat,
    examples: Sequence[Example],
    embedded: Mapping[str, Generation],
) -> list[Generation]:
    """The neighbours that `embed_pairs` found, scored by log p(yes) - log p(no)."""
    by_id = {example.id: example for example in examples}
    asked = [
        _Asked(example.id, answer.question(example, by_id[neighbour]))
        for example in examples
        for neighbour in embedded[example.id].neighbours
    ]
    # A yes/no question is a question with two labels.
    readout = planned_readout(engine.loaded.architecture.name, "label", None)
    read = engine.read([one.prompted for one in asked], answer.options, readout)
    scores: dict[str, list[float]] = {}
    removed: dict[str, int] = {}
    for one, generation in zip(asked, read, strict=True):
        yes, no = generation.scores
        scores.setdefault(one.query, []).append(yes - no)
        removed[one.query] = removed.get(one.query, 0) + generation.removed_tokens
    return [
        Generation(
            example.id,
            Readout.rank,
            scores=tuple(scores[example.id]),
            neighbours=embedded[example.id].neighbours,
            removed_tokens=removed[example.id],
        )
        for example in examples
    ]
