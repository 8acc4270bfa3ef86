"""Questions without an answer through models, engines and stages: read, logged, tuned; banned."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from t2t_xfer.architectures.loading import LoadedModel
from t2t_xfer.architectures.rows import Row
from t2t_xfer.engines.transformers import TransformersEngine
from t2t_xfer.records import ArchitectureName, Decoding, Example, Generation, Readout
from t2t_xfer.specs.catalogue import Catalogue
from t2t_xfer.specs.model import ModelSpec
from t2t_xfer.specs.training import TrainingSpec
from t2t_xfer.stages.context import Context
from t2t_xfer.stages.logs import PREDICTIONS, read_predictions
from t2t_xfer.stages.predict import Evaluated
from t2t_xfer.stages.run import StageRunner
from t2t_xfer.stages.score import score_examples
from t2t_xfer.study.plan import Builder
from t2t_xfer.study.plan_file import Plan
from t2t_xfer.study.run import run_plan
from t2t_xfer.study.store import Store

from .learning import (
    SPAN_OR_NONE_TASK,
    TRAINING,
    answers,
    fresh_model,
    learn,
    rendered,
    span_or_none_examples,
)
from .studydata import ARCHITECTURES, new_model, write_rows

FREE = Decoding(constrained=False, max_new_tokens=8)


def readout_of(loaded: LoadedModel) -> Readout:
    return Readout.slots if loaded.architecture.name == "encoder" else Readout.generate


@pytest.fixture(scope="module", params=["seq2seq", "causal"])
def writer(request: pytest.FixtureRequest) -> LoadedModel:
    texts = [f"{p.input} {p.target}" for p in rendered("span_or_none", 32)]
    loaded = fresh_model(request.param, texts)
    loaded.model.eval()
    return loaded


def log_probability(loaded: LoadedModel, row: Row, target: Sequence[int]) -> float:
    """Of a whole target behind a row, by one forward pass without any reader of ours."""
    ids = list(row.input_ids)
    with torch.inference_mode():
        if row.decoder_ids:
            decoder = torch.tensor([[*row.decoder_ids, *target[:-1]]])
            found = loaded.model(input_ids=torch.tensor([ids]), decoder_input_ids=decoder)
            first = 0
        else:
            found = loaded.model(torch.tensor([[*ids, *target[:-1]]]))
            first = len(ids) - 1
    terms = found.logits[0, first:].log_softmax(-1)
    return sum(float(terms[i, token]) for i, token in enumerate(target))


def test_both_scores_are_those_of_whole_texts_with_their_end(writer: LoadedModel) -> None:
    prompted = rendered("span_or_none", 8)
    codec = writer.architecture.codec
    end = codec.special("eos")
    word = codec.target("unanswerable")
    found = TransformersEngine(writer, 400).answer(prompted, Readout.generate)
    for example, generation in zip(prompted, found, strict=True):
        (row,) = writer.architecture.reading_rows(example, Readout.generate)
        null, best = generation.scores
        assert null == pytest.approx(log_probability(writer, row, (*word, end)), abs=1e-3)
        assert row.keys is not None
        keys = row.input_ids[row.keys.start : row.keys.end]
        pieces = {keys[i:j] for i in range(len(keys)) for j in range(i + 1, len(keys) + 1)}
        by_text: dict[str, float] = {}
        for piece in pieces:
            text = writer.tokenizer.decode(list(piece)).strip()
            score = log_probability(writer, row, (*piece, end))
            by_text[text] = max(score, by_text.get(text, score))
        assert generation.text in by_text
        assert best == pytest.approx(by_text[str(generation.text)], abs=1e-3)


@pytest.mark.parametrize("decoding", [Decoding(), FREE])
@pytest.mark.parametrize("batch_tokens", [1, 100_000])
def test_neither_batch_size_nor_order_changes_the_scores(
    writer: LoadedModel, batch_tokens: int, decoding: Decoding
) -> None:
    prompted = rendered("span_or_none", 10)
    read = TransformersEngine(writer, 300).answer(prompted, Readout.generate, decoding)
    mixed = TransformersEngine(writer, batch_tokens).answer(
        prompted[::-1], Readout.generate, decoding
    )
    for expected, found in zip(read, mixed[::-1], strict=True):
        assert found.text == expected.text
        assert found.scores == pytest.approx(expected.scores, abs=1e-3)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_model_that_only_ever_says_no_cannot_say_it_where_all_have_answers(
    architecture: ArchitectureName, tmp_path: Path
) -> None:
    """Trained on SQuAD 2.0, tested on XQuAD: the label is banned."""
    answer = answers("span_or_none")
    examples = [e for e in span_or_none_examples(96, 1) if not e.gold]
    training = TRAINING.model_copy(update={"epochs": 12})
    loaded = learn(architecture, answer, examples, tmp_path, training)
    readout, engine = readout_of(loaded), TransformersEngine(loaded, 2048)

    prompted = rendered("span_or_none", 12)
    for example, generation in zip(prompted, engine.answer(prompted, readout), strict=True):
        evidence = answer.parse(generation, example).evidence
        assert evidence is not None
        assert evidence < -1  # it has learnt to say no
    if readout is Readout.generate:
        free = engine.answer(prompted, readout, FREE)
        assert {g.text for g in free} == {"unanswerable"}
        predictions = [answer.parse(g, p) for g, p in zip(free, prompted, strict=True)]
        assert {p.value for p in predictions} == {""}
        assert all(abs(p.evidence or 0) < 1e-3 for p in predictions)

    banned = rendered("span", 12)
    for example, generation in zip(banned, engine.answer(banned, readout), strict=True):
        assert generation.scores == ()
        found = answers("span").parse(generation, example)
        # A pointer may still hit a space, which is invalid: wrong, but not "no answer".
        assert found.value != ""
        assert found.evidence is None
        field = next(r for r in example.regions if r.field == "context")
        assert str(found.value or " ") in example.input[field.start : field.end]
    for row in loaded.architecture.reading_rows(banned[0], readout):
        assert (row.null_place, row.null_target) == (None, ())


def test_among_windows_a_real_answer_beats_a_written_no(writer: LoadedModel) -> None:
    """Free text: a window that holds no answer says so with more certainty than any span has."""
    from t2t_xfer.engines.written import Written, merit

    row = Row("1", (1,), ())
    no = (row, Written(-0.01, (5,), None, null=-0.01))
    span = (row, Written(-2.0, (6,), None, null=-4.0))
    assert max([no, span], key=merit) is span


def squad_row(example: Example) -> dict[str, Any]:
    assert isinstance(example.gold, tuple)
    return {
        "id": f"q{example.id}",
        "question": f"{example.fields['question']}?",
        "context": example.fields["context"],
        "answers": {
            "text": [answer.text for answer in example.gold],  # type: ignore[union-attr]
            "answer_start": [answer.start for answer in example.gold],  # type: ignore[union-attr]
        },
    }


def task_files(folder: Path, *splits: str) -> Catalogue:
    """A task of the user's own, with these splits."""
    sizes = {"train": 12, "validation": 9, "test": 6}
    for seed, split in enumerate(splits, start=1):
        rows = [squad_row(each) for each in span_or_none_examples(sizes[split], seed)]
        write_rows(folder / "data" / f"{split}.jsonl", rows)
    spec = SPAN_OR_NONE_TASK.model_dump(mode="json", exclude_defaults=True)
    spec |= {
        "task": "own",
        "id_field": "id",
        "data": {"files": {split: f"data/{split}.jsonl" for split in splits}},
    }
    (folder / "tasks").mkdir()
    (folder / "tasks" / "own.yaml").write_text(json.dumps(spec))
    return Catalogue([folder])


