"""Loading a file: YAML 1.2 values, and every problem at once, each with its place and expectation.

`TASK` is the valid file that the tests damage.
"""

from __future__ import annotations

import math
import re
from pathlib import Path

import pytest

from t2t_xfer.errors import SpecError
from t2t_xfer.specs import TaskSpec, TrainingSpec, load_yaml
from t2t_xfer.specs.load import MAX_BYTES
from t2t_xfer.specs.yaml import MAX_DEPTH, Position, SyntaxProblem, parse_nodes

TASK = """\
answer: label
data:
  hub: {id: owner/reviews, config: "{language}"}
languages: [en, de, tr]
label_field: stars
labels:
  negative: {value: 0, word: bad}
  positive: {value: 1, word: good}
prompt: {input: "Review: {{ text }}"}
metric: accuracy
"""


def write(folder: Path, text: str, name: str = "reviews") -> Path:
    path = folder / f"{name}.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def problems(folder: Path, text: str, name: str = "reviews") -> list[str]:
    """The lines of the error, without the folder."""
    path = write(folder, text, name)
    with pytest.raises(SpecError) as caught:
        load_yaml(path, TaskSpec)
    return str(caught.value).replace(f"{folder}/", "").splitlines()


def damaged(old: str, new: str) -> str:
    assert TASK.count(old) == 1
    return TASK.replace(old, new)


def test_the_undamaged_file_loads(tmp_path: Path) -> None:
    task = load_yaml(write(tmp_path, TASK), TaskSpec)
    assert task.task == "reviews"
    assert task.languages == ("en", "de", "tr")
    assert task.labels["positive"].value == 1


def test_planted_mistakes_are_all_reported_in_the_order_of_the_file(tmp_path: Path) -> None:
    text = """\
answer: label
lables: {}
data:
  hub: {id: owner/reviews, config: "{lang}", split: {}}
languages: [en, German, xx]
label_field: 5
labels:
  negative: {value: 0, word: bad}
  positive: {value: 0.5, word: good}
  positive: {value: 1}
prompt: {use: nli, input: 'x\\n'}
metric: acuracy
parallel: yes
readout: {encoder: slot, encodr: slots}
"""
    assert problems(tmp_path, text) == [
        "reviews.yaml:2:1: lables: unknown key. Did you mean 'labels'?",
        'reviews.yaml:4:36: data.hub.config: found "{lang}", expected nothing in braces but'
        " {language}, {language_name}, {language_name_lower},"
        " {iso3}. Did you mean 'language'?",
        "reviews.yaml:4:46: data.hub.split: unknown key. Did you mean 'splits'?",
        'reviews.yaml:5:17: languages[1]: found "German", expected the code of a language that'
        " XTREME has. Did you mean 'de'?",
        'reviews.yaml:5:25: languages[2]: found "xx", expected the code of a language that XTREME'
        " has.",
        "reviews.yaml:6:14: label_field: found 5, expected text. Write it in quotes if it is text.",
        "reviews.yaml:9:21: labels.positive.value: found 0.5, expected the value as the data has"
        " it: text, a whole number, true or false.",
        "reviews.yaml:10:3: positive: the key is already there, at line 9; remove one",
        'reviews.yaml:11:27: prompt.input: found "x\\\\n", expected a line break, not a backslash'
        ' and an n. Write it in double quotes: "…\\n…".',
        'reviews.yaml:12:9: metric: found "acuracy", expected accuracy or accuracy_f1 or'
        " span_f1 or token_accuracy or squad or mlqa or squad_v2 or retrieval_accuracy or"
        " bucc_f1. Did you mean 'accuracy'?",
        'reviews.yaml:13:11: parallel: found "yes", expected true or false.',
        "reviews.yaml:14:20: readout.encoder: found \"slot\", expected 'slots', 'rank',"
        " 'generate' or 'embed'. Did you mean 'slots'?",
        "reviews.yaml:14:26: readout.encodr: found the key \"encodr\", expected 'encoder',"
        " 'seq2seq' or 'causal'. Did you mean 'encoder'?",
    ]


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("label_field: stars", "label_field: true", "5:14: label_field: found true, expected text"),
        ("[en, de, tr]", "en", '4:12: languages: found "en", expected a list'),
        ("[en, de, tr]", "[]", "4:12: languages: found an empty list, expected at least one item"),
        ("[en, de, tr]", "[en, de, en]", "4:12: languages: found a list, expected each item once"),
        (
            "answer: label",
            "answer: 1",
            "1:9: answer: found 1, expected 'label', 'choice', 'span', 'tags' or 'pair'",
        ),
        ("answer: label\n", "", "1:1: answer: missing, expected this key"),
        (
            "answer: label",
            "answer:",
            "1:1: answer: found nothing, expected 'label', 'choice', 'span', 'tags' or 'pair'",
        ),
        ("id: owner/reviews, ", "", "3:3: data.hub.id: missing, expected this key"),
        ("id: owner/reviews", "id: ../../x", '3:13: data.hub.id: found "../../x", expected'),
        ("metric: accuracy", "metric: accuracy\nsource_language: 5", "11:18: source_language:"),
        ("word: bad", 'word: " "', '7:30: labels.negative.word: found " ", expected text that'),
        ("word: bad", "word: Good", "7:3: labels: found a mapping, expected another word for each"),
        ("value: 0", "value: 1", "7:3: labels: found a mapping, expected another value for each"),
        ("{{ text }}", "{{ text }} ", '9:17: prompt.input: found "Review: {{ text }} ", expected'),
    ],
)
def test_one_mistake_is_one_line_with_its_place(
    tmp_path: Path, old: str, new: str, line: str
) -> None:
    found = problems(tmp_path, damaged(old, new))
    assert len(found) == 1
    assert found[0].startswith(f"reviews.yaml:{line}")


