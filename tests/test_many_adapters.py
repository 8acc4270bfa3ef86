"""`evaluate` with several adapters and tasks: one base, each with the numbers of it alone."""

from __future__ import annotations

import json
import logging
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from t2t_xfer.architectures.loading import load
from t2t_xfer.microworld.checkpoints import checkpoint
from t2t_xfer.specs.catalogue import Catalogue
from t2t_xfer.specs.training import LoraSpec
from t2t_xfer.stages.context import Context
from t2t_xfer.study.as_is import Evaluation, plan_evaluation
from t2t_xfer.study.plan_file import save_plan
from t2t_xfer.study.results import Results

from .adapters_made import foreign_adapter, made_adapter
from .studydata import Outcome, one_thread, t2t

MODEL = "micro:encoder"
TASKS = ("--task", "xnli", "--task", "udpos")
LANGUAGES = ("--language", "en", "--language", "tr")


class Place(NamedTuple):
    folder: Path
    a: str
    b: str

    def evaluate(self, *arguments: object, output: str = "out", model: str = MODEL) -> Outcome:
        rest = ("--data", "microworld", "--limit", 5, "--output", self.folder / output)
        return t2t("evaluate", "--model", model, *arguments, *rest)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    one_thread()
    folder = tmp_path_factory.mktemp("many")
    path = str(checkpoint(MODEL))
    a, b = (made_adapter(path, "encoder", folder / name, seed) for seed, name in enumerate("ab"))
    return Place(folder, a, b)


