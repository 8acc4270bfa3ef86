"""A submission, scored against our own label files, gives our own numbers; else it is refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from t2t_xfer.errors import UserError
from t2t_xfer.xtreme import TASKS, score_folders
from t2t_xfer.xtreme.layout import BY_TASK
from t2t_xfer.xtreme.write import ScoredRow, label_text, prediction_text, write_folders

from .conftest import REPOSITORY
from .studydata import (
    Outcome,
    make_mirror,
    new_model,
    one_thread,
    sentence,
    t2t,
    write_rows,
    write_study,
)

ENGLISH = ["the red dog", "A house", "every river", "a teacher", "10 000 dogs", "an old house"]
FOREIGN = [
    "der rote Hund",
    "Ein Haus",
    "jeder Fluss",
    "ein Lehrer",
    "10 000 Hunde",
    "ein altes Haus",
]


class Place(NamedTuple):
    folder: Path
    data: str

    @property
    def out(self) -> Path:
        return self.folder / "out"

    def evaluate(self, task: str, *more: object) -> dict[str, Any]:
        asked = ("--task", task, "--skip-missing", "--json", "--data", self.data)
        model = () if "--engine" in more else ("--model", "new:encoder")
        done = t2t("evaluate", *asked, *model, "--output", self.out, *more)
        assert done.code == 0, done.err
        found: dict[str, Any] = json.loads(done.out)["languages"]
        return found

    def submit(self, name: str, *more: object, run: str = "out") -> Outcome:
        where = ("--output", self.folder / name / "p", "--labels", self.folder / name / "l")
        return t2t("submission", self.folder / run, *where, *more)

    def scores(self, name: str) -> tuple[Any, list[str]]:
        warnings: list[str] = []
        folders = (self.folder / name / "p", self.folder / name / "l")
        found: Any = score_folders(*folders, warnings.append, partial=True)
        return found["tasks"], warnings


def write_task(folder: Path, name: str, hub: str, files: str) -> None:
    """The shipped task of this name over files of the user's own."""
    text = (REPOSITORY / "tasks" / f"{name}.yaml").read_text()
    start, end = text.index("data:"), text.index("languages:")
    assert hub in text[start:end]
    (folder / "tasks").mkdir(exist_ok=True)
    (folder / "tasks" / f"{name}.yaml").write_text(
        f"{text[:start]}data: {{files: {{test: {json.dumps(files)}}}}}\n{text[end:]}"
    )


def add_pairs_and_questions(hub: Path) -> None:
    import random

    pairs = zip(FOREIGN, ENGLISH, strict=True)
    rows = [{"source_sentence": f"{f}\n", "target_sentence": f"{e}\n"} for f, e in pairs]
    write_rows(hub / "google" / "xtreme" / "tatoeba.deu" / "validation.jsonl", rows)
    for code in ("en", "de", "es"):
        rng, rows = random.Random(code), []
        for i in range(7):
            words = sentence(code, rng)[0]
            answers = {"text": words[1:3], "answer_start": [0, 0]}
            context = " ".join(words)
            answers["answer_start"] = [len(words[0]) + 1, context.index(f" {words[2]}") + 1]
            rows.append({"id": f"q{i}", "context": context, "question": "?", "answers": answers})
        write_rows(hub / "google" / "xtreme" / f"XQuAD.{code}" / "validation.jsonl", rows)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Where UDPOS comes from files of the user's own and the other tasks from a mirror."""
    one_thread()
    folder = tmp_path_factory.mktemp("submission")
    hub = make_mirror(folder)
    add_pairs_and_questions(hub)
    for code, name in (("en", "English"), ("de", "German"), ("ar", "Arabic")):
        (folder / "ud").mkdir(exist_ok=True)
        rows = hub / "google" / "xtreme" / f"udpos.{name}" / "test.jsonl"
        (folder / "ud" / f"{code}.jsonl").write_bytes(rows.read_bytes())
    write_task(folder, "udpos", "udpos.{language_name}", "ud/{language}.jsonl")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        yield Place(folder, f"mirror:{hub}")