def test_a_long_value_is_cut(tmp_path: Path) -> None:
    found = problems(tmp_path, damaged("accuracy", "a" * 500))
    assert re.search(r'metric: found "a{58}…, expected', found[0])


def test_a_list_in_place_of_a_mapping(tmp_path: Path) -> None:
    assert problems(tmp_path, "- a\n") == [
        "reviews.yaml:1:1: found a list, expected a mapping (key: value)."
    ]


def test_a_whole_number_does_for_a_number_but_truth_and_text_do_not(tmp_path: Path) -> None:
    task = load_yaml(write(tmp_path, damaged("value: 0", "value: false")), TaskSpec)
    assert task.labels["negative"].value is False
    settings = write(tmp_path, "learning_rate: 1\n", "settings")
    assert load_yaml(settings, TrainingSpec).learning_rate == 1.0
    for value in ("true", "'1'", "[1]"):
        settings.write_text(f"learning_rate: {value}")
        with pytest.raises(SpecError, match=r"settings\.yaml:1:16: learning_rate: .* a number"):
            load_yaml(settings, TrainingSpec)


# The file's name.


def test_the_name_may_be_stated_and_must_agree(tmp_path: Path) -> None:
    assert load_yaml(write(tmp_path, f"task: reviews\n{TASK}"), TaskSpec).task == "reviews"
    assert problems(tmp_path, f"task: review\n{TASK}") == [
        "reviews.yaml:1:7: task: found \"review\", expected 'reviews', the name of the file."
    ]


def test_a_file_name_that_cannot_be_a_task(tmp_path: Path) -> None:
    assert "letters, digits" in problems(tmp_path, TASK, name="my reviews")[0]
    assert "'none' means" in problems(tmp_path, TASK, name="none")[0]


# Files that are not text, or not there.


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"answer: \xff\xfe", "x.yaml:1:1: not UTF-8 text"),
        (b"a: 1\nb: \xe9t\xe9", "x.yaml:2:1: not UTF-8 text"),
        (b"", "x.yaml:1:1: the file is empty"),
        (b"a: " + b"x" * MAX_BYTES, "larger than"),
        (b"a:\n\tb: 1", "x.yaml:2:1: a tab indents this line"),
    ],
)
def test_what_is_not_a_yaml_text(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "x.yaml"
    path.write_bytes(content)
    with pytest.raises(SpecError, match=re.escape(words)):
        load_yaml(path, TaskSpec)


def test_a_missing_file_and_a_folder(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="cannot be read: No such file"):
        load_yaml(tmp_path / "x.yaml", TaskSpec)
    with pytest.raises(SpecError, match="cannot be read: Is a directory"):
        load_yaml(tmp_path, TaskSpec)


def test_a_byte_order_mark_and_windows_line_ends_change_nothing(tmp_path: Path) -> None:
    path = tmp_path / "reviews.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + TASK.replace("\n", "\r\n").encode())
    assert load_yaml(path, TaskSpec) == load_yaml(write(tmp_path, TASK), TaskSpec)


def read(text: str) -> object:
    node, problems = parse_nodes(text)
    assert problems == []
    return node.plain()


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *[(word, word) for word in ("no", "yes", "on", "off", "y", "n", "No", "OFF", "=", "-x")],
        *[("1e-4", 1e-4), ("1E5", 1e5), (".5", 0.5), ("5.", 5.0), ("-1.5e+3", -1500.0)],
        *[("12", 12), ("-3", -3), ("+3", 3), ("0o17", 15), ("0x1F", 31), ("007", 7)],
        *[("true", True), ("True", True), ("FALSE", False), ("tRUE", "tRUE")],
        *[("~", None), ("null", None), ("Null", None), ("nUll", "nUll")],
        # Numbers of YAML 1.1 that are text in 1.2: base 60, underscores, dates, binary.
        *[(word, word) for word in ("12:30", "1_000", "2024-01-02", "0b11", "1e", "0x", "1.2.3")],
        *[("'12'", "12"), ('"true"', "true"), ("'~'", "~"), ("''", "")],
        ("9" * 5000, "9" * 5000),  # Python refuses to read more than 4,300 digits
        (".inf", math.inf),
        ("-.INF", -math.inf),
    ],
)
def test_scalars_follow_the_core_schema(text: str, value: object) -> None:
    found = read(f"key: {text}\n")
    assert found == {"key": value}
    assert isinstance(found, dict)
    assert type(found["key"]) is type(value)


