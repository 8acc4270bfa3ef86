"""`score` gives XTREME's numbers, and refuses what XTREME would score without anyone meaning it."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from t2t_xfer.errors import UserError
from t2t_xfer.xtreme import TASKS, score_folders

from .studydata import Outcome, t2t

REFERENCE = Path(__file__).parent / "data" / "xtreme_scores.json"


def write(folder: Path, files: Mapping[str, str]) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode())
    return folder


def make(folder: Path, task: str, predicted: str, gold: str) -> Path:
    """Both folders with a task whose every language has the same content."""
    for code in TASKS[task].languages:
        name = TASKS[task].file_name(code)
        write(folder, {f"p/{task}/{name}": predicted, f"l/{task}/{name}": gold})
    return folder


def scores(folder: Path, task: str, predicted: str, gold: str) -> tuple[Any, list[str]]:
    """The figures of one language, and the warnings about it."""
    make(folder, task, predicted, gold)
    warnings: list[str] = []
    found: Any = score_folders(folder / "p", folder / "l", warnings.append)
    code = TASKS[task].languages[0]
    name = TASKS[task].file_name(code)
    return found["tasks"][task]["languages"][code], [each for each in warnings if name in each]


def questions(**answers: list[str]) -> str:
    qas = [{"id": id, "answers": [{"text": t} for t in texts]} for id, texts in answers.items()]
    return json.dumps({"version": "1.1", "data": [{"paragraphs": [{"qas": qas}]}]})


@pytest.fixture(scope="module")
def reference() -> Any:
    return json.loads(REFERENCE.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def folder(reference: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("xtreme"), reference["files"])


def run(folder: Path, *more: object) -> Outcome:
    return t2t(
        "score", "--predictions", folder / "predictions", "--labels", folder / "labels", *more
    )


def test_every_number_is_the_references(reference: Any, folder: Path) -> None:
    done = run(folder, "--json")
    assert done.code == 0, done.err
    found = json.loads(done.out)
    assert set(found["tasks"]) == set(reference["tasks"]) == set(TASKS)
    assert {key: found[key] for key in reference["overall"]} == pytest.approx(reference["overall"])
    for name, task in reference["tasks"].items():
        ours = found["tasks"][name]
        averages = {key: value for key, value in task.items() if key.startswith("avg_")}
        assert {key: ours[key] for key in averages} == pytest.approx(averages, abs=1e-9)
        assert set(ours) == {*averages, "languages"}
        for figure in set(task) - set(averages):
            by_language = {code: each[figure] for code, each in ours["languages"].items()}
            assert by_language == pytest.approx(task[figure], abs=1e-9), (name, figure)


def test_the_table_names_every_mean(folder: Path) -> None:
    done = run(folder)
    assert done.code == 0
    for word in (*TASKS, "all_task", "classification", "tagging", "qa", "retrieval"):
        assert f"\n{word}" in f"\n{done.out}"


def test_groups_count_only_when_they_are_complete(tmp_path: Path) -> None:
    for task in ("xquad", "mlqa", "tydiqa"):
        make(tmp_path, task, '{"a": "x"}', questions(a=["x"]))
    for task in ("xnli", "pawsx", "tatoeba"):
        line = {"xnli": "neutral", "pawsx": "1", "tatoeba": "0"}[task]
        make(tmp_path, task, line, line)
    found = score_folders(tmp_path / "p", tmp_path / "l", print)
    assert (found["qa"], found["classification"]) == (100.0, 100.0)
    # BUCC and the taggers are not there.
    assert [found[key] for key in ("retrieval", "tagging", "all_task")] == [None, None, None]


def test_the_mean_counts_english_and_every_language_the_same(tmp_path: Path) -> None:
    make(tmp_path, "pawsx", "1\n0\n", "1\n0\n")
    write(tmp_path, {"p/pawsx/test-en.tsv": "0\n0\n", "p/pawsx/test-zh.tsv": "0\n1\n"})
    found: Any = score_folders(tmp_path / "p", tmp_path / "l", print)
    # Seven languages: five with 100, English 50, Chinese 0.
    assert found["tasks"]["pawsx"]["avg_metric"] == pytest.approx((5 * 100 + 50) / 7)


@pytest.mark.parametrize(
    ("predicted", "gold", "f1"),
    [
        # Two spans each, one in common: P 1/2, R 1/2.
        ("DET\nNOUN\n\n", "DET\nVERB\n\n", 50),
        # Neighbours with the same tag are one span, so two of three words right are 0 of 1 spans.
        ("NOUN\nNOUN\nVERB\n\n", "NOUN\nNOUN\nNOUN\n\n", 0),
        # The last sentence needs no blank line after it, on either side.
        ("DET\n\nNOUN", "DET\n\nNOUN\n\n", 100),
        ("DET\n\nNOUN\n\n", "DET\n\nNOUN", 100),
        # Consecutive blank lines are empty sentences, which must be on both sides.
        ("DET\n\n\nNOUN\n", "DET\n\n\nNOUN\n", 100),
        # A sentence-final X is a span (seqeval 1.x loses it).
        ("NOUN\nX\n", "NOUN\nX\n", 100),
        # No span on either side.
        ("O\n", "O\n", 0),
        (" DET \t\n", "DET\n", 100),
    ],
)
def test_tags_by_hand(predicted: str, gold: str, f1: float, tmp_path: Path) -> None:
    found, _ = scores(tmp_path, "udpos", predicted, gold)
    assert found["f1"] == pytest.approx(f1)
    assert set(found) == {"f1", "precision", "recall"}


@pytest.mark.parametrize(
    ("predicted", "gold", "expected"),
    [
        # Two of three found are right, two of four gold pairs are found: F1 = 4/7.
        ("a\tx\nb\ty\nc\tz\n", "a\tx\nb\ty\nd\tz\ne\tw\n", (400 / 7, 200 / 3, 50)),
        # A pair that stands there three times counts once.
        ("a\tx\na\tx\na\tx\nb\tz\n", "a\tx\n", (200 / 3, 50, 100)),
        ("a\ty\n", "a\tx\n", (0, 0, 0)),
        # Nothing was found.
        ("", "a\tx\n", (0, 0, 0)),
    ],
)
def test_pairs_by_hand(
    predicted: str, gold: str, expected: tuple[float, ...], tmp_path: Path
) -> None:
    found, _ = scores(tmp_path, "bucc2018", predicted, gold)
    assert (found["f1"], found["precision"], found["recall"]) == pytest.approx(expected)


def test_unanswered_questions_count_and_unknown_ones_do_not(tmp_path: Path) -> None:
    gold = questions(a=["the Rhine"], b=["Köln", "Cologne"], c=["x"])
    # a: right; b: missing; c: half of the words (P 1/2, R 1/1).
    predicted = '{\n"a": "Rhine",\n"c": "x y",\n"d": "z"\n}'
    found, warnings = scores(tmp_path, "xquad", predicted, gold)
    assert found["exact_match"] == pytest.approx(100 / 3)
    assert found["f1"] == pytest.approx(100 * (1 + 2 / 3) / 3)
    missing, strange = warnings
    assert "1 of 3 questions have no answer and score 0; the first is 'b'" in missing
    assert "test-en.json:4: 1 answers belong to no question" in strange


def test_mlqa_reads_each_language_by_its_own_rules(tmp_path: Path) -> None:
    make(tmp_path, "mlqa", '{"a": "der Rhein"}', questions(a=["Rhein"]))
    found: Any = score_folders(tmp_path / "p", tmp_path / "l", print)
    exact = {c: each["exact_match"] for c, each in found["tasks"]["mlqa"]["languages"].items()}
    assert exact == {"en": 0, "es": 0, "de": 100, "ar": 0, "hi": 0, "vi": 0, "zh": 0}


def test_label_files_may_be_the_list_alone(tmp_path: Path) -> None:
    gold = json.dumps(json.loads(questions(a=["x"]))["data"])
    assert scores(tmp_path, "tydiqa", '{"a": "x"}', gold)[0]["f1"] == 100


def test_placeholders_in_place_of_answers_are_named(tmp_path: Path) -> None:
    _, warnings = scores(tmp_path, "xquad", '{"a": "x"}', questions(a=[""]))
    assert "every accepted answer is empty" in warnings[0]


def test_windows_line_ends_are_read_as_xtreme_reads_them(tmp_path: Path) -> None:
    found, warnings = scores(tmp_path, "xnli", "neutral\nneutral\r\n", "neutral\r\nneutral\r\n")
    assert found["accuracy"] == 100
    assert "p/xnli/test-ar.tsv:2: the file has Windows line ends" in warnings[0]


def test_our_mark_for_no_answer_is_wrong(tmp_path: Path) -> None:
    assert scores(tmp_path, "xnli", "invalid\nneutral\n", "neutral\n" * 2)[0]["accuracy"] == 50
    assert scores(tmp_path, "tatoeba", "-1\n1\n", "0\n1\n")[0]["accuracy"] == 50


@pytest.mark.parametrize(
    ("task", "predicted", "gold", "messages"),
    [
        (
            "xnli",
            "neutral\n",
            "neutral\n" * 2,
            ["p/xnli/test-ar.tsv:1: 1 lines", "l/xnli", "has 2"],
        ),
        ("xnli", "neutral\n" * 3, "neutral\n" * 2, ["p/xnli/test-ar.tsv:3: 3 lines"]),
        ("xnli", "neutral\nnetural\n", "neutral\n" * 2, ["ar.tsv:2: 'netural'", "'neutral'?"]),
        ("xnli", "neutral\tx y\n", "neutral\n", ["ar.tsv:1", "has 3 columns"]),
        ("xnli", "neutral\n\n", "neutral\n" * 2, ["ar.tsv:2: the line is blank"]),
        ("xnli", "neutral\n", "invalid\n", ["l/xnli/test-ar.tsv:1: 'invalid' is no label"]),
        ("pawsx", "paraphrase\n", "1\n", ["de.tsv:1", "Expected one label a line: 0, 1."]),
        ("xnli", "\ufeffneutral\n", "neutral\n", ["p/xnli/test-ar.tsv:1", "byte order mark"]),
        ("xquad", "\ufeff{}", questions(a=["x"]), ["test-en.json:1", "byte order mark"]),
        ("xnli", "", "neutral\n", ["p/xnli/test-ar.tsv:1: the file is empty"]),
        ("udpos", "\n\n", "DET\n", ["p/udpos/test-af.tsv:1: the file is empty"]),
        ("bucc2018", "a\tx\n", "", ["l/bucc2018/test-de.tsv:1: the file is empty"]),
        ("xquad", "", questions(a=["x"]), ["p/xquad/test-en.json:1: the file is empty"]),
        ("tatoeba", "0\n1.0\n", "0\n1\n", ["ar.tsv:2: '1.0' is no line number"]),
        ("tatoeba", "07\n", "7\n", ["ar.tsv:1: '07' is no line number"]),
        ("tatoeba", "0\n", "-1\n", ["l/tatoeba/test-ar.tsv:1: '-1' is no line number"]),
        ("udpos", "DET\nnoun\n", "DET\nNOUN\n", ["af.tsv:2: 'noun' is no tag", "NOUN"]),
        ("panx", "B-PERS\n", "B-PER\n", ["ar.tsv:1: 'B-PERS' is no tag", "'B-PER'?"]),
        ("udpos", "dog\tNOUN\n", "NOUN\n", ["af.tsv:1", "has 2 columns"]),
        # One tag is missing in the second sentence. The reference would shift all that follow.
        (
            "udpos",
            "DET\n\nNOUN\n\nVERB\n",
            "DET\n\nNOUN\nVERB\n\nVERB\n",
            ["p/udpos/test-af.tsv:3", "(sentence 2) has 1 tags", "l/udpos/test-af.tsv:3 has 2"],
        ),
        ("udpos", "DET\n\n\nNOUN\n", "DET\n\nNOUN\n", ["af.tsv:3", "(sentence 2) has 0 tags"]),
        ("udpos", "DET\n", "DET\n\nDET\n", ["p/udpos/test-af.tsv:1: 1 sentences", "has 2"]),
        ("bucc2018", "a\tx\na x\n", "a\tx\n", ["de.tsv:2: 'a x' is no pair"]),
        ("bucc2018", "a\tx\t0.9\n", "a\tx\n", ["de.tsv:1", "is no pair"]),
        ("bucc2018", "a\tx\n\n", "a\tx\n", ["de.tsv:2: '' is no pair"]),
        ("xquad", '{"a":\n x}', questions(a=["x"]), ["en.json:2: broken JSON"]),
        ("xquad", '["x"]', questions(a=["x"]), ["en.json:1: expected one JSON object"]),
        ("xquad", '{"a":\n["x"]}', questions(a=["x"]), ["the answer to 'a' is ['x']"]),
        ("xquad", '{"a": "x",\n"a": "y"}', questions(a=["x"]), ["en.json:2: the key 'a'", "twice"]),
        ("xquad", '{"a": "x"}', '{"a": "x"}', ["l/xquad/test-en.json:1: not a label file"]),
        ("xquad", '{"a": "x"}', '{"data": []}', ["holds no question"]),
        ("xquad", '{"a": "x"}', questions(a=[]), ["the question 'a' has no accepted answer"]),
    ],
)
def test_files_that_do_not_fit_are_refused_by_name(
    task: str, predicted: str, gold: str, messages: list[str], tmp_path: Path
) -> None:
    make(tmp_path, task, predicted, gold)
    with pytest.raises(UserError) as caught:
        score_folders(tmp_path / "p", tmp_path / "l", print)
    for message in messages:
        assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_bytes_that_are_no_text_are_refused_by_line(tmp_path: Path) -> None:
    make(tmp_path, "xnli", "neutral\n" * 2, "neutral\n" * 2)
    (tmp_path / "p/xnli/test-ar.tsv").write_bytes(b"neutral\n\xffneutral\n")
    with pytest.raises(UserError, match=r"test-ar\.tsv:2: not UTF-8"):
        score_folders(tmp_path / "p", tmp_path / "l", print)


def test_a_missing_language_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    make(tmp_path, "pawsx", "1\n", "1\n")
    (tmp_path / "p/pawsx/test-ko.tsv").unlink()
    done = t2t("score", "--predictions", tmp_path / "p", "--labels", tmp_path / "l", "--json")
    assert (done.code, done.out) == (2, "")
    assert "p/pawsx/test-ko.tsv: there is no such file" in done.err
    (tmp_path / "l/pawsx/test-ko.tsv").unlink()  # the reference wants it all the same
    assert t2t("score", "--predictions", tmp_path / "p", "--labels", tmp_path / "l").code == 2


def test_partial_leaves_out_what_neither_side_has_and_gives_no_group(tmp_path: Path) -> None:
    make(tmp_path, "pawsx", "1\n", "1\n")
    make(tmp_path, "xnli", "neutral\n", "neutral\n")
    for side in "pl":
        (tmp_path / side / "pawsx/test-ko.tsv").unlink()
    folders = ("--predictions", tmp_path / "p", "--labels", tmp_path / "l")
    done = t2t("score", *folders, "--partial", "--json")
    assert done.code == 0
    found = json.loads(done.out)
    assert found["tasks"]["pawsx"]["missing"] == ["ko"]
    assert found["tasks"]["pawsx"]["avg_accuracy"] == 100
    assert found["classification"] is None
    assert "left out of pawsx: ko" in done.err
    assert "without ko" in t2t("score", *folders, "--partial").out
    (tmp_path / "p/pawsx/test-en.tsv").unlink()  # the labels still have it
    assert t2t("score", *folders, "--partial").code == 2


def test_directories_on_one_side_and_unknown_ones_are_skipped_aloud(tmp_path: Path) -> None:
    make(tmp_path, "xnli", "neutral\n", "neutral\n")
    for name in ("p/tatoeba", "l/panx", "p/paws-x"):
        (tmp_path / name).mkdir()
    done = t2t("score", "--predictions", tmp_path / "p", "--labels", tmp_path / "l", "--json")
    assert done.code == 0
    assert list(json.loads(done.out)["tasks"]) == ["xnli"]
    assert "paws-x: no task of XTREME is called so; skipped. Did you mean 'pawsx'?" in done.err
    assert "has no such directory: tatoeba." in done.err
    assert "has no such directory: panx." in done.err


def test_nothing_to_score_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "p/xnli").mkdir(parents=True)
    (tmp_path / "l/pawsx").mkdir(parents=True)
    done = t2t("score", "--predictions", tmp_path / "p", "--labels", tmp_path / "l")
    assert done.code == 2
    assert "share no directory of a task of XTREME" in done.err
    none = t2t("score", "--predictions", tmp_path / "none", "--labels", tmp_path / "l")
    assert (none.code, "there is no such directory" in none.err) == (2, True)


def test_real_answers_score_the_ceiling(shared_hub: Path, tmp_path: Path) -> None:
    """XQuAD's gold answers, whatever the script: 100 but for answers that are articles alone."""
    for code in TASKS["xquad"].languages:
        file = shared_hub / "google" / "xtreme" / f"XQuAD.{code}" / "validation.jsonl.gz"
        if file.exists():
            with gzip.open(file) as lines:
                rows = [json.loads(line) for line in lines]
            gold = questions(**{row["id"]: row["answers"]["text"] for row in rows})
            found = json.dumps({row["id"]: row["answers"]["text"][0] for row in rows})
            name = f"test-{code}.json"
            write(tmp_path, {f"p/xquad/{name}": found, f"l/xquad/{name}": gold})
    found_scores: Any = score_folders(tmp_path / "p", tmp_path / "l", print, partial=True)
    assert len(found_scores["tasks"]["xquad"]["languages"]) > 5
    assert found_scores["tasks"]["xquad"]["avg_exact_match"] == 100
    assert found_scores["tasks"]["xquad"]["avg_f1"] > 99.9
