"""What is counted as read and written: what a model has computed, token by token."""

from __future__ import annotations

import time

import pytest

from t2t_xfer.architectures.loading import LoadedModel
from t2t_xfer.engines import OracleEngine
from t2t_xfer.engines.embedding import embed
from t2t_xfer.engines.transformers import TransformersEngine
from t2t_xfer.progress import not_counted, start_meter
from t2t_xfer.records import Decoding, Readout
from t2t_xfer.specs.reading import EmbeddingSpec

from .learning import answers, fresh_model, rendered


@pytest.fixture(scope="module")
def loaded() -> LoadedModel:
    return fresh_model("causal", [p.input for p in rendered("label", 32)])


def test_padding_is_not_read_and_a_context_once_for_all_candidates(loaded: LoadedModel) -> None:
    prompted = rendered("label", 9)
    meter = start_meter()
    TransformersEngine(loaded).answer(prompted, Readout.rank)
    codec = loaded.architecture.codec
    special = len(codec.prefix)
    # A candidate's own tokens are read but for its last one, whose answer is its end token.
    words = sum(len(codec.target(text)) for text in answers("label").options)
    contexts = sum(len(codec.encode(p).ids) + special for p in prompted)
    assert meter.read == contexts + words * len(prompted)
    assert meter.written == 0


def test_written_tokens_count_with_their_end(loaded: LoadedModel) -> None:
    prompted = rendered("label", 5)
    meter = start_meter()
    free = Decoding(constrained=False, max_new_tokens=1)
    TransformersEngine(loaded).answer(prompted, Readout.generate, free)
    assert meter.written == 5  # of a single token each, it is the end
    rates = meter.rates(5)
    assert rates["tokens_written"] == 5
    assert rates["tokens_read"] == meter.read > 5
    assert float(str(rates["tokens_per_second"])) > float(str(rates["written_tokens_per_second"]))


def test_sentences_that_are_embedded_are_read(loaded: LoadedModel) -> None:
    meter = start_meter()
    embed(loaded, ["one two", "three"], EmbeddingSpec())
    codec = loaded.architecture.codec
    ids = [codec.tokenizer(text)["input_ids"] for text in ("one two", "three")]
    assert meter.read == sum(map(len, ids))


def test_what_computes_nothing_has_no_rate_of_tokens() -> None:
    prompted = rendered("label", 5)
    meter = start_meter()
    OracleEngine().answer(prompted, Readout.slots)
    assert set(meter.rates(5)) == {"examples_per_second"}


def test_the_loading_of_a_model_is_no_part_of_a_rate() -> None:
    meter = start_meter()
    begun = meter.started
    with not_counted():
        time.sleep(0.01)
    assert meter.started - begun >= 0.01