def evaluated(
    context: Context,
    architecture: ArchitectureName,
    task: str,
    output: Path,
    limit: int | None = None,
    steps: int = 2,
) -> tuple[dict[str, Any], dict[str, Path]]:
    """Trains and tests a new model; the score's results, and the directories of the stages."""
    builder = Builder(context)
    model = ModelSpec.model_validate(new_model(architecture))
    training = TrainingSpec(steps=steps, examples_per_step=4, max_input_tokens=96)
    tip = builder.train(builder.start(model), (task,), training, limit, seed=0)
    ((score_id, _),) = builder.test_at(tip, Evaluated(task, "en", "test", limit), 96)
    store = Store(output)
    plan = Plan(task, tuple(builder.stages.values()), (), ())
    summary = run_plan(plan, store, StageRunner(context, progress=False), lambda _: None)
    assert (summary.failed, summary.blocked) == ((), ())
    record = store.record(score_id)
    assert record is not None
    stages = {stage.label: store.path(stage.id) for stage in plan.stages if stage.kind == "predict"}
    return dict(record.results), stages


@pytest.fixture(scope="module")
def raw_text(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A mirror that holds nothing but the text that new models get their tokenizer from."""
    folder = tmp_path_factory.mktemp("mirror")
    (folder / "hub").mkdir()
    for language in ("en", "de", "ar"):
        write_text(folder / "rawtext" / f"{language}.txt.gz")
    return f"mirror:{folder / 'hub'}"


def write_text(path: Path) -> None:
    import gzip

    path.parent.mkdir(exist_ok=True)
    path.write_bytes(gzip.compress("the house was near a dog . أحمر\n".encode() * 30))


def test_the_threshold_comes_from_validation_if_there_is_one(raw_text: str, tmp_path: Path) -> None:
    catalogue = task_files(tmp_path, "train", "validation", "test")
    context = Context(catalogue, raw_text)
    results, stages = evaluated(context, "encoder", "own", tmp_path / "out")
    assert len(stages) == 2
    assert results["n"] == 6
    assert "|threshold-chosen-on:validation" in results["signature"]
    # The thresholds are two of the null scores of the 9 validation questions, or below them all.
    (label,) = (label for label in stages if label.endswith(".validation"))
    nulls = {
        g.scores[0] - g.scores[1] for g in read_predictions(stages[label] / PREDICTIONS).values()
    }
    assert len(nulls) == 9
    for name in ("best_exact_thresh", "best_f1_thresh"):
        threshold = results["details"][name]
        assert threshold in nulls or threshold < min(nulls)


def test_without_one_it_is_the_best_of_what_is_tested(raw_text: str, tmp_path: Path) -> None:
    context = Context(task_files(tmp_path, "train", "test"), raw_text)
    results, stages = evaluated(context, "encoder", "own", tmp_path / "out")
    assert len(stages) == 1
    assert "|threshold-chosen-on:the-scored-set" in results["signature"]
    # A third of the questions has no answer, so the best threshold reaches at least that.
    assert results["details"]["exact_match"] >= 100 / 3


def test_the_logged_scores_are_enough_to_tune_again(raw_text: str, tmp_path: Path) -> None:
    context = Context(task_files(tmp_path, "train", "test"), raw_text)
    results, _ = evaluated(context, "seq2seq", "own", tmp_path / "out")
    (path,) = (tmp_path / "out").rglob(PREDICTIONS)
    logged = read_predictions(path)
    examples, prompted = context.prompted("own", "en", "test", None)
    again = score_examples(context.task("own"), examples, prompted, logged)
    assert again.results["details"] == results["details"]
    # Another model's certainty: every null score 100 lower, and the thresholds follow.
    moved = {
        id: Generation(id, g.readout, g.text, (g.scores[0] - 100, g.scores[1]), place=g.place)
        for id, g in logged.items()
    }
    shifted = score_examples(context.task("own"), examples, prompted, moved).results
    before: Any = results["details"]
    after: Any = shifted["details"]
    assert shifted["score"] == results["score"]
    assert after["best_f1_thresh"] == pytest.approx(before["best_f1_thresh"] - 100, abs=1e-6)


def test_squad_v2_is_tuned_on_what_is_tested_as_the_official_script_does(
    shared_hub: Path,
) -> None:
    context = Context(Catalogue(), f"mirror:{shared_hub}")
    assert Evaluated("squad_v2", "en", "test", None).tuning(context) is None


def test_the_word_is_part_of_what_was_shown_and_parsed() -> None:
    task = Context(Catalogue(), "microworld").task("squad_v2")
    assert task.shown()["unanswerable"] == task.parsed()["unanswerable"] == "unanswerable"


@pytest.mark.slow
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_real_squad_v2_trains_and_is_tested(
    shared_hub: Path, architecture: ArchitectureName, tmp_path: Path
) -> None:
    """A few steps; contexts of up to some 900 tokens through windows of 96."""
    context = Context(Catalogue(), f"mirror:{shared_hub}")
    results, stages = evaluated(context, architecture, "squad_v2", tmp_path, limit=24)
    assert results["n"] == 24
    assert set(results["details"]) == {
        *("exact_match", "f1", "HasAns_exact", "HasAns_f1", "NoAns_exact", "NoAns_f1"),
        *("best_exact_thresh", "best_f1_thresh"),
    }
    (predictions,) = stages.values()
    for generation in read_predictions(predictions / PREDICTIONS).values():
        assert len(generation.scores) == 2
        assert generation.place is not None
