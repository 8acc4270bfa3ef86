"""Solved examples before the tested one: which, how many fit, and what their scores say."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from t2t_xfer.architectures.loading import LoadedModel
from t2t_xfer.engines.transformers import TransformersEngine
from t2t_xfer.errors import AbsentError, DataError, UserError
from t2t_xfer.records import Prompted, Readout
from t2t_xfer.specs.catalogue import Catalogue
from t2t_xfer.specs.reading import FewShotSpec
from t2t_xfer.specs.task import TaskSpec
from t2t_xfer.stages.context import Context

from .learning import LABEL_TASK, TAGS_TASK, fresh_model, rendered
from .studydata import make_mirror, nli, one_thread, t2t, write_rows, write_study

TASK = """\
answer: label
data:
  files:
    train: "rows/train.{language}.jsonl"
    validation: "rows/validation.{language}.jsonl"
    test: "rows/test.{language}.jsonl"
languages: [en, de]
label_field: label
labels: {entailment: {value: 0}, neutral: {value: 1}, contradiction: {value: 2}}
prompt: {use: nli}
shortenable: [premise, hypothesis]
metric: accuracy
"""
SAME = "few_shot: {k: 2, from: validation, language: same}\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A task with rows in two languages; there is no German training."""
    one_thread()
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tasks").mkdir()
    for seed, (split, size) in enumerate({"train": 60, "validation": 12, "test": 6}.items()):
        for code in ("en", "de"):
            if (split, code) != ("train", "de"):
                write_rows(tmp_path / "rows" / f"{split}.{code}.jsonl", nli(code, size, seed))
    return tmp_path


def context(more: str = "", name: str = "verdict", text: str = TASK) -> Context:
    Path("tasks", f"{name}.yaml").write_text(text + more, encoding="utf-8")
    return Context(Catalogue(), "microworld")


def shots(world: Context, language: str = "de", name: str = "verdict") -> list[tuple[str, ...]]:
    return [text.shots for text in world.prompted(name, language, "test", None)[1]]


def test_shots_are_a_function_of_seed_task_and_language(folder: Path) -> None:
    one = shots(context("few_shot: {k: 6}\n"))
    assert one == shots(context("few_shot: {k: 6}\n"))
    assert one == shots(context("few_shot: {k: 6}\n"), "en")
    assert one != shots(context("few_shot: {k: 6, seed: 1}\n"))
    assert set(one) == {one[0]}
    own = {f"{row['premise']}|{row['hypothesis']}" for row in nli("en", 60, 0)}
    for shot in one[0]:
        premise, hypothesis, relation = shot.removesuffix("\n\n").splitlines()
        pair = f"{premise.removeprefix('premise: ')}|{hypothesis.removeprefix('hypothesis: ')}"
        assert pair in own
        assert relation.startswith("relation: ")


@pytest.mark.parametrize(("k", "most"), [(3, 1), (4, 2), (6, 2)])
def test_labels_are_balanced(folder: Path, k: int, most: int) -> None:
    for seed in range(3):
        (found,) = set(shots(context(f"few_shot: {{k: {k}, seed: {seed}}}\n")))
        counts = Counter(shot.split()[-1] for shot in found)
        assert max(counts.values()) == most
        assert len(counts) == 3


def test_the_tested_example_is_never_among_its_shots(folder: Path) -> None:
    """A data set that tests on its training rows; the others keep their shots."""
    text = TASK.replace("test.{language}", "train.{language}").replace("[en, de]", "[en]")
    world = context("few_shot: {k: 4}\n", text=text)
    _, prompted = world.prompted("verdict", "en", "test", None)
    usual, count = Counter(text.shots for text in prompted).most_common(1)[0]
    assert count == len(prompted) - 4
    for text in prompted:
        assert len(text.shots) == 4
        assert not any(shot.startswith(text.input) for shot in text.shots)
        if text.shots != usual:
            assert any(shot.startswith(text.input) for shot in usual)


