"""The YAML reader: values as YAML 1.2 has them, and places for whatever is wrong."""

import math

import pytest

from t2t_xfer.specs.yaml import MAX_DEPTH, Place, SyntaxProblem, parse_nodes


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
    assert node.entries()["b"].key_place == Place(2, 1)
    item = node.entries()["b"].value.items()[1]
    assert item.place == Place(4, 5)
    assert item.entries()["c"].value.place == Place(4, 9)


def test_places_count_characters_of_other_scripts_once() -> None:
    node, _ = parse_nodes("{مرحبا: 1, 你好: 2}")
    assert node.entries()["你好"].key_place == Place(1, 12)


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
