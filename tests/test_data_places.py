"""Where rows lie: tasks of several parts, the zero-shot rule, and the rows that a limit keeps."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from t2t_xfer.data.examples import fingerprint, missing_languages, read_examples
from t2t_xfer.data.places import described
from t2t_xfer.data.sources import MirrorSource, Source, SplitRef, open_source
from t2t_xfer.errors import AbsentError, DataError
from t2t_xfer.records import Row, Split
from t2t_xfer.specs.task import TaskSpec

Write = Callable[..., Path]
HERE = {"name": "here", "hub": {"id": "us/here", "config": "all"}}
THERE = {
    "name": "there",
    "hub": {"id": "us/there", "config": "x"},
    "columns": {"text": "sentence", "label": "gold"},
    "labels": {"yes": "entails", "no": "contradicts"},
}


def task(data: dict[str, Any], **changes: Any) -> TaskSpec:
    stated: dict[str, Any] = {
        "task": "both",
        "answer": "label",
        "data": data,
        "languages": ["en"],
        "fields": {"text": "text"},
        "label_field": "label",
        "labels": {"no": {"value": 0, "word": "no"}, "yes": {"value": 1, "word": "yes"}},
        "prompt": {"input": "{{ text }}"},
        "metric": "accuracy",
    }
    return TaskSpec.model_validate({**stated, **changes})


@pytest.fixture
def mirror(tmp_path: Path) -> Source:
    (tmp_path / "hub").mkdir()
    return open_source(f"mirror:{tmp_path / 'hub'}")


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(place: str, *rows: dict[str, Any]) -> Path:
        path = tmp_path / "hub" / f"{place}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return path

    return write


@pytest.fixture
def both(write: Write) -> TaskSpec:
    """Two parts of three rows each; the middle one has no gold answer."""
    write("us/here/all/train", *({"text": f"h{i}", "label": (0, -1, 1)[i]} for i in range(3)))
    gold = ("entails", "-", "contradicts")
    write("us/there/x/train", *({"sentence": f"t{i}", "gold": gold[i]} for i in range(3)))
    return task({"parts": [HERE, THERE]})


def test_parts_are_read_one_after_the_other_under_the_tasks_names(
    mirror: Source, both: TaskSpec, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    read = read_examples(both, mirror, "en", "train")
    assert [(each.id, each.fields["text"], each.gold) for each in read] == [
        ("here:0", "h0", "no"),
        ("here:2", "h2", "yes"),
        ("there:0", "t0", "yes"),
        ("there:2", "t2", "no"),
    ]
    assert [record.getMessage() for record in caplog.records] == [
        "1 of 3 rows left out of us/here/all/train (part 'here'): no gold answer",
        "1 of 3 rows left out of us/there/x/train (part 'there'): no gold answer",
    ]


def test_a_limit_draws_from_all_parts_and_keeps_their_order(mirror: Source, write: Write) -> None:
    write("us/here/all/train", *({"text": f"h{i}", "label": 0} for i in range(300)))
    write("us/there/x/train", *({"sentence": f"t{i}", "gold": "entails"} for i in range(100)))
    spec = task({"parts": [HERE, THERE]})
    kept = [each.id for each in read_examples(spec, mirror, "en", "train", 100)]
    whole = [each.id for each in read_examples(spec, mirror, "en", "train")]
    assert kept == [id for id in whole if id in set(kept)]
    # In proportion to the sizes: 75 expected, a standard deviation of 4 to either side.
    assert 55 < sum(id.startswith("here:") for id in kept) < 95


def test_an_absent_part_is_an_error_that_names_it(
    mirror: Source, both: TaskSpec, tmp_path: Path
) -> None:
    (tmp_path / "hub/us/there/x/train.jsonl").unlink()
    assert missing_languages(both, mirror, ["en"], "train") == ["en"]
    for ask in (read_examples, fingerprint):
        with pytest.raises(AbsentError, match=r"part 'there': us/there/x/train is not in the mir"):
            ask(both, mirror, "en", "train")


def test_an_empty_part_is_an_error_that_names_it(
    mirror: Source, both: TaskSpec, write: Write
) -> None:
    write("us/there/x/train")
    with pytest.raises(DataError, match=r"us/there/x/train \(part 'there'\): holds no rows"):
        read_examples(both, mirror, "en", "train")


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"sentence": "t", "gold": "yes"}, "'yes' is no label. Expected one of 'contradicts', "),
        ({"sentence": "t", "gold": 1}, "1 is no label"),
        ({"text": "t", "gold": "entails"}, "no column 'sentence', which the part's `columns`"),
        ({"sentence": None, "gold": "entails"}, "column 'text': null"),
    ],
)
def test_bad_rows_are_named_with_part_and_number(
    mirror: Source, both: TaskSpec, write: Write, row: dict[str, Any], message: str
) -> None:
    write("us/there/x/train", {"sentence": "t", "gold": "entails"}, row)
    where = r"us/there/x/train \(part 'there'\), row 1"
    with pytest.raises(DataError, match=f"{where}.*{message}"):
        read_examples(both, mirror, "en", "train")


def test_ids_repeat_between_parts_but_not_within_one(mirror: Source, write: Write) -> None:
    write("us/here/all/train", {"text": "a", "label": 0, "key": 7})
    write("us/there/x/train", *[{"sentence": "b", "gold": "entails", "key": 7}] * 2)
    spec = task({"parts": [HERE, THERE]}, id_field="key")
    with pytest.raises(DataError, match=r"part 'there'\), row 1: the id 7 already stands"):
        read_examples(spec, mirror, "en", "train")
    write("us/there/x/train", {"sentence": "b", "gold": "entails", "key": 7})
    ids = [each.id for each in read_examples(spec, mirror, "en", "train")]
    assert ids == ["here:7", "there:7"]


def test_a_change_in_any_part_changes_the_fingerprint(
    mirror: Source, both: TaskSpec, write: Write
) -> None:
    found = [fingerprint(both, mirror, "en", "train")]
    write("us/there/x/train", {"sentence": "t", "gold": "entails"})
    found.append(fingerprint(both, mirror, "en", "train"))
    write("us/here/all/train", {"text": "t", "label": 0})
    found.append(fingerprint(both, mirror, "en", "train"))
    assert len(set(found)) == 3


def test_identity_names_every_part_and_what_it_calls_things(both: TaskSpec) -> None:
    assert described(both, "en", "train") == {
        "parts": [
            {"name": "here", "place": "us/here/all/train", "where": {}},
            {
                "name": "there",
                "place": "us/there/x/train",
                "where": {},
                "columns": {"text": "sentence", "label": "gold"},
                "labels": {"yes": "entails", "no": "contradicts"},
            },
        ]
    }


def test_csv_and_json_parts_compare_labels_each_in_its_own_way(
    mirror: Source, write: Write, tmp_path: Path
) -> None:
    """In csv the label 1 is the text `1`; in JSON Lines that text is an error."""
    write("us/here/all/train", {"text": "a", "label": 1})
    (tmp_path / "own.csv").write_text("text,label\nb,1\n")
    own = {"name": "own", "files": {"train": str(tmp_path / "own.csv")}}
    read = read_examples(task({"parts": [HERE, own]}), mirror, "en", "train")
    assert [each.gold for each in read] == ["yes", "yes"]


def test_each_part_has_its_own_filter(mirror: Source, write: Write) -> None:
    rows = [{"text": name, "label": 0, "kind": name} for name in ("a", "b", "a")]
    write("us/here/all/train", *rows)
    first = {**HERE, "name": "a", "where": {"kind": "a"}}
    second = {**HERE, "name": "b", "where": {"kind": "b"}}
    read = read_examples(task({"parts": [first, second]}), mirror, "en", "train")
    assert [(each.id, each.fields["text"]) for each in read] == [
        ("a:0", "a"),
        ("a:1", "a"),
        ("b:0", "b"),
    ]


def test_a_list_of_splits_is_read_one_after_the_other(mirror: Source, write: Write) -> None:
    for name in ("r1", "r2"):
        write(f"us/here/all/train_{name}", {"text": name, "label": 0}, {"text": name, "label": 1})
    write("us/here/all/dev", {"text": "d", "label": 0})
    splits = {"train": ["train_r1", "train_r2"], "validation": "dev"}
    spec = task({"hub": {"id": "us/here", "config": "all", "splits": splits}})
    ids = [each.id for each in read_examples(spec, mirror, "en", "train")]
    assert ids == ["train_r1:0", "train_r1:1", "train_r2:0", "train_r2:1"]
    assert [each.id for each in read_examples(spec, mirror, "en", "validation")] == ["0"]
    assert described(spec, "en", "train")["place"] == [
        "us/here/all/train_r1",
        "us/here/all/train_r2",
    ]


def test_a_hub_split_has_one_role(mirror: Source, write: Write) -> None:
    """XQuAD's validation rows are its test: they must not be tuned on as well."""
    write("us/here/all/validation", {"text": "a", "label": 0})
    hub = {"id": "us/here", "config": "all", "splits": {"test": "validation"}}
    spec = task({"hub": hub})
    assert len(read_examples(spec, mirror, "en", "test")) == 1
    assert missing_languages(spec, mirror, ["en"], "validation") == ["en"]
    with pytest.raises(AbsentError, match=r"no validation rows.*is its test data"):
        read_examples(spec, mirror, "en", "validation")