@pytest.fixture(scope="module")
def evaluated(place: Place) -> dict[str, dict[str, Any]]:
    """What `evaluate` said of an untrained model, by task and language."""
    return {task: place.evaluate(task) for task in ("xnli", "paws_x", "udpos", "xquad", "tatoeba")}


FIGURE = {"xnli": "accuracy", "paws_x": "accuracy", "udpos": "f1", "tatoeba": "accuracy"}


def test_scoring_a_submission_gives_our_own_numbers(
    place: Place, evaluated: dict[str, dict[str, Any]]
) -> None:
    done = place.submit("same", "--originals", originals(place.folder))
    assert done.code == 0, done.err
    found, warnings = place.scores("same")
    assert not [each for each in warnings if "left out" not in each]
    assert set(found) == {"xnli", "pawsx", "udpos", "xquad", "tatoeba"}
    for task, languages in evaluated.items():
        ours = found[BY_TASK[task].directory]["languages"]
        assert set(ours) == set(languages)
        for code, result in languages.items():
            figures = [FIGURE[task]] if task in FIGURE else ["exact_match", "f1"]
            mean = sum(ours[code][figure] for figure in figures) / len(figures)
            assert mean == pytest.approx(result["score"]), (task, code)
    # An untrained model is neither always right nor always wrong: the numbers say something.
    values = {result["score"] for each in evaluated.values() for result in each.values()}
    assert len(values - {0.0, 100.0}) > 4


def test_what_does_not_fit_xtremes_test_sets_is_said(
    place: Place, evaluated: dict[str, dict[str, Any]]
) -> None:
    done = place.submit("sizes", "--task", "xnli")
    assert done.code == 0
    assert "xnli has other numbers of examples than XTREME's test sets" in done.err
    assert "de 12 of 5010" in done.err
    assert "xnli lacks bg, el, fr" in done.err


def originals(folder: Path) -> Path:
    """As XTREME's scripts leave them: English sorted by code points, the other side as it was."""
    place = folder / "originals"
    place.mkdir(exist_ok=True)
    (place / "de-en.en").write_text("".join(f"{line}\n" for line in sorted(ENGLISH)))
    (place / "de-en.de").write_text("".join(f"{line}\n" for line in FOREIGN))
    return place


def test_tatoeba_counts_lines_as_xtreme_does(
    place: Place, evaluated: dict[str, dict[str, Any]]
) -> None:
    done = place.submit("lines", "--task", "tatoeba", "--originals", originals(place.folder))
    assert done.code == 0, done.err
    gold = (place.folder / "lines/l/tatoeba/test-de.tsv").read_text().split()
    # Code points: "10 000 dogs" (row 4), "A house" (1), "a teacher" (3), "an old house" (5),
    # "every river" (2), "the red dog" (0).
    assert gold == ["4", "1", "3", "5", "2", "0"]


def test_tatoebas_raw_files_will_do(place: Place, evaluated: dict[str, dict[str, Any]]) -> None:
    raw = place.folder / "raw" / "tatoeba"
    raw.mkdir(parents=True)
    # Another order than that of the tested rows: sentences are found by their text.
    (raw / "tatoeba.deu-eng.eng").write_text("".join(f"{line}\n" for line in ENGLISH[::-1]))
    (raw / "tatoeba.deu-eng.deu").write_text("".join(f"{line}\n" for line in FOREIGN[::-1]))
    done = place.submit("raws", "--task", "tatoeba", "--originals", raw.parent)
    assert done.code == 0, done.err
    gold = (place.folder / "raws/l/tatoeba/test-de.tsv").read_text().split()
    assert gold == ["1", "4", "2", "0", "3", "5"]


