"""Every study of `studies/` loads, plans on the microworld, and takes the memory that it claims."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
import torch

from t2t_xfer import microworld
from t2t_xfer.architectures.rows import Row
from t2t_xfer.records import ArchitectureName
from t2t_xfer.specs.catalogue import Catalogue
from t2t_xfer.specs.model import ModelSpec, NewModel
from t2t_xfer.specs.study import StudySpec, training_for
from t2t_xfer.stages.context import Context
from t2t_xfer.study.plan import plan_study
from t2t_xfer.study.plan_file import Plan

from . import golden
from .conftest import REPOSITORY

STUDIES = sorted((REPOSITORY / "studies").glob("*.yaml"))
ARCHITECTURE: dict[str, ArchitectureName] = {
    "FacebookAI/xlm-roberta-large": "encoder",
    "google/mt5-large": "seq2seq",
    "Qwen/Qwen3-0.6B-Base": "causal",
    "Qwen/Qwen2.5-1.5B": "causal",
}
TASKS = {"xstilts_xlmr_large": 9, "single_gpu_lora": 3}
"""Intermediate tasks; each study has their mixture, too."""


def study(name: str) -> StudySpec:
    return Catalogue().study(REPOSITORY / "studies" / f"{name}.yaml")


def stand_in(model: ModelSpec) -> ModelSpec:
    """A new model of the same architecture for one of the hub: planning reads its config.

    Of a new one, only what the microworld speaks.
    """
    if model.new is not None:
        return model.model_copy(update={"new": model.new.model_copy(update={"languages": ("en",)})})
    assert model.path is not None
    if model.path.startswith("micro:"):
        return model
    new = NewModel(architecture=ARCHITECTURE[model.path], languages=("en",))
    return model.model_copy(update={"path": None, "new": new})


@cache
def plan_offline(name: str) -> Plan:
    """The plan of a study on the microworld, with new models for those of the hub.

    The microworld's fingerprint is the hash of its sources: it stands for nothing here, or each
    comment there would change the ids that `tests/goldens/plans.json` holds.
    """
    found = study(name)
    offline = found.model_copy(update={"models": tuple(map(stand_in, found.models))})
    if found.text is not None:
        text = found.text.model_copy(update={"languages": ("de", "tr")})
        offline = offline.model_copy(update={"text": text})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(microworld, "FINGERPRINT", "microworld", raising=False)
        return plan_study(offline, Context(Catalogue(), "microworld"), skip_missing=True)


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.stem)
def test_every_study_loads_and_plans(path: Any) -> None:
    planned = plan_offline(path.stem)
    trained = {stage.label for stage in planned.stages if stage.kind == "train"}
    for model in study(path.stem).models:
        assert any(label.startswith(f"{model.name}>") for label in trained)


def test_their_stages_are_those_of_the_golden() -> None:
    kept, found = golden.stored("plans"), json.loads(json.dumps(golden.plans()))
    assert golden.differences(kept, found, 0) == []


def test_the_large_study_trains_nothing_twice() -> None:
    """By hand (docs/studies.md), for each of 3 models and 3 seeds:

    10 intermediates (9 tasks and their mixture) are trained once each. From each of 11 starts
    (these and none), 6 trainings serve the 9 targets: mnli (xnli), paws_x, udpos, panx, squad_v1
    (xquad and mlqa), tydiqa; bucc and tatoeba need none. Without an intermediate, those on mnli
    and squad_v1 are the intermediates themselves. So 10 + 11 x 6 - 2 = 74.

    One cell after the other would train 10 x 9 intermediates and 11 x 7 targets: 167.
    """
    planned = plan_offline("architectures")
    trained = [stage for stage in planned.stages if stage.kind == "train"]
    assert len(trained) == 9 * 74
    assert planned.naive["train"] == 9 * 167


def test_the_conditions_of_phang_et_al_are_all_there() -> None:
    found = study("xstilts_xlmr_large")
    *single, together, with_text = found.intermediates
    assert single[0] == "none"
    assert with_text == ("mnli", "text")
    assert len(single) == 10
    assert set(together) == set(single[1:])
    assert len(found.targets) == 9
    settings = training_for(found, found.models[0], "udpos")
    assert (settings.learning_rate, settings.examples_per_step, settings.epochs) == (1e-5, 32, 10)
    assert (settings.weight_decay, len(found.seeds)) == (0.01, 3)
    for name in ("hellaswag", "cosmos_qa", "commonsense_qa"):
        assert Catalogue().task(name).form == "separate"


def test_the_papers_table_is_of_development_sets_where_there_are_some() -> None:
    found = study("xstilts_xlmr_large")
    one_set = {"xquad", "tydiqa", "tatoeba"}
    assert {target for target in found.targets if found.split_of(target) == "test"} == one_set
    told = " ".join(plan_offline("xstilts_xlmr_large").notes)
    assert "Weights were chosen (`select`) on the very rows that are tested:" in told
    assert all(f"{target} in en" in told for target in ("paws_x", "udpos", "panx"))
    assert "xnli in en" not in told


@pytest.mark.slow
@pytest.mark.parametrize("name", [model.path for model in study("single_gpu_lora").models])
def test_the_single_gpu_study_fits_24_gb(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full micro-batch of tagged sentences, in the shape of the model and in bfloat16."""
    monkeypatch.syspath_prepend(str(REPOSITORY / "benchmarks"))
    import gpu_models

    from t2t_xfer.architectures.adapters import add_adapter
    from t2t_xfer.architectures.loading import wrap
    from t2t_xfer.architectures.micro import train_tokenizer
    from t2t_xfer.training.memory import estimate_memory

    found = study("single_gpu_lora")
    (model,) = [each for each in found.models if each.path == name]
    spec = training_for(found, model, "udpos")
    architecture = ARCHITECTURE[name]
    (shape,) = [each for each in gpu_models.SHAPES if each.architecture == architecture]
    length = 64
    ids = tuple(range(300, 300 + length))
    half = ids[: length // 2]
    sides = (half, half) if architecture == "seq2seq" else (ids, ())
    places = tuple(range(0, len(half), 2))
    row = Row("a", sides[0], places, labels=places, decoder_ids=sides[1])
    rows = [row] * (spec.micro_batch_tokens // length)
    tokenizer = train_tokenizer(["a b c"], 400, architecture)
    with torch.device("meta"):
        made = shape.model(shape.config(**shape.size, **gpu_models.IDS)).to(torch.bfloat16)
        loaded = wrap(made, tokenizer, spec.max_input_tokens)
        loaded = replace(loaded, model=add_adapter(made, architecture, spec.lora, 0))
    estimate = estimate_memory(loaded, [rows, rows], spec)
    text = (REPOSITORY / "studies" / "single_gpu_lora.yaml").read_text()
    claimed = re.search(rf"{model.name}\s+([\d.]+) GiB", text)
    untied = 2 * 250_112 * 1024 if architecture == "seq2seq" else 0  # a head of mT5's own
    peak = (estimate.peak + untied) / 2**30
    print(name, estimate, round(peak, 2))
    assert claimed is not None
    assert peak == pytest.approx(float(claimed[1]), abs=0.2)
    assert peak < 22
