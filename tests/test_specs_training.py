"""Settings of a training: what adapters change, which published ones apply, what records say."""

from __future__ import annotations

import json
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from t2t_xfer.errors import SpecError
from t2t_xfer.records import ArchitectureName
from t2t_xfer.specs.catalogue import Catalogue
from t2t_xfer.specs.load import load_yaml
from t2t_xfer.specs.model import ModelSpec
from t2t_xfer.specs.study import StudySpec, training_for
from t2t_xfer.specs.training import DEFAULTS, TASKS, TrainingSpec, merge, published
from t2t_xfer.stages.bases import Base, base_of, resolve

from .conftest import REPOSITORY
from .studydata import make_mirror, new_model, one_thread, t2t, write_study


def test_an_adapters_settings_count_only_where_there_is_an_adapter() -> None:
    assert TrainingSpec(lora={"rank": 4}).canonical() == TrainingSpec().canonical()  # type: ignore[arg-type]
    plain, four, eight = (
        TrainingSpec.model_validate({"adapter": "lora", "lora": lora}).canonical()
        for lora in ({}, {"rank": 4}, {"rank": 8})
    )
    different = [TrainingSpec().canonical(), plain, four, eight]
    assert all(one != other for one, other in combinations(different, 2))
    assert merge(TrainingSpec(adapter="lora"), {"adapter": "qlora"}).canonical() != plain


def test_the_identity_is_read_back_as_the_same_training() -> None:
    """A stage keeps the identity alone and trains by it."""
    for training in (TrainingSpec(), TrainingSpec(adapter="qlora")):
        assert TrainingSpec.model_validate(training.canonical()) == training


def test_an_override_of_one_setting_keeps_the_others() -> None:
    base = TrainingSpec.model_validate({"adapter": "lora", "lora": {"rank": 4, "dropout": 0.1}})
    lora = merge(base, {"lora": {"rank": 8}}).lora
    assert (lora.rank, lora.dropout, lora.alpha) == (8, 0.1, 32)
    assert merge(base, {"adapter": "none"}).adapter == "none"


STUDY = """\
models:
  - {name: a, path: p, training: {lora: {rank: 8, dropout: 0.1}, learning_rate: 2e-4}}
  - {name: b, path: p, training: {adapter: none}}
targets: [xnli]
training: {adapter: lora, lora: {alpha: 8}}
task_training: {mnli: {lora: {rank: 4}}}
"""


def test_adapters_by_model_and_task(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(STUDY)
    study = load_yaml(path, StudySpec)
    a, b = study.models
    assert training_for(study, a, "xnli").lora.rank == 8
    lora = training_for(study, a, "mnli").lora
    assert (lora.rank, lora.alpha, lora.dropout) == (4, 8, 0.1)
    assert training_for(study, b, "xnli").adapter == "none"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("adapter: lorra", "Did you mean 'lora'?"),
        ("lora: {rnk: 4}", "lora.rnk: unknown key. Did you mean 'rank'?"),
        ("lora: {rank: 0}", "lora.rank: found 0, expected more than 0."),
        ("lora: {rank: eight}", 'lora.rank: found "eight", expected a whole number.'),
        ("lora: {dropout: 2}", "lora.dropout: found 2, expected at most 1."),
        ("lora: {targets: []}", "expected at least one item"),
        ("lora: 8", "lora: found 8, expected a mapping"),
        ("chain: marge", "Did you mean 'merge'?"),
    ],
)
@pytest.mark.parametrize("place", ["training", "model"])
def test_a_mistake_is_told_wherever_it_stands(
    place: str, line: str, message: str, tmp_path: Path
) -> None:
    path = tmp_path / "s.yaml"
    where = {"training": "", "model": ""} | {place: line}
    path.write_text(
        f"models: [{{name: a, path: p, training: {{{where['model']}}}}}]\n"
        f"targets: [xnli]\ntraining: {{{where['training']}}}\n"
    )
    with pytest.raises(SpecError) as caught:
        load_yaml(path, StudySpec)
    assert message in str(caught.value)


def test_numbers_are_still_no_mappings(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="valid number"):
        merge(TrainingSpec(), {"learning_rate": {}})


def base(architecture: ArchitectureName) -> Base:
    new = new_model(architecture)["new"]
    return base_of(ModelSpec.model_validate({"name": "m", "new": new}))


def settings(architecture: ArchitectureName, *tasks: str, **stated: Any) -> TrainingSpec:
    return resolve(base(architecture), tasks, TrainingSpec.model_validate(stated)).training


@pytest.mark.parametrize(
    ("architecture", "adapter", "rate"),
    [
        ("encoder", "none", 1e-5),
        ("seq2seq", "none", 1e-4),
        ("causal", "none", 2e-5),
        ("encoder", "lora", 2e-4),
        ("seq2seq", "qlora", 2e-4),
        ("causal", "qlora", 2e-4),
    ],
)
def test_the_rate_follows_architecture_and_adapter(
    architecture: ArchitectureName, adapter: str, rate: float
) -> None:
    assert settings(architecture, "mnli", adapter=adapter).learning_rate == rate
    stated = settings(architecture, "mnli", adapter=adapter, learning_rate=3e-3)
    assert stated.learning_rate == 3e-3


