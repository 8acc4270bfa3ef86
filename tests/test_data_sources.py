"""Sources: the mirror, the hub through its library, the microworld; and shipped tasks on them."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from t2t_xfer.data import sources
from t2t_xfer.data.examples import missing_languages, read_examples
from t2t_xfer.data.sources import HubSource, Source, SplitRef, open_source
from t2t_xfer.errors import AbsentError, DataError, UserError
from t2t_xfer.records import Example, Split
from t2t_xfer.specs.catalogue import Catalogue
from t2t_xfer.specs.task import TaskSpec

DE = SplitRef("facebook/xnli", "de", "test")


@pytest.fixture
def mirror(tmp_path: Path) -> Source:
    folder = tmp_path / "hub" / "facebook" / "xnli"
    for config in ("de", "fr"):
        (folder / config).mkdir(parents=True)
    (folder / "de" / "test.jsonl").write_text('{"label": 0}\n{"label": 1}\n')
    (folder / "fr" / "test.jsonl.gz").write_bytes(gzip.compress(b'{"label": 2}\n'))
    (tmp_path / "hub" / "rawtext").mkdir()
    (tmp_path / "rawtext").mkdir()
    (tmp_path / "hub" / "rawtext" / "de.txt").write_text("Eins.\n\n \nZwei.\n")
    (tmp_path / "rawtext" / "fr.txt.gz").write_bytes(gzip.compress("Un\u2028Deux.\n".encode()))
    return open_source(f"mirror:{tmp_path / 'hub'}")


def test_mirror_reads_plain_and_packed(mirror: Source) -> None:
    assert mirror.name == "mirror"
    assert list(mirror.rows(DE)) == [{"label": 0}, {"label": 1}]
    assert list(mirror.rows(SplitRef("facebook/xnli", "fr", "test"))) == [{"label": 2}]
    assert mirror.configs("facebook/xnli") == ["de", "fr"]
    assert mirror.configs("facebook/nothing") is None
    assert mirror.splits("facebook/xnli", "fr") == ["test"]
    assert mirror.splits("facebook/xnli", "sw") == []
    assert mirror.has(DE)
    assert not mirror.has(SplitRef("facebook/xnli", "sw", "test"))


@pytest.mark.parametrize(
    ("ref", "message"),
    [
        (SplitRef("facebook/xnl", "de", "test"), "no data set .* Did you mean 'facebook/xnli'"),
        (SplitRef("facebook/xnli", "dee", "test"), "no configuration 'dee'. Did you mean 'de'"),
        (SplitRef("facebook/xnli", "sw", "test"), "facebook/xnli has here: de, fr"),
        (SplitRef("facebook/xnli", "de", "tst"), "no split 'tst'. Did you mean 'test'"),
    ],
)
def test_mirror_names_what_is_absent(mirror: Source, ref: SplitRef, message: str) -> None:
    for ask in (mirror.rows, mirror.fingerprint):
        with pytest.raises(AbsentError, match=message):
            ask(ref)


def test_mirror_fingerprint_follows_the_content(mirror: Source, tmp_path: Path) -> None:
    path = tmp_path / "hub" / "facebook" / "xnli" / "de" / "test.jsonl"
    first = mirror.fingerprint(DE)
    assert first == mirror.fingerprint(DE)
    path.write_text('{"label": 0}\n{"label": 1}\n{"label": 2}\n')
    assert mirror.fingerprint(DE) != first


def test_mirror_text_lies_inside_or_beside(mirror: Source) -> None:
    assert list(mirror.text("de")) == ["Eins.", "Zwei."]
    assert list(mirror.text("fr")) == ["Un\u2028Deux."]
    assert len({mirror.text_fingerprint("de"), mirror.text_fingerprint("fr")}) == 2
    with pytest.raises(AbsentError, match=r"no raw text in 'sw': expected sw\.txt"):
        mirror.text("sw")


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("huub", "Did you mean 'hub'"),
        ("mirror", "Write the folder after it"),
        ("mirror:", "Write the folder after it"),
        ("mirror:/no/such/folder", "no such folder"),
        ("", "expected hub, mirror:DIR or microworld"),
        ("hub:x", "expected hub, mirror:DIR or microworld"),
    ],
)
def test_unknown_source_is_the_users_error(spec: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        open_source(spec)


def test_microworld_rows_text_and_fingerprint(monkeypatch: pytest.MonkeyPatch) -> None:
    made = {("facebook/xnli", "de", "test"): [{"label": 0}]}
    stand_in = SimpleNamespace(
        rows=lambda id, config, split: made.get((id, config, split)),
        configs=lambda id: ["de"] if id == "facebook/xnli" else [],
        splits=lambda id, config: ["test"] if (id, config) == ("facebook/xnli", "de") else [],
        text=lambda language: ["Eins."] if language == "de" else None,
        FINGERPRINT="1-abc",
    )
    monkeypatch.setattr(sources, "microworld", stand_in)
    source = open_source("microworld")
    assert list(source.rows(DE)) == [{"label": 0}]
    assert source.fingerprint(DE) == "1-abc:facebook/xnli/de/test"
    assert source.configs("facebook/xnli") == ["de"]
    assert source.configs("facebook/other") is None
    assert list(source.text("de")) == ["Eins."]
    assert source.text_fingerprint("de") == "1-abc:text/de"
    with pytest.raises(AbsentError, match="does not speak 'sw'"):
        source.text("sw")
    for ask in (source.rows, source.fingerprint):
        with pytest.raises(AbsentError, match="has there: de"):
            ask(SplitRef("facebook/xnli", "fr", "test"))
        with pytest.raises(AbsentError, match="no split 'train' of facebook/xnli/de"):
            ask(SplitRef("facebook/xnli", "de", "train"))


HUB_CARD = """---
configs:
- config_name: de
  data_files: [{split: test, path: de/test.jsonl}]
