"""`t2t-xfer translate` with real models that know a few texts by heart."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from t2t_xfer.data.examples import read_examples
from t2t_xfer.data.sources import open_source
from t2t_xfer.errors import SpecError
from t2t_xfer.records import Answer
from t2t_xfer.specs.catalogue import Catalogue, shipped_root
from t2t_xfer.specs.load import load_yaml
from t2t_xfer.specs.model import FOLDER, load_translator
from t2t_xfer.specs.task import TaskSpec

from .studydata import Outcome, one_thread, t2t
from .translators import (
    FORCED,
    GOLD,
    continued_pairs,
    forced_pairs,
    mirror,
    teach_decoder,
    teach_encoder_decoder,
)

ROOTS = (Path(), shipped_root())
ENGLISH = {"mnli": ("premise", "hypothesis"), "squad_v1": ("question",)}


class Project(NamedTuple):
    """A mirror, a translator's file, two models and the folder that data goes to."""

    hub: Path
    forced: Path
    encoder_decoder: Path
    decoder: Path
    out: Path

    def translate(self, task: str, to: str, *more: object, model: Path | None = None) -> Outcome:
        return t2t(
            *("translate", task, "--to", to, "--model", model or self.encoder_decoder),
            *("--data", f"mirror:{self.hub}", "--output", self.out),
            *(more or ("--translator", self.forced)),
        )

    def rows(self, name: str, code: str) -> list[dict[str, Any]]:
        path = self.out / "translated" / name / code / "train.jsonl"
        return [json.loads(line) for line in path.read_text("utf-8").splitlines()]

    def record(self, name: str, code: str) -> Any:
        path = self.out / "translated" / name / code / "record.json"
        return json.loads(path.read_text("utf-8"))


@pytest.fixture(scope="module")
def taught(tmp_path_factory: pytest.TempPathFactory) -> Project:
    one_thread()
    folder = tmp_path_factory.mktemp("translators")
    forced = folder / "forced.yaml"
    forced.write_text(FORCED, encoding="utf-8")
    continues = load_translator(ROOTS, "continue")
    return Project(
        mirror(folder / "hub"),
        forced,
        teach_encoder_decoder(forced_pairs(), folder / "m2m"),
        teach_decoder(continued_pairs(continues, GOLD["de"]), folder / "llama"),
        folder,
    )


@pytest.fixture
def project(taught: Project, tmp_path: Path) -> Project:
    return taught._replace(out=tmp_path)


def test_an_encoder_decoder_translates_to_the_language_of_its_first_token(
    project: Project,
) -> None:
    done = project.translate("mnli", "de,ar")
    assert done.code == 0, done.err
    for code in ("de", "ar"):
        told = GOLD[code]
        # The row without a gold label is left out: the ids 0 and 2 of three rows stay.
        assert project.rows("mnli_mt", code) == [
            {
                "premise": told["The dog sleeps."],
                "hypothesis": told["The cat sleeps."],
                "label": 2,
                "idx": 0,
                "source_row": "0",
            },
            {
                "premise": told["Ada sees the cat."],
                "hypothesis": told["Ada sees."],
                "label": 0,
                "idx": 2,
                "source_row": "2",
            },
        ]


def test_beam_search_writes_the_same_where_the_model_is_sure(project: Project) -> None:
    beams = project.out / "beams.yaml"
    beams.write_text(FORCED.replace("forced\n", "beams\n", 1) + "beams: 3\n")
    assert project.translate("mnli", "ar", "--translator", beams).code == 0
    premises = [row["premise"] for row in project.rows("mnli_mt", "ar")]
    assert premises == [GOLD["ar"]["The dog sleeps."], GOLD["ar"]["Ada sees the cat."]]


def test_a_decoder_translates_up_to_the_end_of_the_line(project: Project) -> None:
    """It goes on writing after the translation, as models without instructions do."""
    done = project.translate("mnli", "de", "--translator", "continue", model=project.decoder)
    assert done.code == 0, done.err
    premises = [row["premise"] for row in project.rows("mnli_mt", "de")]
    assert premises == [GOLD["de"]["The dog sleeps."], GOLD["de"]["Ada sees the cat."]]


