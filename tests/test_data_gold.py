"""What a task reads of a row: answers with places, choices, pairs, tags that it takes from data."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any, cast

import pytest
from pydantic import ValidationError

from t2t_xfer.data.examples import missing_languages, read_examples, with_inventory
from t2t_xfer.data.sources import open_source
from t2t_xfer.engines import OracleEngine
from t2t_xfer.errors import AbsentError, DataError
from t2t_xfer.records import Answer, Example, Readout
from t2t_xfer.specs.catalogue import Catalogue
from t2t_xfer.specs.task import TaskSpec
from t2t_xfer.stages.context import Context
from t2t_xfer.stages.score import score_examples
from t2t_xfer.stages.task import load_task

from .studydata import t2t

TASK = TaskSpec.model_validate(
    {
        "task": "qa",
        "answer": "span",
        "data": {"hub": {"id": "us/qa", "config": "{language}"}},
        "languages": ["en", "ar"],
        "fields": {"question": "question", "passage": "context"},
        "context_field": "context",
        "answers_field": "answers",
        "prompt": {"input": "{{ passage }} {{ question }}"},
        "metric": "squad",
    }
)
CONTEXT = "In 1858, in Lourdes."


def row(texts: Any, starts: Any, context: Any = CONTEXT) -> dict[str, Any]:
    answers = {"text": texts, "answer_start": starts}
    return {"question": "when?", "context": context, "answers": answers}


def read(folder: Path, *rows: dict[str, Any], task: TaskSpec = TASK) -> list[tuple[Answer, ...]]:
    path = folder / "us" / "qa" / "en" / "train.jsonl"
    path.parent.mkdir(parents=True)
    path.write_text("".join(json.dumps(each) + "\n" for each in rows), encoding="utf-8")
    examples = read_examples(task, open_source(f"mirror:{folder}"), "en", "train")
    assert all(set(each.fields) == {"question", "passage"} for each in examples)
    return [each.gold for each in examples]  # type: ignore[misc]


def test_every_accepted_answer_is_kept_with_its_place(tmp_path: Path) -> None:
    golds = read(tmp_path, row(["1858", " 1858,"], [3, 2]), row(["Lourdes"], [12]))
    assert golds == [(Answer("1858", 3), Answer(" 1858,", 2)), (Answer("Lourdes", 12),)]


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (row(["1858"], [4]), "'1858' should stand at character 4.*there stands '858,'"),
        (row(["1858"], [-17]), "'1858' at -17 is no answer"),
        (row(["1858"], ["3"]), "at '3' is no answer"),
        (row(["1858"], [True]), "at True is no answer"),
        (row([" "], [2]), "' ' at 2 is no answer"),
        (row([7], [3]), "7 at 3 is no answer"),
        (row(["1858"], []), "of equal length"),
        (row("1858", 3), "expected {text"),
        ({**row([], []), "answers": None}, "expected {text"),
        (row([], []), "no accepted answer.*cannot be answered"),
        (row(["1858"], [3], context="  "), "not blank"),
        (row(["1858"], [3], context=None), "null"),
        ({"question": "when?", "context": CONTEXT}, "no column 'answers'"),
    ],
)
def test_what_is_wrong_is_named_with_its_row(
    tmp_path: Path, bad: dict[str, Any], message: str
) -> None:
    with pytest.raises(DataError, match=f"(?s)us/qa/en/train, row 1.*{message}"):
        read(tmp_path, row(["1858"], [3]), bad)


OR_NONE = TASK.model_copy(update={"unanswerable": "Not answerable", "metric": "squad_v2"})


def test_a_question_may_have_no_answer_where_the_task_has_a_word_for_it(tmp_path: Path) -> None:
    golds = read(tmp_path, row([], []), row(["1858"], [3]), task=OR_NONE)
    assert golds == [(), (Answer("1858", 3),)]


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({**row([], []), "answers": None}, "expected {text"),
        (row([], [3]), "of equal length"),
        (row(["1858"], [4]), "should stand at character 4"),
        # The word would be read back as "no answer".
        (row(["not answerable"], [3], "It\nnot answerable."), "is what the task's `unanswerable`"),
        (row(["Not answerable!"], [0], "Not answerable!"), "Choose another text"),
    ],
)
def test_other_mistakes_stay_mistakes_beside_unanswerable_questions(
    tmp_path: Path, bad: dict[str, Any], message: str
) -> None:
    with pytest.raises(DataError, match=f"(?s)us/qa/en/train, row 1.*{message}"):
        read(tmp_path, row([], []), bad, task=OR_NONE)


def test_squad_v2_reads_whole_and_its_gold_answers_score_100(shared_hub: Path) -> None:
    source = open_source(f"mirror:{shared_hub}")
    task = load_task(Catalogue(), "squad_v2", source)
    for split in ("train", "test"):  # the hub's validation: the real test split is hidden
        examples = read_examples(task.spec, source, "en", split)  # type: ignore[arg-type]
        empty = sum(not each.gold for each in examples)
        assert 100 < empty < len(examples) - 100
        prompted = [task.answer.render(example) for example in examples]
        read_back = OracleEngine().answer(prompted, Readout.generate)
        scored = score_examples(task, examples, prompted, {g.id: g for g in read_back})
        assert scored.results["score"] == 100
        assert scored.results["invalid_rate"] == 0
        # What the gold answers say needs no threshold.
        assert "tuned" not in str(scored.results["signature"])
        values = [json_row["value"] for json_row in scored.rows]
        assert values.count("") == empty


@pytest.mark.parametrize(("name", "split"), [("squad_v1", "train"), ("squad_v1", "validation")])
def test_squad_reads_whole(shared_hub: Path, name: str, split: Any) -> None:
    source = open_source(f"mirror:{shared_hub}")
    task = Catalogue().task(name)
    examples = read_examples(task, source, "en", split)
    assert len(examples) > 1000
    assert all(each.gold for each in examples)


def test_the_gold_answers_of_xquad_score_100_through_text_and_parser(shared_hub: Path) -> None:
    source = open_source(f"mirror:{shared_hub}")
    task = load_task(Catalogue(), "xquad", source)
    absent = missing_languages(task.spec, source, task.spec.languages, "test")
    present = [code for code in task.spec.languages if code not in absent]
    assert len(present) >= 9
    ids = set()
    for language in present:
        examples = read_examples(task.spec, source, language, "test", limit=200)
        ids.add(tuple(each.id for each in examples))
        prompted = [task.answer.render(example) for example in examples]
        read = OracleEngine().answer(prompted, Readout.generate)
        scored = score_examples(task, examples, prompted, {g.id: g for g in read})
        assert (scored.results["score"], scored.results["invalid_rate"]) == (100.0, 0.0), language
    # The same questions everywhere.
    assert len(ids) == 1


CHOICE: dict[str, Any] = {
    "task": "endings",
    "answer": "choice",
    "data": {"hub": {"id": "us/data", "config": "{language}"}},
    "languages": ["en", "de"],
    "fields": {"context": "ctx"},
    "label_field": "label",
    "labels": {"A": {"value": "0"}, "B": {"value": "1"}},
    "choices_fields": ["endings"],
    "prompt": {"input": "{{ context }} {{ choices }}"},
    "metric": "accuracy",
}
PAIR: dict[str, Any] = {
    "task": "translations",
    "answer": "pair",
    "data": {"hub": {"id": "us/data", "config": "{language}"}},
    "languages": ["de"],
    "pair_fields": ["theirs", "english"],
    "prompt": {"input": "{{ source }} {{ target }}"},
    "metric": "retrieval_accuracy",
}
ROW = {"ctx": "She runs.", "endings": ["She stops.", "She\u00a0 flies. "], "label": "1"}


def read_choices_of(folder: Path, spec: dict[str, Any], *rows: dict[str, Any]) -> list[Example]:
    task = TaskSpec.model_validate(spec)
    language = task.languages[0]
    place = folder / "us" / "data" / language / "test.jsonl"
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return read_examples(task, open_source(f"mirror:{folder}"), language, "test")


@pytest.mark.parametrize(
    ("columns", "row"),
    [
        (["endings"], ROW),
        (["one", "two"], {**ROW, "one": "She stops.", "two": "She\u00a0 flies. "}),
        (["all.text"], {**ROW, "all": {"label": ["A", "B"], "text": ROW["endings"]}}),
        (["all.text"], {**ROW, "all.text": ROW["endings"]}),
    ],
)
def test_choices_come_in_three_shapes(
    tmp_path: Path, columns: list[str], row: dict[str, Any]
) -> None:
    (example,) = read_choices_of(tmp_path, CHOICE | {"choices_fields": columns}, row)
    assert example.fields == {
        "context": "She runs.",
        "choices": ("She stops.", "She\u00a0 flies. "),
    }
    assert example.gold == "B"


@pytest.mark.parametrize(
    ("change", "row", "words"),
    [
        ({}, {**ROW, "endings": ["a", "b", "c"]}, "row 0: 3 choices in endings, but .* name 2"),
        ({}, {**ROW, "endings": "a"}, "column 'endings': expected a list of choices, found 'a'"),
        ({}, {**ROW, "endings": ["a", " "]}, "choice 1: found ' ', expected text"),
        ({}, {**ROW, "endings": ["a", 5]}, "choice 1: found 5, expected text"),
        ({}, {**ROW, "label": 1}, "1 is no label"),
        ({"choices_fields": ["ending"]}, ROW, "no column 'ending' .* Did you mean 'endings'"),
        ({"choices_fields": ["ctx.text"]}, ROW, "no column 'ctx.text' .* It holds nothing by name"),
        ({"choices_fields": ["ctx"] * 3}, ROW, "3 choices in ctx, ctx, ctx"),
        ({"fields": {"choices": "ctx"}}, ROW, "the field 'choices' must be the column 'endings'"),
    ],
)
def test_what_is_no_choice_is_named(
    tmp_path: Path, change: dict[str, Any], row: dict[str, Any], words: str
) -> None:
    with pytest.raises(DataError, match=words):
        read_choices_of(tmp_path, CHOICE | change, row)


def test_hidden_answers_are_left_out(tmp_path: Path) -> None:
    found = read_choices_of(tmp_path, CHOICE, {**ROW, "label": ""}, ROW)
    assert [example.id for example in found] == ["1"]


def test_a_pair_is_found_by_its_own_id_and_loses_its_line_break(tmp_path: Path) -> None:
    rows = [{"theirs": "Ja. \n", "english": "Yes.\r\n"}, {"theirs": "Nein", "english": "No"}]
    first, second = read_choices_of(tmp_path, PAIR, *rows)
    assert (first.fields["source"], first.fields["target"]) == ("Yes.", "Ja. ")
    assert (first.gold, second.gold) == ("0", "1")


def test_a_pair_needs_two_sentences(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="column 'theirs': found '\\\\n', expected text"):
        read_choices_of(tmp_path, PAIR, {"theirs": "\n", "english": "Yes"})


@pytest.mark.parametrize("name", ["hellaswag", "cosmos_qa", "commonsense_qa"])
def test_real_choices(shared_hub: Path, name: str) -> None:
    task, source = Catalogue().task(name), open_source(f"mirror:{shared_hub}")
    for split, least in (("train", 2000), ("validation", 400)):
        examples = read_examples(task, source, "en", split)  # type: ignore[arg-type]
        assert len(examples) >= least
        assert {example.gold for example in examples} == set(task.labels)
        assert {len(e.fields["choices"]) for e in examples} == {len(task.labels)}  # type: ignore[arg-type]


def test_real_pairs_in_every_language(shared_hub: Path) -> None:
    task, source = Catalogue().task("tatoeba"), open_source(f"mirror:{shared_hub}")
    missing = missing_languages(task, source, task.languages, "test")
    assert len(missing) <= 2
    for language in task.languages:
        if language not in missing:
            examples = read_examples(task, source, language, "test")
            for field in ("source", "target"):  # so that the gold answer is never ambiguous
                assert len({example.fields[field] for example in examples}) == len(examples)


CHUNKS: dict[str, Any] = {
    "task": "chunks",
    "answer": "tags",
    "data": {"hub": {"id": "us/chunks", "config": "{language}"}},
    "languages": ["en", "de"],
    "fields": {"words": "tokens"},
    "words_field": "tokens",
    "tags_field": "chunks",
    "tags_from": "train",
    "default_tag": "N",
    "prompt": {"input": "{{ words }}"},
    "metric": "span_f1",
}
TRAIN = [["S\\NP", "N"], ["N", "S/NP", "S\\NP"]]


def write(folder: Path, place: str, sentences: list[Any]) -> None:
    path = folder / "us" / "chunks" / f"{place}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [{"tokens": ["w"] * len(tags), "chunks": tags} for tags in sentences]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def spec(**changes: Any) -> TaskSpec:
    return TaskSpec.model_validate(CHUNKS | changes)


def test_the_tags_are_those_of_the_source_languages_training_split_sorted(tmp_path: Path) -> None:
    write(tmp_path, "en/train", TRAIN)
    write(tmp_path, "en/validation", [["V"]])
    write(tmp_path, "de/train", [["POISON"]])
    tags = with_inventory(spec(), open_source(f"mirror:{tmp_path}")).tags
    assert tags == ("N", "S/NP", "S\\NP")  # `/` comes before `\` in Unicode


def test_a_task_that_lists_its_tags_is_left_alone(tmp_path: Path) -> None:
    listed = spec(tags_from=None, tags=["N", "V"])
    assert with_inventory(listed, open_source(f"mirror:{tmp_path}")) is listed


@pytest.mark.parametrize(
    ("train", "message"),
    [
        ([["N", 3]], r"us/chunks/en/train, row 0, column 'chunks': 3 \(word 1\) is no tag"),
        (
            [["N", "V"], ["N N"]],
            r"us/chunks/en/train, row 1, column 'chunks': 'N N' \(word 0\) is no tag",
        ),
        ([["N", "N"]], "its training split has 1 tags"),
        ([["V", "NP"]], r"default tag 'N' stands nowhere.*Did you mean 'NP'"),
    ],
)
def test_what_cannot_be_an_inventory_is_named(
    tmp_path: Path, train: list[Any], message: str
) -> None:
    write(tmp_path, "en/train", train)
    with pytest.raises(DataError, match=message):
        with_inventory(spec(), open_source(f"mirror:{tmp_path}"))


def test_without_a_training_split_the_place_is_named(tmp_path: Path) -> None:
    write(tmp_path, "en/test", TRAIN)
    with pytest.raises(AbsentError, match="us/chunks/en/train is not in the mirror"):
        with_inventory(spec(), open_source(f"mirror:{tmp_path}"))


@pytest.mark.parametrize(
    ("changes", "key", "words"),
    [
        ({"tags": ["N", "V"]}, "tags", "either `tags` or `tags_from`"),
        ({"tags_from": "test"}, "tags_from", "'train'"),
        ({"tags_from": None}, "tags", "this key, because the answer is tags"),
    ],
)
def test_rules_of_the_key(changes: dict[str, Any], key: str, words: str) -> None:
    with pytest.raises(ValidationError) as caught:
        spec(**changes)
    found = {".".join(map(str, each["loc"])): each["msg"] for each in caught.value.errors()}
    assert list(found) == [key]
    assert words in found[key]


def test_a_tag_that_training_lacks_stays_gold_and_is_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write(tmp_path, "en/train", TRAIN)
    write(tmp_path, "de/test", [["N", "S"], ["S", "NP"]])
    source = open_source(f"mirror:{tmp_path}")
    examples = read_examples(with_inventory(spec(), source), source, "de", "test")
    assert [each.gold for each in examples] == [("N", "S"), ("S", "NP")]
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert "us/chunks/de/test: 3 words have one of 2 tags that stand nowhere" in record.getMessage()
    assert "(NP, S)" in record.getMessage()


def test_a_tag_that_is_no_text_is_still_an_error(tmp_path: Path) -> None:
    write(tmp_path, "en/train", TRAIN)
    write(tmp_path, "de/test", [["N", 0]])
    source = open_source(f"mirror:{tmp_path}")
    with pytest.raises(DataError, match=r"row 0, column 'chunks': 0 \(word 1\) is no tag"):
        read_examples(with_inventory(spec(), source), source, "de", "test")


def ccg(hub: Path) -> Context:
    return Context(Catalogue(), f"mirror:{hub}")


def test_ccg_has_the_categories_of_the_mirrors_training_split(shared_hub: Path) -> None:
    task = ccg(shared_hub).task("ccg")
    # Counted once with another program: 250 in all splits together, 228 of them in training.
    assert len(task.spec.tags) == len(task.answer.options) == 228
    assert task.shown()["tags"] == list(task.spec.tags)


def test_words_with_unseen_categories_are_wrong_for_the_oracle_too(shared_hub: Path) -> None:
    context = ccg(shared_hub)
    task = context.task("ccg")
    examples, prompted = context.prompted("ccg", "en", "test", None)
    read = OracleEngine().answer(prompted, Readout.generate)
    scored = score_examples(task, examples, prompted, {each.id: each for each in read})
    known = set(task.spec.tags)
    right = [set(each.gold or ()) <= known for each in examples]
    # Counted once with another program.
    unseen = sum(tag not in known for each in examples for tag in each.gold or ())
    assert unseen == 14
    assert 0 < right.count(False) <= 14
    statistics = [cast("list[float]", row["statistics"]) for row in scored.rows]
    whole = [task.metric.scored([tuple(each)]).value == 100 for each in statistics]
    assert whole == right
    assert 90 < scored.results["score"] < 100  # type: ignore[operator]


def test_ccg_from_the_hub_ends_in_one_paragraph() -> None:
    done = t2t("tasks", "preview", "ccg", "--data", "hub")
    assert done.code == 2
    for word in ("LDC2005T13", "ccg/supertags/train.jsonl", "--data mirror:DIR"):
        assert word in done.err
    assert len(done.err.strip().splitlines()) == 1


def test_ccg_from_files_of_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the paragraph advises: a copy of the task that names files, beside the hub's data."""
    text = (Path(__file__).parent.parent / "tasks" / "ccg.yaml").read_text("utf-8")
    before, _, rest = text.partition("data:\n")
    after = rest[rest.index("languages:") :]
    (tmp_path / "tasks").mkdir()
    files = "data: {files: {train: own/train.jsonl, test: own/test.jsonl}}\n"
    (tmp_path / "tasks" / "ccg.yaml").write_text(before + files + after, "utf-8")
    (tmp_path / "own").mkdir()
    row = json.dumps({"tokens": ["He", "left"], "supertags": ["N", "S[dcl]\\NP"]}) + "\n"
    for split in ("train", "test"):
        (tmp_path / "own" / f"{split}.jsonl").write_text(row)
    monkeypatch.chdir(tmp_path)
    done = t2t("tasks", "preview", "ccg", "--data", "hub", "--split", "test")
    assert done.code == 0, done.err
    assert "0:N 1:S[dcl]\\NP" in done.out
