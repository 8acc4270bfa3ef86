"""Pointers: the loss and the best piece equal the plain way, on several families of encoders."""

from dataclasses import replace
from typing import Any

import pytest
import torch
import transformers
from torch.nn import functional

from t2t_xfer.architectures.head import batch_losses
from t2t_xfer.architectures.loading import LoadedModel, wrap
from t2t_xfer.architectures.pointers import (
    LONGEST_ANSWER,
    best_pieces,
    pointer_logits,
    pointer_losses,
)
from t2t_xfer.architectures.rows import NULL, Row
from t2t_xfer.engines.transformers import TransformersEngine
from t2t_xfer.errors import UnsupportedError
from t2t_xfer.records import Readout
from t2t_xfer.training.mixture import Mixture
from t2t_xfer.training.steps import StepDataset

from .learning import answers, fresh_model, rendered


@pytest.fixture(scope="module")
def loaded() -> LoadedModel:
    texts = [p.input for kind in ("label", "span") for p in rendered(kind, 32)]
    texts += ["relation: entailment neutral contradiction"] * 8
    model = fresh_model("encoder", texts)
    model.model.eval()
    return model


def training_rows(loaded: LoadedModel, kind: str, count: int) -> list[Row]:
    prompted = rendered(kind, count)
    return [row for p in prompted for row in loaded.architecture.training_rows(p)]


def plain_states(model: Any, row: Row) -> torch.Tensor:
    """The MLM head's own transform, step by step (XLM-R)."""
    hidden = model.roberta(torch.tensor([row.input_ids]))[0][0]
    return model.lm_head.layer_norm(functional.gelu(model.lm_head.dense(hidden)))  # type: ignore[no-any-return]


def test_the_loss_equals_the_plain_one(loaded: LoadedModel) -> None:
    rows = training_rows(loaded, "span", 9)
    rows[1] = replace(rows[1], weight=0.25)
    with torch.inference_mode():
        fast = batch_losses(loaded.model, loaded.architecture, rows)
        slow = []
        for row in rows:
            states = plain_states(loaded.model, row)
            assert row.keys is not None
            keys = states[row.keys.start : row.keys.end]
            terms = [
                functional.cross_entropy(keys @ states[place] / 64**0.5, torch.tensor(label))
                for place, label in zip(row.places, row.labels, strict=True)
            ]
            slow.append(float(sum(terms)) / 2 * row.weight)
    assert fast.tolist() == pytest.approx(slow, abs=1e-5)


def test_the_loss_of_no_answer_equals_the_plain_one(loaded: LoadedModel) -> None:
    """Both slots choose between the first token of the row and the keys."""
    rows = training_rows(loaded, "span_or_none", 9)
    assert {row.labels == (NULL, NULL) for row in rows} == {True, False}
    assert {row.null_place for row in rows} == {0}
    with torch.inference_mode():
        fast = batch_losses(loaded.model, loaded.architecture, rows)
        slow = []
        for row in rows:
            states = plain_states(loaded.model, row)
            assert row.keys is not None
            choices = torch.cat([states[:1], states[row.keys.start : row.keys.end]])
            terms = [
                functional.cross_entropy(choices @ states[place] / 64**0.5, torch.tensor(1 + label))
                for place, label in zip(row.places, row.labels, strict=True)
            ]
            slow.append(float(sum(terms)) / 2)
    assert fast.tolist() == pytest.approx(slow, abs=1e-5)


def test_a_batch_may_mix_rows_with_and_without_a_null_place(loaded: LoadedModel) -> None:
    rows = training_rows(loaded, "span", 4) + training_rows(loaded, "span_or_none", 4)
    with torch.inference_mode():
        together = pointer_logits(loaded.model, loaded.architecture, rows[::-1]).flip(0)
        alone = [pointer_logits(loaded.model, loaded.architecture, [row])[0] for row in rows]
    assert together[:4, :, 0].isinf().all()
    assert together[4:, :, 0].isfinite().all()
    for found, expected in zip(together, alone, strict=True):
        torch.testing.assert_close(found[:, : expected.shape[1]], expected, atol=1e-4, rtol=0)


def test_the_scores_are_those_of_no_answer_and_of_the_best_piece(loaded: LoadedModel) -> None:
    prompted = rendered("span_or_none", 6)
    found = TransformersEngine(loaded, 500).answer(prompted, Readout.slots)
    for example, generation in zip(prompted, found, strict=True):
        (row,) = loaded.architecture.reading_rows(example, Readout.slots)
        states = plain_states(loaded.model, row)
        assert row.keys is not None
        start, end = ((states @ states[place] / 64**0.5).tolist() for place in row.places)
        null = start[0] + end[0]
        keys = range(row.keys.start, row.keys.end)
        best = max(start[s] + end[e] for s in keys for e in keys if s <= e < s + 30)
        assert generation.scores == pytest.approx((null, best), abs=1e-4)
        assert generation.place is not None
        evidence = answers("span_or_none").parse(generation, example).evidence
        assert evidence == pytest.approx(best - null, abs=1e-4)


