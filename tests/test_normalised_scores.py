"""Ranked options compared by sums, means, PMI or calibrated: from logs, without decoding again."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from t2t_xfer.answers.ranks import Ranks
from t2t_xfer.engines.transformers import TransformersEngine
from t2t_xfer.errors import UnsupportedError
from t2t_xfer.records import Generation, Readout
from t2t_xfer.specs.catalogue import Catalogue
from t2t_xfer.specs.reading import RankSpec
from t2t_xfer.specs.task import TaskSpec
from t2t_xfer.stages.base import Stage
from t2t_xfer.stages.bases import as_model_spec, base_of
from t2t_xfer.stages.context import Context
from t2t_xfer.stages.logs import PREDICTIONS, STATISTICS, read_predictions
from t2t_xfer.stages.predict import Evaluated, plan_predict, readouts_of
from t2t_xfer.stages.run import StageRunner
from t2t_xfer.stages.train import check_chosen_on_rows_alone
from t2t_xfer.study.plan import Builder
from t2t_xfer.study.plan_file import Plan
from t2t_xfer.study.run import Summary, run_plan, would_run
from t2t_xfer.study.store import Store

from .conftest import REPOSITORY
from .learning import answers, fresh_model, rendered
from .studydata import make_mirror, nli, one_thread, t2t, write_rows

TEXTS = ("yes", "no way", "who")
READ = Generation(
    "7", Readout.rank, scores=(-3.0, -4.0, -3.5), lengths=(2, 4, 1),
    without_context=((-1.0, -4.0, -2.0),),
)  # fmt: skip


@pytest.mark.parametrize(
    ("spec", "expected", "signature"),
    [
        ({}, (-3.0, -4.0, -3.5), ""),
        ({"normalise": "sum"}, (-3.0, -4.0, -3.5), ""),
        ({"normalise": "tokens"}, (-1.5, -1.0, -3.5), "rank:tokens"),
        ({"normalise": "characters"}, (-1.0, -4 / 6, -3.5 / 3), "rank:characters"),
        ({"normalise": "pmi", "domain": "so:"}, (-2.0, 0.0, -1.5), "rank:pmi+domain='so:'"),
    ],
)
def test_what_is_compared(
    spec: dict[str, Any], expected: tuple[float, ...], signature: str
) -> None:
    ranks = Ranks(RankSpec.model_validate(spec), cloze=False)
    assert ranks.scores(READ, TEXTS) == pytest.approx(expected)
    assert ranks.signature == signature


def shares(scores: tuple[float, ...]) -> list[float]:
    total = sum(math.exp(score) for score in scores)
    return [math.exp(score) / total for score in scores]


def test_contextual_calibration_is_that_of_the_paper() -> None:
    """Zhao et al. (2021): softmax(W p) with W = diag(p_cf)^-1, p_cf the mean over the texts."""
    free = ((-1.0, -4.0, -2.0), (-2.0, -2.0, -6.0))
    read = Generation("7", Readout.rank, scores=READ.scores, without_context=free)
    spec = RankSpec(calibrate="contextual", content_free=("N/A", ""))
    found = Ranks(spec, cloze=False).scores(read, TEXTS)
    mean = [sum(column) / 2 for column in zip(*map(shares, free), strict=True)]
    divided = [p / q for p, q in zip(shares(read.scores), mean, strict=True)]
    # One constant apart, which no comparison sees.
    apart = [s - math.log(d) for s, d in zip(found, divided, strict=True)]
    assert apart == pytest.approx([apart[0]] * 3)


def test_very_small_probabilities_are_compared_too() -> None:
    read = Generation(
        "7", Readout.rank, scores=(-2000.0, -2001.0), without_context=((-3000.0, -3005.0),)
    )
    ranks = Ranks(RankSpec(calibrate="contextual"), cloze=False)
    first, second = ranks.scores(read, ("a", "b"))
    assert second - first == pytest.approx(4.0)


def test_only_what_differs_from_the_default_moves_a_score() -> None:
    assert RankSpec().identity(cloze=True) == {}
    assert RankSpec(normalise="tokens").identity(cloze=True) == {}
    assert RankSpec(normalise="sum").identity(cloze=False) == {}
    assert RankSpec(normalise="sum").identity(cloze=True)


LABEL: dict[str, Any] = {
    "task": "reviews",
    "answer": "label",
    "data": {"files": {"test": "test.jsonl"}},
    "languages": ["en"],
    "label_field": "stars",
    "labels": {"bad": {"value": 0}, "good": {"value": 1}},
    "prompt": {"input": "{{ text }} :"},
    "metric": "accuracy",
}
CHOICE = LABEL | {"answer": "choice", "form": "cloze", "choices_fields": ["endings"]}
TAGS: dict[str, Any] = {
    **{key: LABEL[key] for key in ("task", "data", "languages", "prompt")},
    "answer": "tags",
    "words_field": "w",
    "tags_field": "t",
    "tags": ["A", "B"],
    "default_tag": "A",
    "metric": "token_accuracy",
}


@pytest.mark.parametrize(
    ("task", "rank", "message"),
    [
        (LABEL, {"normalise": "pmi"}, "this key, because `normalise` is pmi"),
        (LABEL, {"normalise": "pmi", "domain": "{{ text }}"}, "plain text"),
        (LABEL, {"normalise": "sum", "domain": "so:"}, "`normalise` is not pmi"),
        (LABEL, {"normalise": "words"}, "'sum', 'tokens', 'characters' or 'pmi'"),
        (LABEL, {"calibrate": "none", "content_free": ["-"]}, "`calibrate` is none"),
        (LABEL, {"calibrate": "contextual", "content_free": []}, "at least one item"),
        (
            LABEL,
            {"normalise": "pmi", "domain": "so:", "calibrate": "contextual"},
            "divides by the same thing already",
        ),
        (CHOICE, {"calibrate": "contextual"}, "no fixed options to calibrate"),
        (TAGS, {"normalise": "sum"}, "nothing here, because the answer is tags"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    task: dict[str, Any], rank: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValidationError) as caught:
        TaskSpec.model_validate(task | {"rank": rank})
    assert message in str(caught.value)


@pytest.mark.parametrize("architecture", ["seq2seq", "causal"])
def test_labels_are_logged_with_their_tokens(architecture: Any) -> None:
    prompted = rendered("label", 4)
    loaded = fresh_model(architecture, [p.input for p in prompted])
    codec = loaded.architecture.codec
    for generation in TransformersEngine(loaded).answer(prompted, Readout.rank):
        assert generation.lengths == tuple(
            len(codec.target(word)) + 1 for word in answers("label").options
        )


TASKS = {
    "verdict": """\
