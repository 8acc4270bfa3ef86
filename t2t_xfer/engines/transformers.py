"""Reading answers from a model in this process: one forward pass for each batch.

Batches are sorted by length and cut by a token budget; the order of the answers is that of the
questions. Scores do not depend on the batches beyond float rounding (1e-4).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from tqdm import tqdm

from t2t_xfer.architectures.base import option_tokens
from t2t_xfer.architectures.head import place_logits
from t2t_xfer.architectures.loading import LoadedModel
from t2t_xfer.architectures.rows import Row, token_budget_batches
from t2t_xfer.records import Generation, Options, Prompted, Readout


class TransformersEngine:
    """Slots and rank for all three architectures."""

    name = "transformers"

    def __init__(self, loaded: LoadedModel, batch_tokens: int = 8192) -> None:
        """`batch_tokens`: padded tokens of one forward pass."""
        self.loaded = loaded
        self.batch_tokens = batch_tokens

    def read(
        self, prompted: Sequence[Prompted], options: Options, readout: Readout
    ) -> list[Generation]:
        """See `Engine`."""
        architecture = self.loaded.architecture
        owners: list[int] = []
        rows: list[Row] = []
        for i, example in enumerate(prompted):
            found = architecture.reading_rows(example, options, readout)
            owners += [i] * len(found)
            rows += found
        codes = None
        if options.coded:
            codes = [tokens[0] for tokens in option_tokens(architecture.codec, options)]
        answers = self._read_rows(rows, codes)
        parts: list[list[tuple[Row, list[float]]]] = [[] for _ in prompted]
        for owner, row, answer in zip(owners, rows, answers, strict=True):
            parts[owner].append((row, answer))
        return [
            _generation(example, readout, part)
            for example, part in zip(prompted, parts, strict=True)
        ]

    def _read_rows(self, rows: Sequence[Row], codes: list[int] | None) -> list[list[float]]:
        """For each row the option of every slot, or the score of every option."""
        out: list[list[float]] = [[] for _ in rows]
        model = self.loaded.model.eval()
        batches = token_budget_batches([row.num_tokens for row in rows], self.batch_tokens)
        with (
            torch.inference_mode(),
            tqdm(total=len(rows), desc="read", unit="row", leave=False, disable=None) as progress,
        ):
            for batch in batches:
                chosen = [rows[i] for i in batch]
                logits = place_logits(model, self.loaded.architecture, chosen)
                answers = (
                    _option_scores(logits, chosen)
                    if codes is None
                    else _best_codes(logits, chosen, codes)
                )
                for i, answer in zip(batch, answers, strict=True):
                    out[i] = answer
                progress.update(len(batch))
        return out


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


def _best_codes(logits: torch.Tensor, rows: Sequence[Row], codes: list[int]) -> list[list[float]]:
    """Index of the best code at every place."""
    best = logits[:, codes].argmax(-1).tolist()
    out = []
    for row in rows:
        out.append(best[: len(row.places)])
        best = best[len(row.places) :]
    return out


def _generation(
    example: Prompted, readout: Readout, parts: Sequence[tuple[Row, list[float]]]
) -> Generation:
    removed = sum(row.removed_tokens for row, _ in parts)
    if not example.slots:
        row, scores = parts[0]
        lengths = row.option_lengths if example.candidates else ()
        return Generation(
            example.id, readout, scores=tuple(scores), lengths=lengths, removed_tokens=removed
        )
    ordered = sorted(parts, key=lambda part: part[0].first_slot)
    choices = tuple(int(choice) for _, answer in ordered for choice in answer)
    return Generation(example.id, readout, choices=choices, removed_tokens=removed)
