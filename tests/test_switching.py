"""Adapters switched over one base: the same bits as each of them loaded alone."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from t2t_xfer.architectures.loading import (
    LoadedModel,
    SwitchedBase,
    check_adapters,
    load,
    stands_beside_others,
)
from t2t_xfer.engines.transformers import TransformersEngine
from t2t_xfer.errors import UserError
from t2t_xfer.records import ArchitectureName, Decoding, Generation, Readout
from t2t_xfer.specs.catalogue import Catalogue
from t2t_xfer.specs.training import LoraSpec
from t2t_xfer.stages.context import Context
from t2t_xfer.stages.model import Weights

from .adapters_made import foreign_adapter, made_adapter
from .learning import fresh_model, rendered

ARCHITECTURES: tuple[ArchitectureName, ...] = ("encoder", "seq2seq", "causal")
FEW_LAYERS = {"encoder": ["query"], "seq2seq": ["q"], "causal": ["q_proj"]}


def answers_of(loaded: LoadedModel) -> list[Generation]:
    """Labels, tags and, of models that write, free text."""
    engine = TransformersEngine(loaded, batch_tokens=600)
    labels = rendered("label", 6)
    words = rendered("tags", 4)
    writes = loaded.architecture.name != "encoder"
    found = engine.answer(labels, Readout.rank if writes else Readout.slots)
    found += engine.answer(words, Readout.slots)
    if writes:
        free = Decoding(constrained=False, max_new_tokens=4)
        found += engine.answer(labels[:2], Readout.generate, free)
    return found


def saved(architecture: ArchitectureName, folder: Path) -> str:
    fresh = fresh_model(architecture, [p.input for p in rendered("label", 32)])
    fresh.model.save_pretrained(folder)
    fresh.tokenizer.save_pretrained(folder)
    return str(folder)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("kept", [1, 3])
def test_every_adapter_answers_as_if_loaded_alone(
    architecture: ArchitectureName, kept: int, tmp_path: Path
) -> None:
    """Bit for bit on a CPU, whatever was at work before and whatever else is in memory."""
    base = saved(architecture, tmp_path / "base")
    some = LoraSpec(rank=2, targets=FEW_LAYERS[architecture])
    adapters = [
        None,
        made_adapter(base, architecture, tmp_path / "a", 1),
        made_adapter(base, architecture, tmp_path / "b", 2, some, size=3.0),
    ]
    alone = {each: answers_of(load(base, max_input_tokens=128, adapter=each)) for each in adapters}
    assert len({str(found) for found in alone.values()}) == 3  # the adapters do change answers
    none, a, b = adapters
    switched = SwitchedBase(load(base, max_input_tokens=128), kept)
    for each in (none, a, b, none, b, a, none):
        assert answers_of(switched.using(each)) == alone[each]


def test_memory_holds_a_bounded_number_of_adapters(tmp_path: Path) -> None:
    base = saved("causal", tmp_path / "base")
    plain = load(base, max_input_tokens=128)
    switched = SwitchedBase(plain, kept=2)
    for seed in range(4):
        loaded = switched.using(made_adapter(base, "causal", tmp_path / str(seed), seed))
    matrices = sum("lora_A" in name for name, _ in loaded.model.named_parameters())
    layers = sum(hasattr(module, "lora_A") for module in loaded.model.modules())
    assert matrices == 2 * layers > 0


def test_an_adapter_that_was_trained_again_is_read_again(tmp_path: Path) -> None:
    base = saved("causal", tmp_path / "base")
    switched = SwitchedBase(load(base, max_input_tokens=128))
    folder = tmp_path / "a"
    before = answers_of(switched.using(made_adapter(base, "causal", folder, 1)))
    after = answers_of(switched.using(made_adapter(base, "causal", folder, 2)))
    assert before != after
    assert after == answers_of(load(base, max_input_tokens=128, adapter=str(folder)))


@pytest.mark.filterwarnings("ignore:Model has `tie_word_embeddings=True`")
def test_what_changes_more_than_its_own_layers_stands_alone(tmp_path: Path) -> None:
    base = saved("causal", tmp_path / "base")

    def beside(name: str, **settings: object) -> bool:
        model = load(base, max_input_tokens=128).model
        settings = {"target_modules": ["q_proj"], **settings}
        return stands_beside_others(foreign_adapter(model, tmp_path / name, **settings))

    assert beside("plain", task_type="CAUSAL_LM", use_rslora=True, rank_pattern={"q_proj": 3})
    assert not beside("head", target_modules=["q_proj", "lm_head"])
    assert not beside("dora", use_dora=True)
    assert not beside("bias", bias="lora_only")
    config = tmp_path / "plain" / "adapter_config.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), "init_lora_weights": "pissa"}))
    assert not stands_beside_others(config.parent)


def test_a_base_is_loaded_once_for_all_that_can_share_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    base = saved("causal", tmp_path / "base")
    a, b = (made_adapter(base, "causal", tmp_path / str(seed), seed) for seed in (1, 2))
    model = load(base, max_input_tokens=128).model
    dora = foreign_adapter(model, tmp_path / "dora", target_modules=["q_proj"], use_dora=True)
    context = Context(Catalogue(), "microworld")

    def loads(*wanted: tuple[str | None, int]) -> int:
        caplog.clear()
        for adapter, length in wanted:
            found = context.model(Weights(base, None, adapter), "float32", length)
            alone = load(base, max_input_tokens=length, adapter=adapter)
            assert found.architecture.max_input_tokens == length
            assert answers_of(found) == answers_of(alone)
        return sum("is loaded" in message for message in caplog.messages)

    with caplog.at_level(logging.INFO, "t2t_xfer.stages.context"):
        assert loads((None, 64), (a, 64), (b, 48), (None, 48), (a, 64)) == 1
        assert loads((dora, 64), (dora, 48)) == 1
        assert loads((a, 64)) == 1
        context.forget_model()
        assert loads((a, 64)) == 1


def test_adapters_over_a_base_in_four_bits_share_one_of_their_own(tmp_path: Path) -> None:
    base = saved("causal", tmp_path / "base")
    plain = made_adapter(base, "causal", tmp_path / "a", 1)
    small = [
        made_adapter(base, "causal", tmp_path / str(seed), seed, quantised="nf4") for seed in (1, 2)
    ]
    context = Context(Catalogue(), "microworld")
    for adapter in (*small, small[0], plain):
        found = answers_of(context.model(Weights(base, None, adapter), "float32", 128))
        assert found == answers_of(load(base, max_input_tokens=128, adapter=adapter))
    assert answers_of(load(base, max_input_tokens=128, adapter=small[0])) != found


def test_an_adapter_of_another_model_is_refused_before_any_weight_is_read(tmp_path: Path) -> None:
    base = saved("causal", tmp_path / "base")
    fitting = made_adapter(base, "causal", tmp_path / "a", 1)
    other = saved("encoder", tmp_path / "other")
    for folder in (base, other):
        (Path(folder) / "model.safetensors").unlink()
    check_adapters(base, None, [fitting])
    with pytest.raises(UserError, match="a does not fit this model: the adapter is for a layer"):
        check_adapters(other, None, [fitting])