def test_answers_are_placed_in_the_translated_context_or_dropped(project: Project) -> None:
    done = project.translate("squad_v1", "de,ar")
    assert done.code == 0, done.err
    first = project.rows("squad_v1_mt", "de")[0]
    assert first["context"] == "Ada sieht die Katze. Der Hund schläft."
    # 21 characters of "Ada sieht die Katze. "
    assert first["answers"] == {"text": ["Der Hund"], "answer_start": [21]}
    assert first["question"] == "Wer schläft?"
    assert first["title"] == "Ada", "what the prompt does not show stays as it is"
    record = project.record("squad_v1_mt", "de")
    assert record["aligned"] == {"marked": 1, "found": 1}
    assert record["dropped"] == {}
    # The Arabic answer alone is another word than in the sentence.
    assert [row["id"] for row in project.rows("squad_v1_mt", "ar")] == ["a"]
    record = project.record("squad_v1_mt", "ar")
    assert record["dropped"] == {"answer_lost": 1}
    assert (record["rows"], record["translated"]) == (2, 1)
    assert "1 answer_lost" in done.out


def test_the_new_task_reads_the_rows_and_keeps_the_rest(project: Project) -> None:
    assert project.translate("squad_v1", "de").code == 0
    task = load_yaml(project.out / "tasks" / "squad_v1_mt.yaml", TaskSpec)
    source = open_source(f"mirror:{project.hub}")
    examples = read_examples(task, source, "de", "train")
    assert [each.id for each in examples] == ["a", "b"], "the English ids"
    assert examples[0].gold == (Answer("Der Hund", 21),)
    old = Catalogue(ROOTS).task("squad_v1")
    assert (task.prompt, task.metric, task.fields) == (old.prompt, old.metric, old.fields)
    assert task.train_languages == ("de",)
    assert task.contains == ("squad_v1",)


def test_the_record_says_what_made_the_rows(project: Project) -> None:
    assert project.translate("mnli", "de").code == 0
    record = project.record("mnli_mt", "de")
    identity = record["identity"]
    assert len(identity["model"]["sha256"]) == 64
    assert identity["translator"]["forced_bos"]["de"] == "<extra_id_0>"
    assert (identity["dtype"], identity["limit"]) == ("float32", None)
    assert record["pieces"] == 4, "of four texts of two rows none stands twice"


def test_a_killed_run_goes_on_where_it_stopped(project: Project, taught: Project) -> None:
    """A kill leaves whole lines, perhaps half of one more, and no rows and no record."""
    assert project.translate("mnli", "de").code == 0
    folder = project.out / "translated" / "mnli_mt"
    rows = (folder / "de" / "train.jsonl").read_bytes()
    pieces = next((folder / "pieces").iterdir())
    lines = pieces.read_bytes().splitlines(keepends=True)
    # Two pieces are done; their text is changed, so that translating them again would show.
    kept = [line.replace(b"Ada sieht", b"Ida sieht") for line in lines]
    pieces.write_bytes(b"".join(kept[:2]) + kept[2][:10])
    shutil.rmtree(folder / "de")
    done = project.translate("mnli", "de")
    assert done.code == 0, done.err
    again = pieces.read_bytes().splitlines(keepends=True)
    assert again[:2] == kept[:2]
    assert sorted(again[2:]) == sorted(lines[2:])
    changed = sum(old != new for old, new in zip(lines[:2], kept[:2], strict=True))
    assert changed, "the test has something to see"
    assert (folder / "de" / "train.jsonl").read_bytes() != rows


