"""Sources: the mirror, the hub through its library, the microworld's seam."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from t2t_xfer.data import sources
from t2t_xfer.data.sources import HubSource, Source, SplitRef, open_source
from t2t_xfer.errors import AbsentError, DataError, UserError

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