def test_not_a_number_is_a_number() -> None:
    found = read("key: .nan")
    assert isinstance(found, dict)
    assert math.isnan(found["key"])


def test_an_empty_value_and_a_block_of_text() -> None:
    assert read("a:\nb: |\n  12\nc: >-\n  x\n  y\n") == {"a": None, "b": "12\n", "c": "x y"}


def test_keys_and_items_have_their_places() -> None:
    node, _ = parse_nodes("a: 1\nb:\n  - x\n  - {c: 2}\n")
    assert node.entries()["b"].key_place == Position(2, 1)
    item = node.entries()["b"].value.items()[1]
    assert item.place == Position(4, 5)
    assert item.entries()["c"].value.place == Position(4, 9)


def test_places_count_characters_of_other_scripts_once() -> None:
    node, _ = parse_nodes("{مرحبا: 1, 你好: 2}")
    assert node.entries()["你好"].key_place == Position(1, 12)


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("a: 1\nb: 2\na: 3\n", (3, 1), "already there, at line 1"),
        ("x: {a: 1, a: 2}\n", (1, 11), "already there"),
        ("a: 1\n<<: {b: 2}\n", (2, 1), "no merge keys"),
        ("a: &x {b: 1}\nc:\n  <<: *x\n", (3, 3), "no merge keys"),
        ("1: a\n", (1, 1), "a key must be text; write it as '1'"),
        ("true: a\n", (1, 1), "write it as 'true'"),
        ("? [a, b]\n: c\n", (1, 3), "plain text, not a list"),
        ("a: !!python/object:os.system x\n", (1, 4), "tag"),
        ("a: !custom {b: 1}\n", (1, 4), "tag"),
        ('a: "\\ud800"\n', (1, 4), "surrogate"),
    ],
)
def test_readable_problems_have_a_place(text: str, place: tuple[int, int], words: str) -> None:
    _, problems = parse_nodes(text)
    assert [problem.place for problem in problems] == [place]
    assert words in problems[0].message


def test_all_readable_problems_come_at_once() -> None:
    _, problems = parse_nodes("a: 1\na: !x 2\n3: 4\n<<: 5\n")
    assert [problem.place.line for problem in problems] == [2, 2, 3, 4]


def test_a_quoted_merge_key_is_an_ordinary_key() -> None:
    assert read("'<<': 1") == {"<<": 1}


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("", 1, "the file is empty"),
        ("# only a comment\n", 1, "the file is empty"),
        ("a: 1\n\tb: 2\n", 2, "a tab indents this line"),
        ("a:\n\t- 1\n", 2, "a tab indents this line"),
        ("a: [1, 2\n", 2, "not valid YAML"),
        ("a: 'x\n", 2, "not valid YAML"),
        ("a: b: c\n", 1, "not valid YAML"),
        ("a: @x\n", 1, "not valid YAML"),
        ('a: "\\UFFFFFFFF"\n', 1, "not valid YAML"),
        ("a: 1\nb: \x07\n", 2, "not valid YAML"),
        ("a: *x\n", 1, "an anchor that does not exist yet"),
        ("a: &x [*x]\n", 1, "an anchor that does not exist yet"),
        ("a: 1\n---\nb: 2\n", 2, "a second document"),
        ("%YAML 1.1\n---\na: no\n", 2, "YAML 1.2"),
        ("[" * 100 + "]" * 100, 1, f"more than {MAX_DEPTH} levels"),
    ],
)
def test_what_cannot_be_read_stops_with_a_place(text: str, line: int, words: str) -> None:
    with pytest.raises(SyntaxProblem, match=words) as caught:
        parse_nodes(text)
    assert caught.value.problem.place.line == line


def test_aliases_repeat_a_value() -> None:
    assert read("a: &x [1, 2]\nb: *x\n") == {"a": [1, 2], "b": [1, 2]}


def test_a_bomb_of_aliases_is_refused_while_it_is_small() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 10)]
    with pytest.raises(SyntaxProblem, match="aliases written out"):
        parse_nodes("\n".join(lines))