def test_star_takes_all_files_in_the_order_of_their_names(mirror: Source, tmp_path: Path) -> None:
    for name in ("z/de_a.jsonl", "y/de_c.jsonl", "y/de_b.jsonl", "y/gsw_a.jsonl", "[q]/de_d.jsonl"):
        path = tmp_path / "ud" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"text": path.stem, "label": 0}) + "\n")
    pattern = str(tmp_path / "ud/*/{language}_*.jsonl")
    spec = task({"files": {"test": pattern}}, languages=["de", "fr"])
    read = read_examples(spec, mirror, "de", "test")
    assert [(each.id, each.fields["text"]) for each in read] == [
        ("de_a:0", "de_a"),
        ("de_b:0", "de_b"),
        ("de_c:0", "de_c"),
        ("de_d:0", "de_d"),
    ]
    assert missing_languages(spec, mirror, ["de", "fr"], "test") == ["fr"]
    before = fingerprint(spec, mirror, "de", "test")
    (tmp_path / "ud/y/de_b.jsonl").unlink()
    assert fingerprint(spec, mirror, "de", "test") != before
    with pytest.raises(AbsentError, match=r"fr_\*\.jsonl: no file has such a name"):
        read_examples(spec, mirror, "fr", "test")


def test_files_of_the_same_name_still_have_different_ids(mirror: Source, tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "x.jsonl").write_text('{"text": "t", "label": 0}\n')
    spec = task({"files": {"test": str(tmp_path / "*/x.jsonl")}})
    assert [each.id for each in read_examples(spec, mirror, "en", "test")] == ["0:0", "1:0"]


