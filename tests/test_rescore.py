"""Another parser or metric scores the logged answers again: the same command, and no model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from .conftest import REPOSITORY
from .studydata import make_mirror, one_thread, t2t

# An untrained model says the last token again and again: here a word, and no label.
PROMPT = """\
prompt: nli
variants: {default: {input: "{{ premise }} {{ hypothesis }} relation"}}
words: {default: {entailment: "yes", neutral: perhaps, contradiction: "no"}}
"""
TASK = (REPOSITORY / "tasks" / "xnli.yaml").read_text()


class Run:
    """`evaluate` of an untrained causal model that writes its answers as free text."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = f"mirror:{make_mirror(folder)}"
        for name in ("tasks", "prompts"):
            (folder / name).mkdir()
        self.write("tasks/xnli.yaml", TASK + "readout: {causal: generate}\n"
                   "decoding: {constrained: false, max_new_tokens: 4}\n")  # fmt: skip

    def write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text)

    def __call__(self) -> tuple[Any, str]:
        asked = ("--task", "xnli", "--language", "en", "--limit", 6, "--json")
        where = ("--data", self.data, "--output", self.folder / "out")
        done = t2t("evaluate", "--model", "new:causal", *asked, *where)
        assert done.code == 0, done.err
        return json.loads(done.out)["languages"]["en"], done.err

    def answers(self) -> list[str]:
        (log,) = (self.folder / "out/store/predict").glob("*/predictions.jsonl")
        return [json.loads(line)["text"] for line in log.read_text().splitlines()]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    one_thread()
    monkeypatch.chdir(tmp_path)
    return Run(tmp_path)


def refuse(*_: Any, **__: Any) -> None:
    raise AssertionError("a model was loaded")


def test_a_new_synonym_reads_the_logged_answers_again(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    run.write("prompts/nli.yaml", PROMPT)
    before, _ = run()
    assert before["invalid_rate"] == 1
    monkeypatch.setattr("t2t_xfer.architectures.loading.load", refuse)
    heard = json.dumps(sorted(set(run.answers())))
    run.write("prompts/nli.yaml", f"{PROMPT}synonyms: {{en: {{neutral: {heard}}}}}\n")
    after, told = run()
    assert "[3/3] score" in told
    assert "2 of 3 stages need no work" in told
    assert after["invalid_rate"] == 0
    assert after["score"] > before["score"]
    run.write("prompts/nli.yaml", PROMPT)  # and back: nothing is done at all
    again, told = run()
    assert (again, "3 of 3 stages need no work" in told) == (before, True)


def test_another_metric_scores_the_logged_answers_again(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    run.write("prompts/nli.yaml", PROMPT)
    run()
    monkeypatch.setattr("t2t_xfer.architectures.loading.load", refuse)
    text = (run.folder / "tasks/xnli.yaml").read_text()
    other = "metric: accuracy_f1\npositive_label: neutral"
    run.write("tasks/xnli.yaml", text.replace("metric: accuracy", other))
    after, told = run()
    assert "2 of 3 stages need no work" in told
    assert after["metric"] == "accuracy_f1"
    assert set(after["details"]) == {"accuracy", "f1"}