def test_an_encoder_without_a_first_token_cannot_say_that_there_is_no_answer(
    loaded: LoadedModel,
) -> None:
    (example,) = rendered("span_or_none", 1)
    other = wrap(loaded.model, loaded.tokenizer, 128)
    other.architecture.codec.prefix = ()
    with pytest.raises(UnsupportedError, match="before a text"):
        other.architecture.training_rows(example)


def test_places_and_labels_are_where_they_should_be(loaded: LoadedModel) -> None:
    prompted = rendered("span", 6)
    tokenizer = loaded.tokenizer
    for example in prompted:
        (row,) = loaded.architecture.training_rows(example)
        assert [row.input_ids[p] for p in row.places] == [tokenizer.mask_token_id] * 2
        assert row.input_ids[row.places[1] + 1 :] == (tokenizer.eos_token_id,)
        assert row.keys is not None
        keys = row.input_ids[row.keys.start : row.keys.end]
        answer = tokenizer.decode(list(keys[row.labels[0] : row.labels[1] + 1]))
        assert answer.strip() == example.target
        # Our tokenizer drops a space before Han.
        words = tokenizer.decode(list(keys)).split()
        assert "".join(words) in "".join(example.input.split())


def test_the_vocabulary_is_never_multiplied(loaded: LoadedModel) -> None:
    sizes: list[int] = []
    head = loaded.model.get_output_embeddings()
    handle = head.register_forward_hook(lambda _m, _i, out: sizes.append(out.numel()))
    rows = training_rows(loaded, "span", 2)
    pointer_losses(loaded.model, loaded.architecture, rows).sum().backward()
    handle.remove()
    assert sizes == [0]
    body = loaded.model.roberta.encoder.layer[0].attention.self.query.weight  # type: ignore[union-attr,index]
    assert body.grad is not None
    assert float(body.grad.abs().sum()) > 0
    loaded.model.zero_grad()


@pytest.mark.parametrize("length", [1, 7, LONGEST_ANSWER + 9])
def test_the_best_piece_is_the_best_of_all(length: int) -> None:
    logits = torch.randn(5, 2, 1 + length, generator=torch.Generator().manual_seed(length))
    logits[1, :, length // 2 + 2 :] = -torch.inf  # a shorter row
    logits[2, :, 0] = -torch.inf  # one that always holds an answer
    for row, best in zip(logits.tolist(), best_pieces(logits), strict=True):
        # However high, the null place is no piece.
        assert best.null == pytest.approx(row[0][0] + row[1][0])
        pieces = [
            (row[0][1 + s] + row[1][1 + e], s, e + 1)
            for s in range(length)
            for e in range(s, min(length, s + LONGEST_ANSWER))
        ]
        score, start, end = max(pieces)
        assert best.score == pytest.approx(score)
        assert (best.start, best.end) == (start, end)


@pytest.mark.parametrize("family", ["Bert", "ModernBert", "Roberta", "DistilBert"])
def test_other_encoders_point_too(family: str, loaded: LoadedModel) -> None:
    size = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    if family == "DistilBert":
        size = {"dim": 32, "n_layers": 1, "n_heads": 2, "hidden_dim": 64}
    config = getattr(transformers, f"{family}Config")(
        vocab_size=len(loaded.tokenizer), pad_token_id=0, **size
    )
    model = getattr(transformers, f"{family}ForMaskedLM")(config)
    other = wrap(model, loaded.tokenizer, 128)
    rows = training_rows(other, "span", 3)
    logits = pointer_logits(model.eval(), other.architecture, rows)
    assert logits.shape[:2] == (3, 2)
    assert torch.isfinite(pointer_losses(model, other.architecture, rows)).all()


def test_a_step_may_mix_pointers_with_other_rows(loaded: LoadedModel) -> None:
    span, label = training_rows(loaded, "span", 6), training_rows(loaded, "label", 6)
    mixed = [row for pair in zip(span, label, strict=True) for row in pair]
    dataset = StepDataset(
        Mixture.of_one(12, seed=0),
        lambda at: [mixed[at.example]],
        per_step=12,
        total_steps=1,
        micro_batch_tokens=200,
    )
    (step,) = [dataset[0]]
    assert step == dataset[0]
    assert all(len({row.points for row in batch}) == 1 for batch in step.shares()[0])
    with torch.inference_mode():
        together = sum(
            float(batch_losses(loaded.model, loaded.architecture, batch).sum())
            for batch in step.shares()[0]
        )
        alone = sum(
            float(batch_losses(loaded.model, loaded.architecture, [row]).sum()) for row in mixed
        )
    assert together == pytest.approx(alone, abs=1e-4)


@pytest.mark.parametrize("batch_tokens", [1, 300, 100_000])
def test_neither_batch_size_nor_order_moves_a_pointer(
    loaded: LoadedModel, batch_tokens: int
) -> None:
    prompted = rendered("span", 24)
    expected = TransformersEngine(loaded, 500).answer(prompted, Readout.slots)
    found = TransformersEngine(loaded, batch_tokens).answer(prompted[::-1], Readout.slots)
    assert found[::-1] == expected
