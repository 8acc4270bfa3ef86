"""Learning from raw text: one row of token ids becomes a training row for each architecture, and
such rows stand among the examples of tasks (co-training).

What the architectures were pretrained with:

    text      It was Ada who wrote it .
    encoder   It was <mask> who wrote it .       labels at the masks: Ada    (masked words)
    seq2seq   It was <extra_id_0> wrote it .     decoder: <extra_id_0> Ada who </s>  (spans)
    causal    It was Ada who wrote it            labels: was Ada who wrote it .  (next token)

Rule: a row is a function of the ids and of the `Random` that is passed in. Of the first n places of
the stream, the whole part of n × rate is text, so every step has its share; what is left are the
places of the tasks' own stream, in the order that they have without text. A text example is a
function of (seed, its number), so a run that was cut off goes on with the very next one.

    rate 1/4    mnli[0] mnli[1] mnli[2] text[0]  mnli[3] mnli[4] mnli[5] text[1]  …
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import groupby, pairwise
from random import Random

from t2t_xfer.architectures.base import Architecture
from t2t_xfer.architectures.codec import Codec
from t2t_xfer.architectures.rows import Row
from t2t_xfer.architectures.seq2seq import Seq2Seq
from t2t_xfer.errors import DataError
from t2t_xfer.training.mixture import Mixture, StreamPlace

MASKED_SHARE = 0.15
"""Of the tokens: predicted by an encoder (Devlin et al. 2019), cut out for a seq2seq model (Raffel
et al. 2020, section 3.1.4)."""
MASK_SHARE, RANDOM_SHARE = 0.8, 0.1
"""Of the predicted tokens: shown as `<mask>`, as a random token; the rest as they are (Devlin et
al. 2019, section 3.1)."""
SPAN_TOKENS = 3.0
"""Mean length of a span that is cut out (Raffel et al. 2020)."""


def text_row(
    architecture: Architecture,
    ids: Sequence[int],
    random: Random,
    *,
    id: str = "",
    share: float = MASKED_SHARE,
    always: Collection[int] = (),
) -> Row:
    """The training row of an architecture for a piece of text.

    Args:
        ids: tokens of the text without the row's own special tokens; special tokens inside (the
            ends of documents) are read, and never masked.
        share: of the tokens that an encoder or a seq2seq model has to predict.
        always: ordinary tokens that are among these wherever they stand and never shown, as a
            causal model predicts each of them (salient spans: Guu et al. 2020, arXiv 2002.08909,
            section 3.4).
    """
    codec = architecture.codec
    if architecture.name == "encoder":
        return masked_row(codec, ids, random, id=id, share=share, always=always)
    if architecture.name == "causal":
        return next_token_row(codec, ids, id=id)
    assert isinstance(architecture, Seq2Seq)
    start = architecture.decoder_start
    return corrupted_row(codec, ids, random, start, id=id, share=share, always=always)


def masked_row(
    codec: Codec,
    ids: Sequence[int],
    random: Random,
    *,
    id: str = "",
    share: float = MASKED_SHARE,
    always: Collection[int] = (),
) -> Row:
    """Masked words: `share` of the ordinary tokens, at least one, is to be predicted."""
    ordinary = [i for i, token in enumerate(ids) if token not in codec.special_tokens]
    first = [i for i in ordinary if ids[i] in always]
    others = [i for i in ordinary if ids[i] not in always]
    left = max(1, round(share * len(ordinary))) - len(first)
    chosen = sorted(first + random.sample(others, max(0, left)))
    shown = list(ids)
    vocabulary = codec.ordinary_tokens
    for i in chosen:
        draw = random.random()
        if draw < MASK_SHARE or ids[i] in always:
            shown[i] = codec.special("mask")
        elif draw < MASK_SHARE + RANDOM_SHARE:
            shown[i] = random.choice(vocabulary)
    ahead = len(codec.prefix)
    return Row(
        id,
        (*codec.prefix, *shown, *codec.suffix),
        tuple(ahead + i for i in chosen),
        labels=tuple(ids[i] for i in chosen),
    )


def corrupted_row(
    codec: Codec,
    ids: Sequence[int],
    random: Random,
    decoder_start: int,
    *,
    id: str = "",
    share: float = MASKED_SHARE,
    always: Collection[int] = (),
) -> Row:
    """Span corruption: spans go to the decoder, a sentinel stays in each one's place."""
    shown: list[int] = []
    target: list[int] = []
    end = 0
    first = [i for i, token in enumerate(ids) if token in always]
    spans = noise_spans(len(ids), random, share - len(first) / len(ids))
    if first:
        spans = list(_runs({*first, *(i for start, stop in spans for i in range(start, stop))}))
    for sentinel, (start, stop) in zip(codec.sentinels, spans, strict=False):
        shown += [*ids[end:start], sentinel]
        target += [sentinel, *ids[start:stop]]
        end = stop
    target.append(codec.special("eos"))
    return Row(
        id,
        (*codec.prefix, *shown, *ids[end:], *codec.suffix),
        tuple(range(len(target))),
        labels=tuple(target),
        decoder_ids=(decoder_start, *target[:-1]),
    )


def next_token_row(codec: Codec, ids: Sequence[int], *, id: str = "") -> Row:
    """Every token is predicted from those before it, the first one from the row's start token."""
    full = (*codec.prefix, *ids)
    return Row(id, full[:-1], tuple(range(len(full) - 1)), labels=full[1:])