def test_target_language_rows_are_read_only_when_asked_for(folder: Path) -> None:
    (folder / "rows" / "validation.de.jsonl").write_bytes(b"\xff POISON")
    assert shots(context("few_shot: {k: 2, from: validation}\n"))
    with pytest.raises(DataError, match=r"validation\.de\.jsonl"):
        shots(context(SAME))


def test_missing_rows_are_named(folder: Path) -> None:
    from t2t_xfer.stages.few_shot import shots_spec

    world = context("few_shot: {k: 2, language: same}\n")
    with pytest.raises(AbsentError, match=r"the train rows of 'verdict' in 'de'.*not there.*from"):
        shots_spec(world, world.task("verdict"), "de")
    with pytest.raises(UserError, match=r"asks for 20 examples.*hold 12.*Lower `k`"):
        shots(context("few_shot: {k: 20, from: validation}\n"))


def test_the_rows_that_train_a_task_are_shown_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """XNLI is trained on MNLI, so the shots are MNLI's, in XNLI's words."""
    monkeypatch.chdir(tmp_path)
    make_mirror(tmp_path)
    world = Context(Catalogue(), f"mirror:{tmp_path / 'hub'}", {"xnli": 3})
    premises = {row["premise"] for row in nli("en", 40, 7)}
    for shot in shots(world, name="xnli")[0]:
        assert shot.splitlines()[0].removeprefix("premise: ") in premises
    assert Context(Catalogue(), f"mirror:{tmp_path / 'hub'}", {"xnli": 0}).task("xnli").shown() == (
        Context(Catalogue(), f"mirror:{tmp_path / 'hub'}").task("xnli").shown()
    )


@pytest.fixture(scope="module", params=["seq2seq", "causal"])
def loaded(request: pytest.FixtureRequest) -> LoadedModel:
    texts = [f"{p.input} {p.target}" for kind in ("label", "span") for p in rendered(kind, 24)]
    return fresh_model(request.param, texts)


def shown(prompted: Prompted, others: list[Prompted]) -> Prompted:
    return replace(prompted, shots=tuple(f"{o.input} {o.target} # " for o in others))


@pytest.mark.parametrize("readout", [Readout.rank, Readout.slots, Readout.generate])
def test_a_model_reads_shots_as_the_text_before_the_input(
    loaded: LoadedModel, readout: Readout
) -> None:
    prompted = rendered("label", 6)
    prompted = [replace(text, shortenable=()) for text in prompted]
    examples = [shown(text, prompted[4:]) for text in prompted[:4]]
    pasted = [
        replace(text, input="".join(text.shots) + text.input, regions=(), shots=())
        for text in examples
    ]
    engine = TransformersEngine(loaded)
    assert engine.answer(examples, readout) == engine.answer(pasted, readout)


def test_a_copied_answer_stands_in_the_example_itself(loaded: LoadedModel) -> None:
    prompted = rendered("span", 6)
    examples = [shown(text, prompted[3:]) for text in prompted[:3]]
    for text, read in zip(
        examples, TransformersEngine(loaded).answer(examples, Readout.generate), strict=True
    ):
        assert read.place is not None
        (field,) = [r for r in text.regions if r.field == "context"]
        assert field.start <= read.place[0] < read.place[1] <= field.end
        assert text.input[slice(*read.place)] == read.text


def test_whole_shots_go_from_the_front_until_the_example_fits(loaded: LoadedModel) -> None:
    prompted = rendered("label", 5)
    example = shown(prompted[0], prompted[1:])
    codec = loaded.architecture.codec
    whole = len(codec.encode(example).ids)
    alone = len(codec.encode(prompted[0]).ids)
    assert codec.with_fitting_shots(example, whole) == example
    for room in (whole - 1, alone + 1, alone, alone - 1):
        fitting = codec.with_fitting_shots(example, room)
        left = fitting.shots
        assert left == example.shots[len(example.shots) - len(left) :]
        assert len(codec.encode(fitting).ids) <= max(room, alone)
        assert codec.encode(fitting, max(room, alone)).removed == 0
    assert codec.with_fitting_shots(example, alone - 1).shots == ()