answer: label
data: {files: {test: "nli.{language}.jsonl"}}
languages: [en, de]
label_field: label
labels: {entailment: {value: 0}, neutral: {value: 1}, contradiction: {value: 2}}
prompt: {use: nli}
metric: accuracy
""",
    "ending": """\
answer: choice
form: cloze
data: {files: {test: "endings.{language}.jsonl"}}
languages: [en, de]
label_field: label
labels: {A: {value: 0}, B: {value: 1}, C: {value: 2}}
choices_fields: [endings]
prompt: {input: "{{ start }}"}
metric: accuracy
""",
}


class World:
    """Two tasks over rows of our own, and one micro model that is as it is shipped."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = Store(folder / "store")
        (folder / "tasks").mkdir()
        for code in ("en", "de"):
            write_rows(folder / f"nli.{code}.jsonl", nli(code, 9, 3))
            rows = [
                {"start": f"dog number {i}", "endings": ["sees", "was very old", "is"], "label": 0}
                for i in range(5)
            ]
            write_rows(folder / f"endings.{code}.jsonl", rows)

    def context(self, task: str, more: str = "") -> Context:
        text = TASKS[task].replace('"nli', f'"{self.folder}/nli')
        text = text.replace('"endings.', f'"{self.folder}/endings.') + more
        (self.folder / "tasks" / f"{task}.yaml").write_text(text, encoding="utf-8")
        return Context(Catalogue(), "microworld")

    def plan(self, task: str, more: str = "", languages: tuple[str, ...] = ("en",)) -> Builder:
        builder = Builder(self.context(task, more))
        tip = builder.start(as_model_spec("micro:causal", ("en",)))
        for code in languages:
            builder.test_at(tip, Evaluated(task, code, "test", None), 96)
        return builder

    def run(self, task: str, more: str = "") -> tuple[Any, Stage, Summary]:
        """Results, the score stage, and what was done."""
        builder = self.plan(task, more)
        plan = Plan("one", tuple(builder.stages.values()), ())
        done = run_plan(
            plan, self.store, StageRunner(builder.context, progress=False), lambda _: None
        )
        assert not done.failed, [path.read_text() for path in done.logs.values()]
        (score,) = [stage for stage in plan.stages if stage.kind == "score"]
        record = self.store.record(score.id)
        assert record is not None
        return record.results, score, done

    def read(self, stage_id: str) -> dict[str, Generation]:
        return read_predictions(self.store.path(stage_id) / PREDICTIONS)

    def values(self, score: Stage) -> dict[str, str]:
        lines = (self.store.path(score.id) / STATISTICS).read_text().splitlines()
        return {row["id"]: row["value"] for row in map(json.loads, lines)}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    one_thread()
    return World(tmp_path_factory.mktemp("ranks"))