# Zero-shot


STACKED = [
    {"id": "english-1", "text": "one", "label": 0},
    {"id": "korean-1", "text": "poison", "label": "never judged"},
    {"id": "english--2", "text": "two", "label": 1},
    {"id": "englishes-3", "text": "poison", "label": "never judged"},
]


def stacked() -> TaskSpec:
    hub = {"id": "us/here", "config": "all", "splits": {"test": "validation"}}
    data = {"hub": hub, "where_prefix": {"id": "{language_name_lower}-"}}
    return task(data, languages=["en", "ko"], id_field="id")


def test_a_prefix_keeps_one_language_of_a_stacked_set(mirror: Source, write: Write) -> None:
    write("us/here/all/train", *STACKED)
    read = read_examples(stacked(), mirror, "en", "train")
    assert [each.id for each in read] == ["english-1", "english--2"]
    with pytest.raises(DataError, match=r"train data in 'ko' is not read.*zero-shot"):
        read_examples(stacked(), mirror, "ko", "train")
    assert described(stacked(), "en", "train")["where_prefix"] == {"id": "english-"}


def test_a_language_that_the_prefix_does_not_find_is_missing(mirror: Source, write: Write) -> None:
    write("us/here/all/validation", STACKED[0])
    assert missing_languages(stacked(), mirror, ["en", "ko"], "test") == ["ko"]
    with pytest.raises(AbsentError, match="holds no row with id = 'korean-…'"):
        read_examples(stacked(), mirror, "ko", "test")


def test_the_prefix_column_must_be_there(mirror: Source, write: Write) -> None:
    write("us/here/all/train", {"key": "english-1", "text": "one", "label": 0})
    with pytest.raises(DataError, match=r"row 0: no column 'id', which the task's `where_prefix`"):
        read_examples(stacked(), mirror, "en", "train")


