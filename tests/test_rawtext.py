"""Raw text for co-training: where it is read from, and what is said when it is not there."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from t2t_xfer.data.rawtext import read_documents, text_identity
from t2t_xfer.data.sources import Source, open_source
from t2t_xfer.errors import AbsentError, DataError, SpecError
from t2t_xfer.specs.data import ANY, TextSpec
from t2t_xfer.specs.load import load_yaml
from t2t_xfer.specs.study import StudySpec

MICROWORLD = open_source("microworld")


def text(root: Path = Path(), **stated: Any) -> TextSpec:
    return TextSpec.model_validate(stated, context={"root": root})


def mirror(folder: Path) -> Source:
    (folder / "hub").mkdir(exist_ok=True)
    return open_source(f"mirror:{folder / 'hub'}")


def test_a_document_is_a_line(tmp_path: Path) -> None:
    (tmp_path / "b.de.txt").write_text("drei\n")
    packed = gzip.compress(b"eins, zwei\n\n \nzwei\n")
    (tmp_path / "a.de.txt.gz").write_bytes(packed)
    spec = text(tmp_path, files="*.{language}.txt*", languages=["de"])
    assert read_documents(spec, MICROWORLD, "de") == ["eins, zwei", "zwei", "drei"]
    few = text(tmp_path, files="*.{language}.txt*", languages=["de"], documents=2)
    assert read_documents(few, MICROWORLD, "de") == ["eins, zwei", "zwei"]


def test_files_without_languages(tmp_path: Path) -> None:
    (tmp_path / "all.txt").write_text("one\n")
    spec = text(tmp_path, files=["all.txt"])
    assert spec.codes == (ANY,)
    assert read_documents(spec, MICROWORLD, ANY) == ["one"]


def test_a_column_of_rows(tmp_path: Path) -> None:
    (tmp_path / "de.jsonl").write_text('{"body": "eins"}\n{"body": " "}\n{"body": "zwei"}\n')
    spec = text(tmp_path, files="{language}.jsonl", languages=["de"], field="body")
    assert read_documents(spec, MICROWORLD, "de") == ["eins", "zwei"]
    wrong = text(tmp_path, files="{language}.jsonl", languages=["de"], field="boddy")
    with pytest.raises(DataError, match=r"de.jsonl, row 1: .*'boddy'.*Did you mean 'body'"):
        read_documents(wrong, MICROWORLD, "de")


def test_a_data_set_in_the_hubs_layout(tmp_path: Path) -> None:
    source = mirror(tmp_path)
    rows = tmp_path / "hub" / "wikimedia" / "wikipedia" / "20231101.de" / "train.jsonl"
    rows.parent.mkdir(parents=True)
    rows.write_text(json.dumps({"text": "Artikel"}) + "\n")
    hub = {"id": "wikimedia/wikipedia", "config": "20231101.{language}"}
    spec = text(hub=hub, languages=["de", "sw"])
    assert read_documents(spec, source, "de") == ["Artikel"]
    with pytest.raises(AbsentError, match=r"20231101\.sw"):
        text_identity(spec, source, "sw")


def test_the_identity_is_the_content(tmp_path: Path) -> None:
    for name, content in (("a.txt", "eins\n"), ("b.txt", "eins\n"), ("c.txt", "zwei\n")):
        (tmp_path / name).write_text(content)
    a, b, c = (
        text_identity(text(tmp_path, files=[name]), MICROWORLD, ANY)
        for name in ("a.txt", "b.txt", "c.txt")
    )
    assert a == b != c


def test_the_microworlds_documents() -> None:
    spec = text(languages=["de", "tr"], documents=500)
    german, turkish = (read_documents(spec, MICROWORLD, code) for code in ("de", "tr"))
    assert (len(german), len(turkish)) == (500, 500)
    assert german == read_documents(spec, MICROWORLD, "de")
    # Words of one language only: most German documents have an article, no Turkish one has.
    articles = {"der", "die", "das", "den", "dem", "ein", "eine", "einen", "im"}
    shares = [
        sum(bool(articles & set(document.lower().split())) for document in documents) / 500
        for documents in (german, turkish)
    ]
    assert shares[0] > 0.6
    assert shares[1] == 0
    with pytest.raises(AbsentError, match="does not speak 'ur'"):
        read_documents(text(languages=["ur"]), MICROWORLD, "ur")


def test_a_mirror_offers_its_own_raw_text(tmp_path: Path) -> None:
    source = mirror(tmp_path)
    (tmp_path / "rawtext").mkdir()
    (tmp_path / "rawtext" / "de.txt").write_text("eins\n\nzwei\n")
    spec = text(languages=["de"])
    assert read_documents(spec, source, "de") == ["eins", "zwei"]


@pytest.mark.parametrize(
    ("content", "words"),
    [(None, "cannot be read"), ("\n \n", "nothing but blank lines")],
)
def test_no_text_is_said(content: str | None, words: str, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "de.txt").write_text(content)
    spec = text(tmp_path, files="{language}.txt", languages=["de"])
    with pytest.raises(DataError, match=words):
        read_documents(spec, MICROWORLD, "de")


def test_a_pattern_that_matches_nothing_is_said(tmp_path: Path) -> None:
    spec = text(tmp_path, files="*.txt")
    with pytest.raises(DataError, match="no file has such a name"):
        read_documents(spec, MICROWORLD, ANY)


STUDY = "models: [{name: a, path: p}]\ntargets: [xnli]\n"


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("intermediates: [[mnli, text]]", "text: missing, expected this key, because `text`"),
        ("text: {languages: [de]}", "expected an intermediate with it, such as `[mnli, text]`"),
        ("intermediates: [text]", "expected a task beside raw text"),
        ("intermediates: [[mnli, text]]\ntext: {}", "expected at least one language"),
        ("intermediates: [[mnli, text]]\ntext: {languages: [de], rate: 1.0}", "less than 1"),
        (
            "intermediates: [[mnli, text]]\ntext: {languages: [de, sw], files: a.txt}",
            "expected one language, or `{language}` in the name",
        ),
        ("intermediates: [[mnli, text]]\ntext: {languages: [de], rte: 0.1}", "Did you mean 'rate'"),
    ],
)
def test_mistakes_in_a_study(lines: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(STUDY + lines + "\n")
    with pytest.raises(SpecError) as raised:
        load_yaml(path, StudySpec, tasks=["mnli", "xnli"])
    assert message in str(raised.value)


def test_text_cannot_be_a_target(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text("models: [{name: a, path: p}]\ntargets: [text]\n")
    with pytest.raises(SpecError, match="'text' can only be an intermediate"):
        load_yaml(path, StudySpec, tasks=["mnli", "xnli"])


def test_files_of_a_study_start_from_its_folder(tmp_path: Path) -> None:
    (tmp_path / "studies").mkdir()
    (tmp_path / "studies" / "de.txt").write_text("eins\n")
    path = tmp_path / "studies" / "s.yaml"
    extra = "intermediates: [[mnli, text]]\ntext: {languages: [de], files: '{language}.txt'}\n"
    path.write_text(STUDY + extra)
    study = load_yaml(path, StudySpec)
    assert study.text is not None
    assert read_documents(study.text, MICROWORLD, "de") == ["eins"]