@pytest.fixture(autouse=True)
def _here(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(world.folder)


def kinds(builder: Builder, store: Store) -> list[str]:
    """What is still to do, predictions without an example by their label."""
    plan = Plan("one", tuple(builder.stages.values()), ())
    return sorted(
        "null" if stage.label.endswith(".null") else stage.kind for stage in would_run(plan, store)
    )


PMI = 'rank: {normalise: pmi, domain: "relation:"}\n'
CONTEXTUAL = "rank: {calibrate: contextual}\n"
CLOZE_PMI = 'rank: {normalise: pmi, domain: "and:"}\n'


def test_another_comparison_adds_at_most_the_prompts_without_example(world: World) -> None:
    plain, _, _ = world.run("verdict")
    assert "rank" not in plain["signature"]
    for more in ("tokens", "characters"):
        changed = f"rank: {{normalise: {more}}}\n"
        assert kinds(world.plan("verdict", changed), world.store) == ["score"]
    assert kinds(world.plan("verdict", PMI), world.store) == ["null", "score"]
    pmi, score, _ = world.run("verdict", PMI)
    assert pmi["signature"].endswith("|rank:pmi+domain='relation:'")
    own, alone = (world.read(score.needs[role]) for role in ("predictions", "null"))
    (null,) = alone.values()
    names = ("entailment", "neutral", "contradiction")
    for id, value in world.values(score).items():
        gains = [a - b for a, b in zip(own[id].scores, null.scores, strict=True)]
        assert value == names[gains.index(max(gains))]
    # And back: nothing is done at all.
    assert kinds(world.plan("verdict"), world.store) == []
    assert kinds(world.plan("verdict", PMI), world.store) == []


def test_calibrated_answers_are_those_of_the_logged_scores(world: World) -> None:
    _, score, _ = world.run("verdict", CONTEXTUAL)
    own, free = (world.read(score.needs[role]) for role in ("predictions", "null"))
    assert list(free) == ["null:0", "null:1", "null:2"]
    mean = [
        sum(column) / 3 for column in zip(*(shares(g.scores) for g in free.values()), strict=True)
    ]
    names = ("entailment", "neutral", "contradiction")
    for id, value in world.values(score).items():
        divided = [p / q for p, q in zip(shares(own[id].scores), mean, strict=True)]
        assert value == names[divided.index(max(divided))]


def test_fixed_options_are_read_once_for_all_languages_and_limits(world: World) -> None:
    languages = ("en", "de")
    stages = world.plan("verdict", CONTEXTUAL, languages).stages.values()
    assert sum(stage.label.endswith(".null") for stage in stages) == 1
    stages = world.plan(
        "ending", 'rank: {normalise: pmi, domain: "and:"}\n', languages
    ).stages.values()
    assert sum(stage.label.endswith(".null") for stage in stages) == 2


def test_each_choice_of_a_cloze_task_is_compared_with_itself(world: World) -> None:
    _, score, _ = world.run("ending", CLOZE_PMI)
    own, alone = (world.read(score.needs[role]) for role in ("predictions", "null"))
    assert own.keys() == alone.keys()
    for id, value in world.values(score).items():
        gains = [a - b for a, b in zip(own[id].scores, alone[id].scores, strict=True)]
        assert value == "ABC"[gains.index(max(gains))]


def test_a_text_that_says_nothing_fills_every_field(world: World) -> None:
    context = world.context("verdict", CONTEXTUAL)
    task = context.task("verdict")
    test = Evaluated("verdict", "en", "test", None, null=True)
    base = base_of(as_model_spec("new:causal"))
    stage = plan_predict(context, base, False, test, Readout.rank, 96)
    _, prompted = stage.prompts(context, task)
    assert [p.input.splitlines()[0] for p in prompted] == [
        "premise: N/A",
        "premise: [MASK]",
        "premise: ",
    ]
    assert prompted[0].input == "premise: N/A\nhypothesis: N/A\nrelation:"


def test_where_nothing_is_ranked_it_is_refused(world: World) -> None:
    task = world.context("verdict", PMI).task("verdict")
    with pytest.raises(UnsupportedError, match=r"'encoder' reads this task by 'slots'"):
        readouts_of("encoder", task)
    assert readouts_of("causal", task) == (Readout.rank,)
    with pytest.raises(UnsupportedError, match=r"Set `select: null`"):
        check_chosen_on_rows_alone(task)
    written = world.context("verdict", f"{PMI}readout: {{causal: generate}}\n").task("verdict")
    with pytest.raises(UnsupportedError, match=r"by 'generate'\. Leave out `rank`"):
        readouts_of("causal", written)


def test_baselines_know_nothing_of_ranks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    make_mirror(tmp_path)
    (tmp_path / "tasks").mkdir()
    text = (REPOSITORY / "tasks" / "xnli.yaml").read_text(encoding="utf-8")
    (tmp_path / "tasks" / "xnli.yaml").write_text(text + PMI, encoding="utf-8")
    where = ("--data", f"mirror:{tmp_path / 'hub'}", "--output", tmp_path / "out")
    for engine in ("oracle", "majority"):
        done = t2t("evaluate", "--engine", engine, "--task", "xnli", "--language", "de", *where)
        assert done.code == 0, done.err