dataset_info:
- config_name: de
  features:
  - {name: tokens, sequence: string}
  - {name: label, dtype: {class_label: {names: {'0': entailment, '1': neutral}}}}
---
"""


@pytest.fixture
def hub_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A data set in the hub's own form: `datasets` reads a folder as it reads a repository."""
    datasets = pytest.importorskip("datasets")
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "sets" / "xnli"
    (folder / "de").mkdir(parents=True)
    (folder / "README.md").write_text(HUB_CARD)
    (folder / "de" / "test.jsonl").write_text('{"tokens": ["a b", "c"], "label": "neutral"}\n')
    return str(folder)


def test_hub_gives_class_labels_as_integers(hub_set: str) -> None:
    source, ref = HubSource(), SplitRef(hub_set, "de", "test")
    assert list(source.rows(ref)) == [{"tokens": ("a b", "c"), "label": 1}]
    assert list(source.rows(ref)) == [{"tokens": ("a b", "c"), "label": 1}]
    assert source.has(ref)
    assert source.configs(hub_set) == ["de"]
    assert source.splits(hub_set, "de") == ["test"]
    names = source.class_names(hub_set, "de")
    assert names["label"][1] == "neutral"
    assert "tokens" not in names


def test_hub_fingerprint_is_id_at_commit(hub_set: str) -> None:
    resolved = HubSource().fingerprint(SplitRef(hub_set, "de", "test"))
    assert resolved.startswith(f"{hub_set}@")
    assert resolved == HubSource().fingerprint(SplitRef(hub_set, "de", "test"))
    commit = "0123456789abcdef0123456789abcdef01234567"
    assert HubSource().fingerprint(SplitRef("a/b", "de", "test", commit)) == f"a/b@{commit}"


@pytest.mark.parametrize(
    ("config", "split", "message"),
    [("d", "test", "Did you mean 'de'"), ("de", "tests", "Did you mean 'test'")],
)
def test_hub_names_what_is_absent(hub_set: str, config: str, split: str, message: str) -> None:
    ref = SplitRef(hub_set, config, split)
    assert not HubSource().has(ref)
    with pytest.raises(AbsentError, match=message):
        HubSource().rows(ref)


def test_hub_unreadable_set_is_named(hub_set: str) -> None:
    (Path(hub_set) / "de" / "test.jsonl").write_text('{"tokens": ')
    with pytest.raises(DataError, match="`datasets` cannot read it"):
        HubSource().rows(SplitRef(hub_set, "de", "test"))
    with pytest.raises(DataError, match="cannot"):
        HubSource().rows(SplitRef("/no/such/set", "de", "test"))


def test_hub_set_that_needs_code_is_named_with_a_way_out(tmp_path: Path) -> None:
    pytest.importorskip("datasets")
    folder = tmp_path / "cosmos"
    folder.mkdir()
    (folder / "cosmos.py").write_text("raise SystemExit\n")
    with pytest.raises(DataError, match="refs/convert/parquet"):
        HubSource().rows(SplitRef(str(folder), "default", "train"))