def test_what_is_done_is_not_done_again(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    first = project.translate("mnli", "de")

    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("a model was loaded")

    monkeypatch.setattr("t2t_xfer.translate.model.load_translating", refuse)
    again = project.translate("mnli", "de")
    assert (again.code, again.out) == (0, first.out)


def test_nothing_made_otherwise_is_overwritten(project: Project) -> None:
    assert project.translate("mnli", "de").code == 0
    before = project.rows("mnli_mt", "de")
    limited = project.translate("mnli", "de", "--translator", project.forced, "--limit", 1)
    assert limited.code == 2
    assert "other settings (limit)" in limited.err
    more = project.translate("mnli", "de,ar")
    assert more.code == 2
    assert "mnli_mt.yaml is there and says something else" in more.err
    assert project.rows("mnli_mt", "de") == before
    assert not (project.out / "translated" / "mnli_mt" / "ar").exists()


def test_a_text_that_is_too_long_and_a_translation_without_end_are_counted(
    project: Project,
) -> None:
    """`The dog sleeps.` and its end are 5 tokens or more; nothing is shortened."""
    short = project.out / "short.yaml"
    short.write_text(FORCED.replace("forced\n", "short\n", 1) + "max_input_tokens: 2\n")
    done = project.translate("mnli", "de", "--translator", short)
    assert done.code == 2
    assert "none of the 2 rows of mnli could be translated: 2 too_long" in done.err
    cut = project.out / "cut.yaml"
    cut.write_text(FORCED.replace("forced\n", "cut\n", 1) + "max_new_tokens: 2\n")
    done = project.translate("mnli", "de", "--translator", cut)
    assert "2 cut" in done.err
    assert not (project.out / "tasks").exists()


@pytest.mark.parametrize(
    ("task", "to", "message"),
    [
        ("mnli", "de,en", "--to en: the training rows are in en already"),
        ("mnli", "xx", "--to xx: unknown language."),
        ("mnli", "german", "Did you mean 'de'?"),
        ("mnli", "de,de", "de stands there twice"),
        ("mnli", ",", "names no language"),
        ("mnli", "de,ru", "the translator 'forced' names no token for this language"),
        ("udpos", "de", "cannot be translated, because its tags belong to the words"),
        ("tatoeba", "de", "its rows are pairs"),
        ("mnli_translated", "de", "its rows are translations already"),
    ],
)
def test_what_cannot_work_is_refused_in_a_paragraph(
    project: Project, task: str, to: str, message: str
) -> None:
    done = project.translate(task, to)
    assert done.code == 2
    assert message in done.err
    assert len(done.err.strip().splitlines()) == 1
    assert not list(project.out.iterdir()), "nothing is written"


def test_models_and_translators_that_do_not_fit_are_refused(project: Project) -> None:
    unknown = project.translate("mnli", "de", "--translator", "nlb")
    assert "unknown translator 'nlb'. Did you mean 'nllb'?" in unknown.err
    strange = project.translate("mnli", "de", "--translator", "nllb")
    assert "'deu_Latn', which the tokenizer of" in strange.err
    chat = project.translate("mnli", "de", "--translator", "instruct")
    assert "speaks through a chat template" in chat.err
    decoder = project.translate("mnli", "de", "--translator", project.forced, model=project.decoder)
    assert "is a decoder, but the translator 'forced' forces" in decoder.err
    assert {unknown.code, strange.code, chat.code, decoder.code} == {2}


def test_xnli_is_translated_by_the_rows_that_train_it(project: Project) -> None:
    done = project.translate("xnli", "de")
    assert done.code == 0
    assert "xnli is trained on mnli: its rows are translated." in done.err
    assert project.rows("mnli_mt", "de")


@pytest.mark.parametrize(
    "path", sorted((shipped_root() / FOLDER).glob("*.yaml")), ids=lambda p: p.stem
)
def test_every_shipped_translator_loads(path: Path) -> None:
    spec = load_translator(ROOTS, path.stem)
    assert spec.translator == path.stem
    assert "en" not in spec.forced_bos
    tokens = list(spec.forced_bos.values())
    assert len(set(tokens)) == len(tokens)


def test_a_translator_with_one_mark_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "one.yaml"
    path.write_text('marks: ["*"]\n')
    with pytest.raises(SpecError, match=r"one\.yaml:1.*two marks"):
        load_translator((), str(path))