def test_each_adapter_and_task_gets_its_own_numbers_from_one_base(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    adapters = ("none", place.a, place.b)
    named = [part for adapter in adapters for part in ("--adapter", adapter)]
    with caplog.at_level(logging.INFO, "t2t_xfer.stages.context"):
        done = place.evaluate(*named, *TASKS, *LANGUAGES, "--json")
    assert done.code == 0, done.err
    assert sum("is loaded" in message for message in caplog.messages) == 1
    found = json.loads(done.out)
    assert found["failed"] == []
    by_part = {(part["adapter"], part["task"]): part for part in found["results"]}
    assert list(by_part) == [(each, task) for each in adapters for task in ("xnli", "udpos")]

    # Alone, in stores of their own; the shape is the one that scripts know.
    bare = json.loads(place.evaluate("--task", "xnli", *LANGUAGES, "--json", output="1").out)
    assert bare == {"task": "xnli", "languages": by_part["none", "xnli"]["languages"]}
    only = ("--adapter", place.b, "--task", "udpos", *LANGUAGES, "--json")
    alone = json.loads(place.evaluate(*only, output="2").out)
    assert alone == {"task": "udpos", "languages": by_part[place.b, "udpos"]["languages"]}
    assert set(alone["languages"]) == {"en", "tr"}
    assert alone["languages"] != by_part[place.a, "udpos"]["languages"]


def test_the_predictions_of_a_switched_adapter_are_those_of_it_alone(place: Place) -> None:
    """To the last byte; found by the stage's own name, which is the same in both stores."""
    named = ("--adapter", place.a, "--adapter", place.b, "--adapter", "none")
    assert place.evaluate(*named, *TASKS, *LANGUAGES, output="3").code == 0
    assert place.evaluate("--adapter", place.b, *TASKS, *LANGUAGES, output="4").code == 0
    alone = list((place.folder / "4").glob("store/predict/*/predictions.jsonl"))
    assert len(alone) == 4
    for file in alone:
        other = place.folder / "3" / file.relative_to(place.folder / "4")
        assert other.read_bytes() == file.read_bytes()
        record = json.loads((file.parent / "record.json").read_text())["results"]
        assert record["tokens_per_second"] > record["examples_per_second"] > 0


def test_one_table_has_all_with_means(place: Place) -> None:
    done = place.evaluate("--adapter", "none", "--adapter", place.a, *TASKS, *LANGUAGES)
    lines = [line.split() for line in done.out.splitlines() if not line.startswith("¶")]
    assert lines[0] == ["adapter", "task", "language", "metric", "score", "examples", "invalid"]
    assert [line[:3] for line in lines[2:5]] == [
        ["none", "xnli", code] for code in ("en", "tr", "mean")
    ]
    assert len(lines) == 2 + 2 * 2 * 3


def test_an_evaluation_is_a_study_that_grows(place: Place) -> None:
    """What `report` says of it; what is evaluated again counts as it was the last time."""
    both = ("--adapter", "none", "--adapter", place.a, "--task", "xnli")
    assert place.evaluate(*both, *LANGUAGES, output="7").code == 0
    assert place.evaluate("--task", "udpos", "--language", "en", output="7").code == 0
    longer = ("--task", "udpos", "--language", "en", "--max-input-tokens", 300)
    assert place.evaluate(*longer, output="7").code == 0
    results = Results.read(place.folder / "7")
    assert [(each.intermediate, each.target, each.language) for each in results.finished] == [
        *(("none", "xnli", "en"), ("none", "xnli", "tr")),
        *((place.a, "xnli", "en"), (place.a, "xnli", "tr"), ("none", "udpos", "en")),
    ]
    log = results.finished[-1].log
    assert log is not None
    assert log.predict is not None
    assert log.predict.spec["max_input_tokens"] == 300
    assert len(results.plan.stages) == 2 * 5  # the first reading of udpos is wanted no more
    written = t2t("report", place.folder / "7", "--replicates", 200)
    assert written.code == 0, written.err
    assert place.a in (place.folder / "7" / "report.md").read_text(encoding="utf-8")
    study = place.folder / "8"
    study.mkdir()
    save_plan(study, replace(results.plan, study="mine"))
    refused = place.evaluate("--task", "xnli", *LANGUAGES, output="8")
    assert refused.code == 2
    assert "is the directory of the study 'mine'" in refused.err
    (place.folder / "7" / "plan.json").write_text("{")
    damaged = place.evaluate("--task", "xnli", *LANGUAGES, output="7")
    assert damaged.code == 2
    assert "move it away and evaluate again" in damaged.err
    (place.folder / "7" / "plan.json").unlink()
    again = place.evaluate("--task", "xnli", *LANGUAGES, output="7")
    assert again.code == 0
    assert "predict" not in again.out  # all of it was in the store


def test_a_cell_that_fails_takes_no_other_with_it(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What an adapter's own files tell ends the command before any work; here its weights cannot be
    taken up when their turn comes."""
    from t2t_xfer.architectures import loading

    broken, load = tmp_path / "broken", loading.SwitchedBase._load
    shutil.copytree(place.a, broken)

    def fail(self: Any, adapter: str) -> str:
        if adapter == str(broken):
            raise RuntimeError("size mismatch")
        return load(self, adapter)

    monkeypatch.setattr(loading.SwitchedBase, "_load", fail)
    named = ("--adapter", str(broken), "--adapter", place.b, "--task", "xnli", "--language", "en")
    done = place.evaluate(*named, "--json", output="5")
    assert done.code == 1
    found = json.loads(done.out)
    assert [part["adapter"] for part in found["results"]] == [place.b]
    (lost,) = found["failed"]
    assert (lost["adapter"], lost["language"]) == (str(broken), "en")
    assert "size mismatch" in lost["why"]
    last = done.err.splitlines()[-1]
    assert last.startswith(f"failed: adapter {broken}, xnli in en (slots): RuntimeError")
    # What came after it is what it is alone.
    whole = json.loads(place.evaluate(*named[2:], "--json", output="6").out)
    assert whole["languages"] == found["results"][0]["languages"]


def test_large_adapters_come_first_and_none_last_whatever_was_named_first(
    place: Place, tmp_path: Path
) -> None:
    """vLLM keeps room for adapters of one size from its start; results stay in the order named."""
    path = str(checkpoint(MODEL))
    large = made_adapter(path, "encoder", tmp_path / "large", 3, LoraSpec(rank=8))
    named = ("none", place.a, large)
    asked = Evaluation(MODEL, named, ("xnli",), ("en",), limit=5)
    planned = plan_evaluation(Context(Catalogue(), "microworld"), asked, print)
    assert [cell.intermediate for cell in planned.cells] == list(named)
    predicted = [stage.how.adapter for stage in planned.stages if stage.kind == "predict"]
    assert predicted == [large, place.a, None]


def refused(done: Outcome, place: Place, *needles: str) -> None:
    assert done.code == 2
    assert not done.out
    assert len(done.err.splitlines()) == 1
    assert not (place.folder / "bad" / "store" / "predict").exists()
    for needle in needles:
        assert needle in done.err


def test_bad_input_is_said_before_anything_is_loaded(place: Place, tmp_path: Path) -> None:
    def bad(*arguments: object, model: str = MODEL) -> Outcome:
        given = ("--adapter", place.a, *arguments, "--task", "xnli", "--language", "en")
        return place.evaluate(*given, output="bad", model=model)

    refused(bad("--adapter", str(tmp_path)), place, f"{tmp_path} is no adapter")
    refused(bad("--adapter", "nowhere"), place, "nowhere is no adapter")
    causal = str(checkpoint("micro:causal"))
    other = made_adapter(causal, "causal", tmp_path / "other", 1)
    refused(bad("--adapter", other), place, "trained on another model", "causal. Give that one")
    refused(bad("--adapter", other, "--engine", "vllm"), place, "trained on another model")
    config = Path(other) / "adapter_config.json"
    unnamed = {**json.loads(config.read_text()), "base_model_name_or_path": ""}
    config.write_text(json.dumps(unnamed))
    refused(bad("--adapter", other), place, "does not fit this model: the adapter is for a layer")
    refused(bad(model=place.b), place, f"{place.b} is an adapter itself", "encoder as --model")
    refused(bad("--engine", "oracle"), place, "leave out --adapter")
    refused(bad("--task", "udpos", "--language", "xx"), place, "--language xx: the tasks have")


@pytest.mark.parametrize(
    ("named", "fits"),
    [
        ("", True),
        ("./gone", True),  # where it was is not here: shapes decide
        ("owner/model", True),
        ("Owner/Model", True),
        ("owner/another", False),
    ],
)
def test_an_adapter_made_elsewhere_is_compared_by_the_name_of_its_base(
    named: str, fits: bool, tmp_path: Path
) -> None:
    from t2t_xfer.errors import UserError
    from t2t_xfer.stages.bases import check_base

    model: Any = load(str(checkpoint(MODEL)), max_input_tokens=32).model
    folder = Path(foreign_adapter(model, tmp_path / "a", target_modules=["query"]))
    config = {**json.loads((folder / "adapter_config.json").read_text())}
    config["base_model_name_or_path"] = named
    (folder / "adapter_config.json").write_text(json.dumps(config))
    base = {"hub": "owner/model", "revision": "main"}
    if fits:
        assert "sha256" in check_base(str(folder), base, "owner/model")
        return
    with pytest.raises(UserError, match=r"on owner/another\. Give .* adapter_config\.json"):
        check_base(str(folder), base, "owner/model")
