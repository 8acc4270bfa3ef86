"""Reading answers from a model in this process: one forward pass for each batch, or decoded text.

Batches are sorted by length and cut by a token budget; the order of the answers is that of the
questions. Scores do not depend on the batches beyond float rounding (1e-4), but on the bits they
do: so the batch is what is kept and recalled (`cached.py`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import torch

from t2t_xfer.architectures.head import place_logits
from t2t_xfer.architectures.loading import LoadedModel
from t2t_xfer.architectures.pointers import Piece, best_pieces, pointer_logits
from t2t_xfer.architectures.rows import Row, row_batches
from t2t_xfer.architectures.windows import piece
from t2t_xfer.engines.cached import CachedAnswers
from t2t_xfer.engines.decoding import Written, write
from t2t_xfer.engines.tagging import slot_question, slot_reader, tagged, write_tags
from t2t_xfer.progress import Progress
from t2t_xfer.records import Decoding, Generation, Options, Prompted, Readout
from t2t_xfer.throughput import count_tokens

if TYPE_CHECKING:
    from transformers import PreTrainedModel

T = TypeVar("T")


class TransformersEngine:
    """Slots for all three architectures, rank and generate for those that write."""

    name = "transformers"

    def __init__(
        self, loaded: LoadedModel, batch_tokens: int = 8192, answers: CachedAnswers | None = None
    ) -> None:
        """Reads from one model.

        Args:
            batch_tokens: padded tokens of one forward pass.
            answers: what the model has answered before.
        """
        self.loaded = loaded
        self.batch_tokens = batch_tokens
        self.answers = answers or CachedAnswers()

    def read(
        self,
        prompted: Sequence[Prompted],
        options: Options,
        readout: Readout,
        decoding: Decoding = Decoding(),
    ) -> list[Generation]:
        """See `Engine`."""
        architecture = self.loaded.architecture
        if options.coded and readout is Readout.generate:
            return write_tags(self.loaded, prompted, options, self.batch_tokens, self.answers)
        owners: list[int] = []
        rows: list[Row] = []
        for i, example in enumerate(prompted):
            found = architecture.reading_rows(example, options, readout)
            owners += [i] * len(found)
            rows += found
        if readout is Readout.generate:
            written = self._write(rows, decoding)
            return [
                self._written(example, options, part)
                for example, part in zip(
                    prompted, _parts(len(prompted), owners, rows, written), strict=True
                )
            ]
        if any(row.points for row in rows):
            pieces = self._read_pointers(rows)
            return [
                _pointed(example, readout, part)
                for example, part in zip(
                    prompted, _parts(len(prompted), owners, rows, pieces), strict=True
                )
            ]
        if options.coded:
            question = slot_question(architecture, options)
            read = self._each_batch(question, rows, slot_reader(architecture, options))
            return [
                tagged(example, options, part)
                for example, part in zip(
                    prompted, _parts(len(prompted), owners, rows, read), strict=True
                )
            ]
        answers = self._read_rows(rows)
        return [
            _generation(example, readout, part)
            for example, part in zip(
                prompted, _parts(len(prompted), owners, rows, answers), strict=True
            )
        ]

    def _write(self, rows: Sequence[Row], decoding: Decoding) -> list[Written]:
        """What is written after each row, with the score of no answer where there may be none."""
        written = write(self.loaded, rows, decoding, self.batch_tokens, self.answers)
        asked = [i for i, row in enumerate(rows) if row.null_target]
        # The same windows again, where nothing but the one text may be written.
        forced = [replace(rows[i], keys=None, targets=(rows[i].null_target,)) for i in asked]
        nulls = write(self.loaded, forced, Decoding(), self.batch_tokens, self.answers)
        for i, null in zip(asked, nulls, strict=True):
            written[i] = written[i]._replace(null=null.score)
        return written

    def _written(
        self, example: Prompted, options: Options, parts: Sequence[tuple[Row, Written]]
    ) -> Generation:
        """The text of the best window, if there are several."""
        row, best = max(parts, key=_merit)
        place = None
        if best.found is None:
            text = self.loaded.tokenizer.decode(
                list(best.tokens), skip_special_tokens=True, clean_up_tokenization_spaces=False
            )
            text = str(text).strip()
        elif row.keys is None:
            text = (example.candidates or options.texts)[best.found]
        else:
            place = _place(example, row, best.found, best.found + len(best.tokens))
            text = example.input[slice(*place)]
        return Generation(
            example.id,
            Readout.generate,
            text=text,
            scores=_null_and_best(best),
            place=place,
            removed_tokens=row.removed_tokens,
        )

    def _read_pointers(self, rows: Sequence[Row]) -> list[Piece]:
        """The best piece of each row."""

        def pieces(model: PreTrainedModel, batch: Sequence[Row]) -> list[Piece]:
            return best_pieces(pointer_logits(model, self.loaded.architecture, batch))

        return self._each_batch(["pointers"], rows, pieces, lambda kept: Piece(*kept))

    def _read_rows(self, rows: Sequence[Row]) -> list[list[float]]:
        """For each row the score of every option."""

        def answers(model: PreTrainedModel, batch: Sequence[Row]) -> list[list[float]]:
            return _option_scores(place_logits(model, self.loaded.architecture, batch), batch)

        return self._each_batch(["options"], rows, answers)

    def _each_batch(
        self,
        question: object,
        rows: Sequence[Row],
        answer: Callable[[PreTrainedModel, Sequence[Row]], Sequence[T]],
        restore: Callable[[Any], T] = lambda kept: kept,
    ) -> list[T]:
        """What `answer` reads from each row, in the order of the rows.

        Args:
            question: see `CachedAnswers.batch`, as `restore`.
        """
        out: dict[int, T] = {}
        model = self.loaded.model.eval()
        with (
            torch.inference_mode(),
            Progress(total=len(rows), desc="read", unit="row") as progress,
        ):
            for batch in row_batches(rows, self.batch_tokens):
                some = [rows[i] for i in batch]
                compute = partial(_counted, answer, model, some)
                found = self.answers.batch(question, some, compute, restore)
                out.update(zip(batch, found, strict=True))
                progress.update(len(batch))
        return [out[i] for i in range(len(rows))]


def _counted(
    answer: Callable[[PreTrainedModel, Sequence[Row]], Sequence[T]],
    model: PreTrainedModel,
    rows: Sequence[Row],
) -> Sequence[T]:
    """What is computed is counted; what was recalled is not."""
    count_tokens(read=sum(row.num_tokens for row in rows))
    return answer(model, rows)


def _parts(
    count: int, owners: Sequence[int], rows: Sequence[Row], answers: Sequence[T]
) -> list[list[tuple[Row, T]]]:
    """The rows of each of `count` examples with what was read from them."""
    parts: list[list[tuple[Row, T]]] = [[] for _ in range(count)]
    for owner, row, answer in zip(owners, rows, answers, strict=True):
        parts[owner].append((row, answer))
    return parts


def _merit(part: tuple[Row, Written | Piece]) -> float:
    """By which the best of several windows is chosen: the score of its span.

    Where there may be no answer: how far the span is above no answer in the same window. So the
    null score of an example is the smallest (no answer - best span) of its windows. BERT's
    `run_squad.py` takes the smallest null score and the largest span score of all windows apart;
    within one window both are probabilities over the same choices, and the logged span is the one
    that the threshold is about.
    """
    found = part[1]
    return found.score if found.null == -math.inf else found.score - found.null


def _null_and_best(found: Written | Piece) -> tuple[float, ...]:
    """The `scores` of a span's generation; see the record."""
    return () if found.null == -math.inf else (found.null, found.score)