def evaluate(folder: Path, *more: object) -> Any:
    where = ("--data", "microworld", "--output", folder / "out")
    done = t2t("evaluate", "--model", "micro:causal", "--task", "verdict", *where, *more)
    assert done.code == 0, done.err
    return done


def test_scores_say_what_was_shown(folder: Path) -> None:
    context(SAME)
    found = json.loads(evaluate(folder, "--json").out)["languages"]
    assert {code: r["zero_shot"] for code, r in found.items()} == {"en": True, "de": False}
    assert found["de"]["shots_language"] == "de"
    assert found["de"]["removed_shots"] == 0
    signature = "|few-shot:2,seed:0,from:validation,language:same"
    assert found["de"]["signature"].endswith(signature)
    again = evaluate(folder, "--few-shot", 2)
    assert "4 of 4 stages need no work" in again.err
    assert "de §" in again.out
    assert "§ not zero-shot" in again.out
    # Other shots are other predictions; where they do not fit they are counted.
    other = evaluate(folder, "--few-shot", 6, "--language", "en", "--max-input-tokens", 64)
    assert "of 36 few-shot examples did not fit" in other.out
    logs = (folder / "out" / "store" / "predict").glob("*verdict.en*/predictions.jsonl")
    removed = [
        row.get("removed_shots", 0)
        for log in logs
        for row in map(json.loads, log.read_text().splitlines())
    ]
    assert f"{sum(removed)} of 36" in other.out
    assert 0 < max(removed) <= 6
    # The rows that are shown belong to the identity.
    write_rows(folder / "rows" / "validation.en.jsonl", nli("en", 12, 99))
    assert "2 of 4 stages need no work" in evaluate(folder).err


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"k": 0}, "greater than 0"),
        ({"k": 2, "from": "test"}, "'train' or 'validation'"),
        ({"k": 2, "language": "de"}, "'source' or 'same'"),
        ({"k": 2, "separator": ""}, "a line break at least"),
        ({"k": 2, "split": "train"}, "Extra inputs"),
    ],
)
def test_shots_that_cannot_be_meant_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        FewShotSpec.model_validate(changes)


def test_a_misspelt_key_is_told_as_the_file_has_it(folder: Path) -> None:
    context("few_shot: {k: 2, form: train}\n", text=TASK.replace("answer", "task: verdict\nanswer"))
    with pytest.raises(UserError, match=r"few_shot\.form: unknown key\. Did you mean 'from'"):
        Catalogue().task("verdict")


def test_tags_have_no_shots() -> None:
    stated = TAGS_TASK.model_dump(mode="json", exclude_unset=True)
    with pytest.raises(ValidationError, match="nothing here, because the answer is tags"):
        TaskSpec.model_validate({**stated, "few_shot": {"k": 1}})
    stated = LABEL_TASK.model_dump(mode="json", exclude_unset=True)
    assert TaskSpec.model_validate({**stated, "few_shot": {"k": 1}}).few_shot is not None


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (("evaluate", "--model", "micro:encoder", "--task", "verdict"), "it fills masks"),
        (("evaluate", "--model", "micro:causal", "--task", "udpos", "--few-shot", 2), "--few-shot"),
        (("train", "--model", "micro:causal", "--task", "verdict"), "evaluated as they are"),
    ],
)
def test_who_cannot_use_shots_is_told(folder: Path, command: Any, message: str) -> None:
    context("few_shot: {k: 2}\n")
    done = t2t(*command, "--data", "microworld", "--output", folder / "out")
    assert (done.code, message in done.err) == (2, True), done.err
    assert not (folder / "out").exists()


def test_a_study_trains_so_it_refuses_shots(folder: Path) -> None:
    context("train_task: mnli\nfew_shot: {k: 2}\n")
    study = write_study(folder, targets=["verdict"], languages=["en"])
    done = t2t("study", "plan", study, "--data", "microworld")
    assert done.code == 2
    assert "t2t-xfer evaluate" in done.err
