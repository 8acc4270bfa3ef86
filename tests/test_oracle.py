"""The gold answers, sent through text, parser and metric, reach the ceiling in every language."""

from __future__ import annotations

import json
from pathlib import Path
from typing import cast

import pytest

from t2t_xfer.data.examples import missing_languages
from t2t_xfer.engines import OracleEngine
from t2t_xfer.records import Readout, Split
from t2t_xfer.specs.catalogue import Catalogue
from t2t_xfer.stages.context import Context
from t2t_xfer.stages.score import score_examples

from .studydata import make_mirror, t2t

TASKS = [("mnli", "validation"), ("xnli", "test"), ("paws_x", "test"), ("udpos", "test")]


@pytest.mark.parametrize(
    ("task", "languages"),
    [("xnli", "en ar de es"), ("paws_x", "en de es"), ("udpos", "en ar de es")],
)
def test_the_oracle_engine_scores_100(task: str, languages: str, tmp_path: Path) -> None:
    hub, out = make_mirror(tmp_path), tmp_path / "out"
    places = ("--data", f"mirror:{hub}", "--output", out, "--skip-missing", "--json")
    done = t2t("evaluate", "--engine", "oracle", "--task", task, *places)
    assert done.code == 0, done.err
    found = json.loads(done.out)["languages"]
    assert set(found) == set(languages.split())
    assert {row["score"] for row in found.values()} == {100.0}
    assert {row["invalid_rate"] for row in found.values()} == {0}


@pytest.mark.parametrize(("task", "split"), TASKS)
def test_gold_answers_of_real_data_score_100(task: str, split: Split, shared_hub: Path) -> None:
    below = []
    context = Context(Catalogue(), f"mirror:{shared_hub}")
    spec = context.task(task).spec
    absent = missing_languages(spec, context.source, spec.languages, split)
    present = [code for code in spec.languages if code not in absent]
    assert len(present) > (0 if task == "mnli" else 5)
    for code in present:
        below += rows_below_100(context, task, code, split)
    assert not below, "\n".join(below)


def rows_below_100(context: Context, name: str, language: str, split: Split) -> list[str]:
    """One line for each row whose gold answer does not score 100, and for a total below it."""
    task = context.task(name)
    examples, prompted = context.prompted(name, language, split, None)
    generations = OracleEngine().answer(prompted, Readout.generate)
    by_id = {generation.id: generation for generation in generations}
    scored = score_examples(task, examples, prompted, by_id)
    assert scored.results["n"] == len(examples)
    lines = []
    for row in scored.rows:
        statistics = tuple(cast("list[float]", row["statistics"]))
        value = task.metric.scored([statistics]).value
        if value < 100:
            lines.append(f"{name}/{language}/{split} {row['id']}: {value}, gold {row['gold']}")
    if scored.results["score"] != 100:
        lines.append(f"{name}/{language}/{split}: {scored.results['score']}")
    return lines