def test_hub_has_no_raw_text() -> None:
    for ask in (HubSource().text, HubSource().text_fingerprint):
        with pytest.raises(AbsentError, match="mirror:DIR"):
            ask("de")


def test_hub_offline_says_what_to_do(tmp_path: Path) -> None:
    """In a process of its own: the library reads HF_HUB_OFFLINE when it is imported."""
    code = (
        "from t2t_xfer.data.sources import SplitRef, open_source\n"
        "from t2t_xfer.errors import AbsentError, DataError\n"
        "source, ref = open_source('hub'), SplitRef('facebook/xnli', 'de', 'test')\n"
        "assert source.configs('facebook/xnli') is None\n"
        "for ask in (source.rows, source.has, source.fingerprint):\n"
        "    try: ask(ref)\n"
        "    except DataError as error: assert not isinstance(error, AbsentError); print(error)\n"
    )
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("Use --data mirror:DIR") == 3


LABELS = {
    "mnli": {"entailment", "neutral", "contradiction"},
    "xnli": {"entailment", "neutral", "contradiction"},
}


@pytest.fixture(scope="module")
def real(shared_hub: Path) -> Source:
    return open_source(f"mirror:{shared_hub}")


def shipped(name: str) -> TaskSpec:
    return Catalogue().task(name)


def languages_of(task: TaskSpec, source: Source, split: Split) -> Iterator[list[Example]]:
    absent = missing_languages(task, source, task.languages, split)
    for language in task.languages:
        if language not in absent:
            yield read_examples(task, source, language, split)


@pytest.mark.parametrize("name", ["mnli", "xnli"])
def test_nli_labels_in_every_language(real: Source, name: str) -> None:
    task = shipped(name)
    split: Split = "test" if name == "xnli" else "validation"
    languages = list(languages_of(task, real, split))
    assert languages
    for examples in languages:
        assert {each.gold for each in examples} == LABELS[name]
        assert all(set(each.fields) >= {"premise", "hypothesis"} for each in examples)


@pytest.mark.parametrize("name", ["xnli", "paws_x"])
def test_parallel_ids_have_the_same_gold_in_every_language(real: Source, name: str) -> None:
    """The rows are translations of one another, so equal ids must mean equal labels."""
    read = languages_of(shipped(name), real, "test")
    languages = [{each.id: each.gold for each in examples} for examples in read]
    assert len(languages) >= 5
    assert all(golds == languages[0] for golds in languages)


def test_limit_keeps_translations_together(real: Source) -> None:
    task = shipped("paws_x")
    few = [read_examples(task, real, language, "test", 50) for language in ("en", "de", "zh")]
    assert len({tuple(each.id for each in examples) for examples in few}) == 1
    assert len(few[0]) == 50


def test_udpos_has_a_tag_for_every_word(real: Source) -> None:
    task = shipped("udpos")
    inner_spaces = 0
    for examples in languages_of(task, real, "test"):
        for each in examples:
            words = each.fields["words"]
            assert isinstance(words, tuple)
            assert isinstance(each.gold, tuple)
            assert len(words) == len(each.gold)
            inner_spaces += any(" " in str(word) for word in words)
    assert inner_spaces > 100  # words such as "10 000" are kept whole


def test_english_trains_and_german_does_not(real: Source) -> None:
    task = shipped("udpos")
    assert len(read_examples(task, real, "en", "train", 100)) == 100
    assert len(read_examples(task, real, "en", "validation", 100)) == 100
    for split in ("train", "validation"):
        with pytest.raises(DataError, match="zero-shot"):
            read_examples(task, real, "de", split)


def test_language_left_out_of_the_data_is_named(real: Source) -> None:
    task = shipped("udpos")
    absent = missing_languages(task, real, task.languages, "test")
    if not absent:
        pytest.skip("this mirror has every language")
    with pytest.raises(AbsentError, match=r"no configuration 'udpos\."):
        read_examples(task, real, absent[0], "test")


@pytest.mark.parametrize("name", ["mnli", "xnli", "paws_x", "udpos"])
def test_microworld_serves_the_same_tasks(name: str) -> None:
    task, source = shipped(name), open_source("microworld")
    assert len(read_examples(task, source, "en", "validation", 10)) == 10
    for examples in languages_of(task, source, "test"):
        assert all(each.gold for each in examples)


def test_raw_text_is_there(real: Source) -> None:
    try:
        lines = real.text("de")
    except AbsentError:
        pytest.skip("this mirror has no raw text")
    assert next(lines).strip()
