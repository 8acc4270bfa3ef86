"""Local files: every format, and every way in which one can be broken.

What is expected of CoNLL-U as XTREME reads it is worked out by hand from the trees.
"""

from __future__ import annotations

import gzip
import json
import re
import time
import tracemalloc
from datetime import date
from decimal import Decimal
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest

from t2t_xfer.data.columns import look_up
from t2t_xfer.data.examples import missing_languages, read_examples
from t2t_xfer.data.formats import located_rows, read_file
from t2t_xfer.data.places import described
from t2t_xfer.data.sources import open_source
from t2t_xfer.data.textfile import LONGEST_LINE, MOST_BLANK, content_hash
from t2t_xfer.errors import DataError
from t2t_xfer.specs import DataSpec
from t2t_xfer.specs.catalogue import Catalogue, shipped_root

from .conftest import REPOSITORY

ROWS: list[dict[str, object]] = [
    {"premise": "Er kam.", "label": 0},
    {"premise": "הוא בא.", "label": 1},
]
CONLLU = """# sent_id = 1
# text = Im Haus
1-2\tIm\t_\t_\t_\t_\t_\t_\t_\t_
1\tIn\tin\tADP\t_\t_\t3\tcase\t_\t_
2\tdem\tder\tDET\t_\t_\t3\tdet\t_\t_
2.1\tleer\t_\tVERB\t_\t_\t_\t_\t_\t_
3\tHaus\tHaus\tNOUN\t_\t_\t0\troot\t_\t_

1\t10 000\t10 000\tNUM\t_\t_\t0\troot\t_\t_
"""


WORD = "{}\tHaus\t_\tNOUN" + "\t_" * 6 + "\n"


def written(path: Path, content: str | bytes) -> Path:
    raw = content.encode() if isinstance(content, str) else content
    path.write_bytes(gzip.compress(raw) if path.suffix == ".gz" else raw)
    return path


def as_lines(rows: list[dict[str, object]]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.jsonl", as_lines(ROWS)),
        ("a.jsonl.gz", as_lines(ROWS)),
        ("a.json", json.dumps(ROWS, indent=2)),
        ("windows.jsonl", "\ufeff" + as_lines(ROWS).replace("\n", "\r\n") + "\r\n \n"),
    ],
)
def test_json_keeps_types(tmp_path: Path, name: str, content: str) -> None:
    assert list(read_file(written(tmp_path / name, content))) == ROWS


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", "premise,label\nEr kam.,0\nהוא בא.,1\n"),
        ("a.csv.gz", 'premise,label\r\n"Er kam.",0\r\n\r\nהוא בא.,1'),
        ("a.tsv", "premise\tlabel\nEr kam.\t0\nהוא בא.\t1\n"),
    ],
)
def test_tables_hold_text(tmp_path: Path, name: str, content: str) -> None:
    rows = [{**row, "label": str(row["label"])} for row in ROWS]
    assert list(read_file(written(tmp_path / name, content))) == rows


def test_csv_cell_holds_line_ends_quotes_and_long_texts(tmp_path: Path) -> None:
    long = "x" * 200_000
    path = written(tmp_path / "a.csv", f'text,label\n"one, ""two""\nthree",{long}\n')
    assert list(read_file(path)) == [{"text": 'one, "two"\nthree', "label": long}]


def test_tsv_quotation_marks_are_text(tmp_path: Path) -> None:
    """A quoting reader swallows the lines between two unpaired marks, as happened to PAWS-X."""
    path = written(tmp_path / "a.tsv", 'text\tlabel\n"Ja\t0\nNein"\t1\n')
    assert [row["text"] for row in read_file(path)] == ['"Ja', 'Nein"']


