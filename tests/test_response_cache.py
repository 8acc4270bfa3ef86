"""The response cache: what was answered comes back bit for bit, or is computed again."""

from __future__ import annotations

import json
import logging
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from t2t_xfer.architectures import way_of
from t2t_xfer.architectures.codec import TokenSpan
from t2t_xfer.architectures.loading import LoadedModel
from t2t_xfer.architectures.rows import Pairs, Reading, Row
from t2t_xfer.engines.cached import NOT_ASKED, CachedAnswers, asked
from t2t_xfer.engines.response_cache import ResponseCache, cache_directory, max_bytes
from t2t_xfer.engines.transformers import TransformersEngine
from t2t_xfer.errors import UserError
from t2t_xfer.records import ArchitectureName, Decoding, Readout
from t2t_xfer.stages.answered import cached_answers
from t2t_xfer.stages.bases import model_identity
from t2t_xfer.stages.model import Weights

from .learning import answers, fresh_model, rendered
from .made_stages import made
from .studydata import make_mirror, one_thread, t2t, texts
from .studyworld import World
from .test_imports import HEAVY, imported
from .test_rescore import PROMPT, TASK

KEYS = [f"{i:064x}" for i in range(200)]


@pytest.fixture
def cache(tmp_path: Path) -> ResponseCache:
    return ResponseCache(tmp_path / "cache", 2**30)


def fill(cache: ResponseCache, keys: Sequence[str], size: int = 10) -> None:
    for key in keys:
        cache.keep({key: key.encode() * size})


# The file.


def test_another_process_finds_what_was_kept(cache: ResponseCache) -> None:
    cache.keep({KEYS[0]: b"zero", KEYS[1]: b""})
    other = ResponseCache(cache.path.parent, 2**30)
    assert other.recall(KEYS[:3]) == {KEYS[0]: b"zero", KEYS[1]: b""}


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE answers SET value = x'7a65726e' WHERE key = ?1",
        "UPDATE answers SET value = 'zern' WHERE key = ?1",
        "UPDATE answers SET value = 3 WHERE key = ?1",
        "UPDATE answers SET checksum = x'00' WHERE key = ?1",
        "UPDATE answers SET (value, checksum) ="
        " (SELECT value, checksum FROM answers WHERE key != ?1) WHERE key = ?1",
    ],
)
def test_a_damaged_entry_is_not_served_and_can_be_kept_again(
    cache: ResponseCache, damage: str
) -> None:
    cache.keep({KEYS[0]: b"zero", KEYS[1]: b"one"})
    connection = sqlite3.connect(cache.path)
    with connection:
        connection.execute(damage, (KEYS[0],))
    connection.close()
    assert cache.recall(KEYS[:2]) == {KEYS[1]: b"one"}
    cache.keep({KEYS[0]: b"zero"})
    assert cache.recall(KEYS[:2]) == {KEYS[0]: b"zero", KEYS[1]: b"one"}


@pytest.mark.parametrize("cut", [0, 4096])
def test_a_damaged_file_is_told_once_and_left_alone(
    cache: ResponseCache, cut: int, caplog: pytest.LogCaptureFixture
) -> None:
    fill(cache, KEYS[:50], size=40)
    raw = cache.path.read_bytes()
    cache.path.write_bytes(raw[:cut] + b"?" * (len(raw) - cut))
    assert cache.recall(KEYS) == {}
    fill(cache, KEYS[:3])
    assert cache.recall(KEYS) == {}
    assert len(caplog.records) == 1
    assert "cache prune --all" in caplog.text


def test_the_least_recently_used_go_first_and_the_file_stays_bounded(tmp_path: Path) -> None:
    cache = ResponseCache(tmp_path, 400_000)
    fill(cache, KEYS[:30], size=100)  # of 6,400 bytes each
    assert len(cache.recall(KEYS[:10])) == 10
    fill(cache, KEYS[30:50], size=100)
    assert cache.path.stat().st_size <= 410_000
    left = list(cache.recall(KEYS))
    assert left[:10] == KEYS[:10]
    assert left[10:] == KEYS[50 - len(left[10:]) : 50]
    assert 25 <= len(left) < 45