@pytest.mark.parametrize(
    ("english", "message"),
    [
        (["another", *ENGLISH[1:]], "de-en.en:1: 'another' is none of the English sentences"),
        (ENGLISH[1:], "5 sentences, but 6 were tested in de"),
    ],
)
def test_other_originals_are_refused(
    english: list[str], message: str, place: Place, evaluated: dict[str, Any], tmp_path: Path
) -> None:
    (tmp_path / "de-en.en").write_text("".join(f"{line}\n" for line in english))
    (tmp_path / "de-en.de").write_text("".join(f"{line}\n" for line in FOREIGN))
    done = place.submit("others", "--task", "tatoeba", "--originals", tmp_path)
    assert (done.code, message in done.err) == (2, True), done.err
    none = place.submit("others", "--task", "tatoeba", "--originals", tmp_path / "none")
    assert "holds neither de-en.en" in none.err
    assert not (place.folder / "others").exists()


def test_a_task_without_originals_is_refused_and_the_others_are_written(
    place: Place, evaluated: dict[str, dict[str, Any]]
) -> None:
    done = place.submit("others-only", "--task", "tatoeba", "--task", "paws_x")
    assert done.code == 1
    assert "not written: tatoeba in de was tested on google/xtreme" in done.err
    assert "Needed: --originals DIR" in done.err
    assert [path.name for path in (place.folder / "others-only" / "p").iterdir()] == ["pawsx"]
    alone = place.submit("nothing", "--task", "tatoeba")
    assert (alone.code, alone.out) == (2, "")
    assert not (place.folder / "nothing").exists()


