"""One model's answers of every format, read as always, against `plain.py`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
import torch

from t2t_xfer.architectures import way_of
from t2t_xfer.architectures.head import batch_losses
from t2t_xfer.architectures.loading import LoadedModel
from t2t_xfer.architectures.pointers import pointer_logits
from t2t_xfer.architectures.rows import row_batches
from t2t_xfer.engines.embedding import embed
from t2t_xfer.engines.transformers import TransformersEngine
from t2t_xfer.engines.written import most_tokens
from t2t_xfer.errors import UnsupportedError
from t2t_xfer.records import ArchitectureName, Closed, Cloze, Decoding, Question, Readout, Separate
from t2t_xfer.specs.reading import EmbeddingSpec

from . import plain
from .families import NO_BLOCKS, NO_INNER_VECTORS, made
from .learning import TASKS, answers, rendered, written

CLOSE = 1e-4
"""Of a score in float32; relative where scores exceed 1, since a random model's may be large."""
BATCH_TOKENS = 512


def reads_as_alone(architecture: ArchitectureName, name: str) -> None:
    """Label, choice, cloze, tags, span, pair and losses of a family."""
    loaded = made(architecture, name)
    for kind in ("label", "choice", "cloze", "separate"):
        if way_of(architecture, answers(kind).asks).readouts:
            _options(loaded, kind)
    if name in NO_BLOCKS:
        prompted = rendered("tags", 1)
        with pytest.raises(UnsupportedError, match="generate"):
            loaded.architecture.training_rows(prompted[0])
    else:
        _tags(loaded)
    if architecture == "encoder":
        _pointers(loaded)
    else:
        _spans(loaded)
    if name in NO_INNER_VECTORS:
        with pytest.raises(UnsupportedError, match="last layer"):
            _vectors(loaded, 0.5)
    else:
        _vectors(loaded, 0.5)
    _vectors(loaded, 1.0)
    _losses(
        loaded, [kind for kind in TASKS if kind not in ("tags", "bio") or name not in NO_BLOCKS]
    )


def _close(found: object, expected: object, what: str) -> None:
    np.testing.assert_allclose(
        np.asarray(found), np.asarray(expected), rtol=CLOSE, atol=CLOSE, err_msg=what
    )


def _options(loaded: LoadedModel, kind: str) -> None:
    """Scores of options in two orders, in batches where padding differs."""
    readout = way_of(loaded.architecture.name, answers(kind).asks).readouts[0]
    prompted = rendered(kind, 3)
    turned = [replace(each, question=backwards(each.question)) for each in prompted]
    engine = TransformersEngine(loaded, BATCH_TOKENS)
    there = engine.answer(prompted, readout)
    back = engine.answer(turned, readout)
    for example, one, other in zip(prompted, there, back, strict=True):
        expected = plain.option_scores(loaded, example, readout)
        _close(one.scores, expected, kind)
        _close(other.scores[::-1], expected, f"{kind}, options backwards")
        assert _best(one.scores) == _best(expected), f"{kind}: another decision"
    assert not engine.candidates.separate or loaded.architecture.candidates.separate, (
        f"{kind}: {engine.candidates.reason}"
    )


def backwards(question: Question) -> Question:
    """The same with its options, or its choices, the other way round."""
    if isinstance(question, Separate):
        return Separate(question.asked[::-1])
    assert isinstance(question, Closed | Cloze)
    return replace(question, options=question.options[::-1])


def _best(scores: Sequence[float]) -> int:
    return max(range(len(scores)), key=scores.__getitem__)


def _tags(loaded: LoadedModel) -> None:
    prompted = rendered("tags", 3)
    codes = loaded.architecture.codec.codebook(len(answers("tags").options))
    read = TransformersEngine(loaded, BATCH_TOKENS).answer(prompted, Readout.slots)
    for example, generation in zip(prompted, read, strict=True):
        logits = plain.tags(loaded, example, codes)
        best = logits.max(-1).values
        for word, choice in enumerate(generation.choices):
            # The one that was chosen is the best, or no worse than rounding makes it.
            assert best[word] - logits[word, choice] <= CLOSE, f"tag of word {word}"


def _pointers(loaded: LoadedModel) -> None:
    for kind in ("span", "span_or_none"):
        prompted = rendered(kind, 3)
        made = loaded.architecture.reading_rows
        rows = [row for each in prompted for row in made(each, Readout.slots)]
        with torch.inference_mode():
            found = pointer_logits(loaded.model, loaded.architecture, rows)
        for row, logits in zip(rows, found, strict=True):
            expected = plain.pointer_scores(loaded, row)
            _close(logits[:, : expected.shape[1]], expected, kind)


def _spans(loaded: LoadedModel) -> None:
    """Written spans: left padding and caches against whole passes."""
    prompted = rendered("span", 3)
    made = loaded.architecture.reading_rows
    rows = [row for each in prompted for row in made(each, Readout.generate)]
    decoding = Decoding(max_new_tokens=5)
    most = max(most_tokens(row, decoding) for row in rows)
    for row, found in zip(rows, written(loaded, rows, decoding, 4096), strict=True):
        tokens, score = plain.written(loaded, row, most)
        assert found.tokens == tokens, "another span"
        _close(found.score, score, "span")


def _vectors(loaded: LoadedModel, layer: float) -> None:
    """A sentence's vector does not depend on the sentences beside it."""
    texts = ["the dog", "my house was very near the old garden of his city", "room"]
    spec = EmbeddingSpec(layer=layer, pooling="mean")
    together = embed(loaded, texts, spec).vectors
    alone = [embed(loaded, [text], spec).vectors[0] for text in texts]
    _close(together, alone, f"vectors of layer {layer}")


def _losses(loaded: LoadedModel, kinds: Sequence[str]) -> None:
    for kind in kinds:
        if (loaded.architecture.name, kind) == ("encoder", "cloze"):
            continue
        prompted = rendered(kind, 3)
        made = loaded.architecture.training_rows
        rows = [row for each in prompted for row in made(each)]
        for batch in row_batches(rows, BATCH_TOKENS):
            some = [rows[i] for i in batch]
            with torch.inference_mode():
                found = batch_losses(loaded.model, loaded.architecture, some)
            _close(found, [plain.loss(loaded, row) for row in some], f"losses of {kind}")
