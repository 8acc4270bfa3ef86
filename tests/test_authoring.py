"""`tasks new`: what it proposes from data, what it asks, and that it loads and checks."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from t2t_xfer.author.dataset import chosen_splits, look, parts_of
from t2t_xfer.author.draft import Draft, scalar
from t2t_xfer.author.propose import propose
from t2t_xfer.author.shape import columns, find_shape
from t2t_xfer.data.sources import Source, open_source
from t2t_xfer.errors import UserError
from t2t_xfer.languages import language_of
from t2t_xfer.records import Row
from t2t_xfer.specs.catalogue import Catalogue, shipped_root
from t2t_xfer.specs.load import load_yaml
from t2t_xfer.specs.task import TaskSpec
from t2t_xfer.specs.yaml import parse_nodes

from .studydata import t2t

SHIPPED = Catalogue([shipped_root()])


def write_rows(path: Path, *rows: dict[str, Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    return path


def proposed(name: str, source: Source, folder: Path, language: str | None = None) -> TaskSpec:
    """The proposal for some data, loaded as a task."""
    text = propose(look(name, source, folder, language), "new").text()
    path = folder / "tasks" / "new.yaml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return load_yaml(path, TaskSpec)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def reviews(language: str, split: str, good: str, bad: str) -> None:
    rows = [{"text": f"{good} {i}", "mood": "pos"} for i in range(3)]
    rows += [{"text": f"{bad} {i}", "mood": "neg"} for i in range(3)]
    write_rows(Path("data") / f"reviews.{split}.{language}.jsonl", *rows)


# The command.


def test_a_folder_becomes_a_task_that_passes_its_check(here: Path) -> None:
    reviews("en", "train", "I liked the story", "This was a waste")
    reviews("en", "test", "I liked the book", "That was a pity")
    reviews("de", "test", "Mir hat es gefallen", "Das war schade")
    done = t2t("tasks", "new", "moods", "--from", "data")
    assert done.code == 0, done.err
    assert "moods  ok  (label, accuracy; 18 rows in 2 of 2 languages)" in done.out
    assert "moods · en · test · id 0" in done.out  # the preview
    task = Catalogue([here]).task("moods")
    assert task.data.files == {
        "train": "data/reviews.train.en.jsonl",
        "test": "data/reviews.test.{language}.jsonl",
    }
    assert (task.languages, task.label_field, [*task.labels]) == (
        ("de", "en"),
        "mood",
        ["neg", "pos"],
    )
    text = (here / "tasks" / "moods.yaml").read_text()
    assert "# `mood` has 2 values in 6 rows." in text


def test_nothing_is_ever_overwritten(here: Path) -> None:
    rows = write_rows(
        here / "rows.jsonl", {"text": "a b", "label": "x"}, {"text": "c d", "label": "y"}
    )
    own = here / "tasks" / "mine.yaml"
    own.parent.mkdir()
    own.write_text("not: yours")
    for name in ("mine", "xnli"):
        done = t2t("tasks", "new", name, "--from", rows)
        assert done.code == 2
        assert f"there is a task '{name}' already" in done.err
    assert own.read_text() == "not: yours"
    assert [path.name for path in own.parent.iterdir()] == ["mine.yaml"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("a/b", "--from", "rows.jsonl"), "cannot be the name of a task"),
        (("new", "--from", "row.jsonl"), "no such file or folder.*Did you mean 'rows.jsonl'"),
        (("new", "--from", "empty"), "holds no file whose name ends in .jsonl"),
        (("new", "--from", "rows.jsonl", "--language", "german"), "Did you mean 'de'"),
        (("new", "--from", "test.sw.jsonl", "--language", "de"), "the names in .* say sw"),
        (
            ("new", "--from", "rows.jsonl"),
            "no answer format fits.* n \\(whole numbers, 1 different",
        ),
        (("new", "--from", "facebook/xnl", "--data", "microworld"), "no data set 'facebook/xnl'"),
        (("new", "--from", "google/xtreme", "--data", "microworld"), "holds several data sets"),
    ],
    ids=lambda value: value[-1] if isinstance(value, tuple) else "",
)
def test_what_cannot_be_proposed_is_said(here: Path, arguments: Any, words: str) -> None:
    write_rows(here / "rows.jsonl", {"n": 1})
    write_rows(here / "test.sw.jsonl", {"n": 1})
    (here / "empty").mkdir()
    done = t2t("tasks", "new", *arguments)
    assert done.code == 2
    assert re.search(words, done.err), done.err
    assert not (here / "tasks").exists()


def test_a_proposal_that_does_not_load_is_kept_and_explained(here: Path) -> None:
    """Two labels that case alone tells apart: only a person can say what they mean."""
    rows = [{"text": "one two", "label": "Yes"}, {"text": "three four", "label": "yes"}]
    done = t2t(
        "tasks", "new", "odd", "--from", write_rows(here / "rows.jsonl", *rows), "--language", "en"
    )
    assert done.code == 2
    assert "no valid task yet" in done.err
    assert "odd.yaml:" in done.err
    assert (here / "tasks" / "odd.yaml").is_file()


# Each answer format.

SPAN = {
    "frage": "Wer schlief?",
    "text": "Im Haus schlief Ali lange.",
    "answers": {"text": ["Ali"], "answer_start": [16]},
}


def test_spans_stand_where_the_data_say(here: Path) -> None:
    none = {**SPAN, "answers": {"text": [], "answer_start": []}}
    write_rows(here / "fragen.de.jsonl", SPAN, none)
    task = proposed("fragen.de.jsonl", open_source("hub"), here)
    assert (task.answer, task.context_field, task.unanswerable) == ("span", "text", "unanswerable")
    assert task.fields == {"question": "frage", "context": "text"}
    assert (task.metric, task.source_language) == ("squad_v2", "de")


def test_tags_are_as_many_as_words(here: Path) -> None:
    rows = [
        {"words": ["Ayşe", "Ankara'da"], "ner": ["B-PER", "B-LOC"], "lang": ["tr", "tr"]},
        {"words": ["O", "geldi", "."], "ner": ["O", "O", "O"], "lang": ["tr", "tr", "tr"]},
        {"words": ["Ali", "Can"], "ner": ["B-PER", "I-PER"], "lang": ["tr", "tr"]},
    ]
    write_rows(here / "ner" / "tr.jsonl", *rows)
    task = proposed("ner", open_source("hub"), here)
    assert (task.words_field, task.tags_field, task.tag_scheme) == ("words", "ner", "bio")
    assert task.tags == ("O", "B-LOC", "B-PER", "I-PER")
    assert (task.metric, task.prompt.use, task.languages) == ("span_f1", "ner", ("tr",))


def test_conllu_has_the_parts_of_speech_of_ud(here: Path) -> None:
    words = [("Ali", "PROPN"), ("geldi", "VERB"), ("mi", "PART"), ("?", "PUNCT")]
    lines = [f"{i}\t{w}\t_\t{tag}" + "\t_" * 6 for i, (w, tag) in enumerate(words, 1)]
    (here / "tr_x-ud-test.conllu").write_text("\n".join(lines) + "\n")
    task = proposed("tr_x-ud-test.conllu", open_source("hub"), here)
    assert (len(task.tags), task.default_tag, task.prompt.use) == (17, "X", "pos")


def test_a_label_that_counts_the_choices(here: Path) -> None:
    rows = [
        {"frage_question": "Was fliegt?", "opts": ["Vogel", "Stein", "Haus"], "right": 1 + i % 3}
        for i in range(6)
    ]
    task = proposed(str(write_rows(here / "quiz.jsonl", *rows)), open_source("hub"), here, "de")
    assert (task.answer, task.choices_fields, task.label_field) == ("choice", ("opts",), "right")
    assert [label.value for label in task.labels.values()] == [1, 2, 3]


def test_pairs_put_english_second(here: Path) -> None:
    text = 'en,de\n"The cat is in the house.","Die Katze ist im Haus."\n'
    (here / "pairs.csv").write_text(text + '"It was on the table.","Es lag auf dem Tisch."\n')
    task = proposed("pairs.csv", open_source("hub"), here)
    assert (task.answer, task.pair_fields, task.languages) == ("pair", ("de", "en"), ("de",))


@pytest.mark.parametrize(
    ("values", "labels"),
    [
        ((0, 1), {"0": 0, "1": 1}),
        ((False, True), {"no": False, "yes": True}),
        (("pos", "neg", -1), {"-1": -1, "neg": "neg", "pos": "pos"}),
        (("very_bad", "good", "-"), {"good": "good", "very_bad": "very_bad"}),
    ],
)
def test_labels_keep_the_data_s_own_values(here: Path, values: Any, labels: Any) -> None:
    rows = [{"text": "some words", "label": value} for value in values]
    if -1 in values and "pos" in values:
        with pytest.raises(UserError, match="no answer format"):  # two kinds in one column
            proposed(str(write_rows(here / "r.jsonl", *rows)), open_source("hub"), here, "en")
        return
    task = proposed(str(write_rows(here / "r.jsonl", *rows)), open_source("hub"), here, "en")
    assert {name: each.value for name, each in task.labels.items()} == labels


def test_numbers_without_a_meaning_are_asked_about_with_a_row_each(here: Path) -> None:
    rows = [{"text": "so nice", "label": 0}, {"text": "so bad", "label": 7}]
    name = str(write_rows(here / "r.jsonl", *rows))
    draft = propose(look(name, open_source("hub"), here, "en"), "new")
    (asked,) = [each.what for each in draft.questions if "numbers mean" in each.what]
    assert "0 is 'so nice'; 7 is 'so bad'" in asked


def test_the_hub_s_names_of_numbers_are_taken(here: Path) -> None:
    rows = [{"text": "so nice", "label": 1}, {"text": "so bad", "label": 0}]
    found = look(str(write_rows(here / "r.jsonl", *rows)), open_source("hub"), here, "en")
    named = replace(found, class_names={"label": ("very_bad", "good", "mixed")})
    draft = propose(named, "new")
    assert draft["labels"] == {
        "very_bad": {"value": 0, "word": "very bad"},
        "good": {"value": 1, "word": "good"},
        "mixed": {"value": 2, "word": "mixed"},
    }
    assert not [each for each in draft.questions if "numbers mean" in each.what]


def test_a_language_that_nothing_tells_is_asked(here: Path) -> None:
    rows = [{"text": "un petit chat noir", "label": "a"}, {"text": "le chien brun", "label": "b"}]
    name = str(write_rows(here / "r.jsonl", *rows))
    asked = propose(look(name, open_source("hub"), here, None), "new").questions
    assert any(
        "which language are the rows in?" in each.what and " fr " in each.what for each in asked
    )
    told = propose(look(name, open_source("hub"), here, "fr"), "new").questions
    assert not any("which language" in each.what for each in told)


def test_a_column_may_say_the_language(here: Path) -> None:
    rows = [
        {"lang": code, "text": f"word {code} {i}", "label": "ab"[i % 2]}
        for i in range(4)
        for code in ("en", "sw")
    ]
    task = proposed(str(write_rows(here / "r.jsonl", *rows)), open_source("hub"), here)
    assert task.languages == ("en", "sw")
    assert task.data.where == {"lang": "{language}"}
    assert task.fields == {"text": "text"}


# The microworld has the hub's own data sets, so proposals can be held against what ships.

MICRO = (
    *("facebook/xnli xnli", "Rowan/hellaswag hellaswag"),
    *("google/xtreme/XQuAD.{language} xquad", "google/xtreme/tatoeba.{iso3} tatoeba"),
)
SAME = (
    *("answer", "fields", "label_field", "labels", "choices_fields", "context_field", "prompt"),
    *("answers_field", "unanswerable", "pair_fields", "metric", "id_field", "parallel"),
)


def held_against_shipped(pair: str, source: Source, folder: Path, but: str = "") -> None:
    """Everything that the rows decide is what a person wrote, `but` one key."""
    name, shipped = pair.split()
    new, own = proposed(name, source, folder), SHIPPED.task(shipped)
    assert own.data.hub is not None
    assert new.data.hub is not None
    assert (new.data.hub.id, new.data.hub.config) == (own.data.hub.id, own.data.hub.config)
    for key in SAME:
        if key == "prompt" and own.form == "separate":
            # A proposal asks under letters, in the wording of the same name; the paper asks apart.
            asked = str(own.prompt.variant).removeprefix("separate").strip("_") or None
            assert new.prompt == own.prompt.model_copy(update={"variant": asked or "default"})
            continue
        assert key == but or getattr(new, key) == getattr(own, key), key
    assert {*new.languages} <= {*own.languages}


@pytest.mark.parametrize("pair", MICRO)
def test_proposals_for_known_data_are_the_shipped_tasks(here: Path, pair: str) -> None:
    held_against_shipped(pair, open_source("microworld"), here)


REAL = (
    *MICRO,
    *("nyu-mll/glue/mnli mnli", "rajpurkar/squad squad_v1", "google/xtreme/tydiqa tydiqa"),
    *("tau/commonsense_qa commonsense_qa", "google-research-datasets/paws-x paws_x"),
    *("rajpurkar/squad_v2 squad_v2", "allenai/cosmos_qa cosmos_qa"),
)


@pytest.mark.parametrize("pair", REAL)
def test_proposals_for_real_slices(here: Path, shared_hub: Path, pair: str) -> None:
    # MNLI's `idx` is unique; the shipped task goes by row numbers, which differ in nothing.
    but = "id_field" if pair.endswith(" mnli") else ""
    held_against_shipped(pair, open_source(f"mirror:{shared_hub}"), here, but)


def test_tags_as_numbers_are_asked_for(here: Path, shared_hub: Path) -> None:
    source = open_source(f"mirror:{shared_hub}")
    draft = propose(look("google/xtreme/PAN-X.{language}", source, here, None), "new")
    assert (draft["tags_field"], draft["tags"]) == ("ner_tags", [f"tag{i}" for i in range(7)])
    assert any("what do the numbers 0 to 6 mean?" in each.what for each in draft.questions)


# The parts.


@pytest.mark.parametrize(
    ("name", "pattern", "language", "split"),
    [
        ("reviews.de.test.jsonl", "reviews.{language}.test.jsonl", "de", "test"),
        ("MLQA.de.de", "MLQA.{language}.{language}", "de", None),
        ("MLQA.de.ar", "MLQA.de.ar", None, None),
        ("udpos.German", "udpos.{language_name}", "de", None),
        ("tatoeba.deu", "tatoeba.{iso3}", "de", None),
        ("dev-fr.tsv", "dev-{language}.tsv", "fr", "validation"),
        ("detest.csv", "detest.csv", None, None),
    ],
)
def test_what_names_say(name: str, pattern: str, language: str | None, split: str | None) -> None:
    assert parts_of(name) == (pattern, language, split)


def test_splits_by_their_own_names() -> None:
    names = ["train_r1", "train_r2", "validation_matched", "validation_mismatched", "other", "test"]
    assert chosen_splits(names) == {
        "test": ("test",),
        "train": ("train_r1", "train_r2"),
        "validation": ("validation_matched",),
    }


def test_only_a_sure_language_is_named() -> None:
    assert language_of(["Η γάτα κοιμάται."]) == "el"
    assert language_of(["The cat is in the house."]) == "en"
    assert language_of(["Die Katze ist im Haus."]) is None
    assert language_of(["Кошка спит."]) is None  # Bulgarian, Kazakh, Russian
    assert language_of(["これは猫です。"]) == "ja"


@pytest.mark.parametrize(
    "text",
    ["no", "1", "1e-4", "null", "a: b", "x #y", "", " a", "'", '"', "{a}", "\u2028", "ä\nb", "~"],
)
def test_scalars_come_back_as_they_were(text: str) -> None:
    draft = Draft("x")
    draft.add("key", {"a": [text], text + "k": text}, f"because {text}\n of it")
    node, problems = parse_nodes(draft.text())
    assert not problems
    assert node.plain() == {"key": {"a": [text], text + "k": text}}
    assert "\n" not in scalar(text)


def test_a_list_of_ids_is_no_list_of_tags() -> None:
    words, ids = (("a",), ("a", "b"), ("a", "b", "c")), ((7, 8, 9), (1,), (2, 5))
    rows: list[Row] = [{"words": w, "ids": i} for w, i in zip(words, ids, strict=True)]
    assert find_shape(columns(rows)) is None


def test_editors_are_told_of_a_schema_that_is_there(here: Path) -> None:
    rows = write_rows(here / "r.jsonl", {"text": "a b", "label": "x"}, {"text": "c", "label": "y"})
    (here / "tasks").mkdir()
    (here / "tasks" / "task.schema.json").write_text(t2t("schema", "task").out)
    assert t2t("tasks", "new", "mine", "--from", rows, "--language", "en").code == 0
    first = (here / "tasks" / "mine.yaml").read_text().splitlines()[0]
    assert first == "# yaml-language-server: $schema=task.schema.json"
