"""`cache info|prune`: what is there, what goes, and a damaged file."""

from __future__ import annotations

import json
import sqlite3
import time
from pathlib import Path
from typing import Any

import pytest

from t2t_xfer.engines.response_cache import ResponseCache

from .studydata import t2t

KEYS = [f"{i:064x}" for i in range(40)]


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ResponseCache:
    """Forty entries of 25 KB; half of them were last used ten days ago."""
    monkeypatch.setenv("T2T_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("T2T_CACHE_SIZE", "0.5")
    cache = ResponseCache.of_environment()
    cache.keep({key: key.encode() * 400 for key in KEYS})
    connection = sqlite3.connect(cache.path)
    with connection:
        old = [(time.time() - 10 * 86400, key) for key in KEYS[:20]]
        connection.executemany("UPDATE answers SET used = ? WHERE key = ?", old)
    connection.close()
    return cache


def told(*arguments: object) -> dict[str, Any]:
    done = t2t("cache", *arguments, "--json")
    assert done.code == 0, done.err
    answer: dict[str, Any] = json.loads(done.out)
    return answer


def test_info_says_where_how_large_and_how_old(cache: ResponseCache) -> None:
    info = told("info")
    assert info["path"] == str(cache.path)
    assert (info["entries"], info["max_bytes"]) == (40, 2**29)
    assert info["bytes"] == cache.path.stat().st_size > 40 * 25_600
    assert info["newest_use"] - info["oldest_use"] == pytest.approx(10 * 86400, abs=60)
    shown = t2t("cache", "info").out
    assert str(cache.path) in shown
    assert "40 batches, 1." in shown
    assert "at most 512.0 MiB" in shown


def test_an_empty_cache_and_one_that_is_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("T2T_CACHE", str(tmp_path))
    assert told("info")["entries"] == 0
    assert told("prune")["freed_bytes"] == 0
    assert told("prune", "--all")["freed_bytes"] == 0
    assert "off (T2T_CACHE_SIZE=0)" in t2t("cache", "info").out
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "left"),
    [
        ((), KEYS),
        (("--older-than", 5), KEYS[20:]),
        (("--older-than", 20), KEYS),
        (("--max-size", 0.0005), KEYS[20:]),
        (("--max-size", 0), []),
        (("--all",), []),
    ],
)
def test_prune_drops_the_least_recently_used_and_gives_room_back(
    cache: ResponseCache, arguments: tuple[object, ...], left: list[str]
) -> None:
    before = cache.path.stat().st_size
    answer = told("prune", *arguments)
    found = list(cache.recall(KEYS))
    assert found == left[-len(found) :] or not found
    # Rounds of a twentieth may drop a few more than need be.
    assert len(left) - 2 <= len(found) <= len(left)
    assert answer["entries"] == len(found)
    after = cache.path.stat().st_size if cache.path.exists() else 0
    assert answer["freed_bytes"] == before - after
    assert after < (len(found) + 1) * 30_000


def test_a_damaged_file_is_explained_and_removed(cache: ResponseCache) -> None:
    cache.path.write_bytes(b"nothing of the kind" * 1000)
    for command in ("info", "prune"):
        done = t2t("cache", command)
        assert done.code == 2
        assert "cache prune --all" in done.err
        assert "Traceback" not in done.err
    assert told("prune", "--all")["entries"] == 0
    cache.keep({KEYS[0]: b"new"})
    assert cache.recall(KEYS[:1]) == {KEYS[0]: b"new"}


def test_a_size_that_is_none_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("T2T_CACHE_SIZE", "large")
    done = t2t("cache", "info")
    assert done.code == 2
    assert "T2T_CACHE_SIZE=4" in done.err
