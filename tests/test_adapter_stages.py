"""Adapters in the graph of stages and on the command line: what is shared, what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from t2t_xfer.cli import cli
from t2t_xfer.errors import MissingExtraError, UserError
from t2t_xfer.specs.catalogue import Catalogue
from t2t_xfer.specs.study import StudySpec
from t2t_xfer.stages.base import Stage
from t2t_xfer.stages.context import Context
from t2t_xfer.stages.preflight import preflight
from t2t_xfer.study.plan import plan_study
from t2t_xfer.study.plan_file import Plan

MODEL = {"architecture": "encoder", "languages": ["en"], "hidden": 32, "text_lines": 200}
STUDY: dict[str, Any] = {
    "study": "s",
    "models": [{"name": "m", "new": MODEL}],
    "intermediates": ["none", "mnli"],
    "targets": ["paws_x", "udpos"],
    "languages": ["en"],
    "training": {"adapter": "lora", "epochs": 1},
    "limit": {"train": 16, "test": 8},
}


@pytest.fixture(scope="module")
def context() -> Context:
    return Context(Catalogue(), "microworld")


def planned(context: Context, **training: Any) -> Plan:
    study = {**STUDY, "training": {**STUDY["training"], **training}}
    return plan_study(StudySpec.model_validate(study), context)


def by_label(plan: Plan) -> dict[str, Stage]:
    return {stage.label: stage for stage in plan.stages if stage.kind != "score"}


def test_an_adapter_goes_on_over_the_same_base(context: Context) -> None:
    stages = by_label(planned(context))
    base, mnli = stages["m"].id, stages["m>mnli@0"].id
    assert stages["m>mnli@0"].needs == {"checkpoint": base}
    assert stages["m>mnli>udpos@0"].needs == {"checkpoint": base, "adapter": mnli}
    udpos = stages["m>mnli>udpos@0"].id
    assert stages["m>mnli>udpos=udpos.en"].needs == {"checkpoint": base, "adapter": udpos}


def test_a_merged_checkpoint_is_made_once_for_all_targets(context: Context) -> None:
    plan = planned(context, chain="merge")
    stages = by_label(plan)
    merged = stages["m>mnli+merged"]
    base, mnli = stages["m"].id, stages["m>mnli@0"].id
    assert merged.needs == {"checkpoint": base, "adapter": mnli}
    for target in ("paws_x", "udpos"):
        assert stages[f"m>mnli>{target}@0"].needs == {"checkpoint": merged.id}
    assert sum(stage.kind == "model" for stage in plan.stages) == 2
    # What comes before the merging is the same as without it.
    assert mnli == by_label(planned(context))["m>mnli@0"].id


def test_predictions_over_one_base_follow_each_other(context: Context) -> None:
    """Once for each start: training in between would have the base loaded again."""
    stages = planned(context).stages
    kinds = "".join(stage.kind[0] for stage in stages if "majority" not in stage.label)
    # One base; without an intermediate, mnli, after mnli: paws_x and udpos are trained each time.
    assert kinds == "m" + "tt" + "t" + "psps" + "tt" + "psps"
    seen: set[str] = set()
    for stage in stages:
        assert set(stage.needs.values()) <= seen
        seen.add(stage.id)
    whole = planned(context, adapter="none").stages
    kinds = "".join(stage.kind[0] for stage in whole if "majority" not in stage.label)
    assert kinds == "m" + "tps" * 2 + "t" + "tps" * 2


def test_what_trains_is_part_of_a_stages_name(context: Context) -> None:
    ids = {
        by_label(planned(context, **training))["m>mnli@0"].id
        for training in (
            {},
            {"adapter": "none"},
            {"adapter": "none", "lora": {"rank": 4}},
            {"adapter": "qlora"},
            {"lora": {"rank": 4}},
            {"lora": {"targets": ["query"]}},
        )
    }
    assert len(ids) == 5


def test_an_adapter_under_other_settings_needs_merging(context: Context) -> None:
    study = {**STUDY, "task_training": {"udpos": {"lora": {"rank": 4}}}}
    with pytest.raises(UserError, match=r"m>mnli>udpos: .* rank 16 and 4.*`chain: merge`"):
        plan_study(StudySpec.model_validate(study), context)
    study["task_training"] = {"udpos": {"adapter": "none", "chain": "merge"}}
    stages = by_label(plan_study(StudySpec.model_validate(study), context))
    assert stages["m>mnli>udpos@0"].needs == {"checkpoint": stages["m>mnli+merged"].id}
    trained = stages["m>mnli>udpos@0"].id
    assert stages["m>mnli>udpos=udpos.en"].needs == {"checkpoint": trained}


def test_qlora_without_its_library_ends_before_anything_runs(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("t2t_xfer.architectures.checkpoint.find_spec", lambda name: None)
    preflight(planned(context).stages, context)
    with pytest.raises(MissingExtraError, match=r"pip install 't2t_xfer\[qlora\]'"):
        preflight(planned(context, adapter="qlora").stages, context)


def run(*arguments: str) -> str:
    done = CliRunner().invoke(cli, arguments)
    if done.exception is not None:
        raise done.exception
    return done.stdout


TRAIN = ("--data", "microworld", "--limit", "32", "--json")
EVALUATE = ("--task", "xnli", "--language", "en", *TRAIN)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("store")


@pytest.fixture(scope="module")
def trained(store: Path) -> dict[str, Any]:
    """A first adapter over a new model, made by the command."""
    (store / "t.yaml").write_text("{epochs: 6, learning_rate: 1e-2, lora: {rank: 8}}")
    settings = ("--training", str(store / "t.yaml"), "--adapter", "lora", "--task", "mnli")
    found = run("train", "--model", "new:causal", *settings, *TRAIN, "--output", str(store))
    results: dict[str, Any] = json.loads(found)
    return results


def predictions(store: Path, *arguments: str) -> list[dict[str, Any]]:
    """What the last evaluation has logged."""
    before = set(store.glob("store/predict/*"))
    run("evaluate", *arguments, *EVALUATE, "--output", str(store))
    (made,) = set(store.glob("store/predict/*")) - before
    lines = (made / "predictions.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


@pytest.mark.slow
def test_from_training_to_merged_weights(store: Path, trained: dict[str, Any]) -> None:
    adapter = trained["checkpoint"]
    assert 0 < trained["trainable_parameters"] < trained["parameters"] / 4
    assert not (Path(adapter) / "model.safetensors").exists()
    (base,) = store.glob("store/model/*/checkpoint")
    named = predictions(store, "--model", adapter)
    # The same base and adapter, however they are given: nothing is done again.
    run("evaluate", "--model", str(base), "--adapter", adapter, *EVALUATE, "--output", str(store))
    assert len(list(store.glob("store/predict/*"))) == 1

    run("merge", adapter, "--model", str(base), "--output", str(store / "merged"))
    plain = predictions(store, "--model", str(store / "merged"))
    for one, other in zip(named, plain, strict=True):
        assert one["scores"] == pytest.approx(other["scores"], abs=1e-4)
    with pytest.raises(UserError, match="is not empty"):
        run("merge", adapter, "--model", str(base), "--output", str(store / "merged"))
    with pytest.raises(UserError, match="was trained on another model"):
        run("merge", adapter, "--model", str(store / "merged"), "--output", str(store / "twice"))
    assert not (store / "twice").exists()


@pytest.mark.slow
@pytest.mark.parametrize("chain", ["continue", "merge"])
def test_a_second_task_over_a_first_adapter(
    chain: str, store: Path, trained: dict[str, Any], tmp_path: Path
) -> None:
    (tmp_path / "t.yaml").write_text(
        f"{{adapter: lora, chain: {chain}, epochs: 1, lora: {{rank: 8}}}}"
    )
    settings = ("--training", str(tmp_path / "t.yaml"), "--task", "udpos", *TRAIN)
    model = ("--model", trained["checkpoint"])
    second = json.loads(run("train", *model, *settings, "--output", str(tmp_path)))
    merged = list(tmp_path.glob("store/model/*+merged-*/checkpoint/model.safetensors"))
    assert len(merged) == (chain == "merge")
    base = json.loads((Path(second["checkpoint"]) / "adapter_config.json").read_text())
    if chain == "continue":
        first = next(store.glob("store/model/*/checkpoint"))
        assert Path(base["base_model_name_or_path"]) == first
    else:
        assert base["base_model_name_or_path"].startswith("../")


@pytest.mark.slow
def test_all_weights_over_an_adapter_want_it_merged_first(
    store: Path, trained: dict[str, Any], tmp_path: Path
) -> None:
    model = ("--model", trained["checkpoint"], "--task", "udpos", *TRAIN)
    with pytest.raises(UserError, match=r"differ: adapter lora and none\. Give"):
        run("train", *model, "--output", str(tmp_path))


def test_a_new_model_has_no_adapter_yet(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="needs a model that exists"):
        run("evaluate", "--model", "new:causal", "--adapter", "a", *EVALUATE)
    with pytest.raises(UserError, match="is no adapter"):
        run("merge", str(tmp_path), "--output", str(tmp_path / "out"))
