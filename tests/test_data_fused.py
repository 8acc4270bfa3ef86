"""CoNLL-U as XTREME reads it. Every expected value is worked out by hand from the tree."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from t2t_xfer.data.examples import missing_languages, read_examples
from t2t_xfer.data.formats import read_file
from t2t_xfer.data.places import described
from t2t_xfer.data.sources import open_source
from t2t_xfer.errors import DataError
from t2t_xfer.specs import DataSpec
from t2t_xfer.specs.catalogue import Catalogue, shipped_root

from .conftest import REPOSITORY


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
