"""Answers that are another sentence: the one in the target language that means the same.

The gold answer is the id of the aligned row. Direction as in XTREME: each English sentence looks
for its translation among all target-language sentences of the split. Two readings:

    embed  sentences -> vectors -> the nearest neighbour by cosine
    rank   the nearest `top_k` -> "Do they mean the same?" -> the highest log p(yes) - log p(no)

In the question's template `source` is the English sentence and `target` the other one.

Where pairs are mined (`mining`), an example is a foreign sentence, most of which have no
translation. The answer is the id of the mined English one, with its margin as evidence, or empty.
"""

from __future__ import annotations

from collections.abc import Iterable

from t2t_xfer.answers.base import Wording
from t2t_xfer.errors import SpecError, UnsupportedError
from t2t_xfer.prompts import Template
from t2t_xfer.records import (
    Closed,
    Example,
    Generation,
    Gold,
    Pair,
    Prediction,
    Prompted,
    Readout,
    Status,
    Value,
)
from t2t_xfer.specs.data import MiningSpec
from t2t_xfer.specs.prompt import ResolvedPrompt
from t2t_xfer.specs.reading import EmbeddingSpec
from t2t_xfer.specs.task import YES_NO, TaskSpec

SOURCE, TARGET = "source", "target"
"""The template fields with the English and with the target-language sentence."""


class PairFormat:
    """The `pair` answers of one task.

    Raises:
        SpecError: the question lacks one of the sentences, or the embedding's template names
            something else than `text`.
    """

    name = "pair"
    asks = Pair
    closed = False
    options: tuple[str, ...] = ()
    shuffles = False

    def __init__(self, task: TaskSpec, prompt: ResolvedPrompt) -> None:
        self.embedding: EmbeddingSpec = task.embedding
        self.mining: MiningSpec | None = task.mining
        self._shortenable = task.shortenable
        self._question = Wording(task, prompt, required=(SOURCE, TARGET))
        self._embedded = Template(task.embedding.input)
        if self._embedded.names != {"text"}:
            raise SpecError(
                f"task {task.task!r}: `embedding: input` is {task.embedding.input!r}; it must name"
                " {{ text }}, the sentence, and nothing else."
            )
        yes, no = (prompt.words[word] for word in YES_NO)
        self.words = (yes, no)

    def render(self, example: Example, epoch: int | None = None) -> Prompted:
        """The sentence that looks for its translation; the target is the translation's id."""
        if self.mining is None:
            self.question(example, example)  # what is wrong with the prompt shows before any work
        field = SOURCE if self.mining is None else TARGET
        text, regions = self._embedded.render({"text": example.fields[field]})
        gold = example.gold or ""
        # Of several translations any one is right.
        target = gold if isinstance(gold, str) else str(gold[0])
        return Prompted(example.id, example.language, text, target, Pair(), regions)

    def embedded(self, sentence: Value) -> str:
        """A sentence as it is embedded."""
        return self._embedded.render({"text": sentence}).text

    def sentences(self, example: Example) -> tuple[str, str]:
        """The English and the target-language sentence of a row, as they are embedded."""
        return self.embedded(example.fields[SOURCE]), self.embedded(example.fields[TARGET])

    def question(self, query: Example, neighbour: Example) -> Prompted:
        """Whether the English sentence of one row means what the other row's sentence means."""
        fields = {
            **query.fields,
            SOURCE: query.fields[SOURCE],
            TARGET: neighbour.fields[TARGET],
        }
        rendered = self._question.render(query, fields=fields)
        yes, no = self.words
        return Prompted(
            f"{query.id} {neighbour.id}",
            query.language,
            rendered.text,
            yes if query.gold == neighbour.id else no,
            Closed(self.words),
            rendered.regions,
            shortenable=self._shortenable,
            wording=self._question.text,
        )

    def parse(self, generation: Generation, prompted: Prompted) -> Prediction:
        """The neighbour with the highest score; the nearest of several with the same."""
        if self.mining is not None:
            return _mined(generation)
        if generation.readout is Readout.generate:  # what the oracle says
            status = Status.exact if generation.text else Status.invalid
            return Prediction(generation.id, generation.text or None, status)
        if len(generation.scores) != len(generation.neighbours) or not generation.scores:
            raise ValueError(f"scores of a pair do not fit its neighbours: {generation}")
        best = max(range(len(generation.scores)), key=generation.scores.__getitem__)
        return Prediction(generation.id, generation.neighbours[best], Status.scored)

    def reading(self, readout: Readout) -> str:
        """Layer, pooling and, for `rank`, how many neighbours are asked about."""
        if readout not in (Readout.embed, Readout.rank):
            return ""
        embedding = self.embedding
        embed = f"embed:layer-{embedding.layer:.4f}-{embedding.pooling}-cosine"
        if self.mining is not None:
            return f"{embed}|mine:ratio-margin-of-{self.mining.neighbours}-max-one-to-one"
        if readout is Readout.embed:
            return embed
        return f"{embed}|rank:yes-minus-no-of-top-{embedding.top_k}"

    def constant(self, golds: Iterable[Gold]) -> str:
        """There is none: every answer is another sentence."""
        raise UnsupportedError("tasks of the format 'pair' have no majority baseline.")


def _mined(generation: Generation) -> Prediction:
    """The English sentence that was mined, with its margin; an empty answer if none was."""
    if generation.readout is Readout.generate:  # what the oracle says
        return Prediction(generation.id, generation.text or "", Status.exact)
    if not generation.neighbours:
        return Prediction(generation.id, "", Status.scored)
    (found,), (margin,) = generation.neighbours, generation.scores
    return Prediction(generation.id, found, Status.scored, margin)
