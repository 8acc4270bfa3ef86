"""How the candidates of a question are read: decided by a model's layers, and tried before use.

Whole families are in `test_families.py`; here is the mechanism.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import torch

from t2t_xfer.architectures.candidates import Candidates, candidates_of
from t2t_xfer.architectures.checkpoint import architecture_of, decoder_start
from t2t_xfer.architectures.head import place_logits
from t2t_xfer.architectures.loading import LoadedModel, wrap
from t2t_xfer.architectures.micro import train_tokenizer
from t2t_xfer.architectures.rows import Reading, Row, unpacked
from t2t_xfer.engines.transformers import TransformersEngine
from t2t_xfer.errors import UnsupportedError
from t2t_xfer.records import Closed, Prompted, Readout

from .learning import asking

TEXT = "the old man saw a red house near the river and went home with his dog"
OPTIONS = ("yes", "no way at all", "perhaps")
SMALL: dict[str, Any] = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "intermediate_size": 48,
    "max_position_embeddings": 256,
    "pad_token_id": 0,
    "eos_token_id": 1,
    "bos_token_id": 2,
}

DECISIONS: dict[str, tuple[dict[str, Any], Candidates]] = {
    "llama": ({"model_type": "llama"}, Candidates("packed")),
    "all layers slide": (
        {"model_type": "mistral", "sliding_window": 512},
        Candidates("packed with windows", "layers see 512 tokens", 512),
    ),
    "no layer slides": (
        {"model_type": "mistral", "sliding_window": None},
        Candidates("packed"),
    ),
    "some layers slide": (
        {
            "model_type": "gemma3_text",
            "sliding_window": 512,
            "layer_types": ["sliding_attention", "full_attention"],
        },
        Candidates(
            "packed with windows",
            "layers see 512 tokens",
            512,
            None,
            ("full_attention", "sliding_attention"),
        ),
    ),
    "chunks": (
        {
            "model_type": "llama4_text",
            "attention_chunk_size": 8,
            "layer_types": ["chunked_attention", "full_attention"],
        },
        Candidates(
            "packed with windows",
            "layers see 8 tokens",
            None,
            8,
            ("chunked_attention", "full_attention"),
        ),
    ),
    "mT5": ({"model_type": "mt5", "is_encoder_decoder": True}, Candidates("packed")),
}


@pytest.mark.parametrize("case", DECISIONS)
def test_layers_decide(case: str) -> None:
    config, expected = DECISIONS[case]
    assert candidates_of(config) == expected


@pytest.mark.parametrize(
    ("config", "why"),
    [
        ({"model_type": "bloom"}, "bloom"),
        ({"model_type": "falcon", "alibi": True}, "ALiBi"),
        ({"model_type": "qwen2", "layer_types": ["linear_attention"]}, "linear_attention"),
        ({"model_type": "llama", "layer_types": ["conv"]}, "conv"),
        ({"model_type": "a family of next year"}, "a family of next year"),
        ({"model_type": "phi3", "rope_parameters": {"rope_type": "longrope"}}, "positions"),
        ({"model_type": "gemma3_text", "use_bidirectional_attention": True}, "later"),
    ],
)
def test_what_cannot_be_kept_apart_is_read_in_separate_rows(
    config: dict[str, Any], why: str
) -> None:
    found = candidates_of(config)
    assert found.separate
    assert why in found.reason


@pytest.mark.parametrize(
    ("config", "needle"),
    [
        ({"model_type": "fnet", "architectures": ["FNetForMaskedLM"]}, "padding"),
        ({"model_type": "xlnet", "architectures": ["XLNetLMHeadModel"]}, "order"),
        ({"model_type": "bert", "architectures": ["BertLMHeadModel"]}, "is_decoder: true"),
        (
            {"model_type": "xlm-roberta", "architectures": ["XLMRobertaForCausalLM"]},
            "counts positions otherwise",
        ),
    ],
)
def test_families_whose_answers_are_not_their_own_are_refused(
    config: dict[str, Any], needle: str
) -> None:
    with pytest.raises(UnsupportedError, match=needle):
        architecture_of(config)


def test_xlm_is_an_encoder() -> None:
    """It was taken for a decoder, by the name of its class."""
    config = {"model_type": "xlm", "architectures": ["XLMWithLMHeadModel"]}
    assert architecture_of(config) == "encoder"


def test_t5gemma_names_its_first_token_in_its_decoder() -> None:
    """`KeyError: decoder_start_token_id` it was."""
    assert decoder_start({"decoder": {"bos_token_id": 2}, "decoder_start_token_id": None}) == 2
    assert decoder_start({"decoder_start_token_id": 0, "bos_token_id": 5}) == 0
    with pytest.raises(UnsupportedError, match="decoder_start_token_id"):
        decoder_start({"model_type": "t5"})


def test_a_row_for_each_candidate() -> None:
    packed = Row(
        "x",
        (2, 10, 11, 20, 21, 30),
        (2, 3, 4, 5),
        blocks=(0, 0, 0, 1, 1, 2),
        readings=(
            *(Reading(0, 20, 0), Reading(1, 21, 0), Reading(2, 1, 0)),
            *(Reading(0, 30, 1), Reading(3, 1, 1)),
        ),
    )
    first, second = unpacked(packed)
    assert (first.input_ids, first.places) == ((2, 10, 11, 20, 21), (2, 3, 4))
    assert first.readings == (Reading(0, 20, 0), Reading(1, 21, 0), Reading(2, 1, 0))
    assert (second.input_ids, second.places) == ((2, 10, 11, 30), (2, 3))
    assert second.readings == (Reading(0, 30, 0), Reading(1, 1, 0))
    assert first.blocks == second.blocks == ()


def made(kind: str, **settings: Any) -> LoadedModel:
    """A tiny decoder with weights large enough for its answers to differ."""
    import transformers

    tokenizer = train_tokenizer([TEXT, "yes no way at all perhaps"] * 20, 400, "causal")
    config = transformers.AutoConfig.for_model(kind, vocab_size=len(tokenizer), **settings)
    torch.manual_seed(0)
    model = transformers.AutoModelForCausalLM.from_config(config)
    with torch.no_grad():
        for weight in model.parameters():
            if weight.ndim == 2:
                weight.mul_(3)
    return wrap(model, tokenizer, 128)


def plain(loaded: LoadedModel, prompted: Prompted, options: Sequence[str]) -> list[float]:
    """One candidate at a time, the model called as anybody would call it."""
    codec = loaded.architecture.codec
    context = (*codec.prefix, *codec.encode(prompted).ids)
    scores = []
    for text in options:
        answer = (*codec.target(text), codec.special("eos"))
        with torch.inference_mode():
            logits = loaded.model.eval()(input_ids=torch.tensor([[*context, *answer]])).logits
        terms = logits[0, len(context) - 1 : -1].log_softmax(-1)
        scores.append(sum(terms[i, token].item() for i, token in enumerate(answer)))
    return scores


MODELS: dict[str, tuple[str, dict[str, Any], str]] = {
    "whole rows": ("llama", SMALL, "packed"),
    "a window in every layer": ("mistral", SMALL | {"sliding_window": 8}, "packed with windows"),
    "a window in some layers": (
        "gemma3_text",
        SMALL
        | {
            "head_dim": 8,
            "sliding_window": 8,
            "layer_types": ["sliding_attention", "full_attention"],
        },
        "packed with windows",
    ),
    "distances along the row": (
        "bloom",
        {"hidden_size": 32, "n_layer": 2, "n_head": 4, "pad_token_id": 0},
        "separate rows",
    ),
    "states and a cache that goes on": (
        "qwen3_5_text",
        SMALL
        | {
            "head_dim": 8,
            "linear_num_key_heads": 2,
            "linear_num_value_heads": 4,
            "linear_key_head_dim": 8,
            "linear_value_head_dim": 8,
            "layer_types": ["linear_attention", "full_attention"],
        },
        "separate rows",
    ),
    "a state that runs along the row": (
        "mamba",
        {"hidden_size": 32, "num_hidden_layers": 2, "state_size": 8, "pad_token_id": 0},
        "separate rows",
    ),
}


@pytest.mark.parametrize("case", MODELS)
def test_candidates_are_worth_what_they_are_worth_alone(case: str) -> None:
    """Windows were lost in the packed row; states ran from one candidate into the next."""
    kind, settings, form = MODELS[case]
    loaded = made(kind, **settings)
    questions = [Prompted("1", "en", f"{TEXT} {TEXT}", ""), Prompted("2", "en", "a dog", "")]
    engine = TransformersEngine(loaded, 64)
    there = engine.answer(asking(questions, Closed(OPTIONS)), Readout.rank)
    back = engine.answer(asking(questions, Closed(OPTIONS[::-1])), Readout.rank)
    assert engine.candidates.form == form
    for question, one, other in zip(questions, there, back, strict=True):
        expected = plain(loaded, question, OPTIONS)
        assert one.scores == pytest.approx(expected, abs=1e-4)
        assert other.scores[::-1] == pytest.approx(expected, abs=1e-4)
        assert one.lengths == other.lengths[::-1]


def test_a_model_that_breaks_its_promise_is_read_in_separate_rows(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Its layers look farther than the config says: the proof finds out, and the answers are
    right all the same."""
    loaded = made("llama", **SMALL)
    forward = loaded.model.model.forward

    def leaking(*args: Any, **kwargs: Any) -> Any:
        mask = kwargs.get("attention_mask")
        if mask is not None and mask.ndim == 4:  # a family that ignores what it is given
            kwargs["attention_mask"] = None
        return forward(*args, **kwargs)

    loaded.model.model.forward = leaking
    question = Prompted("1", "en", TEXT, "", Closed(OPTIONS))
    engine = TransformersEngine(loaded, 256)
    (answer,) = engine.answer([question], Readout.rank)
    assert engine.candidates.separate
    assert "apart" in engine.candidates.reason
    assert "separate rows" in caplog.text
    assert answer.scores == pytest.approx(plain(loaded, question, OPTIONS), abs=1e-4)


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated")  # DeBERTa's own module
def test_a_head_that_is_no_table_of_tokens_is_read_whole() -> None:
    """DeBERTa-v2 with `legacy: false`: what it calls its output embeddings has as many rows as a
    state has numbers, and choosing the rows of tokens from it failed."""
    import transformers

    tokenizer = train_tokenizer([TEXT] * 20, 400, "encoder")
    config = transformers.AutoConfig.for_model(
        "deberta-v2", vocab_size=len(tokenizer), legacy=False, **SMALL
    )
    loaded = wrap(transformers.AutoModelForMaskedLM.from_config(config).eval(), tokenizer, 64)
    question = Prompted("1", "en", "the old", "", Closed(("red", "dog")))
    rows = loaded.architecture.reading_rows(question, Readout.slots)
    with torch.inference_mode():
        some = place_logits(loaded.model, loaded.architecture, rows, [5, 300])
        whole = place_logits(loaded.model, loaded.architecture, rows)
    assert whole.shape[1] == len(tokenizer)
    assert torch.equal(some, whole[:, [5, 300]])