def test_udpos_of_the_hub_is_refused(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    (place.folder / "elsewhere").mkdir()
    monkeypatch.chdir(place.folder / "elsewhere")  # without the task file of the user's own
    other = place.folder / "hub-udpos"
    asked = ("--task", "udpos", "--skip-missing", "--data", place.data, "--output", other)
    assert t2t("evaluate", "--engine", "oracle", *asked).code == 0
    done = t2t("submission", other, "--output", place.folder / "hub-p")
    assert done.code == 2
    assert "multiword tokens are split" in done.err
    assert "CoNLL-U files of Universal Dependencies 2.5" in done.err


def test_a_limited_run_is_no_submission(place: Place) -> None:
    run = place.folder / "limited"
    asked = ("--engine", "oracle", "--task", "paws_x", "--skip-missing", "--limit", 5)
    assert t2t("evaluate", *asked, "--data", place.data, "--output", run).code == 0
    done = t2t("submission", run, "--output", place.folder / "limited-p")
    assert done.code == 2
    assert "only 5 rows of each test set were tested" in done.err
    assert not (place.folder / "limited-p").exists()
    tried = t2t("submission", run, "--output", place.folder / "limited-p", "--partial")
    assert tried.code == 0
    assert len((place.folder / "limited-p/pawsx/test-en.tsv").read_text().splitlines()) == 5


def test_several_models_are_listed_and_one_is_chosen(
    place: Place, evaluated: dict[str, dict[str, Any]]
) -> None:
    place.evaluate("xquad", "--engine", "oracle")
    done = place.submit("which", "--task", "xquad")
    assert done.code == 2
    assert "several runs of xquad. Choose one: --model" in done.err
    assert "new:encoder" in done.err
    assert "oracle" in done.err
    assert place.submit("which", "--task", "xquad", "--model", "oracle").code == 0
    found, _ = place.scores("which")
    assert found["xquad"]["languages"]["de"]["exact_match"] == 100
    wrong = place.submit("wrong", "--task", "xquad", "--model", "oracel")
    assert "Did you mean 'oracle'?" in wrong.err
    assert place.submit("wrong", "--task", "xquads").code == 2


def test_a_study_names_its_runs(place: Place) -> None:
    study = write_study(
        place.folder,
        "tried",
        models=[new_model("encoder")],
        targets=["paws_x"],
        languages=["en", "es"],
        limit={"train": 8},
    )
    run = t2t("study", "run", study, "--data", place.data, "--output", place.folder / "studies")
    assert run.code == 0, run.err
    asked: dict[str, Any] = {"run": "studies/tried"}
    done = place.submit("study", **asked)
    assert done.code == 2
    assert "Choose one: --intermediate none | mnli." in done.err
    done = place.submit("study", "--intermediate", "mnli", **asked)
    assert done.code == 0, done.err
    found, _ = place.scores("study")
    cells = (place.folder / "studies/tried/cells.csv").read_text().splitlines()
    (line,) = [each for each in cells if ",mnli,paws_x,es," in each]
    assert found["pawsx"]["languages"]["es"]["accuracy"] == pytest.approx(
        float(line.split(",")[8]), abs=1e-4
    )
    for record in (place.folder / "studies/store/score").glob("*mnli*paws_x.es*/record.json"):
        record.unlink()
    lost = place.submit("lost", "--intermediate", "mnli", **asked)
    assert (lost.code, "1 numbers of the run are not there yet" in lost.err) == (2, True)
    assert place.submit("lost", "--intermediate", "mnli", "--partial", **asked).code == 0


def test_nothing_is_overwritten(place: Place, evaluated: dict[str, dict[str, Any]]) -> None:
    (place.folder / "full" / "l").mkdir(parents=True)
    (place.folder / "full" / "l" / "mine").touch()
    done = place.submit("full", "--task", "paws_x")
    assert (done.code, "not an empty directory" in done.err) == (2, True)
    assert not (place.folder / "full" / "p").exists()
    nowhere = t2t("submission", place.folder / "nowhere", "--output", place.folder / "x")
    assert (nowhere.code, "nothing was run there" in nowhere.err) == (2, True)


ROWS = {
    "xnli": [ScoredRow("0", "neutral", None), ScoredRow("1", "neutral", "neutral")],
    "pawsx": [ScoredRow("0", "paraphrase", None), ScoredRow("1", "different", "different")],
    "udpos": [ScoredRow("0", ["DET", "X"], None), ScoredRow("1", ["NOUN"], ["NOUN"])],
    "panx": [ScoredRow("0", ["B-PER", "O"], None), ScoredRow("1", ["B-LOC"], ["B-LOC"])],
    "xquad": [
        ScoredRow("a", [{"text": "Rhine", "start": 3}], None),
        ScoredRow("b", [{"text": "Köln", "start": 0}], "Köln"),
    ],
}


@pytest.mark.parametrize("name", ROWS)
def test_an_unreadable_answer_is_wrong_for_xtreme_too(name: str, tmp_path: Path) -> None:
    task = TASKS[name]
    texts = {"p": prediction_text(task, ROWS[name]), "l": label_text(task, ROWS[name])}
    for code in task.languages:
        for side, text in texts.items():
            path = tmp_path / side / name / task.file_name(code)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    found: Any = score_folders(tmp_path / "p", tmp_path / "l", print)
    one = found["tasks"][name]["languages"]["en"]
    # One of two is right; for tags, one of the two or three gold spans: R 1/2 or 1/3, P 1.
    expected = {"udpos": 50, "panx": 200 / 3}.get(name, 50)
    assert one.get("accuracy", one.get("f1")) == pytest.approx(expected)


def test_mined_pairs_below_the_threshold_are_not_submitted() -> None:
    rows = [
        ScoredRow("de-1", "en-7", "en-7"),
        ScoredRow("de-2", "en-8", "en-9", counted=False),
        ScoredRow("de-3", "", ""),
        ScoredRow("de-4", ["en-5", "en-6"], "en-5"),
    ]
    task = TASKS["bucc2018"]
    assert prediction_text(task, rows) == "de-1\ten-7\nde-4\ten-5\n"
    assert label_text(task, rows) == "de-1\ten-7\nde-2\ten-8\nde-4\ten-5\nde-4\ten-6\n"


def test_other_label_names_than_xtremes_are_refused() -> None:
    with pytest.raises(UserError, match=r"answers 'same', which is no label of XTREME's pawsx"):
        prediction_text(TASKS["pawsx"], [ScoredRow("0", "same", "same")])


def test_folders_do_not_lie_in_each_other(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="neither may lie inside the other"):
        write_folders({tmp_path / "p": {"a": "x"}, tmp_path / "p" / "l": {"a": "x"}})
    assert list(tmp_path.iterdir()) == []
