"""`tasks check` as a user and a script meet it: what passes, what fails, what is only said."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from .studydata import Outcome, make_mirror, nli, t2t, write_rows

MOODS = {
    "task": "moods",
    "answer": "label",
    "data": {"files": {"train": "train.jsonl", "test": "test.{language}.jsonl"}},
    "languages": ["en", "de"],
    "label_field": "label",
    "labels": {"good": {"value": 1, "word": "good"}, "bad": {"value": 0, "word": "bad"}},
    "prompt": {"input": "text: {{ text }}\nmood:"},
    "metric": "accuracy",
}
ROWS = [{"text": f"text {i}", "label": int(i % 4 == 0)} for i in range(12)]

Rows = Mapping[str, Sequence[Mapping[str, Any]]]
Check = Callable[..., Outcome]


@pytest.fixture
def own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[Mapping[str, Any], Rows], None]:
    """Puts a task and its files into the working directory."""
    monkeypatch.chdir(tmp_path)

    def put(task: Mapping[str, Any], rows: Rows) -> None:
        folder = tmp_path / "tasks"
        folder.mkdir(exist_ok=True)
        (folder / f"{task['task']}.yaml").write_text(json.dumps(task), encoding="utf-8")
        for name, each in rows.items():
            write_rows(tmp_path / f"{name}.jsonl", each)

    return put


def check(*arguments: object, data: str = "microworld") -> Outcome:
    return t2t("tasks", "check", *arguments, "--data", data)


def found(*arguments: object, data: str = "microworld") -> dict[str, Any]:
    """What is found about one task."""
    done = check(*arguments, "--json", data=data)
    (task,) = json.loads(done.out)["tasks"]
    assert (done.code == 0) == task["ok"]
    return dict(task)


@pytest.fixture(scope="module")
def mirror(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"mirror:{make_mirror(tmp_path_factory.mktemp('mirror'))}"


def test_a_script_reads_what_was_found(mirror: str) -> None:
    done = check("paws_x", "--json", data=mirror)
    assert done.code == 0
    report = json.loads(done.out)
    assert report["ok"] is True
    (task,) = report["tasks"]
    assert task["task"] == "paws_x"
    assert task["labels"][1] == {
        "name": "paraphrase",
        "value": 1,
        "word": "same",
        "normalised": "same",
    }
    assert set(task["languages"]["en"]["splits"]) == {"train", "validation", "test"}
    test = task["languages"]["de"]["splits"]["test"]
    assert test["status"] == "ok"
    # 12 rows; every third is a paraphrase. The majority of training is `different`.
    assert test["n"] == 12
    assert test["histogram"] == {"different": 8, "paraphrase": 4}
    assert test["majority"] == pytest.approx(100 * 8 / 12)
    assert test["round_trip"] == {"generate": 12, "slots": 12, "rank": 12}
    assert test["not_back"] == {"count": 0, "rows": []}
    assert test["oracle"] == test["ceiling"] == 100.0
    assert test["agreement_with_source"] == 100.0
    assert test["input_characters"]["median"] <= test["input_characters"]["max"]


def test_what_the_source_lacks_is_absent_and_only_strictly_wrong(mirror: str) -> None:
    task = found("paws_x", data=mirror)
    assert task["absent"] == ["fr", "ja", "ko", "zh"]
    assert task["languages"]["fr"] == {"status": "absent", "splits": {}}
    assert check("paws_x", "--strict", data=mirror).code == 1


def test_a_source_without_anything_is_absent_too(tmp_path: Path) -> None:
    task = found("xnli", data=f"mirror:{tmp_path}")
    assert len(task["absent"]) == 15
    assert {each["status"] for each in task["languages"].values()} == {"absent"}


def test_a_missing_training_split_is_absent(tmp_path: Path) -> None:
    hub = make_mirror(tmp_path)
    (hub / "google-research-datasets" / "paws-x" / "en" / "train.jsonl").unlink()
    assert "en/train" in found("paws_x", data=f"mirror:{hub}")["absent"]


def test_words_with_spaces_right_to_left_and_tags_survive(mirror: str) -> None:
    task = found("udpos", data=mirror)
    assert task["languages"]["ar"]["splits"]["test"]["round_trip"]["slots"] == 12
    assert task["samples"][0]["target"].startswith("0:")


@pytest.mark.parametrize("name", ["mnli", "xnli", "paws_x", "udpos"])
def test_the_embedded_world_passes(name: str) -> None:
    assert found(name, "--limit", 200)["rows"] > 100


def test_every_row_that_is_there_is_looked_at(tmp_path: Path) -> None:
    """Validation rows of a target language too, which no stage would read."""
    hub = make_mirror(tmp_path)
    rows = nli("de", 6, seed=3)
    write_rows(
        hub / "facebook" / "xnli" / "de" / "validation.jsonl", [*rows, {**rows[0], "label": 9}]
    )
    done = check("xnli", data=f"mirror:{hub}")
    assert done.code == 1
    assert "de/validation" in done.out
    assert "row 6" in done.out
    assert "9 is no label" in done.out


def test_a_limit_is_kept_in_every_split(mirror: str) -> None:
    task = found("udpos", "--limit", 3, data=mirror)
    counts = {s["n"] for each in task["languages"].values() for s in each["splits"].values()}
    assert counts == {3}


def test_three_samples_show_what_a_model_sees(mirror: str) -> None:
    samples = found("xnli", data=mirror)["samples"]
    assert len(samples) == 3
    assert len({sample["language"] for sample in samples}) > 1
    assert samples[0]["input"].startswith("premise: ")
    assert samples[0]["target"] in ("entailment", "neutral", "contradiction")


def test_one_task_has_samples_of_its_splits() -> None:
    assert [sample["split"] for sample in found("mnli")["samples"]] == ["train", "validation"]


def test_a_gold_answer_that_does_not_come_back_fails(own: Any) -> None:
    """Two equal choices: the text of the answer does not say which letter was meant."""
    task = {
        "task": "ends",
        "answer": "choice",
        "data": {"files": {"test": "test.jsonl"}},
        "languages": ["en"],
        "label_field": "right",
        "labels": {"A": {"value": 0}, "B": {"value": 1}},
        "choices_fields": ["ends"],
        "form": "cloze",
        "prompt": {"input": "{{ text }}"},
        "metric": "accuracy",
    }
    rows = [
        {"text": "the cat", "ends": ["sleeps", "barks"], "right": 0},
        {"text": "the dog", "ends": ["barks", "barks"], "right": 1},
    ]
    own(task, {"test": rows})
    report = found("ends")
    test = report["languages"]["en"]["splits"]["test"]
    assert test["status"] == "failed"
    assert test["round_trip"] == {"generate": 1, "rank": 2}
    lost = {"id": "1", "gold": "B", "value": None, "readout": "generate", "score": 0.0}
    assert test["not_back"] == {"count": 1, "rows": [lost]}
    assert "en/test: 1 of 2 gold answers do not come back by generate" in report["problems"][0]


def test_rows_below_100_are_listed_and_pass(own: Any) -> None:
    """SQuAD's normaliser takes the article away: an exact match of nothing, and no F1 (TRAPS 6)."""
    task = {
        "task": "facts",
        "answer": "span",
        "data": {"files": {"test": "test.jsonl"}},
        "languages": ["en"],
        "context_field": "context",
        "answers_field": "answers",
        "prompt": {"input": "{{ question }}\n{{ context }}\nanswer:"},
        "metric": "squad",
    }
    context = "The letter a is the first."
    places = [("a", 11), ("first", 20)]
    rows = [
        {"question": "?", "context": context, "answers": {"text": [text], "answer_start": [at]}}
        for text, at in places
    ]
    own(task, {"test": rows})
    test = found("facts")["languages"]["en"]["splits"]["test"]
    assert test["status"] == "ok"
    (row,) = test["below_100"]["rows"]
    assert row["gold"] == [{"text": "a", "start": 11}]
    assert (row["id"], row["value"], row["score"]) == ("0", "a", 50.0)
    # (50 + 100) / 2: what the oracle engine gets, and no more is to be had.
    assert test["oracle"] == test["ceiling"] == 75.0
    assert "en/test 0: 50.00, gold" in check("facts").out