def _place(example: Prompted, row: Row, first: int, last: int) -> tuple[int, int]:
    """Characters of the input that the keys `[first, last)` cover; nothing if there are none."""
    if first == last:
        start = next(r.start for r in example.regions if r.field == example.copied)
        return start, start
    return piece(example, row.key_offsets[first:last])


def _pointed(example: Prompted, readout: Readout, parts: Sequence[tuple[Row, Piece]]) -> Generation:
    row, best = max(parts, key=_merit)
    place = _place(example, row, best.start, best.end)
    return Generation(
        example.id,
        readout,
        text=example.input[slice(*place)],
        scores=_null_and_best(best),
        place=place,
        removed_tokens=row.removed_tokens,
    )


def _option_scores(logits: torch.Tensor, rows: Sequence[Row]) -> list[list[float]]:
    """Sum of log p(token) over the readings of each option; rows may differ in their options."""
    place, token, cell = [], [], []
    sizes = [len(row.option_lengths) for row in rows]
    first_place = first_cell = 0
    for row, size in zip(rows, sizes, strict=True):
        for reading in row.readings:
            place.append(first_place + reading.place)
            token.append(reading.token)
            cell.append(first_cell + reading.option)
        first_place += len(row.places)
        first_cell += size
    terms = logits.log_softmax(-1)[place, token]
    scores = torch.zeros(first_cell, device=logits.device)
    scores.index_add_(0, torch.tensor(cell, device=logits.device), terms)
    return [part.tolist() for part in scores.split(sizes)]


def _generation(
    example: Prompted, readout: Readout, parts: Sequence[tuple[Row, list[float]]]
) -> Generation:
    row, scores = parts[0]
    return Generation(
        example.id,
        readout,
        scores=tuple(scores),
        lengths=row.option_lengths if readout is Readout.rank else (),
        removed_tokens=sum(row.removed_tokens for row, _ in parts),
    )
