"""Local files: every format, and every way in which one can be broken."""

from __future__ import annotations

import gzip
import json
import time
import tracemalloc
from datetime import date
from decimal import Decimal
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest

from t2t_xfer.data.formats import located_rows, read_file
from t2t_xfer.data.gold import look_up
from t2t_xfer.data.textfile import LONGEST_LINE, MOST_BLANK, content_hash
from t2t_xfer.errors import DataError

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
