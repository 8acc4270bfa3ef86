"""Studies: what they may say, and the settings that a training run ends up with."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from t2t_xfer.errors import SpecError
from t2t_xfer.specs import ModelSpec, StudySpec, TrainingSpec, load_yaml, training_for

TASKS = ["mnli", "paws_x", "udpos", "xnli"]
STUDY: dict[str, Any] = {
    "study": "small",
    "models": [{"name": "a", "path": "owner/a"}, {"name": "b", "path": "owner/b"}],
    "targets": ["xnli", "udpos"],
}


def study(**changes: Any) -> StudySpec:
    return StudySpec.model_validate(STUDY | changes)


def test_defaults_are_the_published_settings() -> None:
    """Phang et al. 2020: 32 examples a step, 1e-5, 10 % warm-up, norm 1.0, 256 tokens."""
    training = study().training
    assert training.examples_per_step == 32
    assert training.learning_rate == 1e-5
    assert training.warmup == 0.1
    assert training.max_grad_norm == 1.0
    assert training.adam_epsilon == 1e-8
    assert training.max_input_tokens == 256


def test_a_study_without_more_is_the_baseline_with_one_seed() -> None:
    assert study().intermediates == ("none",)
    assert study().seeds == (0,)
    assert study().languages is None


def test_languages_for_all_tasks_or_by_task() -> None:
    assert study(languages=["en", "de"]).languages == ("en", "de")
    assert study(languages={"xnli": ["en"]}).languages == {"xnli": ("en",)}


def test_problems_of_a_study_file_all_have_places(tmp_path: Path) -> None:
    path = tmp_path / "small.yaml"
    path.write_text("""\
models:
  - {name: a b, new: {architecture: encodr, languages: []}}
  - {name: x, path: y, training: {learning_rat: 1, steps: "5", schedule: lin}}
  - {name: z, task_training: {xnly: {}, mnli: {warmup: 2}}}
