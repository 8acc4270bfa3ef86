"""Identity, records, and a store that survives kills, damage and company."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from t2t_xfer.records import Json
from t2t_xfer.stages.base import Stage, canonical_json, identity, slug
from t2t_xfer.study.record import read_record
from t2t_xfer.study.store import Store, StoreError

from .made_stages import made


def make_stage(
    label: str = "micro+mnli>paws_x", seed: int = 0, kind: str = "score", **told: Any
) -> Stage:
    return made(kind, label, version=seed, **told)


def finish(store: Store, stage: Stage, text: str = "forty-two bytes of result") -> Path:
    work = store.begin(stage)
    (work / "weights").mkdir(exist_ok=True)
    (work / "weights" / "a b.bin").write_text(text)
    (work / "log.jsonl").write_text("{}\n")
    store.commit(stage, {"score": 71.25, "device": "cpu"}, 1.5)
    return store.path(stage.id)


def test_the_id_of_a_stage_never_changes() -> None:
    """A literal. If it changes, every store of every user is worth nothing: do not adjust the
    expectation, find what changed the canonical text or the hash.
    """
    spec: dict[str, Json] = {"version": 1, "learning_rate": 1e-05, "seed": 0}
    spec["prompt"] = "Prämisse: {{ x }}"
    assert identity("model", spec, {}) == "733f12765042"
    needs = {"checkpoint": "model/base-733f12765042"}
    assert identity("score", spec, needs) == "0801b7d56f9d"
    assert make_stage("a>b", needs=needs).id == f"score/a-to-b-{make_stage(needs=needs).digest}"


def test_canonical_json_is_one_text() -> None:
    value = {"b": (1, 1.0, 1e-05, 1e22, 0.1), "a": {"ü": None, "z": [True, "\n"]}}
    text = '{"a":{"z":[true,"\\n"],"ü":null},"b":[1,1.0,1e-05,1e+22,0.1]}'
    assert canonical_json(value) == text
    assert canonical_json(json.loads(text)) == text


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {1: "a"}, {"a": {1}}, "\ud800"])
def test_canonical_json_refuses_what_has_no_one_text(value: object) -> None:
    with pytest.raises((ValueError, TypeError)):
        canonical_json(value)


def test_only_spec_and_needs_make_the_identity() -> None:
    base, renamed = make_stage("base", kind="model"), make_stage("renamed", kind="model")
    stage = make_stage(needs={"checkpoint": base.id})
    same = make_stage("other", needs={"checkpoint": renamed.id}, how={"path": "/elsewhere"})
    assert stage.digest == same.digest
    others = [
        make_stage(),
        make_stage(needs={"teacher": base.id}),
        make_stage(needs={"checkpoint": make_stage("base", kind="model", seed=1).id}),
        make_stage(seed=1, needs={"checkpoint": base.id}),
        make_stage(kind="predict", needs={"checkpoint": base.id}),
    ]
    assert len({stage.digest, *(other.digest for other in others)}) == 6


@pytest.mark.parametrize(
    ("label", "name"),
    [("a+b>c", "a+b-to-c"), ("x/../y z", "x-..-y-z"), ("..", "stage"), ("模型", "stage")],
)
def test_labels_become_plain_names(label: str, name: str) -> None:
    assert slug(label) == name
    assert len(slug(label * 100)) <= 80


@pytest.mark.parametrize("bad", ["score/../../etc-0123456789ab", "score/x", "wine/x-0123456789ab"])
def test_only_stage_ids_become_paths(tmp_path: Path, bad: str) -> None:
    with pytest.raises(ValueError, match="not a stage id"):
        Store(tmp_path).path(bad)


def test_how_holds_nothing_but_what_it_names() -> None:
    """It goes into the record, where no secret belongs."""
    with pytest.raises(ValueError, match="hf_token"):
        make_stage(how={"hf_token": "hf_abc"})


def test_a_commit_can_be_read_back(tmp_path: Path) -> None:
    store, stage = Store(tmp_path / "store"), make_stage(how={"data": "mirror:x"})
    assert store.record(stage.id) is None
    folder = finish(store, stage)
    record = Store(tmp_path / "store").record(stage.id)
    assert record is not None
    assert record.results == {"score": 71.25, "device": "cpu"}
    assert list(record.files) == ["log.jsonl", "weights/a b.bin"]
    assert {"python", "t2t_xfer", "torch", "transformers"} <= set(record.versions)
    assert (record.stage_id, record.seconds, record.how) == (stage.id, 1.5, {"data": "mirror:x"})
    assert store.verify(stage.id) == []
    assert list((tmp_path / "store" / ".work").iterdir()) == []
    assert sorted(path.name for path in folder.iterdir()) == ["log.jsonl", "record.json", "weights"]


def test_a_moved_store_is_whole(tmp_path: Path) -> None:
    """Paths in a record are relative."""
    stage = make_stage()
    finish(Store(tmp_path / "here"), stage)
    os.rename(tmp_path / "here", tmp_path / "there")
    assert Store(tmp_path / "there").record(stage.id) is not None
    assert (
        str(tmp_path) not in (Store(tmp_path / "there").path(stage.id) / "record.json").read_text()
    )


def test_a_result_is_found_under_another_label(tmp_path: Path) -> None:
    store = Store(tmp_path)
    folder = finish(store, make_stage("first name"))
    renamed = make_stage("second name")
    assert store.path(renamed.id) == folder
    assert store.record(renamed.id) is not None


def edit_results(folder: Path) -> None:
    path = folder / "record.json"
    path.write_text(path.read_text().replace("71.25", "91.25"))


def cut_record(folder: Path) -> None:
    path = folder / "record.json"
    path.write_bytes(path.read_bytes()[:-40])


def swap_record(folder: Path) -> None:
    other = finish(Store(folder.parent.parent), make_stage(seed=9))
    (folder / "record.json").write_bytes((other / "record.json").read_bytes())


def record_as_folder(folder: Path) -> None:
    (folder / "record.json").unlink()
    (folder / "record.json" / "inside").mkdir(parents=True)


def stage_as_file(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.write_text("")


def file_as_folder(folder: Path) -> None:
    (folder / "log.jsonl").unlink()
    (folder / "log.jsonl").mkdir()


def flip_byte(folder: Path) -> None:
    (folder / "weights" / "a b.bin").write_text("forty-two bytes of resulT")


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (cut_record, "damaged"),
        (edit_results, "checksum does not fit"),
        (swap_record, "another stage"),
        (lambda folder: (folder / "record.json").write_text("[]"), "damaged"),
        (lambda folder: (folder / "record.json").write_bytes(b"\xff"), "damaged"),
        (lambda folder: (folder / "record.json").write_text("[" * 100_000), "damaged"),
        (record_as_folder, "record.json is a directory"),
        (stage_as_file, "record.json is missing"),
        (flip_byte, "weights/a b.bin does not have its checksum"),
        (file_as_folder, "log.jsonl is a directory"),
        (lambda folder: (folder / "log.jsonl").unlink(), "log.jsonl is missing"),
        (lambda folder: (folder / "log.jsonl").write_text("{"), "log.jsonl has 1 bytes, not 3"),
    ],
)
def test_damage_is_named_and_counts_as_not_done(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, damage: object, words: str
) -> None:
    store, stage = Store(tmp_path), make_stage()
    damage(finish(store, stage))  # type: ignore[operator]
    assert store.record(stage.id) is None
    assert words in caplog.text or damage is stage_as_file
    assert words in "\n".join(store.verify(stage.id))
    finish(store, stage)  # and is replaced by doing it again
    assert store.verify(stage.id) == []


def test_verify_finds_a_flipped_byte_and_a_stranger(tmp_path: Path) -> None:
    store, stage = Store(tmp_path), make_stage(kind="train")
    folder = finish(store, stage)
    flip_byte(folder)
    (folder / "extra.json").write_text("{}")
    assert store.record(stage.id) is not None  # of weights only the size is looked at
    problems = store.verify(stage.id)
    assert problems[0].startswith("weights/a b.bin does not have its checksum")
    assert problems[1] == "extra.json is not in the record"
    assert store.verify(make_stage(seed=3).id)[0].endswith("record.json is missing")


def test_what_was_found_whole_is_not_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run with nothing to do reads no log twice, and sees a change that kept size and time."""
    folder = finish(Store(tmp_path), make_stage())
    monkeypatch.setattr("t2t_xfer.study.store.TICK", 0)
    first = Store(tmp_path)
    assert first.record(make_stage().id) is not None
    first.keep_seals()
    with monkeypatch.context() as patch:
        patch.setattr("t2t_xfer.study.store.sum_problem", lambda *_: pytest.fail("it was read"))
        assert Store(tmp_path).record(make_stage().id) is not None
    log = folder / "log.jsonl"
    before = log.stat()
    log.write_text("[]\n")
    os.utime(log, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert Store(tmp_path).record(make_stage().id) is None


@pytest.mark.parametrize("index", ["", "[]", "[" * 100_000, '{"score/x": 3}'])
def test_an_index_that_cannot_be_read_is_none(tmp_path: Path, index: str) -> None:
    finish(Store(tmp_path), make_stage())
    (tmp_path / ".seals.json").write_text(index)
    assert Store(tmp_path).record(make_stage().id) is not None


@pytest.mark.parametrize("name", ["n" * 300, "/".join(["n" * 200] * 30)])
def test_a_place_with_too_long_a_name_is_said(tmp_path: Path, name: str) -> None:
    with pytest.raises(StoreError, match="the path is too long"):
        finish(Store(tmp_path / name), make_stage())
    with pytest.raises(StoreError, match="the path is too long"):
        Store(tmp_path / name).record(make_stage().id)


def test_what_dead_processes_left_is_swept(tmp_path: Path) -> None:
    store, running, dead = Store(tmp_path), make_stage(), make_stage(seed=1)
    finish(store, make_stage(seed=2))
    held = Store(tmp_path)
    held.begin(running)
    work = tmp_path / ".work"
    names = [f".{stage.digest}.progress.host-1.tmp" for stage in (running, dead)]
    names += [f"{dead.digest}.progress.77.tmp", f"{dead.digest}.progress"]
    for name in names:
        (work / name).write_text("{}")
    (work / f"score-left-{dead.digest}" / "training").mkdir(parents=True)
    (work / f"score-left-{dead.digest}" / "training" / ".best-2.safetensors.host-1.tmp").touch()
    (work / f"{dead.digest}.lock").touch()
    (work / f"{make_stage(seed=2).digest}.lock").touch()
    folder = finish(Store(tmp_path), dead)
    assert not list((folder / "training").iterdir())
    held_lock = f"{running.digest}.lock"
    assert sorted(path.name for path in work.iterdir() if path.is_file()) == [names[0], held_lock]


def test_a_nan_is_no_result(tmp_path: Path) -> None:
    store, stage = Store(tmp_path), make_stage()
    store.begin(stage)
    with pytest.raises(ValueError, match="not JSON compliant"):
        store.commit(stage, {"score": float("nan")}, 1.0)
    assert store.record(stage.id) is None


def test_a_link_is_no_result(tmp_path: Path) -> None:
    store, stage = Store(tmp_path), make_stage()
    (store.begin(stage) / "weights").symlink_to("/etc/hostname")
    with pytest.raises(ValueError, match="is a link"):
        store.commit(stage, {}, 1.0)


def test_work_is_kept_for_the_next_attempt(tmp_path: Path) -> None:
    first, stage = Store(tmp_path), make_stage()
    (first.begin(stage) / "checkpoint-500").write_text("half way")
    first.release(stage)
    assert (Store(tmp_path).begin(stage) / "checkpoint-500").read_text() == "half way"


def test_two_hundred_records_are_quick(tmp_path: Path) -> None:
    store = Store(tmp_path)
    stages = [make_stage(seed=seed) for seed in range(200)]
    for stage in stages[:100]:
        finish(store, stage)
    start = time.perf_counter()
    found = [store.record(stage.id) for stage in stages]
    assert time.perf_counter() - start < 1.0
    assert sum(record is not None for record in found) == 100


@pytest.mark.parametrize(
    ("number", "words"),
    [(errno.ENOSPC, "the disk is full"), (errno.EROFS, "the file system is read-only")],
)
@pytest.mark.parametrize("call", ["mkdir", "fsync", "rename"])
def test_a_full_or_readonly_disk_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, number: int, words: str
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(number, "no", "some/file")

    monkeypatch.setattr(os, call, refuse)
    with pytest.raises(StoreError, match=words):
        finish(Store(tmp_path / "new"), make_stage())
    monkeypatch.undo()
    assert Store(tmp_path / "new").record(make_stage().id) is None


def test_a_store_that_is_a_file_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="a file, not a directory"):
        Store(tmp_path / "file").begin(make_stage())
    assert Store(tmp_path / "file").record(make_stage().id) is None