@pytest.mark.parametrize("split", ["train", "validation"])
def test_no_part_opens_training_data_of_a_target_language(tmp_path: Path, split: Any) -> None:
    for place in ("us/a/en", "us/b/en", "us/a/de", "us/b/de"):
        folder = tmp_path / place
        folder.mkdir(parents=True)
        rows = "POISON" if place.endswith("de") else '{"text": "a", "label": 0}\n'
        (folder / f"{split}.jsonl").write_text(rows)
    parts = [
        {"name": name, "hub": {"id": f"us/{name}", "config": "{language}"}} for name in ("a", "b")
    ]
    spec, mirror = task({"parts": parts}, languages=["en", "de"]), WatchedMirror(tmp_path)
    assert len(read_examples(spec, mirror, "en", split)) == 2
    for ask in (read_examples, fingerprint):
        with pytest.raises(DataError, match="zero-shot"):
            ask(spec, mirror, "de", split)
    assert mirror.opened == [f"us/a/en/{split}", f"us/b/en/{split}"]


def test_a_part_that_is_the_same_in_two_languages_is_refused(mirror: Source) -> None:
    """Half of the rows of every language would be the same: the spec sees that no name tells them
    apart, and a filter that names the language only in other splits is caught when reading."""
    parts = [{"name": "a", "hub": {"id": "us/a", "config": "{language}"}}, HERE]
    with pytest.raises(ValidationError, match="all would be the same"):
        task({"parts": parts}, languages=["en", "de"])
    files = {"validation": "v.{language}.jsonl", "test": "t.jsonl"}
    parts[1] = {"name": "own", "files": files}
    with pytest.raises(DataError, match=r"'de' and 'en' would both read t\.jsonl"):
        read_examples(task({"parts": parts}, languages=["en", "de"]), mirror, "de", "test")


# What is not on the hub


def test_what_the_hub_does_not_have_ends_in_one_paragraph(write: Write, mirror: Source) -> None:
    hub = {"id": "us/here", "config": "all", "unhosted": "Ask them for it and put it there."}
    spec = task({"hub": hub})
    online = open_source("hub")
    assert missing_languages(spec, online, ["en"], "train") == ["en"]
    for ask in (read_examples, fingerprint):
        with pytest.raises(AbsentError, match=r"train is not on the hub\. Ask them for it"):
            ask(spec, online, "en", "train")
    write("us/here/all/train", {"text": "a", "label": 0})
    assert len(read_examples(spec, mirror, "en", "train")) == 1


# What a YAML file may say


@pytest.mark.parametrize(
    ("data", "place", "words"),
    [
        ({"parts": [HERE, HERE]}, "data.parts", "another name for each part"),
        ({"parts": [{"name": "a"}]}, "data.parts.0.files", "this key or `hub`"),
        ({"parts": [{"hub": HERE["hub"]}]}, "data.parts.0.name", "Field required"),
        ({"parts": [HERE], "hub": HERE["hub"]}, "data.files", "either `hub` or `files`"),
        ({"parts": [HERE], "files": {"test": "x"}}, "data.files", "either `hub` or `files`"),
        ({"parts": [HERE], "where": {"a": "b"}}, "data.where", "each of the `parts` has its own"),
        ({"parts": [HERE], "conllu": "xtreme"}, "data.conllu", "each of the `parts` has its own"),
        ({"hub": HERE["hub"], "conllu": "fused"}, "data.conllu", "'words' or 'xtreme'"),
        ({"hub": {"id": "a/b", "splits": {"test": []}}}, "data.hub.splits.test", "at least one"),
        ({"parts": [{**HERE, "labels": {"maybe": 2}}]}, "labels", "the label 'maybe', which the"),
    ],
)
def test_rules_of_parts(data: dict[str, Any], place: str, words: str) -> None:
    with pytest.raises(ValidationError) as caught:
        task(data)
    found = {".".join(map(str, each["loc"])): each["msg"] for each in caught.value.errors()}
    assert list(found) == [place]
    assert words in found[place]


SIZES = {"en": 500, "de": 500, "ar": 300}


