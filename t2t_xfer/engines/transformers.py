"""Reading answers from a model in this process: one forward pass for each batch, or decoded text.

Batches are sorted by length and cut by a token budget; the order of the answers is that of the
questions. Scores do not depend on the batches beyond float rounding (1e-4), but on the bits they
do: so the batch is what is kept and recalled (`cached.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

import torch

from t2t_xfer.architectures.loading import Readable
from t2t_xfer.architectures.pointers import Piece, best_pieces, pointer_logits
from t2t_xfer.architectures.rows import Row, row_batches
from t2t_xfer.engines.cached import CachedAnswers
from t2t_xfer.engines.candidates import option_scores, proven, separate_scores
from t2t_xfer.engines.decoding import write
from t2t_xfer.engines.tagging import slot_question, slot_reader, tagged
from t2t_xfer.engines.written import (
    Written,
    merit,
    null_and_best,
    parts_of,
    place_of,
    read_written,
)
from t2t_xfer.progress import Progress, count_tokens
from t2t_xfer.records import Decoding, Generation, Options, Prompted, Readout

if TYPE_CHECKING:
    from transformers import PreTrainedModel

T = TypeVar("T")


class TransformersEngine:
    """Slots for all three architectures, rank and generate for those that write."""

    name = "transformers"

    def __init__(
        self, loaded: Readable, batch_tokens: int = 8192, answers: CachedAnswers | None = None
    ) -> None:
        """Reads from one model.

        Args:
            batch_tokens: padded tokens of one forward pass.
            answers: what the model has answered before.
        """
        self.loaded = loaded
        self.batch_tokens = batch_tokens
        self.answers = answers or CachedAnswers()
        self.candidates = loaded.architecture.candidates
        """How the candidates of a question are read; known for sure once some were."""

    def read(
        self,
        prompted: Sequence[Prompted],
        options: Options,
        readout: Readout,
        decoding: Decoding = Decoding(),
    ) -> list[Generation]:
        """See `Engine`."""
        architecture = self.loaded.architecture
        if readout is Readout.generate:
            return read_written(architecture, prompted, options, decoding, self._write)
        owners: list[int] = []
        rows: list[Row] = []
        for i, example in enumerate(prompted):
            found = architecture.reading_rows(example, options, readout)
            owners += [i] * len(found)
            rows += found
        if any(row.points for row in rows):
            pieces = self._read_pointers(rows)
            return [
                _pointed(example, readout, part)
                for example, part in zip(
                    prompted, parts_of(len(prompted), owners, rows, pieces), strict=True
                )
            ]
        if options.coded:
            question = slot_question(architecture, options)
            read = self._each_batch(question, rows, slot_reader(architecture, options))
            return [
                tagged(example, options, part)
                for example, part in zip(
                    prompted, parts_of(len(prompted), owners, rows, read), strict=True
                )
            ]
        answers = self._read_rows(rows)
        return [
            _generation(example, readout, part)
            for example, part in zip(
                prompted, parts_of(len(prompted), owners, rows, answers), strict=True
            )
        ]

    def _write(self, rows: Sequence[Row], decoding: Decoding) -> list[Written]:
        return write(self.loaded, rows, decoding, self.batch_tokens, self.answers)

    def _read_pointers(self, rows: Sequence[Row]) -> list[Piece]:
        """The best piece of each row."""

        def pieces(model: PreTrainedModel, batch: Sequence[Row]) -> list[Piece]:
            return best_pieces(pointer_logits(model, self.loaded.architecture, batch))

        return self._each_batch(["pointers"], rows, pieces, lambda kept: Piece(*kept))

    def _read_rows(self, rows: Sequence[Row]) -> list[list[float]]:
        """For each row the score of every option."""

        def answers(model: PreTrainedModel, batch: Sequence[Row]) -> list[list[float]]:
            sequences = [each for row in batch for each in row.sequences]
            if any(row.blocks for row in sequences):
                self.candidates = proven(model, self.loaded.architecture)
            return _bundled(batch, self._scores(model, sequences))

        form = self.loaded.architecture.candidates.form
        return self._each_batch(["options", form], rows, answers)

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
        with (
            torch.inference_mode(),
            Progress(total=len(rows), desc="read", unit="row") as progress,
        ):
            for batch in row_batches(rows, self.batch_tokens):
                some = [rows[i] for i in batch]
                compute = partial(_counted, answer, self.loaded, some)
                found = self.answers.batch(question, some, compute, restore)
                out.update(zip(batch, found, strict=True))
                progress.update(len(batch))
        return [out[i] for i in range(len(rows))]


def _counted(
    answer: Callable[[PreTrainedModel, Sequence[Row]], Sequence[T]],
    loaded: Readable,
    rows: Sequence[Row],
) -> Sequence[T]:
    """What is computed is counted; what was recalled is not, and needs no weights."""
    count_tokens(read=sum(row.num_tokens for row in rows))
    return answer(loaded.model.eval(), rows)


def _pointed(example: Prompted, readout: Readout, parts: Sequence[tuple[Row, Piece]]) -> Generation:
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