def test_sentences_without_spans_do_not_hold_the_ceiling_down(own: Any) -> None:
    """Alone, a sentence without entities has an F1 of 0; it takes nothing from the others'."""
    task = {
        "task": "names",
        "answer": "tags",
        "data": {"files": {"test": "test.jsonl"}},
        "languages": ["en"],
        "words_field": "words",
        "tags_field": "tags",
        "tags": ["O", "B-PER", "I-PER"],
        "prompt": {"input": "{{ words }}"},
        "metric": "span_f1",
    }
    rows = [
        {"words": ["Ada", "sleeps"], "tags": ["B-PER", "O"]},
        {"words": ["it", "rains"], "tags": ["O", "O"]},
    ]
    own(task, {"test": rows})
    test = found("names")["languages"]["en"]["splits"]["test"]
    assert test["oracle"] == 100.0
    assert test["below_100"]["count"] == 0
    assert test["histogram"] == {"O": 3, "B-PER": 1, "I-PER": 0}


def test_a_hidden_test_set_is_no_failure(own: Any) -> None:
    hidden = [{**row, "label": -1} for row in ROWS]
    own(MOODS, {"train": ROWS, "test.en": ROWS, "test.de": hidden})
    task = found("moods")
    assert task["languages"]["de"]["status"] == "unlabelled"
    assert task["languages"]["en"]["status"] == "ok"


