"""Raw text beside tasks: where it stands in the stream, what its rows are, what the plan says."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from t2t_xfer.architectures.loading import LoadedModel, wrap
from t2t_xfer.architectures.micro import new_model as make_model
from t2t_xfer.architectures.micro import train_tokenizer
from t2t_xfer.errors import DataError, UserError
from t2t_xfer.records import ArchitectureName
from t2t_xfer.specs.catalogue import Catalogue
from t2t_xfer.stages.base import Stage
from t2t_xfer.stages.context import Context
from t2t_xfer.study.plan import plan_study
from t2t_xfer.training.mixture import Mixture, Part, StreamPlace
from t2t_xfer.training.objectives import CoTrained, TextRows

from .studydata import ARCHITECTURES, make_mirror, new_model, one_thread, t2t, write_study

SENTENCE = "the old dog sees a red house and every teacher paints three rivers near this garden"
WORDS = SENTENCE.split()
DOCUMENTS = {
    "en": [" ".join(WORDS[i : i + 5]) for i in range(8)],
    "de": [" ".join(WORDS * 6), "der Hund"],
}


def one_task(rate: str, size: int = 50) -> CoTrained:
    return CoTrained(Mixture.of_one(size, seed=0), Fraction(rate), "mnli")


def texts_in(stream: CoTrained, start: int, count: int) -> int:
    return sum(stream.name_of(place) == "text" for place in stream.places(start, count))


def test_every_step_has_its_share_of_text() -> None:
    # 32 × 0.1 = 3.2 places a step: 3 in most steps, 4 in every fifth
    steps = [texts_in(one_task("0.1"), 32 * step, 32) for step in range(10)]
    assert steps == [3, 3, 3, 3, 4, 3, 3, 3, 3, 4]


def test_the_tasks_keep_their_order_and_their_passes() -> None:
    plain = Mixture.of_one(50, seed=0)
    stream = one_task("0.15")
    # 50 / 0.85 = 58.8: of the first 58 places 8 are text, so 50 are the task's
    assert stream.epoch_length == 58
    own = [place for place in stream.places(0, 58) if stream.name_of(place) == "mnli"]
    assert own == plain.places(0, 50)


def test_text_beside_a_mixture_of_tasks() -> None:
    tasks = Mixture([Part("mnli", 30), Part("udpos", 10)], "equal", seed=3)
    stream = CoTrained(tasks, Fraction("0.5"), "mnli")
    assert stream.epoch_length == 79  # place 79, the 80th, would be the fortieth text
    drawn = [stream.name_of(place) for place in stream.places(0, 60)]
    assert stream.counts(60) == {name: drawn.count(name) for name in ("mnli", "udpos", "text")}
    assert stream.counts(60)["text"] == 30
    assert [stream.name_of(place) for place in stream.first_of_each()][-1] == "text"


def test_the_stream_can_be_entered_anywhere() -> None:
    whole = one_task("0.3").places(0, 200)
    assert one_task("0.3").places(117, 50) == whole[117:167]
    texts = [place for place in whole if place.task == 1]
    assert texts == [StreamPlace(1, number, 0) for number in range(60)]


def loaded_model(architecture: ArchitectureName) -> LoadedModel:
    one_thread()
    tokenizer = train_tokenizer([d for each in DOCUMENTS.values() for d in each], 500, architecture)
    sizes = {"hidden": 32, "layers": 1, "heads": 2}
    model = make_model(architecture, len(tokenizer), **sizes, seed=0)
    return wrap(model, tokenizer, 64)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_text_row_is_a_function_of_seed_and_number(architecture: ArchitectureName) -> None:
    loaded = loaded_model(architecture)
    first = TextRows(DOCUMENTS, loaded.architecture, 24, seed=1)
    rows = [first.row(number) for number in range(20)]
    again = TextRows(DOCUMENTS, loaded.architecture, 24, seed=1)
    assert [again.row(number) for number in (17, 3)] == [rows[17], rows[3]]
    other = TextRows(DOCUMENTS, loaded.architecture, 24, seed=2)
    assert [other.row(number) for number in range(20)] != rows
    assert len({row.input_ids for row in rows}) > 10
    # Languages take turns; a short document is filled up with those that follow it.
    assert [row.id.split(":")[1] for row in rows[:4]] == ["en", "de", "en", "de"]
    assert max(len(row.input_ids) for row in rows) <= 24
    assert all(row.labels for row in rows)
    assert first.counts(5) == {"en": 3, "de": 2}


def test_a_causal_row_is_full_and_reads_whole_documents() -> None:
    loaded = loaded_model("causal")
    codec = loaded.architecture.codec
    rows = TextRows({"en": DOCUMENTS["en"]}, loaded.architecture, 24, seed=0)
    row = rows.row(0)
    ids = [*row.input_ids, row.labels[-1]]
    assert len(ids) == 24  # the start token and 23 of text
    inside = ids[len(codec.prefix) :]
    document = inside[: inside.index(codec.special("eos"))]
    assert codec.tokenizer.decode(document) in DOCUMENTS["en"]


def test_too_little_text_is_said() -> None:
    loaded = loaded_model("encoder")
    with pytest.raises(DataError, match=r"raw text 'en': there is too little text"):
        TextRows({"en": ["a"]}, loaded.architecture, 24, seed=0).row(0)


TEXT = {"languages": ["de", "es"], "rate": 0.25, "row_tokens": 48}


def planned(folder: Path, text: Any, **changes: Any) -> list[Stage]:
    changes = {"intermediates": ["mnli", ["mnli", "text"]], "text": text, **changes}
    models = [new_model("encoder")]
    study = write_study(folder, models=models, targets=["udpos"], languages=["en"], **changes)
    catalogue = Catalogue()
    context = Context(catalogue, f"mirror:{folder / 'hub'}")
    return [*plan_study(catalogue.study(study), context).stages]


def mixed(stages: list[Stage]) -> Stage:
    (stage,) = [s for s in stages if s.kind == "train" and "text" in s.spec]
    return stage


def test_text_belongs_to_the_intermediate_alone(tmp_path: Path) -> None:
    make_mirror(tmp_path)
    labels = {s.label for s in planned(tmp_path, TEXT) if s.kind == "train"}
    assert labels == {
        "tiny-encoder>mnli@0",
        "tiny-encoder>mnli>udpos@0",
        "tiny-encoder>mnli+text@0",
        "tiny-encoder>mnli+text>udpos@0",
    }


def test_what_text_says_is_identity_and_where_it_lies_is_not(tmp_path: Path) -> None:
    make_mirror(tmp_path)
    raw, moved = tmp_path / "raw", tmp_path / "moved"
    for folder in (raw, moved):
        folder.mkdir()
        for code in ("de", "es"):
            (folder / f"{code}.txt").write_text(f"eins\nzwei {code}\n")
    base = mixed(planned(tmp_path, {**TEXT, "files": "raw/{language}.txt"})).digest
    assert mixed(planned(tmp_path, {**TEXT, "files": "moved/{language}.txt"})).digest == base
    for change in ({"rate": 0.2}, {"languages": ["de"]}, {"row_tokens": 32}, {"documents": 1}):
        changed = planned(tmp_path, {**TEXT, "files": "raw/{language}.txt", **change})
        assert mixed(changed).digest != base, change
    (raw / "es.txt").write_text("eins\nzwei\n")
    assert mixed(planned(tmp_path, {**TEXT, "files": "raw/{language}.txt"})).digest != base


def test_rows_of_text_longer_than_inputs_are_refused(tmp_path: Path) -> None:
    make_mirror(tmp_path)
    with pytest.raises(UserError, match="row_tokens is 300, but max_input_tokens is 96"):
        planned(tmp_path, {**TEXT, "row_tokens": 300})


@pytest.mark.parametrize(
    ("model", "adapter"),
    [("encoder", "none"), ("seq2seq", "none"), ("causal", "none"), ("encoder", "lora")],
)
def test_train_with_text_says_how_much_of_it(model: str, adapter: str, tmp_path: Path) -> None:
    one_thread()
    hub = make_mirror(tmp_path)
    settings = tmp_path / "training.yaml"
    settings.write_text("{steps: 5, examples_per_step: 8, max_input_tokens: 96}")
    outcome = t2t(
        *("train", "--model", f"new:{model}", "--task", "mnli", "--adapter", adapter),
        *("--text", tmp_path / "rawtext" / "{language}.txt.gz", "--text-rate", "0.25"),
        *("--text-language", "de", "--text-language", "es", "--training", settings),
        *("--data", f"mirror:{hub}", "--output", tmp_path / "out", "--json"),
    )
    assert outcome.code == 0, outcome.err
    told = json.loads(outcome.out.splitlines()[-1])
    # 40 examples, a quarter of them text, the two languages in turn
    assert told["examples_of"] == {"mnli": 30, "text": 10}
    assert told["text_examples_of"] == {"de": 5, "es": 5}
    assert told["text_documents"] == {"de": 60, "es": 60}
    losses = Path(told["checkpoint"]).with_name("losses.jsonl").read_text().splitlines()
    for line in map(json.loads, losses):
        # 2 of the 8 examples of every step are text, so the step's loss is the mean by counts
        expected = (6 * line["parts"]["mnli"] + 2 * line["parts"]["text"]) / 8
        assert line["loss"] == pytest.approx(expected, rel=1e-5)
    assert told["final_loss_of"].keys() == {"mnli", "text"}


def test_a_study_with_text_in_an_intermediate(tmp_path: Path) -> None:
    one_thread()
    hub = make_mirror(tmp_path)
    study = write_study(
        tmp_path,
        models=[new_model("causal")],
        intermediates=["none", ["mnli", "text"]],
        targets=["paws_x"],
        languages=["en", "de"],
        text={"languages": ["de"], "rate": 0.25},
    )
    out = tmp_path / "out"
    outcome = t2t("study", "run", study, "--data", f"mirror:{hub}", "--output", out)
    assert outcome.code == 0, outcome.err
    assert ",mnli+text,paws_x,de," in (out / "small" / "cells.csv").read_text()


def test_the_rate_alone_is_refused() -> None:
    outcome = t2t("train", "--model", "new:causal", "--task", "mnli", "--text-rate", "0.1")
    assert outcome.code == 2
    assert "--text-rate needs --text FILE or --text-language CODE" in outcome.err