class WatchedMirror(MirrorSource):
    """Remembers what was opened or hashed."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.opened: list[str] = []

    def rows(self, ref: SplitRef) -> Iterator[Row]:
        self.opened.append(str(ref))
        return super().rows(ref)

    def fingerprint(self, ref: SplitRef) -> str:
        self.opened.append(str(ref))
        return super().fingerprint(ref)


@pytest.fixture
def watched(tmp_path: Path) -> WatchedMirror:
    """English train and validation are sound; the German ones are poisoned."""
    for language, size in SIZES.items():
        folder = tmp_path / "us" / "nli" / language
        folder.mkdir(parents=True)
        rows = [{"id": f"r{i}", "text": f"{language} {i}", "label": i % 2} for i in range(size)]
        for split in ("train", "validation", "test"):
            poisoned = language != "en" and split != "test"
            sound = "".join(json.dumps(row) + "\n" for row in rows)
            (folder / f"{split}.jsonl").write_text("POISON" if poisoned else sound)
    return WatchedMirror(tmp_path)


def nli(id_field: str | None = None) -> TaskSpec:
    return TaskSpec.model_validate(
        {
            "task": "nli",
            "answer": "label",
            "data": {"hub": {"id": "us/nli", "config": "{language}"}},
            "languages": list(SIZES),
            "id_field": id_field,
            "label_field": "label",
            "labels": {"no": {"value": 0, "word": "no"}, "yes": {"value": 1, "word": "yes"}},
            "prompt": {"input": "{{ text }}"},
            "metric": "accuracy",
            "parallel": True,
        }
    )


@pytest.mark.parametrize("split", ["train", "validation"])
def test_target_language_training_data_is_never_opened(
    watched: WatchedMirror, split: Split
) -> None:
    assert len(read_examples(nli(), watched, "en", split)) == 500
    for ask in (read_examples, fingerprint):
        with pytest.raises(DataError, match=f"{split} data in 'de' is not read.*zero-shot"):
            ask(nli(), watched, "de", split)
    with pytest.raises(DataError, match="zero-shot"):
        missing_languages(nli(), watched, ["en", "de"], split)
    assert watched.opened == [f"us/nli/en/{split}"]


def test_every_language_is_tested(watched: WatchedMirror) -> None:
    for language, size in SIZES.items():
        assert len(read_examples(nli(), watched, language, "test")) == size
    assert watched.opened == [f"us/nli/{language}/test" for language in SIZES]


def test_positive_control_reads_target_language_training_data(watched: WatchedMirror) -> None:
    with pytest.raises(DataError, match=r"de/train\.jsonl:1: broken JSON"):
        read_examples(nli(), watched, "de", "train", allow_target_language_training=True)
    assert fingerprint(nli(), watched, "de", "train", allow_target_language_training=True)


def ids(watched: MirrorSource, spec: TaskSpec, language: str, limit: int | None) -> list[str]:
    return [each.id for each in read_examples(spec, watched, language, "test", limit)]


@pytest.mark.parametrize("id_field", [None, "id"])
def test_limit_keeps_the_same_ids_in_every_language(
    watched: WatchedMirror, id_field: str | None
) -> None:
    spec = nli(id_field)
    english, german = (ids(watched, spec, code, 60) for code in ("en", "de"))
    assert len(english) == 60
    assert english == german == ids(watched, spec, "en", 60)


def test_limit_keeps_file_order_and_grows_by_adding(watched: WatchedMirror) -> None:
    few, more = (ids(watched, nli(), "en", limit) for limit in (20, 60))
    assert more == sorted(more, key=int)
    assert set(few) < set(more)
    assert ids(watched, nli(), "en", 10_000) == ids(watched, nli(), "en", None)


def test_limit_in_a_smaller_language_keeps_the_ids_it_has(watched: WatchedMirror) -> None:
    """Arabic has only rows 0 to 299: all that English keeps of those are kept here too."""
    english, arabic = (ids(watched, nli(), code, 60) for code in ("en", "ar"))
    assert len(arabic) == 60
    assert {id for id in english if int(id) < 300} <= set(arabic)


def test_limit_survives_rows_lost_in_one_language(watched: WatchedMirror, tmp_path: Path) -> None:
    """With an id column a lost row shifts nothing: the other ids stay the same."""
    path = tmp_path / "us" / "nli" / "de" / "test.jsonl"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[1:]))
    english, german = (set(ids(watched, nli("id"), code, 60)) for code in ("en", "de"))
    assert len(english & german) >= 59


def test_limit_draws_another_sample_for_another_split(watched: WatchedMirror) -> None:
    train = [each.id for each in read_examples(nli(), watched, "en", "train", 60)]
    assert train != ids(watched, nli(), "en", 60)


def test_limit_is_spread_over_the_file(watched: WatchedMirror) -> None:
    """A checksum in place of a hash would favour whole ranges of row numbers."""
    kept = [int(id) for id in ids(watched, nli(), "en", 100)]
    halves = sum(number < 250 for number in kept)
    odd = sum(number % 2 for number in kept)
    assert 30 <= halves <= 70
    assert 30 <= odd <= 70