def test_answers_that_the_training_task_does_not_give_fail(own: Any) -> None:
    own(MOODS, {"train": ROWS, "test.en": ROWS, "test.de": ROWS})
    other = {**MOODS, "task": "tempers", "train_task": "moods"}
    own(
        {
            **other,
            "labels": {"fine": {"value": 1, "word": "fine"}, "bad": {"value": 0, "word": "bad"}},
        },
        {},
    )
    (problem,) = found("tempers")["problems"]
    assert "answers with fine, bad, but its training task 'moods' with good, bad" in problem


def test_a_language_with_other_labels_than_the_source_raises_an_alarm(own: Any) -> None:
    inverted = [{**row, "label": 1 - row["label"]} for row in ROWS]
    own({**MOODS, "parallel": True}, {"train": ROWS[::-1], "test.en": ROWS, "test.de": inverted})
    (alarm,) = found("moods")["alarms"]
    assert alarm.startswith("de/test: only 0.0 % of the rows have the label")
    assert check("moods", "--strict").code == 1


def test_exchanged_labels_of_two_texts_raise_an_alarm(own: Any) -> None:
    """Real-shaped: what follows repeats more of the premise's words than what contradicts it."""
    task = {
        **MOODS,
        "task": "follows",
        "data": {"files": {"train": "train.jsonl"}},
        "languages": ["en"],
        "fields": {"premise": "premise", "hypothesis": "hypothesis"},
        "labels": {
            "entailment": {"value": 0, "word": "yes"},
            "contradiction": {"value": 1, "word": "no"},
        },
        "prompt": {"input": "{{ premise }} {{ hypothesis }}"},
    }
    words = ["one", "two", "three", "four", "five", "six", "seven", "eight"]
    rows = []
    for i in range(40):
        # Three or four of four words in common, against none or one.
        label, shared = i % 2, (3 + i % 4 // 2) if i % 2 == 0 else i % 4 // 2
        rows.append(
            {
                "premise": " ".join(words[:4]),
                "hypothesis": " ".join(words[:shared] + words[4 : 8 - shared]),
                "label": label,
            }
        )
    own(task, {"train": rows})
    assert found("follows")["alarms"] == []
    own(task, {"train": [{**row, "label": 1 - row["label"]} for row in rows]})
    (alarm,) = found("follows")["alarms"]
    assert "'contradiction' share more words than those of 'entailment'" in alarm


def test_people_read_the_same(mirror: str) -> None:
    done = check("paws_x", "udpos", data=mirror)
    assert done.code == 0
    # English has 40 + 6 + 12 rows, German and Spanish 12 test rows each.
    assert "paws_x  ok  (label, accuracy; 82 rows in 3 of 7 languages)" in done.out
    assert "absent    fr ja ko zh" in done.out
    assert "different = 0 in the data, 'different' as text" in done.out
    assert "2 of 2 tasks pass" in done.out
    assert "[1/2] paws_x: 82 rows in" in done.err  # what goes on, for those who wait


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ((), "--all"),
        (("xnli", "--all"), "not both"),
        (("xnly",), "Did you mean 'xnli'?"),
        (("xnli", "--model", "new:encoder"), "no tokenizer"),
        (("xnli", "--model", "./nothing"), "config.json"),
        (("xnli", "--results", "./nothing"), "no results"),
        (("udpos", "--results", "."), "labels or letters"),
    ],
)
def test_the_users_mistakes_end_with_2(
    arguments: tuple[str, ...], named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = check(*arguments)
    assert done.code == 2
    assert named in done.err
    assert not done.out
    assert len(done.err.strip().splitlines()) == 1
    assert not list(tmp_path.iterdir())


def test_two_labels_with_one_word_are_the_users_mistake(own: Any) -> None:
    same = {"good": {"value": 1, "word": "Good!"}, "bad": {"value": 0, "word": "good"}}
    own({**MOODS, "labels": same}, {"train": ROWS, "test.en": ROWS, "test.de": ROWS})
    done = check("moods")
    assert done.code == 2
    assert "same word" in done.err


def test_english_training_rows_are_no_other_language_s(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A task that tests German alone and trains on one English file: `check` counted that file's
    rows as German ones too."""
    monkeypatch.chdir(tmp_path)
    write_rows(tmp_path / "train.jsonl", [{"text": "good", "mood": m} for m in ("a", "b")])
    write_rows(tmp_path / "test.de.jsonl", [{"text": "gut", "mood": "a"}])
    (tmp_path / "tasks").mkdir()
    (tmp_path / "tasks" / "moods.yaml").write_text(
        'data: {files: {train: train.jsonl, test: "test.{language}.jsonl"}}\n'
        "answer: label\nlanguages: [de]\nlabel_field: mood\nmetric: accuracy\n"
        'labels: {a: {word: a}, b: {word: b}}\nprompt: {input: "{{ text }}"}\n'
    )
    splits = {code: {*each["splits"]} for code, each in found("moods")["languages"].items()}
    assert splits == {"de": {"test"}, "en": {"train"}}


FILES = """\
answer: label
data: {files: {train: data/train.jsonl, test: data/test.jsonl}}
languages: [de]
label_field: mood
labels: {good: {word: good}, bad: {word: bad}}
prompt: {input: "{{ text }}"}
metric: accuracy
"""


@pytest.mark.parametrize(
    ("right", "wrong", "alarms"),
    [
        (
            "languages",
            "languages",
            ["de/test is read as en/test, too. If the training rows are not"],
        ),
        ("languages", "source_language: de\nlanguages", []),
        (
            "test: data/test.jsonl",
            "test: data/train.jsonl",
            [
                "en/train and en/test are the same rows: what is tested was trained on.",
                "de/test is read as en/test, too. If the training rows are not",
            ],
        ),
    ],
)
def test_what_a_newcomer_gets_wrong_with_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, right: str, wrong: str, alarms: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tasks").mkdir()
    for name in ("train", "test"):
        rows = [{"text": f"{name} gut", "mood": "good"}, {"text": f"{name} übel", "mood": "bad"}]
        write_rows(tmp_path / "data" / f"{name}.jsonl", rows)
    (tmp_path / "tasks" / "moods.yaml").write_text(FILES.replace(right, wrong, 1))
    told = found("moods")["alarms"]
    assert len(told) == len(alarms)
    assert all(text.startswith(start) for text, start in zip(told, alarms, strict=True)), told


OWN = {"train": "data/train.jsonl", "test": "data/test.{language}.jsonl"}


@pytest.mark.parametrize(
    ("files", "problem"),
    [
        ({**OWN, "test": "data/tst.{language}.jsonl"}, "Did you mean 'test.en.jsonl'?"),
        ({"test": "data/tst.{language}.jsonl"}, "Did you mean 'test.en.jsonl'?"),
        ({"test": "elsewhere/{language}.jsonl"}, "elsewhere/en.jsonl: there is no such file."),
        ({**OWN, "train": "data/trian.jsonl"}, "Did you mean 'train.jsonl'?"),
        ({**OWN, "validation": "data/dev.jsonl"}, "dev.jsonl: there is no such file."),
    ],
)
def test_a_misspelt_file_fails_the_check(own: Any, files: Any, problem: str) -> None:
    """It was named as absent, and the check passed; `evaluate` had the nearest name."""
    task = {**MOODS, "data": {"files": files}}
    own(task, {"data/train": ROWS[::-1], "data/test.en": ROWS, "data/test.de": ROWS})
    report = found("moods")
    assert any(problem in each for each in report["problems"]), report["problems"]
    assert check("moods").code == 1


def test_a_task_without_a_row_fails_unless_all_are_asked_for(own: Any, tmp_path: Path) -> None:
    own({**MOODS, "data": {"hub": {"id": "a/b"}}, "languages": ["en"]}, {})
    (tmp_path / "mirror").mkdir()
    source = f"mirror:{tmp_path / 'mirror'}"
    done = check("moods", data=source)
    assert done.code == 1
    assert "no rows are there, so nothing was checked" in done.out
    assert "no data set 'a/b'" in done.out
    every = check("--all", data=source)
    assert every.code == 0
    assert "0 of 0 tasks pass, 0 rows.\nnot there: " in every.out
    assert check("--all", "--strict", data=source).code == 1


def test_one_language_less_is_absent_and_one_that_is_misspelt_fails(own: Any) -> None:
    task = {**MOODS, "languages": ["en", "de", "fr"], "data": {"files": OWN}}
    own(task, {"data/train": ROWS[::-1], "data/test.en": ROWS, "data/test.de": ROWS})
    assert (found("moods")["absent"], check("moods").code) == (["fr"], 0)
    (Path("data") / "tset.fr.jsonl").write_text(Path("data/test.de.jsonl").read_text())
    assert "Did you mean 'tset.fr.jsonl'?" in found("moods")["problems"][0]


def test_training_rows_that_are_the_test_rows_are_not_absent(own: Any) -> None:
    own({**MOODS, "languages": ["en"]}, {"train": ROWS, "test.en": ROWS})
    report = found("moods")
    assert report["absent"] == []
    assert report["alarms"] == [
        "en/train and en/test are the same rows: what is tested was trained on."
    ]