def test_nothing_is_kept_where_the_size_is_zero(tmp_path: Path) -> None:
    cache = ResponseCache(tmp_path / "cache", 0)
    fill(cache, KEYS[:1])
    assert (cache.recall(KEYS), cache.path.parent.exists()) == ({}, False)


WRITER = """
import logging, resource, sys
from pathlib import Path
from t2t_xfer.engines.response_cache import ResponseCache
logging.basicConfig()
cache = ResponseCache(Path(sys.argv[1]), 2**30)
first, last, room = map(int, sys.argv[2:])
if room:
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))
print("ready", flush=True)
for i in range(first, last):
    key = f"{i:064x}"
    cache.keep({key: key.encode() * 100})
    if cache.recall([key]) != {key: key.encode() * 100} and not room:
        sys.exit(f"{i} is lost")
"""


def writer(cache: ResponseCache, *numbers: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, str(cache.path.parent), *map(str, numbers)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_processes_write_at_once_and_one_is_killed(cache: ResponseCache) -> None:
    writers = [writer(cache, 0, 150, 0), writer(cache, 50, 200, 0), writer(cache, 0, 10**6, 0)]
    for process in writers:
        assert process.stdout is not None
        process.stdout.readline()
    told = [process.communicate() for process in writers[:2]]
    os.kill(writers[2].pid, signal.SIGKILL)
    writers[2].communicate()
    assert [err for _, err in told] == ["", ""]
    assert cache.recall(KEYS) == {key: key.encode() * 100 for key in KEYS}


def test_a_full_disk_is_told_once_and_what_is_there_is_served(cache: ResponseCache) -> None:
    fill(cache, KEYS[100:110], size=100)
    process = writer(cache, 0, 60, 200_000)
    _, err = process.communicate()
    assert process.returncode == 0
    assert err.count("cannot be written") == 1
    assert len(err.splitlines()) == 1
    found = cache.recall(KEYS)
    assert 10 < len(found) < 40
    assert all(value == key.encode() * 100 for key, value in found.items())


def test_a_directory_that_cannot_be_made_is_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    cache = ResponseCache(tmp_path / "file" / "cache", 2**30)
    answers = CachedAnswers(cache, "model")
    rows = [Row("a", (1, 2), (1,))]
    assert list(answers.batch("q", rows, lambda: [1])) == [1]
    assert list(answers.batch("q", rows, lambda: [2])) == [2]
    assert len(caplog.records) == 1
    assert "T2T_CACHE" in caplog.text


def test_the_directory_is_chosen_as_other_tools_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("T2T_CACHE", "~/mine")
    assert cache_directory() == tmp_path / "mine"
    monkeypatch.delenv("T2T_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", "/var/cache/me")
    assert cache_directory() == Path("/var/cache/me/t2t_xfer")
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert cache_directory() == tmp_path / ".cache" / "t2t_xfer"
    monkeypatch.delenv("T2T_CACHE_SIZE")
    assert max_bytes() == 4 * 2**30


@pytest.mark.parametrize("size", ["4 GiB", "-1", "nan", "inf"])
def test_a_size_that_is_none_is_refused(size: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("T2T_CACHE_SIZE", size)
    with pytest.raises(UserError, match="T2T_CACHE_SIZE"):
        ResponseCache.of_environment()


# What counts as the same question.

ROW = Row("a", (1, 2, 3), (2,))
CHANGES: dict[str, Any] = {
    "input_ids": (1, 2, 4),
    "places": (1,),
    "decoder_ids": (5,),
    "blocks": (0, 0, 1),
    "readings": (Reading(0, 7, 0),),
    "keys": TokenSpan(0, 1),
    "null_place": 0,
    "null_target": (4,),
    "targets": ((4,), (5,)),
    "pairs": Pairs(((1,),), (2, 3)),
    "apart": (Row("a", (1,), (0,)),),
}
HARMLESS: dict[str, Any] = {
    "id": "b",
    "labels": (4,),
    "weight": 0.5,
    "part": "mnli",
    "first_slot": 3,
    "removed_tokens": 2,
    "key_offsets": ((0, 1),),
}


def recalls(cache: ResponseCache, rows: Sequence[Row], question: object = "q") -> bool:
    """Whether the batch is known, after `[ROW, ROW]` was asked `q` of the model `m`."""
    CachedAnswers(cache, "m").batch("q", [ROW, ROW], lambda: [1.5, 2.5])
    asked = CachedAnswers(cache, "m")
    found = asked.batch(question, rows, lambda: [0.0] * len(rows))
    assert asked.num_recalled == (len(rows) if found == [1.5, 2.5] else 0)
    return found == [1.5, 2.5]


def test_every_field_of_a_row_counts_or_is_harmless() -> None:
    assert set(CHANGES) | set(HARMLESS) == set(Row.__dataclass_fields__)
    assert set(HARMLESS) == NOT_ASKED


@pytest.mark.parametrize("name", CHANGES)
def test_what_a_model_sees_makes_another_question(cache: ResponseCache, name: str) -> None:
    assert not recalls(cache, [ROW, replace(ROW, **{name: CHANGES[name]})])


def test_what_no_model_sees_does_not(cache: ResponseCache) -> None:
    assert recalls(cache, [ROW, replace(ROW, **HARMLESS)])


def test_nor_does_it_in_a_bundle() -> None:
    choices = (ROW, ROW)
    bundle = replace(ROW, apart=choices)
    renamed = replace(ROW, apart=tuple(replace(each, **HARMLESS) for each in choices))
    other = replace(ROW, apart=(ROW, replace(ROW, input_ids=(1, 2, 4))))
    assert asked(bundle) == asked(renamed) != asked(other)


def test_the_batch_the_question_and_the_model_count(cache: ResponseCache) -> None:
    assert recalls(cache, [ROW, ROW])
    assert not recalls(cache, [ROW])
    assert not recalls(cache, [ROW, ROW, ROW])
    assert not recalls(cache, [ROW, ROW], "r")
    assert list(CachedAnswers(cache, "n").batch("q", [ROW, ROW], lambda: [3.0])) == [3.0]


def test_of_requests_only_new_ones_are_computed(cache: ResponseCache) -> None:
    asked: list[list[int]] = []

    def compute(indices: Sequence[int]) -> list[str]:
        asked.append(list(indices))
        return [f"answer {i}" for i in indices]

    requests = [((1, i), ("yes", "no")) for i in range(1500)]
    first = CachedAnswers(cache, "m").each("text", requests[:1300], compute)
    again = CachedAnswers(cache, "m").each("text", requests, compute)
    assert again == [*first, *(f"answer {i}" for i in range(1300, 1500))]
    # In parts, each kept when it is done.
    assert [(part[0], len(part)) for part in asked] == [(0, 1024), (1024, 276), (1300, 200)]
    plain = CachedAnswers().each("text", requests[:2], compute)
    assert plain == first[:2]


# The same bits.


@pytest.fixture(scope="module", params=["encoder", "seq2seq", "causal"])
def loaded(request: pytest.FixtureRequest) -> LoadedModel:
    one_thread()
    architecture: ArchitectureName = request.param
    words = ["relation: entailment, neutral, contradiction"] * 32  # for `slots`: a token each
    inputs = [p.input for kind in KINDS for p in rendered(kind, 32)]
    return fresh_model(architecture, [*inputs, *words])


KINDS = ("label", "choice", "cloze", "separate", "tags", "bio", "span", "span_or_none")


def readouts(architecture: ArchitectureName, kind: str) -> tuple[Readout, ...]:
    answer = {"bio": "tags", "span_or_none": "span"}.get(kind, kind)
    return way_of(architecture, answers(answer).asks).readouts


def test_cold_and_warm_equal_no_cache_bit_for_bit(
    loaded: LoadedModel, cache: ResponseCache
) -> None:
    passes = 0

    def count(*_: Any) -> None:
        nonlocal passes
        passes += 1

    handle = loaded.model.register_forward_pre_hook(count)
    decoding = Decoding(max_new_tokens=4)
    for kind in KINDS:
        for readout in readouts(loaded.architecture.name, kind):
            prompted = rendered(kind, 7)

            def read(answers: CachedAnswers | None) -> str:
                engine = TransformersEngine(loaded, 150, answers)
                return repr(engine.answer(prompted, readout, decoding))  # noqa: B023

            plain = read(None)
            assert read(CachedAnswers(cache, "m")) == plain, (kind, readout)
            before, warm = passes, CachedAnswers(cache, "m")
            assert read(warm) == plain, (kind, readout)
            assert passes == before, (kind, readout)
            assert warm.num_recalled >= len(prompted)
    handle.remove()
    assert passes > 10


# Through the program.


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """`evaluate` of an untrained decoder on twelve rows of XNLI."""
    one_thread()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("T2T_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("T2T_CACHE_SIZE", "1")
    data = f"mirror:{make_mirror(tmp_path)}"
    for name in ("tasks", "prompts"):
        (tmp_path / name).mkdir()
    task = "readout: {causal: generate}\ndecoding: {constrained: false, max_new_tokens: 4}\n"
    (tmp_path / "tasks/xnli.yaml").write_text(TASK + task)
    (tmp_path / "prompts/nli.yaml").write_text(PROMPT)

    def arguments(output: str, *more: object) -> list[str]:
        asked = ["--model", "new:causal", "--task", "xnli", "--language", "en"]
        where = ["--data", data, "--output", output, "--json"]
        return ["evaluate", *asked, *where, *map(str, more)]

    return arguments


def logs(output: str) -> dict[str, str]:
    return texts(Path(output) / "store", "predictions.jsonl")


def recalled(output: str) -> list[int]:
    """Of each `predict` stage how many rows came from the cache, by language."""
    found = {}
    for path in (Path(output) / "store" / "predict").glob("*/record.json"):
        record = json.loads(path.read_text())
        found[record["spec"]["language"]] = record["results"].get("rows_from_cache", 0)
    return [found[language] for language in sorted(found)]


def test_an_interrupted_evaluation_goes_on_where_it_stopped(
    project: Callable[..., list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    from t2t_xfer.engines import transformers as decoding

    monkeypatch.setattr("t2t_xfer.stages.predict.BATCH_TOKENS", 150)  # of about three rows
    write_batch = decoding._write_batch
    sizes: list[int] = []

    def stopped(loaded: Any, rows: Any, decoding: Any) -> Any:
        if len(sizes) == 2:
            sizes.append(0)
            raise KeyboardInterrupt
        sizes.append(len(rows))
        return write_batch(loaded, rows, decoding)

    with monkeypatch.context() as patch:
        patch.setenv("T2T_CACHE_SIZE", "0")
        assert t2t(*project("straight")).code == 0
    assert recalled("straight") == [0]
    monkeypatch.setattr(decoding, "_write_batch", stopped)
    assert t2t(*project("stopped")).code == 130
    assert t2t(*project("stopped")).code == 0
    assert recalled("stopped") == [sum(sizes[:2])]
    assert sum(sizes) == 12
    assert logs("stopped") == logs("straight")
    assert t2t(*project("elsewhere")).code == 0
    assert recalled("elsewhere") == [12]
    assert logs("elsewhere") == logs("straight")


def test_what_is_in_the_cache_needs_no_weights(
    project: Callable[..., list[str]], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "t2t_xfer.stages.context"):
        assert t2t(*project("out")).code == 0
        assert sum("is loaded" in message for message in caplog.messages) == 1
        caplog.clear()
        assert t2t(*project("elsewhere")).code == 0
    assert not any("is loaded" in message for message in caplog.messages)
    assert logs("elsewhere") == logs("out")


def test_changing_one_prompt_decodes_only_that_prompt(
    project: Callable[..., list[str]], tmp_path: Path
) -> None:
    prompt = tmp_path / "prompts/nli.yaml"
    for word, output in (("der", "out"), ("dieser", "again")):
        german = f'languages: {{de: "{word} {{{{ premise }}}} {{{{ hypothesis }}}} relation"}}, '
        prompt.write_text(PROMPT.replace("{input:", f"{{{german}input:"))
        assert t2t(*project(output, "--language", "de")).code == 0
    assert recalled("out") == [0, 0]
    assert recalled("again") == [0, 12]  # German, English


def stage_of(model: dict[str, Any]) -> Any:
    return made("predict", "m=xnli.en", model=model)


def asks_the_cache(answers: CachedAnswers) -> bool:
    """Whether what it computes is there for the next."""
    answers.batch("q", [ROW], lambda: [1])
    answers.batch("q", [ROW], lambda: [1])
    return answers.num_recalled > 0


def test_a_directory_that_changed_since_the_plan_is_no_known_model(
    cache: ResponseCache, tmp_path: Path
) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    weights = Weights(str(tmp_path), None, None)
    planned = stage_of(model_identity(str(tmp_path), None))
    assert asks_the_cache(cached_answers(cache, planned, weights, "cpu"))
    (tmp_path / "model.safetensors").write_bytes(b"other weights")
    assert not asks_the_cache(cached_answers(cache, planned, weights, "cpu"))
    made = stage_of({})  # by another stage, whose record says that it is whole
    answers = cached_answers(cache, made, weights, "cpu")
    assert list(answers.batch("q", [ROW], lambda: [2])) == [2], "another model's answer"


def test_a_model_of_the_hub_is_known_by_its_commit(
    cache: ResponseCache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    weights = Weights("some/model", None, None)
    stage = stage_of({"hub": "some/model", "revision": "main"})
    assert not asks_the_cache(cached_answers(cache, stage, weights, "cpu"))
    for commit in ("0" * 40, "1" * 40):
        folder = tmp_path / "models--some--model"
        (folder / "snapshots" / commit).mkdir(parents=True)
        (folder / "snapshots" / commit / "config.json").write_text("{}")
        (folder / "refs").mkdir(exist_ok=True)
        (folder / "refs" / "main").write_text(commit)
        answers = cached_answers(cache, stage, weights, "cpu")
        assert list(answers.batch("q", [ROW], lambda: [int(commit)])) == [int(commit)]  # noqa: B023


def test_a_study_read_again_cold_and_warm_has_the_same_bytes(
    copied: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three architectures, labels and tags; the study itself ran without a cache."""
    one_thread()
    monkeypatch.setenv("T2T_CACHE", str(copied.out / "cache"))
    monkeypatch.setenv("T2T_CACHE_SIZE", "1")
    cells, answers = copied.cells.read_bytes(), texts(copied.out, "predictions.jsonl")
    counts = []
    for _ in ("cold", "warm"):
        for kind in ("predict", "score"):
            shutil.rmtree(copied.out / "store" / kind)
        copied.cells.unlink()
        assert copied.run().code == 0
        assert copied.cells.read_bytes() == cells
        assert texts(copied.out, "predictions.jsonl") == answers
        records = (copied.out / "store" / "predict").glob("*/record.json")
        results = [json.loads(path.read_text())["results"] for path in records]
        counts.append([each.get("rows_from_cache", 0) >= each["n"] for each in results])
    assert not any(counts[0])
    # All but the majority baselines, of three languages, which no model answers.
    assert len(counts[1]) - sum(counts[1]) == 6


def test_a_repeated_evaluation_imports_nothing_heavy(
    project: Callable[..., list[str]], tmp_path: Path
) -> None:
    assert t2t(*project("out")).code == 0
    assert not imported(project("out"), tmp_path) & HEAVY
