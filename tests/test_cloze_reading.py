"""Candidates of one example alone: packed scores are those of one forward each, for any lengths."""

from dataclasses import replace

import pytest
import torch

from t2t_xfer.architectures import planned_readout
from t2t_xfer.architectures.checkpoint import ANSWER_ROOM
from t2t_xfer.architectures.loading import LoadedModel
from t2t_xfer.engines.transformers import TransformersEngine
from t2t_xfer.errors import UnsupportedError
from t2t_xfer.records import Cloze, Prompted, Readout

from .learning import answers, fresh_model, rendered


@pytest.fixture(scope="module", params=["seq2seq", "causal"])
def loaded(request: pytest.FixtureRequest) -> LoadedModel:
    return fresh_model(request.param, [p.input for p in rendered("cloze", 32)])


def prompted() -> list[Prompted]:
    """Examples that differ in the number and the length of their candidates."""
    examples = rendered("cloze", 8)
    own = texts_of(examples[0])
    more = tuple(f"{text} and so on" for text in own)
    examples[0] = replace(examples[0], question=Cloze((*own, *more)))
    return examples


def texts_of(example: Prompted) -> tuple[str, ...]:
    assert isinstance(example.question, Cloze)
    return example.question.options


def test_scores_and_lengths_are_those_of_each_candidate_alone(loaded: LoadedModel) -> None:
    examples = prompted()
    found = TransformersEngine(loaded, 300).answer(examples, Readout.rank)
    for example, generation in zip(examples, found, strict=True):
        scores, lengths = [], []
        for text in texts_of(example):
            (row,) = loaded.architecture.training_rows(replace(example, target=text))
            with torch.inference_mode():
                logits = loaded.model(**loaded.architecture.inputs([row])).logits[0]
            terms = logits.log_softmax(-1)[list(row.places), list(row.labels)]
            scores.append(float(terms.sum()))
            lengths.append(len(row.labels))
        assert generation.scores == pytest.approx(scores, abs=1e-4)
        assert generation.lengths == tuple(lengths)


@pytest.mark.parametrize("batch_tokens", [1, 300, 100_000])
def test_neither_batch_size_nor_order_changes_a_score(
    loaded: LoadedModel, batch_tokens: int
) -> None:
    examples = prompted()
    expected = {g.id: g for g in TransformersEngine(loaded, 500).answer(examples, Readout.rank)}
    found = TransformersEngine(loaded, batch_tokens).answer(examples[::-1], Readout.rank)
    assert [g.id for g in found] == [p.id for p in examples[::-1]]
    for generation in found:
        assert generation.scores == pytest.approx(expected[generation.id].scores, abs=1e-4)


def test_a_long_candidate_takes_its_positions_from_the_context() -> None:
    """A decoder has positions for `max_input_tokens` and `ANSWER_ROOM`, in training and reading."""
    loaded = fresh_model("causal", ["dog cat"], max_input_tokens=128)
    text = "dog " * 200
    (example,) = rendered("cloze", 1)
    regions = (replace(example.regions[0], field="text", start=0, end=len(text)),)
    candidates = ("cat", "cat " * 60)
    long = replace(
        example, input=text, regions=regions, question=Cloze(candidates), shortenable=("text",)
    )
    (read,) = loaded.architecture.reading_rows(long, Readout.rank)
    context = read.blocks.count(0)
    assert context + max(read.blocks.count(block) for block in (1, 2)) <= 128 + ANSWER_ROOM
    (trained,) = loaded.architecture.training_rows(replace(long, target="cat"))
    assert trained.input_ids[:context] == read.input_ids[:context]


def test_an_encoder_refuses_and_names_the_way_out() -> None:
    with pytest.raises(UnsupportedError, match=r"any number of tokens\. Write `form: separate`"):
        planned_readout("encoder", answers("cloze"), None)
