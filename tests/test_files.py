"""Files are written whole or not at all, and a full disk is recognised whoever meets it."""

from __future__ import annotations

import errno
import os
import re
import socket
from contextlib import suppress
from pathlib import Path

import pytest

from t2t_xfer.cli import main
from t2t_xfer.errors import UserError, cut, quoted
from t2t_xfer.files import disk_problem, replaced_folder, whole, write_text
from t2t_xfer.study.plan_file import load_plan


def test_what_stood_there_stays_until_the_new_one_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "new" / "cells.csv"
    write_text(path, "old\r\n")
    with suppress(RuntimeError), whole(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert path.read_bytes() == b"old\r\n"
    assert list(path.parent.iterdir()) == [path]


def test_a_folder_that_was_put_aside_by_a_killed_process_is_no_loss(tmp_path: Path) -> None:
    """Killed between its two renames, when the folder has neither its old nor its new content."""
    host = "".join(filter(str.isalnum, socket.gethostname()))[:20]
    aside = tmp_path / f".examples.old.{host}-{2**22 + 1}.tmp"
    aside.mkdir()
    (aside / "0001.js").write_text("ours, old")
    (aside / "notes.txt").write_text("somebody's")
    path = tmp_path / "examples"
    with replaced_folder(path, re.compile(r"\d+\.js")) as temporary:
        (temporary / "0002.js").write_text("ours, new")
    assert sorted(each.name for each in path.iterdir()) == ["0002.js", "notes.txt"]
    assert list(tmp_path.iterdir()) == [path]


def test_only_what_dead_processes_of_this_machine_left_is_removed(tmp_path: Path) -> None:
    host = "".join(filter(str.isalnum, socket.gethostname()))[:20]
    dead = 2**22 + 1  # beyond the largest id of a process
    mine, theirs = f".a.csv.{host}-{os.getppid()}.tmp", f".a.csv.{host}x-{dead}.tmp"
    for name in (mine, theirs, f".a.csv.{host}-{dead}.tmp", f".b.csv.{host}-{dead}.tmp"):
        (tmp_path / name).write_text("half")
    write_text(tmp_path / "a.csv", "whole")
    found = sorted(path.name for path in tmp_path.iterdir())
    assert found == sorted([mine, theirs, f".b.csv.{host}-{dead}.tmp", "a.csv"])


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        OSError(errno.EDQUOT, "Disk quota exceeded"),
        OSError(errno.EFBIG, "File too large"),
        RuntimeError(
            "[enforce fail at inline_container.cc:860] . PytorchStreamWriter failed writing file"
            " data/3: file write failed"
        ),
        RuntimeError("[enforce fail at inline_container.cc:664] . unexpected pos 704 vs 598"),
        RuntimeError("basic_ios::clear: iostream error"),
        Exception("Error while serializing: I/O error: No space left on device (os error 28)"),
        Exception("database or disk is full"),
    ],
)
def test_a_full_disk_is_recognised_whoever_meets_it(error: Exception) -> None:
    """`torch.save` says RuntimeError, safetensors and tokenizers their own."""
    assert disk_problem(error)
    other = ValueError("what came of it")
    other.__context__, other.__cause__ = error, ValueError("why")
    assert disk_problem(other)


@pytest.mark.parametrize(
    "error", [None, RuntimeError("unexpected"), OSError(errno.EIO, "I/O error"), ValueError("full")]
)
def test_what_is_no_full_disk_is_none(error: Exception | None) -> None:
    assert disk_problem(error) is None


@pytest.mark.parametrize("text", ["", "[", "[" * 100_000, "[1]", '{"a": {"b": 1}}', "\xff"])
def test_json_that_is_something_else_is_one_short_paragraph(tmp_path: Path, text: str) -> None:
    (tmp_path / "plan.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(UserError, match=r"plan\.json cannot be read: ") as caught:
        load_plan(tmp_path)
    assert len(str(caught.value)) < 400 + len(str(tmp_path))


def test_a_full_disk_outside_of_any_stage_is_a_paragraph(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("t2t_xfer.specs.catalogue.Catalogue.task_names", full)
    with pytest.raises(SystemExit) as stopped:
        main(["tasks", "ls"])
    assert stopped.value.code == 2
    assert "t2t-xfer: the disk is full" in capsys.readouterr().err


def test_values_in_messages_are_cut() -> None:
    assert quoted("a\x1b") == r"'a\x1b'"
    assert len(quoted(["x" * 10_000_000])) == 200
    assert cut("short") == "short"
    assert cut("x" * 61) == "x" * 59 + "…"
