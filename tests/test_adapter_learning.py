"""Adapters learn, alone, over a base that stays as it is, in the format that PEFT reads."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import peft
import pytest
import torch
from transformers import TrainerCallback

from t2t_xfer.architectures import way_of
from t2t_xfer.architectures.adapters import count_parameters, save_adapter
from t2t_xfer.architectures.checkpoint import AdapterBase
from t2t_xfer.architectures.loading import LoadedModel, load, load_merged
from t2t_xfer.engines.transformers import TransformersEngine
from t2t_xfer.records import ArchitectureName, Closed, Readout
from t2t_xfer.specs.training import merge

from .adapting import ARCHITECTURES, LORA_TRAINING, adapted, fit, saved_base
from .learning import EXAMPLES, answers, score

SEEN, UNSEEN = EXAMPLES["label"](64, 1), EXAMPLES["label"](96, 2)


class Case(NamedTuple):
    """A base, and an adapter that was trained over it and saved."""

    base: str
    adapter: str
    loaded: LoadedModel
    before: dict[str, torch.Tensor]
    readout: Readout


@pytest.fixture(scope="module")
def bases(tmp_path_factory: pytest.TempPathFactory) -> dict[ArchitectureName, str]:
    folder, answer = tmp_path_factory.mktemp("bases"), answers("label")
    return {name: saved_base(name, answer, SEEN, folder / name) for name in ARCHITECTURES}


@pytest.fixture(scope="module", params=ARCHITECTURES)
def case(
    request: pytest.FixtureRequest,
    bases: dict[ArchitectureName, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Case:
    base, folder = bases[request.param], tmp_path_factory.mktemp("adapter")
    loaded = adapted(base)
    before = {n: p.detach().clone() for n, p in loaded.model.named_parameters()}
    fit(loaded, answers("label"), SEEN, folder / "training")
    save_adapter(loaded.model, folder / "adapter", AdapterBase(base))
    readout = way_of(request.param, Closed).readouts[0]
    return Case(base, str(folder / "adapter"), loaded, before, readout)


def scores(loaded: LoadedModel, readout: Readout) -> list[tuple[float, ...]]:
    answer = answers("label")
    prompted = [answer.render(example) for example in UNSEEN[:24]]
    read = TransformersEngine(loaded, 2048).answer(prompted, readout)
    return [generation.scores for generation in read]


def assert_same(
    one: list[tuple[float, ...]], other: list[tuple[float, ...]], within: float
) -> None:
    for a, b in zip(one, other, strict=True):
        assert a == pytest.approx(b, abs=within)


@pytest.mark.slow
def test_an_adapter_alone_learns_64_examples_and_their_rule(case: Case) -> None:
    answer = answers("label")
    base = load(case.base, max_input_tokens=128)
    assert score(base, answer, SEEN, case.readout)["score"] <= 10
    assert score(case.loaded, answer, SEEN, case.readout)["score"] >= 95
    assert score(case.loaded, answer, UNSEEN, case.readout)["score"] >= 60


@pytest.mark.slow
def test_only_the_adapter_has_changed(case: Case) -> None:
    for name, parameter in case.loaded.model.named_parameters():
        same = torch.equal(parameter, case.before[name])
        assert same == ("lora_" not in name), name
    count = count_parameters(case.loaded.model)
    own = sum(p.numel() for n, p in case.loaded.model.named_parameters() if "lora_" in n)
    assert count.trainable == own
    assert count.total - own == count_parameters(load(case.base, max_input_tokens=128).model).total


@pytest.mark.slow
def test_a_saved_adapter_is_pefts_own_and_answers_the_same(case: Case) -> None:
    plain = load(case.base, max_input_tokens=128)
    theirs = replace(plain, model=peft.PeftModel.from_pretrained(plain.model, case.adapter))
    expected = scores(case.loaded, case.readout)
    assert scores(theirs, case.readout) == expected
    assert scores(load(case.adapter, max_input_tokens=128), case.readout) == expected
    assert sorted(path.name for path in Path(case.adapter).iterdir()) == [
        "adapter_base.json",
        "adapter_config.json",
        "adapter_model.safetensors",
    ]


def merged_on_disk(base: str, adapter: str, folder: Path) -> LoadedModel:
    """What `t2t-xfer merge` leaves, read as any other checkpoint."""
    merged = load_merged(base, adapter)
    merged.model.save_pretrained(folder)
    merged.tokenizer.save_pretrained(folder)
    return load(str(folder), max_input_tokens=128)


@pytest.mark.slow
def test_merged_and_unmerged_give_the_same_scores(case: Case, tmp_path: Path) -> None:
    plain = merged_on_disk(case.base, case.adapter, tmp_path)
    assert_same(scores(plain, case.readout), scores(case.loaded, case.readout), 1e-4)


class StopAfter(TrainerCallback):
    """Stops the process, as an interrupt would, in the middle of a run."""

    def __init__(self, step: int) -> None:
        self.step = step

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if state.global_step == self.step:
            raise KeyboardInterrupt


class StepCount(TrainerCallback):
    """How many steps were really done."""

    def __init__(self) -> None:
        self.steps = 0

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.steps += 1


def adapter_weights(loaded: LoadedModel) -> dict[str, torch.Tensor]:
    return {n: p.detach() for n, p in loaded.model.named_parameters() if "lora_" in n}


@pytest.mark.slow
@pytest.mark.parametrize("quantised", [False, True], ids=["lora", "qlora"])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_run_that_was_stopped_ends_with_the_same_bits(
    architecture: ArchitectureName,
    quantised: bool,
    bases: dict[ArchitectureName, str],
    tmp_path: Path,
) -> None:
    """Dropout on, so that the state of the random numbers counts too."""
    training = merge(LORA_TRAINING, {"steps": 9, "checkpoint_steps": 4, "lora": {"dropout": 0.2}})
    answer = answers("label")

    def fresh() -> LoadedModel:
        return adapted(bases[architecture], training.lora, quantised=quantised)

    straight = fresh()
    whole = fit(straight, answer, SEEN, tmp_path / "straight", training)
    with pytest.raises(KeyboardInterrupt):
        fit(fresh(), answer, SEEN, tmp_path / "stopped", training, [StopAfter(6)])
    resumed = fresh()
    count = StepCount()
    run = fit(resumed, answer, SEEN, tmp_path / "stopped", training, [count])
    assert count.steps == 5  # from the checkpoint at step 4
    assert run.losses == whole.losses
    expected = adapter_weights(straight)
    for name, weights in adapter_weights(resumed).items():
        assert torch.equal(weights, expected[name]), name


@pytest.mark.slow
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_qlora_learns_over_a_base_in_four_bits(
    architecture: ArchitectureName, bases: dict[ArchitectureName, str], tmp_path: Path
) -> None:
    base, answer = bases[architecture], answers("label")
    readout = way_of(architecture, Closed).readouts[0]
    loaded = adapted(base, quantised=True)
    assert any(type(m).__name__ == "Linear4bit" for m in loaded.model.modules())
    assert count_parameters(loaded.model) == count_parameters(adapted(base).model)
    run = fit(loaded, answer, SEEN, tmp_path, merge(LORA_TRAINING, {"steps": 30}))
    assert run.losses[-1] < run.losses[0] / 2
    save_adapter(loaded.model, tmp_path / "adapter", AdapterBase(base, quantised="nf4"))
    again = load(base, adapter=str(tmp_path / "adapter"), max_input_tokens=128)
    assert any(type(m).__name__ == "Linear4bit" for m in again.model.modules())
    expected = scores(loaded, readout)
    assert_same(scores(again, readout), expected, 1e-6)
    merged = merged_on_disk(base, str(tmp_path / "adapter"), tmp_path / "merged")
    assert not any(type(m).__name__ == "Linear4bit" for m in merged.model.modules())
    assert_same(scores(merged, readout), expected, 1e-4)
