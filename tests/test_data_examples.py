"""From rows to examples: what is checked, what is left out, what is refused."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest
from pydantic import ValidationError

from t2t_xfer.data.examples import fingerprint, missing_languages, read_examples
from t2t_xfer.data.places import find_places
from t2t_xfer.data.sources import Source, SplitRef, open_source
from t2t_xfer.errors import AbsentError, DataError, UserError
from t2t_xfer.records import Example, Split
from t2t_xfer.specs.task import TaskSpec

Rows = Sequence[dict[str, object]]
NLI = {"entailment": 0, "neutral": 1, "contradiction": 2}


def task(**changes: Any) -> TaskSpec:
    values = dict(NLI) if "values" not in changes else changes.pop("values")
    stated: dict[str, Any] = {
        "task": "nli",
        "answer": "label",
        "data": {"hub": {"id": "us/nli", "config": "{language}"}},
        "languages": ["en", "de", "ar"],
        "label_field": "label",
        "labels": {
            name: {"value": value, "word": f"word{i}"}
            for i, (name, value) in enumerate(values.items())
        },
        "prompt": {"input": "{{ text }}"},
        "metric": "accuracy",
    }
    return TaskSpec.model_validate({**stated, **changes})


def tagging(**changes: Any) -> TaskSpec:
    stated: dict[str, Any] = {
        "task": "pos",
        "answer": "tags",
        "data": {"hub": {"id": "us/pos", "config": "udpos.{language_name}"}},
        "languages": ["en", "de", "ar"],
        "words_field": "tokens",
        "tags_field": "pos_tags",
        "tags": ["ADJ", "NOUN", "VERB"],
        "prompt": {"input": "{{ words }}"},
        "metric": "span_f1",
    }
    return TaskSpec.model_validate({**stated, **changes})


Write = Callable[..., None]


@pytest.fixture
def mirror(tmp_path: Path) -> Source:
    (tmp_path / "hub").mkdir()
    return open_source(f"mirror:{tmp_path / 'hub'}")


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(place: str, rows: Rows | str) -> None:
        path = tmp_path / "hub" / f"{place}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        text = rows if isinstance(rows, str) else "".join(json.dumps(row) + "\n" for row in rows)
        path.write_text(text)

    return write


def read(task: TaskSpec, source: Source, language: str = "de", **more: Any) -> list[Example]:
    return read_examples(task, source, language, "test", **more)


def local(task_of: Callable[..., TaskSpec], path: Path, **changes: Any) -> TaskSpec:
    return task_of(data={"files": {"test": str(path)}}, languages=["de"], **changes)


def test_label_row_becomes_an_example(mirror: Source, write: Write) -> None:
    write("us/nli/ar/test", [{"text": "قال نعم.", "label": 2, "more": [1, [2]]}])
    assert read(task(), mirror, "ar") == [
        Example(
            id="0",
            task="nli",
            language="ar",
            split="test",
            fields={"text": "قال نعم.", "label": 2, "more": (1, (2,))},
            gold="contradiction",
        )
    ]


def test_fields_name_columns_for_the_template(mirror: Source, write: Write) -> None:
    write("us/nli/de/test", [{"sentence1": "A", "sentence2": "", "label": 0, "id": 7}])
    spec = task(fields={"text": "sentence1", "other": "sentence2"}, id_field="id")
    (example,) = read(spec, mirror)
    assert example.fields == {"text": "A", "other": ""}
    assert example.id == "7"


def test_tagged_words_are_never_split_and_tags_are_names_or_indices(
    mirror: Source, write: Write
) -> None:
    rows = [
        {"tokens": ["10 000", "שלום", "x"], "pos_tags": [0, 1, 2]},
        {"tokens": ["a\u00a0b"], "pos_tags": ["VERB"]},
    ]
    write("us/pos/udpos.German/test", rows)
    first, second = read(tagging(), mirror)
    assert first.fields["words"] == first.fields["tokens"] == ("10 000", "שלום", "x")
    assert first.gold == ("ADJ", "NOUN", "VERB")
    assert (second.fields["words"], second.gold) == (("a\u00a0b",), ("VERB",))


def test_field_words_is_the_words_column(mirror: Source, write: Write) -> None:
    row = {"tokens": ["a"], "words": 1, "pos_tags": [0], "lemmas": ["b"]}
    write("us/pos/udpos.German/test", [row])
    (example,) = read(tagging(fields={"lemmas": "lemmas"}), mirror)
    assert example.fields == {"lemmas": ("b",), "words": ("a",)}
    with pytest.raises(DataError, match="field 'words' must be the column 'tokens'"):
        read(tagging(fields={"words": "lemmas"}), mirror)


def test_sentences_without_words_are_left_out_and_counted(
    mirror: Source, write: Write, caplog: pytest.LogCaptureFixture
) -> None:
    rows = [{"tokens": [], "pos_tags": []}, {"tokens": ["a"], "pos_tags": [0]}]
    write("us/pos/udpos.German/test", rows)
    assert [example.id for example in read(tagging(), mirror)] == ["1"]
    assert "1 of 2 rows left out of us/pos/udpos.German/test: no words" in caplog.text


@pytest.mark.parametrize(
    ("values", "raw", "gold"),
    [
        ({"no": 0, "yes": 1}, 0, "no"),
        ({"no": "0", "yes": "1"}, "0", "no"),
        ({"no": False, "yes": True}, True, "yes"),
        ({"number": 0, "text": "0"}, 0, "number"),
        ({"number": 0, "text": "0"}, "0", "text"),
        ({"truth": False, "text": "false"}, False, "truth"),
        ({"truth": False, "text": "false"}, "false", "text"),
        ({"hidden": -1, "yes": 1}, -1, "hidden"),
        ({"dash": "-", "yes": 1}, "-", "dash"),
    ],
)
def test_label_values_match_by_type(
    mirror: Source, write: Write, values: dict[str, object], raw: object, gold: str
) -> None:
    write("us/nli/de/test", [{"text": "A", "label": raw}])
    assert [example.gold for example in read(task(values=values), mirror)] == [gold]


@pytest.mark.parametrize(
    ("values", "raw"),
    [
        ({"no": 0, "yes": 1}, "0"),
        ({"no": 0, "yes": 1}, False),
        ({"no": 0, "yes": 1}, 1.0),
        ({"no": "0", "yes": "1"}, 0),
        ({"no": False, "yes": True}, 1),
        ({"no": 0, "yes": 1}, 2),
        ({"no": 0, "yes": 1}, -2),
        ({"no": 0, "yes": 1}, [0]),
        ({"no": 0, "yes": 1}, {"value": 0}),
        ({"no": 0, "yes": 1}, "-1"),
        ({"no": 0, "yes": 1}, -1.0),
    ],
)
def test_unknown_label_value_is_named(
    mirror: Source, write: Write, values: dict[str, object], raw: object
) -> None:
    first = next(iter(values.values()))
    write("us/nli/de/test", [{"text": "A", "label": first}, {"text": "B", "label": raw}])
    expected = r"us/nli/de/test, row 1, column 'label': .* is no label\. Expected one of "
    with pytest.raises(DataError, match=expected):
        read(task(values=values), mirror)


@pytest.mark.parametrize("raw", [-1, "", "-", None])
@pytest.mark.parametrize(("split", "level"), [("train", logging.INFO), ("test", logging.WARNING)])
def test_rows_without_gold_are_left_out_and_counted(
    mirror: Source,
    write: Write,
    caplog: pytest.LogCaptureFixture,
    raw: object,
    split: Split,
    level: int,
) -> None:
    caplog.set_level(logging.INFO, logger="t2t_xfer.data")
    rows = [{"text": "A", "label": raw}, {"text": "B", "label": 1}, {"text": "C", "label": raw}]
    write(f"us/nli/en/{split}", rows)
    assert [example.id for example in read_examples(task(), mirror, "en", split)] == ["1"]
    (record,) = caplog.records
    assert record.levelno == level
    assert record.getMessage() == f"2 of 3 rows left out of us/nli/en/{split}: no gold answer"


def test_split_without_any_gold_is_an_error(mirror: Source, write: Write) -> None:
    write("us/nli/de/test", [{"text": "A", "label": -1}])
    with pytest.raises(DataError, match="none of the 1 rows can be used: no gold answer"):
        read(task(), mirror)


@pytest.mark.parametrize(
    ("values", "raw", "gold"),
    [
        ({"no": 0, "yes": 1}, "1", "yes"),
        ({"no": "0", "yes": "1"}, "1", "yes"),
        ({"no": False, "yes": True}, "True", "yes"),
        ({"no": False, "yes": True}, "true", "yes"),
        ({"a": "a", "A": "A"}, "A", "A"),
    ],
)
def test_csv_compares_as_text(
    mirror: Source, tmp_path: Path, values: dict[str, object], raw: str, gold: str
) -> None:
    (tmp_path / "a.csv").write_text(f"text,label\nA,{raw}\nB,-1\nC,\n")
    spec = local(task, tmp_path / "a.csv", values=values)
    assert [example.gold for example in read(spec, mirror)] == [gold]


@pytest.mark.parametrize(
    ("value", "raw", "message"),
    [
        (1, "1.0", "1.0 is no label.*the decimal number 1.0 where .* the whole number 1: write"),
        (1, '"1"', "'1' is no label.*the text '1' where .* the whole number 1: write both alike"),
        ("1", "1", "1 is no label.*the whole number 1 where .* the text '1': write both alike"),
        (True, '"True"', "the text 'True' where .* the truth value True: write both alike"),
        ("yes", '" Yes"', "' Yes' is no label.*the text ' Yes' where .* the text 'yes'"),
    ],
)
def test_a_label_of_another_type_is_explained(
    mirror: Source, write: Write, value: object, raw: str, message: str
) -> None:
    """`'1' is no label. Expected one of 1 (types count)` was a puzzle."""
    spec = task(labels={"a": {"value": value, "word": "a"}, "b": {"value": 7, "word": "b"}})
    write("us/nli/de/test", [{"text": "A", "label": json.loads(raw)}])
    with pytest.raises(DataError, match=message):
        read(spec, mirror)


def test_no_number_is_no_value(mirror: Source, tmp_path: Path) -> None:
    """pandas writes NaN where a value is missing; the prompt showed `nan`."""
    columns = {"text": [1.5, float("nan")], "label": ["0", "0"]}
    pyarrow.parquet.write_table(pyarrow.table(columns), tmp_path / "a.parquet")
    spec = local(
        task, tmp_path / "a.parquet", values={"zero": "0", "one": "1"}, fields={"text": "text"}
    )
    with pytest.raises(DataError, match=r"row 1, column 'text': null, but"):
        read(spec, mirror)


@pytest.mark.parametrize("name", ["~nosuchuser/{language}.jsonl", "{language}" + "x" * 300])
def test_a_path_that_cannot_be_is_one_paragraph(mirror: Source, tmp_path: Path, name: str) -> None:
    with pytest.raises(
        (DataError, ValidationError), match=r"longer than file systems take|a path of this machine"
    ):
        read(task(data={"files": {"test": name + ".jsonl"}}), mirror)
    with pytest.raises(UserError, match=r"no user of this name|no such folder"):
        open_source(f"mirror:{name}")


def test_csv_cannot_tell_some_labels_apart(mirror: Source, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text,label\nA,0\n")
    with pytest.raises(DataError, match="cannot tell apart"):
        read(local(task, tmp_path / "a.csv", values={"zero": 0, "text": "0"}), mirror)


@pytest.mark.parametrize(
    ("changes", "row", "message"),
    [
        ({"label_field": "lable"}, {"text": "A", "label": 0}, "no column 'lable'.*Did you mean 'l"),
        ({"fields": {"text": "txt"}}, {"text": "A", "label": 0}, r"'txt' \(field 'text'\)"),
        ({"id_field": "idx"}, {"text": "A", "label": 0}, "no column 'idx'"),
        ({"fields": {"text": "t"}}, {"t": None, "label": 0}, "column 't': null"),
        ({"id_field": "idx"}, {"idx": True, "label": 0}, "True cannot be an id"),
        ({"id_field": "idx"}, {"idx": None, "label": 0}, "None cannot be an id"),
    ],
)
def test_row_that_lacks_something_is_named(
    mirror: Source, write: Write, changes: dict[str, Any], row: dict[str, object], message: str
) -> None:
    write("us/nli/de/test", [row])
    with pytest.raises(DataError, match="us/nli/de/test, row 0.*" + message):
        read(task(**changes), mirror)


def test_ids_must_differ(mirror: Source, write: Write) -> None:
    write("us/nli/de/test", [{"id": i, "text": "A", "label": 0} for i in (3, 4, "3")])
    with pytest.raises(DataError, match=r"row 2: the id '3' already stands in row 0"):
        read(task(id_field="id"), mirror)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"tokens": ["a"]}, "no column 'pos_tags'"),
        ({"pos_tags": [0]}, "no column 'tokens'"),
        ({"tokens": "a b", "pos_tags": [0, 1]}, "expected a list of words, found 'a b'"),
        ({"tokens": ["a"], "pos_tags": 0}, "expected a list of tags, found 0"),
        ({"tokens": ["a", "b"], "pos_tags": [0]}, "1 tags for 2 words"),
        ({"tokens": [], "pos_tags": [0]}, "1 tags for 0 words"),
        ({"tokens": ["a"], "pos_tags": [3]}, r"3 \(word 0\) is no tag.*index from 0 to 2"),
        ({"tokens": ["a"], "pos_tags": [-1]}, r"-1 \(word 0\) is no tag"),
        ({"tokens": ["a"], "pos_tags": [True]}, r"True \(word 0\) is no tag"),
        ({"tokens": ["a"], "pos_tags": [None]}, r"None \(word 0\) is no tag"),
        ({"tokens": ["a"], "pos_tags": ["NOUNS"]}, "Did you mean 'NOUN'"),
        ({"tokens": ["a"], "pos_tags": ["0"]}, r"'0' \(word 0\) is no tag"),
        ({"tokens": ["a", ""], "pos_tags": [0, 1]}, "word 1 is ''"),
        ({"tokens": ["a", "\u00a0"], "pos_tags": [0, 1]}, "word 1 is"),
        ({"tokens": ["a", 7], "pos_tags": [0, 1]}, "word 1 is 7"),
    ],
)
def test_bad_tagging_row_is_named(
    mirror: Source, write: Write, row: dict[str, object], message: str
) -> None:
    write("us/pos/udpos.German/test", [{"tokens": ["a"], "pos_tags": [0]}, row])
    with pytest.raises(DataError, match=r"us/pos/udpos\.German/test, row 1.*" + message):
        read(tagging(), mirror)


def test_where_keeps_one_language_of_a_stacked_set(mirror: Source, write: Write) -> None:
    rows = [{"lang": lang, "text": lang, "label": 0} for lang in ("en", "de", "en", "de", "de")]
    write("us/nli/all/test", rows)
    stacked = task(data={"hub": {"id": "us/nli", "config": "all"}, "where": {"lang": "{language}"}})
    german = read(stacked, mirror)
    assert [(example.id, example.fields["text"]) for example in german] == [
        ("0", "de"),
        ("1", "de"),
        ("2", "de"),
    ]
    assert missing_languages(stacked, mirror, ["en", "de", "ar"], "test") == ["ar"]
    with pytest.raises(AbsentError, match="holds no row with lang = 'ar'"):
        read(stacked, mirror, "ar")


def test_where_names_the_missing_column(mirror: Source, write: Write) -> None:
    write("us/nli/all/test", [{"language": "de", "label": 0}])
    data = {"hub": {"id": "us/nli", "config": "all"}, "where": {"languag": "{language}"}}
    with pytest.raises(DataError, match=r"row 0: no column 'languag'.*Did you mean 'language'"):
        read(task(data=data), mirror)


def test_where_compares_numbers_and_truth_as_text(mirror: Source, write: Write) -> None:
    rows = [
        {"text": "A", "label": 0, "round": 1, "good": True},
        {"text": "B", "label": 0, "round": 1, "good": False},
        {"text": "C", "label": 0, "round": 2, "good": True},
    ]
    write("us/nli/de/test", rows)
    hub = {"id": "us/nli", "config": "{language}"}
    data = {"hub": hub, "where": {"round": "1", "good": "true"}}
    assert [example.fields["text"] for example in read(task(data=data), mirror)] == ["A"]


def test_files_do_not_depend_on_the_source(mirror: Source, tmp_path: Path) -> None:
    (tmp_path / "nli.de.jsonl").write_text('{"text": "A", "label": 1}\n')
    spec = task(data={"files": {"test": str(tmp_path / "nli.{language}.jsonl")}})
    (place,) = find_places(spec, mirror, "de", "test")
    assert place.location == tmp_path / "nli.de.jsonl"
    for source in (mirror, open_source("hub"), open_source("microworld")):
        assert [example.gold for example in read(spec, source)] == ["neutral"]
    assert missing_languages(spec, mirror, ["de", "ar"], "test") == ["ar"]
    with pytest.raises(AbsentError, match=r"no such file\. Did you mean 'nli\.de\.jsonl'"):
        read(spec, mirror, "ar")
    with pytest.raises(AbsentError, match="names no 'train'"):
        read_examples(spec, mirror, "en", "train")


def test_file_for_all_languages_that_is_not_there_is_never_skipped(
    mirror: Source, tmp_path: Path
) -> None:
    spec = local(task, tmp_path / "nothing.jsonl")
    for ask in (
        lambda: read(spec, mirror),
        lambda: missing_languages(spec, mirror, ["de"], "test"),
    ):
        with pytest.raises(DataError, match="no such file") as caught:
            ask()
        assert not isinstance(caught.value, AbsentError)


def test_several_languages_may_not_read_the_same_rows(mirror: Source, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"text": "A", "label": 1}\n')
    files = {"validation": "a.{language}.jsonl", "test": str(tmp_path / "a.jsonl")}
    spec = task(data={"files": files})
    assert len(read(spec, mirror, "en")) == 1
    with pytest.raises(DataError, match="'de' and 'en' would both read"):
        read(spec, mirror, "de")


def test_conllu_file_serves_a_tagging_task(mirror: Source, tmp_path: Path) -> None:
    line = "{}\t{}\t_\t{}\t_\t_\t0\troot\t_\t_\n"
    text = line.format(1, "10 000", "ADJ") + line.format(2, "Haus", "NOUN") + "\n"
    (tmp_path / "a.conllu").write_text(text)
    (example,) = read(local(tagging, tmp_path / "a.conllu"), mirror)
    assert (example.fields["words"], example.gold) == (("10 000", "Haus"), ("ADJ", "NOUN"))


def test_split_names_and_revision_reach_the_source(mirror: Source) -> None:
    hub = {
        "id": "us/nli",
        "config": "{iso3}",
        "revision": "abc",
        "splits": {"validation": "validation_matched"},
    }
    spec = task(data={"hub": hub})
    (german,) = find_places(spec, mirror, "de", "test")
    assert german.location == SplitRef("us/nli", "deu", "test", "abc")
    (english,) = find_places(spec, mirror, "en", "validation")
    assert english.location == SplitRef("us/nli", "eng", "validation_matched", "abc")


def test_empty_split_and_bad_limit_and_unknown_language_are_named(
    mirror: Source, write: Write
) -> None:
    write("us/nli/de/test", "\n\n")
    with pytest.raises(DataError, match="us/nli/de/test: holds no rows"):
        read(task(), mirror)
    with pytest.raises(DataError, match="must be at least 1, not 0"):
        read(task(), mirror, limit=0)
    with pytest.raises(DataError, match=r"has no language 'fr'.* It has: en, de, ar"):
        read(task(), mirror, "fr")


def test_absent_language_is_found_before_reading(mirror: Source, write: Write) -> None:
    write("us/nli/en/test", "garbage")
    assert missing_languages(task(), mirror, ["ar", "en", "de"], "test") == ["ar", "de"]
    with pytest.raises(AbsentError, match="us/nli has here: en"):
        read(task(), mirror, "de")


def test_split_that_a_set_for_one_language_lacks_is_absent(mirror: Source, write: Write) -> None:
    """The configuration names no language, as `nyu-mll/glue mnli`, and there is no test split."""
    write("us/nli/all/train", [{"text": "A", "label": 0}])
    data = {"hub": {"id": "us/nli", "config": "all", "revision": "0" * 40}}
    spec = task(data=data, languages=["en"])
    assert missing_languages(spec, mirror, ["en"], "test") == ["en"]
    assert missing_languages(spec, mirror, ["en"], "train") == []


def test_fingerprint_follows_the_file(mirror: Source, write: Write) -> None:
    write("us/nli/de/test", [{"text": "A", "label": 0}])
    write("us/nli/en/test", [{"text": "B", "label": 0}])
    german, english = (fingerprint(task(), mirror, code, "test") for code in ("de", "en"))
    assert german != english