def noise_spans(length: int, random: Random, share: float) -> list[tuple[int, int]]:
    """Ranges `[start, end)` that are cut out, in order, never touching each other.

    As `random_spans_noise_mask` of the T5 code: noise and the rest are each cut at random into the
    same number of parts, and the parts take turns, the rest first.
    """
    num_noise = min(max(round(length * share), 1), length - 1)
    num_spans = min(max(round(num_noise / SPAN_TOKENS), 1), length - num_noise)
    spans: list[tuple[int, int]] = []
    at = 0
    for kept, cut in zip(
        _parts(length - num_noise, num_spans, random),
        _parts(num_noise, num_spans, random),
        strict=True,
    ):
        spans.append((at + kept, at + kept + cut))
        at += kept + cut
    return spans


def _parts(total: int, count: int, random: Random) -> list[int]:
    """`count` positive numbers that add up to `total`, all such cuts alike probable."""
    cuts = [0, *sorted(random.sample(range(1, total), count - 1)), total]
    return [b - a for a, b in pairwise(cuts)]


def _runs(places: set[int]) -> Iterator[tuple[int, int]]:
    """The ranges `[start, end)` that these places fill, in order."""
    for _, run in groupby(enumerate(sorted(places)), lambda pair: pair[1] - pair[0]):
        found = [place for _, place in run]
        yield found[0], found[-1] + 1


TEXT = "text"
"""What the part is called among the tasks."""


class CoTrained:
    """The stream of a mixture with text in it."""

    def __init__(self, tasks: Mixture, rate: Fraction, task_name: str) -> None:
        """`rate`: share of the places that are text; `task_name`: of the task, if there is one."""
        self.tasks = tasks
        self.rate = rate
        names = [part.name for part in tasks.parts]
        self.names = (*(names if len(names) > 1 else [task_name]), TEXT)

    @property
    def epoch_length(self) -> int:
        """The fewest places in which every task has its whole quota, as without text."""
        # n - floor(n rate) = ceil(n (1 - rate)) reaches the quota once n (1 - rate) > quota - 1.
        return int((self.tasks.epoch_length - 1) / (1 - self.rate)) + 1

    def __getitem__(self, place: int) -> StreamPlace:
        before = self._texts_before(place)
        if self._texts_before(place + 1) > before:
            return StreamPlace(len(self.tasks.parts), before, 0)
        return self.tasks[place - before]

    def places(self, start: int, count: int) -> list[StreamPlace]:
        """The places `[start, start + count)`."""
        return [self[place] for place in range(start, start + count)]

    def name_of(self, place: StreamPlace) -> str:
        """The task at a place, or `text`."""
        return self.names[place.task]

    def first_of_each(self) -> list[StreamPlace]:
        """The first place of every task, and of text."""
        return [*self.tasks.first_of_each(), StreamPlace(len(self.tasks.parts), 0, 0)]

    def counts(self, num_examples: int) -> dict[str, int]:
        """How often each task and text come in the first so many places."""
        texts = self._texts_before(num_examples)
        counted = self.tasks.counts(num_examples - texts).values()
        return dict(zip(self.names, (*counted, texts), strict=True))

    def _texts_before(self, place: int) -> int:
        return place * self.rate.numerator // self.rate.denominator


class TextRows:
    """Raw text as training rows of an architecture.

    The languages take turns. A row begins with a document drawn at random; if it is longer than a
    row, it is a piece of it from a random place, else the documents that follow it fill the row,
    with an end token between them.
    """

    def __init__(
        self,
        documents: Mapping[str, Sequence[str]],
        architecture: Architecture,
        row_tokens: int,
        seed: int,
    ) -> None:
        """`row_tokens`: of a row with the architecture's own special tokens."""
        codec = architecture.codec
        self.documents = documents
        self.languages = [*documents]
        self.architecture = architecture
        self.room = row_tokens - len(codec.prefix) - len(codec.suffix)
        self.seed = seed

    def row(self, number: int) -> Row:
        """The text example of this number.

        Raises:
            DataError: all text of its language is less than two words.
        """
        language = self.languages[number % len(self.languages)]
        random = Random(f"text:{self.seed}:{number}")
        documents = self.documents[language]
        first = random.randrange(len(documents))
        ids = self._ids(documents, first, random)
        special = self.architecture.codec.special_tokens
        if sum(token not in special for token in ids) < 2:
            raise DataError(f"raw text {language!r}: there is too little text to learn from.")
        name = f"{TEXT}:{language}:{first}" if language else f"{TEXT}:{first}"
        return text_row(self.architecture, ids, random, id=f"{name}:{number}")

    def counts(self, num_texts: int) -> dict[str, int]:
        """How often each language comes in the first so many text examples."""
        whole, rest = divmod(num_texts, len(self.languages))
        return {code: whole + (i < rest) for i, code in enumerate(self.languages)}

    def _ids(self, documents: Sequence[str], first: int, random: Random) -> list[int]:
        ids = self._tokens(documents[first])
        if len(ids) > self.room:
            start = random.randrange(len(ids) - self.room + 1)
            return ids[start : start + self.room]
        end = self.architecture.codec.special("eos")
        for following in range(first + 1, first + len(documents)):
            if len(ids) >= self.room:
                break
            ids = [*ids, end, *self._tokens(documents[following % len(documents)])]
        return ids[: self.room]

    def _tokens(self, document: str) -> list[int]:
        return list(self.architecture.codec.text_ids(document))