@pytest.mark.parametrize(
    ("task", "epochs", "examples", "length"),
    [
        # jiant's d_write_configs.sh: xnli 2, pawsx 5, udpos 10, panx 10, xquad and tydiqa 2 with
        # batches of 4 × 4; c_tokenize_and_cache.sh: 384 tokens for questions. What a new seq2seq
        # model reads has no greatest length.
        ("mnli", 2, 32, 256),
        ("paws_x", 5, 32, 256),
        ("udpos", 10, 32, 256),
        ("panx", 10, 32, 256),
        ("squad_v1", 2, 16, 384),
        ("tydiqa", 2, 16, 384),
        ("hellaswag", 3, 32, 256),
    ],
)
def test_the_budget_follows_the_task(task: str, epochs: int, examples: int, length: int) -> None:
    found = settings("seq2seq", task)
    assert (found.epochs, found.examples_per_step) == (epochs, examples)
    assert found.max_input_tokens == length


@pytest.mark.parametrize("task", [*TASKS, "hellaswag"])
def test_the_budget_is_the_same_for_every_architecture(task: str) -> None:
    found = [settings(a, task) for a in ("encoder", "seq2seq", "causal")]
    assert len({(s.epochs, s.steps, s.examples_per_step) for s in found}) == 1


def test_a_mixture_takes_the_longest_inputs_and_no_tasks_budget() -> None:
    found = settings("seq2seq", "mnli", "squad_v1")
    assert (found.epochs, found.examples_per_step, found.max_input_tokens) == (3, 32, 384)


def existing(folder: Path, positions: int) -> Base:
    """A decoder on disk, as far as a plan looks."""
    config = {"model_type": "llama", "architectures": ["LlamaForCausalLM"]}
    text = json.dumps({**config, "max_position_embeddings": positions})
    (folder / "config.json").write_text(text)
    (folder / "model.safetensors").write_bytes(b"\x02\0\0\0\0\0\0\0{}")  # no tensors
    (folder / "tokenizer.json").write_text("")
    return base_of(ModelSpec(name="m", path=str(folder)))


@pytest.mark.parametrize(("positions", "length"), [(1024, 384), (320, 256)])
def test_a_published_length_is_taken_where_it_fits(
    positions: int, length: int, tmp_path: Path
) -> None:
    found = resolve(existing(tmp_path, positions), ["squad_v1"], TrainingSpec())
    assert found.training.max_input_tokens == length
    assert ("xquad" in str(found.sources["max_input_tokens"])) == (length == 384)


def test_stated_steps_leave_epochs_alone() -> None:
    assert settings("encoder", "udpos", steps=7).epochs == 3
    assert settings("encoder", "udpos", epochs=1).epochs == 1


def test_numbers_are_the_same_identity_stated_or_not() -> None:
    stated = settings("encoder", "udpos", epochs=10, learning_rate=1e-5)
    assert stated.canonical() == settings("encoder", "udpos").canonical()


def test_the_sources_name_every_number() -> None:
    resolved = resolve(base("causal"), ["udpos"], TrainingSpec(warmup=0.0))
    sources = resolved.sources
    assert sources["warmup"] == "stated"
    assert "QLoRA" not in str(sources["learning_rate"])
    assert "Llama 2" in str(sources["learning_rate"])
    assert "Phang" in str(sources["epochs"])
    assert sources.keys() == {*DEFAULTS, "learning_rate"}


@pytest.mark.parametrize(
    ("stated", "decay"),
    [
        ({}, 0.01),
        ({"adapter": "lora"}, 0.0),
        ({"optimizer": "adafactor"}, 0.0),
        ({"adapter": "lora", "weight_decay": 0.1}, 0.1),
    ],
)
def test_weight_decay_is_that_of_jiant_under_adamw(stated: Any, decay: float) -> None:
    """It was 0 and credited to jiant, whose optimizer takes 0.01."""
    resolved = resolve(base("encoder"), ["mnli"], TrainingSpec.model_validate(stated))
    assert resolved.training.weight_decay == decay
    assert ("Phang" in str(resolved.sources["weight_decay"])) == (decay == 0.01)


def test_merging_keeps_what_is_not_stated_unstated() -> None:
    merged = merge(TrainingSpec(steps=5), {"mixture": {"rate": "equal"}, "lora": {"rank": 4}})
    assert merged.model_fields_set == {"steps", "mixture", "lora"}
    assert merge(merged, {"epochs": 2}).steps is None


def test_published_names_are_settings() -> None:
    for task in TASKS:
        assert published("encoder", "none", [task]).keys() <= TrainingSpec.model_fields.keys()


def test_the_record_states_the_numbers_and_their_sources(tmp_path: Path) -> None:
    one_thread()
    hub = make_mirror(tmp_path)
    study = write_study(
        tmp_path,
        models=[new_model("causal")],
        intermediates=["none"],
        targets=["udpos"],
        languages=["en"],
        training={"examples_per_step": 20, "max_input_tokens": 96},
        limit={"train": 20, "test": 4},
    )
    out = tmp_path / "out"
    assert t2t("study", "run", study, "--data", f"mirror:{hub}", "--output", out).code == 0
    (record,) = map(json.loads, (p.read_text() for p in out.glob("store/train/*/record.json")))
    training, sources = record["spec"]["training"], record["how"]["settings_from"]
    assert (training["epochs"], training["learning_rate"]) == (10, 2e-5)
    assert record["results"]["steps"] == 10  # ten passes of one step
    assert sources["examples_per_step"] == "stated"
    assert sources["epochs"].startswith("Phang et al. 2020")


BLOCKS = (REPOSITORY / "docs" / "training.md").read_text(encoding="utf-8").split("```yaml\n")[1:]


@pytest.mark.parametrize("block", [block.split("```")[0] for block in BLOCKS])
def test_the_yaml_of_the_page_is_a_study(block: str, tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text("models: [{name: a, path: p}]\ntargets: [xnli]\n" + block)
    assert load_yaml(path, StudySpec, tasks=Catalogue().task_names()).targets == ("xnli",)