targets: [xnly, 5]
intermediates: []
languages: {xnli: [de, xx]}
seeds: [0, -1, 0.5, true]
training: {warmup: 2, epochs: .inf}
task_training: {mnli: {epoch: 3}, paws-x: {steps: 5}}
limit: {train: 0}
""")
    with pytest.raises(SpecError) as caught:
        load_yaml(path, StudySpec, tasks=TASKS)
    lines = str(caught.value).replace(f"{path}:", "").splitlines()
    assert [line.split(" ")[0:2] for line in lines] == [
        ["2:12:", "models[0].name:"],
        ["2:37:", "models[0].new.architecture:"],
        ["2:56:", "models[0].new.languages:"],
        ["3:35:", "models[1].training.learning_rat:"],
        ["3:59:", "models[1].training.steps:"],
        ["3:74:", "models[1].training.schedule:"],
        ["4:5:", "models[2].new:"],
        ["4:31:", "models[2].task_training.xnly:"],
        ["4:56:", "models[2].task_training.mnli.warmup:"],
        ["5:11:", "targets[0]:"],
        ["5:17:", "targets[1]:"],
        ["6:16:", "intermediates:"],
        ["7:24:", "languages.xnli[1]:"],
        ["8:12:", "seeds[1]:"],
        ["8:16:", "seeds[2]:"],
        ["8:21:", "seeds[3]:"],
        ["9:20:", "training.warmup:"],
        ["9:31:", "training.epochs:"],
        ["10:24:", "task_training.mnli.epoch:"],
        ["10:35:", "task_training.paws-x:"],
        ["11:16:", "limit.train:"],
    ]
    assert "unknown key. Did you mean 'learning_rate'?" in lines[3]
    assert "found \"lin\", expected 'linear' or 'constant'. Did you mean 'linear'?" in lines[5]
    assert "Did you mean 'xnli'?" in lines[9]
    assert "Did you mean 'paws_x'?" in lines[19]


@pytest.mark.parametrize(
    ("changes", "key", "words"),
    [
        ({"models": []}, "models", "at least one"),
        ({"models": STUDY["models"][:1] * 2}, "models", "'a' stands there twice"),
        ({"targets": ["xnli", "none"]}, "targets", "'none' can only be an intermediate"),
        ({"targets": ["xnli", "xnli"]}, "targets", "'xnli' stands there twice"),
        ({"seeds": [1, 1]}, "seeds", "1 stands there twice"),
        ({"languages": "en"}, "languages", ""),
        ({"training": {"epochs": None}}, "training", "`epochs` or `steps`"),
        ({"models": [{"name": "a", "path": "p", "training": {"epochs": None}}]}, "", "fit togeth"),
        (
            {"models": [{"name": "a", "path": "p", "task_training": {"xnli": {"epochs": None}}}]},
            "",
            "fit togeth",
        ),
    ],
)
def test_rules_of_a_study(changes: dict[str, Any], key: str, words: str) -> None:
    with pytest.raises(ValidationError) as caught:
        study(**changes)
    found = {".".join(map(str, each["loc"])): each["msg"] for each in caught.value.errors()}
    assert list(found) == [key]
    assert words in found[key]


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ({}, "this key or `path`"),
        ({"path": "x", "new": {"architecture": "causal", "languages": ["en"]}}, "not both"),
        ({"revision": "main", "new": {"architecture": "causal", "languages": ["en"]}}, "without a"),
        ({"new": {"architecture": "causal", "languages": ["en"], "heads": 3}}, "divisor of hidden"),
        ({"path": "x", "dtype": "float16"}, "'float32' or 'bfloat16'"),
    ],
)
def test_rules_of_a_model(model: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        ModelSpec.model_validate({"name": "a", **model})


def test_a_local_folder_is_no_part_of_a_models_identity(tmp_path: Path) -> None:
    assert ModelSpec(name="a", path=str(tmp_path)).canonical()["path"] is None
    assert ModelSpec(name="a", path="owner/a").canonical()["path"] == "owner/a"
    assert ModelSpec(name="a", path="p").canonical() == ModelSpec(name="b", path="p").canonical()


# The settings of one run.


def test_task_beats_model_and_model_beats_study() -> None:
    model = {"name": "a", "path": "p", "training": {"learning_rate": 3e-4, "warmup": 0}}
    spec = study(
        models=[model],
        training={"learning_rate": 1e-3, "weight_decay": 0.5, "warmup": 0.3},
        task_training={"udpos": {"learning_rate": 2e-5}},
    )
    udpos = training_for(spec, spec.models[0], "udpos")
    xnli = training_for(spec, spec.models[0], "xnli")
    assert (udpos.learning_rate, udpos.warmup, udpos.weight_decay) == (2e-5, 0, 0.5)
    assert (xnli.learning_rate, xnli.warmup, xnli.weight_decay) == (3e-4, 0, 0.5)


def test_a_models_own_word_about_a_task_beats_all() -> None:
    model = {"name": "a", "path": "p", "training": {"warmup": 0}}
    spec = study(
        models=[{**model, "task_training": {"udpos": {"learning_rate": 5e-5}}}],
        task_training={"udpos": {"learning_rate": 2e-5, "epochs": 10}},
    )
    udpos = training_for(spec, spec.models[0], "udpos")
    assert (udpos.learning_rate, udpos.epochs, udpos.warmup) == (5e-5, 10, 0)
    assert training_for(spec, spec.models[0], "xnli").learning_rate == 1e-5
    assert spec.models[0].canonical() == ModelSpec.model_validate(model).canonical()


def test_epochs_for_one_task_beat_the_steps_of_the_study() -> None:
    spec = study(training={"steps": 100}, task_training={"udpos": {"epochs": 10}})
    udpos = training_for(spec, spec.models[0], "udpos")
    assert (udpos.steps, udpos.epochs) == (None, 10)
    assert training_for(spec, spec.models[0], "xnli").steps == 100


def test_an_override_outside_a_study_file_names_its_key() -> None:
    damaged = study().models[0].model_copy(update={"training": {"learning_rat": 1}})
    with pytest.raises(SpecError, match=r"model 'a', task 'xnli': training\.learning_rat"):
        training_for(study(), damaged, "xnli")


def test_how_often_to_checkpoint_changes_no_result() -> None:
    assert TrainingSpec(checkpoint_steps=7).canonical() == TrainingSpec().canonical()
    assert TrainingSpec(learning_rate=1).canonical() == TrainingSpec(learning_rate=1.0).canonical()


def test_excluded_cells() -> None:
    found = study(
        intermediates=["none", "mnli", ["mnli", "xnli"]],
        seeds=[0, 1],
        exclude=[{"model": "a", "target": ["xnli"]}, {"intermediate": "mnli+xnli", "seed": 1}],
    )
    assert not found.includes("a", 0, "none", "xnli")
    assert found.includes("a", 0, "none", "udpos")
    assert found.includes("b", 0, ("mnli", "xnli"), "xnli")
    assert not found.includes("b", 1, ("mnli", "xnli"), "xnli")


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        ([{"model": "c"}], "a model of this study, not 'c'"),
        ([{"target": ["xnli", "panx"]}], "a target of this study, not 'panx'"),
        ([{"intermediate": "mnli"}], "an intermediate of this study, not 'mnli'"),
        ([{"seed": 4}], "a seed of this study, not 4"),
        ([{}], "at least one of the keys"),
        ([{"model": []}], "at least one item"),
        ([{"model": ["a", "b"]}], "leave some cell"),
        ([{"seed": True}], "integer"),
        ([{"modle": "a"}], "modle"),
    ],
)
def test_exclusions_that_mean_nothing(entries: list[dict[str, Any]], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        study(exclude=entries)
