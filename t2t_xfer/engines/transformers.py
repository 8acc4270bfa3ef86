"""Reading answers from a model in this process: one forward pass for each batch, or decoded text.

Batches are sorted by length and cut by a token budget; the order of the answers is that of the
questions. Scores do not depend on the batches beyond float rounding (1e-4), but on the bits they
do.

Tags are read at every word in one pass, the best one each. Where they may not follow each other
freely (BIO), the best legal sequence over the whole sentence, wherever it was cut into pieces, is
logged beside it: which of the two is the answer is decided in scoring.

Text is decoded greedily, free or constrained, through the model's own `generate`: the most probable
allowed token at each step. What is not allowed is hidden, but probabilities are those of the whole
vocabulary, so that the answers of two windows can be compared. The last of `max_new_tokens` is
always the end token: every score is that of a finished text.

    rows     question : who ? context : It was Ada Lovelace . answer :
    allowed  It|was|Ada|Lovelace|.   then after Ada: Lovelace|end   after Lovelace: .|end
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import torch
from transformers import GenerationConfig, LogitsProcessor, LogitsProcessorList

from t2t_xfer.architectures.head import place_logits, placed
from t2t_xfer.architectures.loading import Readable
from t2t_xfer.architectures.pointers import Piece, best_pieces, pointer_logits
from t2t_xfer.architectures.rows import Row, row_batches, token_budget_batches
from t2t_xfer.engines.base import Kept
from t2t_xfer.engines.candidates import option_scores, proven, separate_scores
from t2t_xfer.engines.written import (
    Answered,
    Constraint,
    Whole,
    Written,
    constraint_of,
    in_batches,
    merit,
    most_tokens,
    null_and_best,
    place_of,
    read_written,
    told_codes,
)
from t2t_xfer.progress import Progress, count_tokens
from t2t_xfer.records import (
    NOTHING,
    Copied,
    Decoding,
    Generation,
    Json,
    Prompted,
    Readout,
    Slots,
)

if TYPE_CHECKING:
    from transformers import PreTrainedModel


T = TypeVar("T")


class TransformersEngine:
    """Slots for all three architectures, rank and generate for those that write."""

    name = "transformers"

    def __init__(self, loaded: Readable, batch_tokens: int = 8192) -> None:
        """Reads from one model.

        Args:
            batch_tokens: padded tokens of one forward pass.
        """
        self.loaded = loaded
        self.batch_tokens = batch_tokens
        self.candidates = loaded.architecture.candidates
        """How the candidates of a question are read; known for sure once some were."""

    def answer(
        self,
        prompted: Sequence[Prompted],
        readout: Readout,
        decoding: Decoding = Decoding(),
        kept: Kept | None = None,
    ) -> list[Generation]:
        """See `Engine`. All examples are of one task."""
        architecture = self.loaded.architecture
        if readout is Readout.generate:
            return read_written(architecture, prompted, decoding, self._write, kept)
        answered = Answered(architecture, prompted, kept)
        rows = [architecture.reading_rows(each, readout) for each in answered.asked]

        def read(reader: Callable[..., Sequence[T]], generation: Callable[..., Generation]) -> None:
            def whole(number: int, parts: list[tuple[Row, T]]) -> None:
                answered.put(number, generation(answered.asked[number], parts))

            self._each_batch(rows, answered.knows, reader, whole)

        match prompted[0].question if prompted else NOTHING:
            case Copied():
                read(self._read_pointers, partial(_pointed, readout))
            case Slots() as question:
                codes = architecture.codec.codebook(len(question.options))
                read(partial(self._read_slots, question, codes), partial(_tagged, question))
            case _:  # whatever is read as scores of options
                read(self._read_options, partial(_scored, readout))
        return answered.all()

    def told(self, prompted: Sequence[Prompted], readout: Readout) -> dict[str, Json]:
        """See `Engine`."""
        found = told_codes(self.loaded.architecture, prompted)
        if readout is Readout.rank:
            found["candidates"] = self.candidates.form
            if self.candidates.separate:
                found["candidates_reason"] = self.candidates.reason
        return found

    def _write(
        self,
        rows: Sequence[Sequence[Row]],
        knows: Callable[[int], bool],
        decoding: Decoding,
        whole: Whole[Written],
    ) -> None:
        write(self.loaded, rows, decoding, self.batch_tokens, whole, knows)

    def _read_pointers(self, model: PreTrainedModel, batch: Sequence[Row]) -> list[Piece]:
        """The best piece of each row."""
        return best_pieces(pointer_logits(model, self.loaded.architecture, batch))

    def _read_slots(
        self, question: Slots, codes: Sequence[int], model: PreTrainedModel, batch: Sequence[Row]
    ) -> list[Places]:
        """What is read at the places of each row."""
        logits = place_logits(model, self.loaded.architecture, batch, codes)
        found = logits.log_softmax(-1) if question.follows else logits.argmax(-1)
        parts = torch.split(found.cpu(), [len(row.places) for row in batch])
        return [part.tolist() for part in parts]

    def _read_options(self, model: PreTrainedModel, batch: Sequence[Row]) -> list[list[float]]:
        """For each row the score of every option."""
        sequences = [each for row in batch for each in row.sequences]
        if any(row.blocks for row in sequences):
            self.candidates = proven(model, self.loaded.architecture)
        return _bundled(batch, self._scores(model, sequences))

    def _scores(self, model: PreTrainedModel, rows: Sequence[Row]) -> list[list[float]]:
        if self.candidates.separate and any(row.blocks for row in rows):
            return separate_scores(
                model,
                self.loaded.architecture,
                rows,
                self.batch_tokens,
                cached=self.candidates.cached,
            )
        return option_scores(model, self.loaded.architecture, rows)

    def _each_batch(
        self,
        rows: Sequence[Sequence[Row]],
        knows: Callable[[int], bool],
        answer: Callable[[PreTrainedModel, Sequence[Row]], Sequence[T]],
        whole: Whole[T],
    ) -> None:
        """See `in_batches`; `answer` reads a batch."""

        def read(batch: list[Row]) -> Sequence[T]:
            count_tokens(read=sum(row.num_tokens for row in batch))
            return answer(self.loaded.model.eval(), batch)

        flat = [row for some in rows for row in some]
        batches = _shown(row_batches(flat, self.batch_tokens), len(flat), "read")
        with torch.inference_mode():
            in_batches(rows, knows, batches, read, whole)


def _shown(batches: Iterable[list[int]], total: int, what: str) -> Iterator[list[int]]:
    """Batches, with a bar that says how many rows are done."""
    with Progress(total=total, desc=what, unit="row") as progress:
        for batch in batches:
            yield batch
            progress.update(len(batch))


def _pointed(readout: Readout, example: Prompted, parts: Sequence[tuple[Row, Piece]]) -> Generation:
    row, best = max(parts, key=merit)
    place = place_of(example, row, best.start, best.end)
    return Generation(
        example.id,
        readout,
        text=example.input[slice(*place)],
        scores=null_and_best(best),
        place=place,
        removed_tokens=row.removed_tokens,
    )


def _bundled(rows: Sequence[Row], scores: Sequence[list[float]]) -> list[list[float]]:
    """The scores of each row from those of its sequences: of a bundle the log-odds of yes."""
    rest = iter(scores)
    return [
        [yes - no for yes, no in islice(rest, len(row.apart))] if row.apart else next(rest)
        for row in rows
    ]


def _scored(
    readout: Readout, example: Prompted, parts: Sequence[tuple[Row, list[float]]]
) -> Generation:
    row, scores = parts[0]
    return Generation(
        example.id,
        readout,
        scores=tuple(scores),
        lengths=row.option_lengths if readout is Readout.rank else (),
        removed_tokens=sum(row.removed_tokens for row, _ in parts),
    )


Places: TypeAlias = "list[int] | list[list[float]]"
"""What is read from one row: the index of the best tag at each place or, where tags depend on each
other, log-probabilities among the tags, shape (places, tags)."""


def _tagged(question: Slots, example: Prompted, parts: Any) -> Generation:
    return tagged(example.id, question, parts)


def tagged(id: str, question: Slots, parts: Sequence[tuple[Row, Places]]) -> Generation:
    """The tags of a sentence from what was read in each of its pieces."""
    ordered = sorted(parts, key=lambda part: part[0].first_slot)
    found: Any = [place for _, read in ordered for place in read]
    choices, legal = tuple(found), tuple[int, ...]()
    if question.follows:
        choices = tuple(max(range(len(scores)), key=scores.__getitem__) for scores in found)
        legal = tuple(best_path(found, question.follows))
    return Generation(
        id,
        Readout.slots,
        choices=choices,
        legal=() if legal == choices else legal,
        removed_tokens=sum(row.removed_tokens for row, _ in parts),
        pieces=len(parts),
    )


def best_path(scores: Sequence[Sequence[float]], follows: Sequence[Sequence[int]]) -> list[int]:
    """The legal sequence with the highest sum of scores (Viterbi).

    Args:
        scores: of every option at every slot, shape (slots, options).
        follows: see `Slots.follows`.

    >>> best_path([[0.0, -9.0, 1.0], [0.0, -9.0, 1.0]], [[], [], [1, 2]])  # O, B, I
    [0, 0]
    """
    blocked = float("-inf")
    total = [blocked if follows[k] else score for k, score in enumerate(scores[0])]
    came_from: list[list[int]] = []
    for slot in scores[1:]:
        best = max(range(len(total)), key=total.__getitem__)
        origins = [
            max(before, key=total.__getitem__) if (before := follows[k]) else best
            for k in range(len(slot))
        ]
        total = [total[origin] + score for origin, score in zip(origins, slot, strict=True)]
        came_from.append(origins)
    path = [max(range(len(total)), key=total.__getitem__)]
    for origins in reversed(came_from):
        path.append(origins[path[-1]])
    return path[::-1]


def write(
    loaded: Readable,
    rows: Sequence[Sequence[Row]],
    decoding: Decoding,
    batch_tokens: int,
    whole: Whole[Written],
    knows: Callable[[int], bool] = lambda number: False,
) -> None:
    """The greedy continuation of every row; see `Write`."""
    flat = [row for some in rows for row in some]
    lengths = [row.num_tokens + most_tokens(row, decoding) for row in flat]
    batches = _batches(flat, lengths, batch_tokens, loaded.architecture.pads_left)
    shown = _shown(batches, len(flat), "write")
    with torch.inference_mode():
        in_batches(rows, knows, shown, lambda some: _write_batch(loaded, some, decoding), whole)


def _batches(
    rows: Sequence[Row], lengths: Sequence[int], batch_tokens: int, pads_left: bool
) -> list[list[int]]:
    """Indices of rows that are continued together; of one length each where padding counts."""
    if pads_left:
        return token_budget_batches(lengths, batch_tokens)
    out: list[list[int]] = []
    for size in sorted({len(row.input_ids) for row in rows}, reverse=True):
        same = [i for i, row in enumerate(rows) if len(row.input_ids) == size]
        found = token_budget_batches([lengths[i] for i in same], batch_tokens)
        out += [[same[k] for k in batch] for batch in found]
    return out


@contextmanager
def own_settings_aside(model: Any) -> Iterator[Any]:
    """The model without its own generation settings.

    `generate` fills up whatever a call leaves open from the checkpoint's file: chat models bring a
    repetition penalty along, which would punish every label word that stands in the prompt.
    """
    inner = model.get_base_model() if hasattr(model, "get_base_model") else model
    kept = inner.generation_config
    inner.generation_config = GenerationConfig()
    try:
        yield inner
    finally:
        inner.generation_config = kept


def _write_batch(loaded: Readable, rows: Sequence[Row], decoding: Decoding) -> list[Written]:
    codec = loaded.architecture.codec
    end, most = codec.special("eos"), max(most_tokens(row, decoding) for row in rows)
    constraints = [constraint_of(row, end) if decoding.constrained else None for row in rows]
    reader = _Greedy(constraints, end, most)
    settings = GenerationConfig(
        do_sample=False,
        num_beams=1,
        max_new_tokens=most,
        eos_token_id=end,
        pad_token_id=codec.pad,
        decoder_start_token_id=rows[0].decoder_ids[0] if rows[0].decoder_ids else None,
        use_cache=True,
    )
    with own_settings_aside(loaded.model.eval()) as model:
        inputs = placed(loaded.architecture.generation_inputs(rows), model)
        model.generate(
            **inputs, generation_config=settings, logits_processor=LogitsProcessorList([reader])
        )
    written = reader.written()
    count_tokens(
        read=sum(row.num_tokens for row in rows),
        written=sum(len(answer.tokens) + 1 for answer in written),
    )
    return written


class _Greedy(LogitsProcessor):
    """Chooses every next token itself and writes down what it cost."""

    def __init__(self, constraints: Sequence[Constraint | None], end: int, most: int) -> None:
        self._constraints = constraints
        self._end = end
        self._most = most
        self._step = 0
        self._tokens: list[list[int]] = [[] for _ in constraints]
        self._scores = [0.0] * len(constraints)
        self._open = [True] * len(constraints)

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """Hides every token but the chosen one of each row."""
        self._step += 1
        terms = scores.float().log_softmax(-1)
        chosen = self._choose(terms)
        line = torch.arange(len(chosen), device=chosen.device)
        self._take(chosen.tolist(), terms[line, chosen].tolist())
        out = torch.full_like(scores, -torch.inf)
        out[line, chosen] = 0.0
        return out

    def _choose(self, terms: torch.Tensor) -> torch.Tensor:
        if self._step == self._most:
            return torch.full((len(terms),), self._end, device=terms.device)
        if self._constraints[0] is None:
            return terms.argmax(-1)
        allowed = [
            each.allowed() if each is not None and still else [self._end]
            for each, still in zip(self._constraints, self._open, strict=True)
        ]
        width = max(map(len, allowed))
        # Filled up with the first allowed token: the argmax takes it as one of its own.
        ids = torch.tensor([row + row[:1] * (width - len(row)) for row in allowed])
        ids = ids.to(terms.device)
        return ids.gather(1, terms.gather(1, ids).argmax(-1, keepdim=True))[:, 0]

    def _take(self, chosen: list[int], terms: list[float]) -> None:
        for i, (token, term) in enumerate(zip(chosen, terms, strict=True)):
            if not self._open[i]:
                continue
            self._scores[i] += term
            if token == self._end:
                self._open[i] = False
                continue
            self._tokens[i].append(token)
            constraint = self._constraints[i]
            if constraint is not None:
                constraint.advance(token)

    def written(self) -> list[Written]:
        """What each row has become."""
        return [
            Written(score, tuple(tokens), None if each is None else each.found())
            for score, tokens, each in zip(
                self._scores, self._tokens, self._constraints, strict=True
            )
        ]