def test_parquet_keeps_types_and_lists_become_tuples(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    columns = {"tokens": [["a b", "c"]], "tags": [[1, 2]], "label": [True]}
    pyarrow.parquet.write_table(pyarrow.table(columns), path)
    assert list(read_file(path)) == [{"tokens": ("a b", "c"), "tags": (1, 2), "label": True}]


def test_quoted_cells_of_tsv_are_read_where_the_task_says_so(tmp_path: Path) -> None:
    """pandas doubles quotation marks and quotes the cell; as plain tsv they stayed in the text."""
    text = 'text\tlabel\n"He said ""no""."\t0\n"one\nline\tmore"\t1\n'
    path = written(tmp_path / "a.tsv", text)
    assert [row["text"] for row in read_file(path, tsv="quoted")] == [
        'He said "no".',
        "one\nline\tmore",
    ]
    assert [line for line, _ in located_rows(path, tsv="quoted")] == [2, 3]


def test_parquet_bytes_are_text_or_refused_where_they_are_used(tmp_path: Path) -> None:
    """`b'…'` was trained on."""
    path = tmp_path / "a.parquet"
    columns = {
        "text": pyarrow.array(["für".encode()], pyarrow.binary()),
        "tokens": pyarrow.array([["für".encode(), b"x"]], pyarrow.list_(pyarrow.binary())),
        "picture": pyarrow.array([b"\xff\xd8\xff"], pyarrow.binary()),
        "pieces": pyarrow.array([[b"a", b"\xff"]], pyarrow.list_(pyarrow.binary())),
    }
    pyarrow.parquet.write_table(pyarrow.table(columns), path)
    (row,) = read_file(path)
    assert row["text"] == "für"
    assert row["tokens"] == ("für", "x")
    for column in ("picture", "pieces"):
        with pytest.raises(DataError, match=rf"x, column '{column}'.* bytes .*no UTF-8 text"):
            look_up(row, column, "field 'text'", "x")


def test_parquet_decimals_are_numbers(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    columns = {
        "whole": pyarrow.array([Decimal(2)], pyarrow.decimal128(10, 0)),
        "part": pyarrow.array([Decimal("1.00")], pyarrow.decimal128(10, 2)),
        "day": pyarrow.array([date(2020, 2, 1)]),
    }
    pyarrow.parquet.write_table(pyarrow.table(columns), path)
    (row,) = read_file(path)
    assert row == {"whole": 2, "part": 1.0, "day": "2020-02-01"}
    assert [type(row[name]) for name in ("whole", "part")] == [int, float]


def test_a_line_without_an_end_takes_little_memory_and_time(tmp_path: Path) -> None:
    """Of a small gzip: 3 MB held one line of 3 GB."""
    path = tmp_path / "a.jsonl.gz"
    with gzip.open(path, "wb", compresslevel=1) as file:
        for _ in range(80):
            file.write(b" " * 2**20)
    tracemalloc.start()
    with pytest.raises(DataError, match=r"a\.jsonl\.gz:1: a line of more than 64 MiB"):
        list(read_file(path))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3 * LONGEST_LINE


@pytest.mark.parametrize("name", ["a.jsonl", "a.csv", "a.tsv", "a.conllu", "a.json"])
def test_endless_blank_lines_are_refused(tmp_path: Path, name: str) -> None:
    path = written(tmp_path / name, "\n \n" * (MOST_BLANK // 2) + "\n" * 3)
    with pytest.raises(DataError, match=r"more than 100,000 blank lines one after the other"):
        list(read_file(path))


@pytest.mark.parametrize("name", ["a.conllu", "a.conllu.gz"])
def test_conllu_reads_syntactic_words(tmp_path: Path, name: str) -> None:
    assert list(read_file(written(tmp_path / name, CONLLU))) == [
        {"tokens": ("In", "dem", "Haus"), "pos_tags": ("ADP", "DET", "NOUN")},
        {"tokens": ("10 000",), "pos_tags": ("NUM",)},
    ]


def test_only_newline_ends_a_line(tmp_path: Path) -> None:
    row: dict[str, object] = {"text": "a\u2028b\x85c\u2029d"}
    path = written(tmp_path / "a.jsonl", as_lines([row]))
    assert list(read_file(path)) == [row]


def test_lists_and_objects_are_frozen_deeply(tmp_path: Path) -> None:
    path = written(tmp_path / "a.jsonl", '{"answers": {"text": ["a", ["b"]]}, "empty": []}\n')
    assert list(read_file(path)) == [{"answers": {"text": ("a", ("b",))}, "empty": ()}]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.jsonl", '{"a": 1}\n{"a": \n', r"a\.jsonl:2: broken JSON"),
        ("a.jsonl.gz", '{"a": 1}\n\n{"a": \n', r"a\.jsonl\.gz:3: broken JSON"),
        ("a.jsonl", "[1, 2]\n", r"a\.jsonl:1: expected an object with columns, found a list"),
        ("a.jsonl", "null\n", r"a\.jsonl:1: .* found null"),
        ("a.jsonl", '{"a": NaN}\n', r"a\.jsonl:1: broken JSON: NaN is not JSON"),
        ("a.jsonl", '{"a": "\\ud83d"}\n', r"a\.jsonl:1: broken JSON: .*surrogates"),
        ("a.jsonl", "[" * 100_000 + "\n", r"a\.jsonl:1: broken JSON: .* nested too deep"),
        ("a.jsonl", '{"a": ' + "[" * 90 + "]" * 90 + "}", r"a\.jsonl:1: .* more than 64 deep"),
        ("a.jsonl", '{"a": 1}\n{"b": 0, "a": 1, "b": 2}', r"a\.jsonl:2: .*key 'b' stands twice"),
        ("a.jsonl", '{"a": {"b": 1, "b": 1}}', r"a\.jsonl:1: .*key 'b' stands twice"),
        ("a.jsonl", '{"a": 1}\n\ufeff{"a": 2}', r"a\.jsonl:2: a byte order mark inside"),
        ("a.tsv", "a\n1\n\ufeff", r"a\.tsv:3: a byte order mark inside"),
        ("a.csv", "\ufeffa\n1\n\ufeff2\n", r"a\.csv:3: a byte order mark inside"),
        ("a.json", '[{"a": 1}, {"a": 1, "a": 2}]', r"a\.json: .*key 'a' stands twice"),
        ("a.jsonl", b'{"a": 1}\n{"a": "\xff"}\n', r"a\.jsonl:2: not UTF-8"),
        ("a.json", '{"a": 1}', r"a\.json: expected a list of objects, found an object"),
        ("a.json", "[1]", r"a\.json, item 0: expected an object with columns, found a number"),
        ("a.json", '[{"a": 1},\n {"a" 2}]', r"a\.json: broken JSON: .*line 2"),
        ("a.csv", 'a,b\n1,2\n1,"2" x\n', r"a\.csv:3: broken csv"),
        ("a.csv", 'a,b\n1,"2\n', r"a\.csv:\d: broken csv"),
        ("a.csv", "a,b\n1,2\n\n1\n", r"a\.csv:4: 1 cells, but the header names 2 columns \(a, b\)"),
        ("a.tsv", "a\tb\n1\t2\t3\n", r"a\.tsv:2: 3 cells"),
        ("a.tsv", 'a\tb\n"1\t2"\t3\n', r"a\.tsv:2: 3 cells.*`tsv: quoted`"),
        ("a.tsv", "a\ta\n1\t2\n", r"a\.tsv:1: column 'a' stands twice"),
        ("a.tsv", "a\t\n1\t2\n", r"a\.tsv:1: a column has no name"),
        ("a.conllu", "1\tHaus\tNOUN\n", r"a\.conllu:1: expected 10 columns"),
        ("a.conllu", CONLLU.replace("3\tHaus\tH", "x\tHaus\tH"), r"a\.conllu:7: .* found 'x'"),
        ("a.conllu", WORD.format(1) * 2, r"a\.conllu:2: the word number 1 stands twice"),
        ("a.conllu", "".join(map(WORD.format, (1, 2, 3, 1, 2))), r"a\.conllu:4: .* stands twice"),
        ("a.conllu", WORD.format(1) + WORD.format(3), r"a\.conllu:2: .*word number 2, found 3"),
        ("a.conllu", WORD.format(2), r"a\.conllu:1: expected the word number 1, found 2"),
        ("a.conllu", WORD.format("2-1") + WORD.format(1), r"a\.conllu:1: .* found '2-1'"),
        ("a.conllu", WORD.format("1-2") + WORD.format(1), r"covers word 2, but .* has 1"),
        ("a.parquet", "no", r"a\.parquet: cannot be read as parquet"),
        ("a.txt", "x", r"a\.txt: the name must end in one of \.jsonl, "),
        ("a.parquet.gz", "x", r"a\.parquet\.gz: the name must end"),
    ],
)
def test_broken_file_is_named(
    tmp_path: Path, name: str, content: str | bytes, message: str
) -> None:
    path = written(tmp_path / name, content)
    with pytest.raises(DataError, match=message):
        list(read_file(path))


def test_damaged_gzip_is_named(tmp_path: Path) -> None:
    path = written(tmp_path / "a.jsonl.gz", as_lines(ROWS * 1000))
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(DataError, match=r"a\.jsonl\.gz:\d+: cannot be read"):
        list(read_file(path))
    path.write_bytes(b"plain text")
    with pytest.raises(DataError, match=r"a\.jsonl\.gz:1: cannot be read"):
        list(read_file(path))


def test_content_hash_is_the_same_packed_and_follows_changes(tmp_path: Path) -> None:
    plain = written(tmp_path / "a.jsonl", as_lines(ROWS))
    packed = written(tmp_path / "a.jsonl.gz", as_lines(ROWS))
    first = content_hash(plain)
    assert content_hash(packed) == first
    written(plain, as_lines(ROWS * 2))
    assert content_hash(plain) != first


def test_hundred_thousand_rows_read_in_seconds(tmp_path: Path) -> None:
    row = {"premise": "A man is here. " * 6, "hypothesis": "He is not here. " * 3, "label": 0}
    path = written(tmp_path / "a.jsonl.gz", as_lines([row]) * 100_000)
    start = time.perf_counter()
    assert sum(1 for _ in read_file(path)) == 100_000
    assert time.perf_counter() - start < 10  # about 0.7 s on a laptop; room for a busy machine


@pytest.mark.parametrize(
    ("name", "text", "lines"),
    [
        ("x.jsonl", '{"a": 1}\n\n{"a": 2}\n', [1, 3]),
        ("x.tsv", "a\tb\n\n1\t2\n3\t4\n", [3, 4]),
        ("x.csv", 'a,b\n1,"two\nlines ""x"""\n3,4\n', [2, 4]),
        ("x.conllu", "# one\n1\tA" + "\t_" * 8 + "\n\n\n# two\n1\tB" + "\t_" * 8 + "\n", [2, 6]),
        ("x.json", '[{"a": 1}]', [None]),
    ],
)
def test_the_line_of_a_row(tmp_path: Path, name: str, text: str, lines: list[int | None]) -> None:
    path = tmp_path / name
    path.write_text(text)
    assert [line for line, _ in located_rows(path)] == lines


def line(number: str, form: str, upos: str = "_", head: str = "_", deps: str = "_") -> str:
    return "\t".join([number, form, "_", upos, "_", "_", head, "dep", deps, "_"]) + "\n"


def read(
    folder: Path, text: str, language: str = "de", conllu: str = "xtreme"
) -> list[tuple[str, ...]]:
    """Each sentence as `word/TAG` pairs."""
    path = folder / "a.conllu"
    path.write_text(text, encoding="utf-8")
    rows = read_file(path, conllu=conllu, language=language)  # type: ignore[arg-type]
    return [
        tuple(f"{word}/{tag}" for word, tag in zip(row["tokens"], row["pos_tags"], strict=True))  # type: ignore[arg-type]
        for row in rows
    ]


IM_HAUS = (
    "# text = Im Haus schläft sie.\n"
    + line("1-2", "Im")
    + line("1", "In", "ADP", "3")
    + line("2", "dem", "DET", "3")
    + line("3", "Haus", "NOUN", "4")
    + line("4", "schläft", "VERB", "0")
    + line("4.1", "nichts", "VERB", "_", "4:conj")
    + line("5", "sie", "PRON", "4")
    + line("6", ".", "PUNCT", "4")
)


def test_a_fused_form_is_one_token_and_empty_nodes_and_comments_are_none(tmp_path: Path) -> None:
    # `In` and `dem` both hang from `Haus`: equally near, and ADP comes before DET in the list.
    fused = ("Im/ADP", "Haus/NOUN", "schläft/VERB", "sie/PRON", "./PUNCT")
    assert read(tmp_path, IM_HAUS + "\n" + IM_HAUS) == [fused, fused]


def test_without_the_option_the_syntactic_words_are_read(tmp_path: Path) -> None:
    words = ("In/ADP", "dem/DET", "Haus/NOUN", "schläft/VERB", "sie/PRON", "./PUNCT")
    assert read(tmp_path, IM_HAUS, conllu="words") == [words]


def two_words(first: str, second: str) -> str:
    """A fused form of two words that hang from the same verb."""
    return (
        line("1-2", "xy")
        + line("1", "x", first, "3")
        + line("2", "y", second, "3")
        + line("3", "geht", "VERB", "0")
    )


@pytest.mark.parametrize(
    ("language", "first", "second", "expected"),
    [
        # Read off the four lists. Default: VERB NOUN PROPN PRON ADJ NUM ADV INTJ AUX ADP DET ...
        ("de", "PRON", "AUX", "PRON"),
        ("de", "AUX", "NOUN", "NOUN"),
        ("pt", "DET", "ADP", "ADP"),
        # es: VERB AUX PRON ADP DET
        ("es", "PRON", "AUX", "AUX"),
        ("es", "ADP", "DET", "ADP"),
        # fr: VERB AUX PRON NOUN ADJ ADV ADP DET ...
        ("fr", "PRON", "AUX", "AUX"),
        ("fr", "AUX", "NOUN", "AUX"),
        ("fr", "PRON", "ADV", "PRON"),
        # it: VERB AUX ADV PRON ADP DET INTJ
        ("it", "PRON", "ADV", "ADV"),
        ("it", "PRON", "AUX", "AUX"),
        # the same tag twice: the first word, which makes no difference
        ("it", "DET", "DET", "DET"),
    ],
)
def test_equally_near_words_are_decided_by_the_list_of_the_language(
    tmp_path: Path, language: str, first: str, second: str, expected: str
) -> None:
    (sentence,) = read(tmp_path, two_words(first, second), language)
    assert sentence == (f"xy/{expected}", "geht/VERB")


@pytest.mark.parametrize(
    ("language", "first", "second", "unranked"),
    [
        ("es", "ADV", "PRON", "ADV"),
        ("it", "AUX", "NOUN", "NOUN"),
        ("fr", "PRON", "CCONJ", "CCONJ"),  # its list has UD 1's CONJ
        ("de", "NOUN", "SYM", "SYM"),
    ],
)
def test_a_tag_that_the_list_lacks_is_named_with_its_line(
    tmp_path: Path, language: str, first: str, second: str, unranked: str
) -> None:
    with pytest.raises(DataError, match=rf"a\.conllu:1: .*'xy'.* does not rank '{unranked}'"):
        read(tmp_path, two_words(first, second), language)


def test_the_word_nearest_to_the_root_wins_over_the_list(tmp_path: Path) -> None:
    # `dá` is the root (above it: 0), `me` and `lo` hang from it (above them: 1 and 0). Further
    # down NOUN `libro` (above it: dá, 0) beats VERB `leer`, which hangs from it, though VERB
    # comes first in the list; es does not even rank NOUN.
    text = (
        line("1-3", "dámelo")
        + line("1", "dá", "AUX", "0")
        + line("2", "me", "PRON", "1")
        + line("3", "lo", "PRON", "1")
        + line("4-5", "librolee")
        + line("4", "libro", "NOUN", "1")
        + line("5", "lee", "VERB", "4")
    )
    assert read(tmp_path, text, "es") == [("dámelo/AUX", "librolee/NOUN")]


def test_edges_of_the_deps_column_count_too(tmp_path: Path) -> None:
    # By HEAD both hang from 3, and VERB would win. DEPS puts word 4 above `x` as well:
    # above x are 3, 4 and 0, above y only 3 and 0. `8.1` is an empty node, which is not there.
    text = (
        line("1-2", "xy")
        + line("1", "x", "VERB", "3", "3:a|4:b:c")
        + line("2", "y", "DET", "3", "3:a|8.1:b")
        + line("3", "geht", "VERB", "0", "0:root")
        + line("4", "er", "PRON", "3", "3:nsubj")
    )
    assert read(tmp_path, text) == [("xy/DET", "geht/VERB", "er/PRON")]


def test_edges_in_a_circle_end(tmp_path: Path) -> None:
    # x is above y by HEAD, y above x by DEPS. Above each: the other one, 3 and 0.
    text = (
        line("1-2", "xy")
        + line("1", "x", "DET", "3", "2:a")
        + line("2", "y", "NOUN", "1")
        + line("3", "geht", "VERB", "0")
    )
    assert read(tmp_path, text) == [("xy/NOUN", "geht/VERB")]


@pytest.mark.parametrize(
    ("words", "kept"),
    [
        (["_"], False),
        (["_", "."], False),  # all but one
        (["_", "_", "."], False),
        (["_", "a", "."], True),  # one of three
        (["a"], True),
    ],
)
def test_masked_sentences_are_dropped(tmp_path: Path, words: list[str], kept: bool) -> None:
    text = "".join(line(str(i), word, "X", "0") for i, word in enumerate(words, start=1))
    expected = [tuple(f"{word}/X" for word in words)]
    assert read(tmp_path, text) == (expected if kept else [])


def test_joiners_and_inner_spaces_go(tmp_path: Path) -> None:
    text = line("1", "می\u200cخواهم", "VERB", "0") + line("2", "10 000", "NUM", "1")
    text += line("3", "a\u00a0b", "X", "1")  # another kind of space stays, as it does there
    assert read(tmp_path, text, "fa") == [("میخواهم/VERB", "10000/NUM", "a\u00a0b/X")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (line("1", "a", "X", "zero"), r"a\.conllu:1: expected the number of the head.*'zero'"),
        (line("x", "a", "X", "0"), r"a\.conllu:1: expected a word number.*'x'"),
        (line("2-1", "a", "X", "0"), r"a\.conllu:1: expected a word number.*'2-1'"),
        (line("1", "a", "X", "0") * 2, r"a\.conllu:2: the word number 1 stands twice"),
        (
            line("1-2", "ab") + line("1", "a", "X", "0"),
            r"a\.conllu:1: 'ab' covers the words 1 to 2",
        ),
        ("1\ta\n", r"a\.conllu:1: expected 10 columns"),
    ],
)
def test_what_is_no_conllu_is_named_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read(tmp_path, text)


def test_the_task_of_the_documentation_reads_treebanks(tmp_path: Path) -> None:
    """docs/udpos.md as it stands, on two German treebanks, a Swiss German and an English one."""
    text = (REPOSITORY / "docs" / "udpos.md").read_text("utf-8")
    (stated,) = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    (tmp_path / "tasks").mkdir()
    (tmp_path / "tasks" / "udpos.yaml").write_text(stated, "utf-8")
    swiss = line("1", "Grüezi", "INTJ", "0")
    for name, content in (
        ("UD_German-PUD/de_pud-ud-test.conllu", line("1", "Ja", "PART", "0")),
        ("UD_German-GSD/de_gsd-ud-test.conllu", IM_HAUS),
        ("UD_German-GSD/de_gsd-ud-train.conllu", "POISON"),
        ("UD_Swiss_German-UZH/gsw_uzh-ud-test.conllu", swiss),
        ("UD_English-EWT/en_ewt-ud-train.conllu", line("1", "Yes", "INTJ", "0")),
    ):
        path = tmp_path / "ud-treebanks-v2.5" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, "utf-8")
    task = Catalogue([tmp_path, shipped_root()]).task("udpos")
    shipped = Catalogue([shipped_root()]).task("udpos")
    assert (task.languages, task.tags) == (shipped.languages, shipped.tags)
    source = open_source("hub")  # its own files do not ask it
    german = read_examples(task, source, "de", "test")
    assert [(each.id, each.gold) for each in german] == [
        ("de_gsd-ud-test:0", ("ADP", "NOUN", "VERB", "PRON", "PUNCT")),
        ("de_pud-ud-test:0", ("PART",)),
    ]
    assert len(read_examples(task, source, "en", "train")) == 1
    assert described(task, "de", "test")["conllu"] == "xtreme"
    assert len(missing_languages(task, source, task.languages, "test")) == 32


def test_a_sentence_with_a_word_without_a_tag_is_left_out_and_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "de_x-ud-test.conllu"
    path.write_text(
        line("1", "Ja", "PART", "0") + "\n" + line("1", "a", "_", "0") + line("2", "b", "X", "1")
    )
    task = Catalogue([shipped_root()]).task("udpos")
    data = DataSpec(files={"test": str(tmp_path / "{language}_*.conllu")}, conllu="xtreme")
    task = task.model_copy(update={"data": data})
    assert len(read_examples(task, open_source("hub"), "de", "test")) == 1
    (record,) = caplog.records
    assert record.getMessage() == f"1 of 2 rows left out of {path}: a word without a tag"