KILLED = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[3])
from tests.test_store import finish, make_stage
from t2t_xfer.study.store import Store
left = int(sys.argv[2])
def before(call):
    def counted(*arguments, **keywords):
        global left
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return call(*arguments, **keywords)
    return counted
for name in ("open", "mkdir", "fsync", "replace", "rename", "unlink", "rmdir"):
    setattr(os, name, before(getattr(os, name)))
finish(Store(Path(sys.argv[1])), make_stage(), "the second result")
"""


@pytest.mark.parametrize("damaged", [False, True])
def test_a_kill_at_any_call_leaves_a_whole_record_or_none(tmp_path: Path, damaged: bool) -> None:
    """Kill -9 before every second system call that changes the store, until none is left."""
    stage, kills = make_stage(), 0
    for calls in range(0, 60, 2):
        root = tmp_path / str(calls)
        if damaged:
            (finish(Store(root), stage, "the first result") / "log.jsonl").unlink()
        command = [
            sys.executable,
            "-c",
            KILLED,
            str(root),
            str(calls),
            str(Path(__file__).parents[1]),
        ]
        code = subprocess.run(command, check=False).returncode
        store = Store(root)
        record = store.record(stage.id)
        assert record is None or store.verify(stage.id) == []
        finish(store, stage, "the second result")
        assert store.verify(stage.id) == []
        assert (store.path(stage.id) / "weights/a b.bin").read_text() == "the second result"
        if code == 0:
            break
        assert code == -signal.SIGKILL
        kills += 1
    assert code == 0
    assert kills > 5
    print(f"kills survived: {kills}")


def test_a_stage_of_the_record_hashes_to_its_directory(tmp_path: Path) -> None:
    folder = finish(Store(tmp_path), make_stage())
    os.rename(folder, folder.with_name("else-0123456789ab"))
    with pytest.raises(ValueError, match="another stage"):
        read_record(folder.with_name("else-0123456789ab"))
