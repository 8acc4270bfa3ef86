"""What strangers' files say is shown at the terminal; it never steers it, and no terminal is too
simple for it."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import sys
from pathlib import Path

import pytest

from t2t_xfer import terminal
from t2t_xfer.cli import main

from .studydata import t2t, write_rows

STEERING = (
    *("\x1b[2J", "\x1b]52;c;ZXZpbA==\x07", "\x1b]0;title\x07", "\x9b31m", "\x08\x08", "\rover"),
    *("\u202egnp.exe", "\u2066a\u2069", "\u200f", "\x7f", "\x00", "\u2028"),
)
TASK = """\
answer: label
data: {files: {train: data/train.jsonl, test: data/test.jsonl}}
languages: [en]
label_field: stars
labels: {bad: {value: 0, word: "bad"}, good: {value: 1, word: "WORD"}}
prompt: {input: "Review: ESCAPED {{ text }}\\nSentiment:"}
metric: accuracy
note: "ESCAPED"
"""


def steers(text: str) -> str:
    return "".join(each for each in text if not each.isprintable() and each not in "\n\t")


@pytest.mark.parametrize("text", STEERING)
def test_what_steers_is_shown(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    terminal.echo(f"a{text}b\n\tc")
    written = capsys.readouterr().out
    assert steers(written) == ""
    assert written.startswith("a\\" if steers(text[0]) else f"a{text[0]}")
    assert written.endswith("b\n\tc\n")


def test_our_own_styles_get_through_and_no_others(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setattr("click.utils.should_strip_ansi", lambda *_: False)
    green = terminal.style("a\x1b[2J", fg="green")
    terminal.echo(f"{green} \x1b[31mred")
    assert capsys.readouterr().out == "\x1b[32ma\\x1b[2J\x1b[0m \\x1b[31mred\n"


def test_letters_of_all_scripts_stay(capsys: pytest.CaptureFixture[str]) -> None:
    text = "می‌روم हिन्दी 日本語 Ελληνικά → ⟦a⟧ 👩‍👩‍👧 ﷺ"
    terminal.echo(text)
    assert capsys.readouterr().out == f"{text}\n"


def test_a_log_line_is_shown_too() -> None:
    record = logging.LogRecord("a", 30, "", 1, "read %s", ("\x1b[2J\r",), None)
    assert terminal.VisibleFormatter("%(message)s").format(record) == "read \\x1b[2J\\x0d"


@pytest.mark.parametrize(
    "arguments",
    [
        ("tasks", "show", "reviews"),
        ("tasks", "show", "--json", "reviews"),
        ("tasks", "preview", "reviews"),
        ("tasks", "check", "reviews"),
        ("tasks", "show", "\x1b[2J"),
        ("tasks", "preview", "reviews", "--split", "\x1b[2J"),
        ("evaluate", "--task", "reviews", "--engine", "\x1b[2J"),
        ("evaluate", "--task", "reviews", "--engine", "oracle", "--output", "out"),
    ],
)
def test_no_command_sends_what_a_file_says(
    arguments: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    escaped = r"\e[2J\e]52;c;eA==\a\x9b1m\u202e\r"
    rows = [{"text": f"\x1b[2J\x1b]52;c;eA==\x07\x9b1m\u202e {i}", "stars": i % 2} for i in (0, 1)]
    for split in ("train", "test"):
        write_rows(tmp_path / "data" / f"{split}.jsonl", rows)
    (tmp_path / "tasks").mkdir()
    text = TASK.replace("ESCAPED", escaped).replace("WORD", r"go\eod")
    (tmp_path / "tasks" / "reviews.yaml").write_text(text)
    done = t2t(*arguments)
    assert done.out + done.err
    assert steers(done.out) == ""
    assert steers(done.err) == ""


@pytest.mark.parametrize(
    ("encoding", "arrow"),
    [("latin-1", b"\\u2192"), ("cp1252", b"\\u2192"), ("ascii", "→".encode())],  # click's choice
)
def test_a_terminal_without_a_letter_gets_its_escape(
    encoding: str, arrow: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding=encoding))
    main(["tasks", "preview", "xnli", "--data", "microworld", "-n", "1"])
    assert arrow in raw.getvalue()


FULL = pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")


@FULL
@pytest.mark.parametrize("arguments", [["tasks", "ls"], ["--help"], ["schema", "task"]])
def test_an_output_without_room_is_one_paragraph(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with open("/dev/full", "w", encoding="utf-8") as full:
        monkeypatch.setattr(sys, "stdout", full)
        with pytest.raises(SystemExit) as ended:
            main(arguments)
    assert ended.value.code == 1
    assert "the output cannot be written: No space left" in capsys.readouterr().err


@FULL
def test_a_message_without_room_keeps_its_exit_code(monkeypatch: pytest.MonkeyPatch) -> None:
    with open("/dev/full", "w", encoding="utf-8") as full:
        monkeypatch.setattr(sys, "stderr", full)
        with pytest.raises(SystemExit) as ended:
            main(["tasks", "show", "nosuch"])
    assert ended.value.code in (1, 2)


def test_a_reader_that_has_enough_is_no_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    read, write = os.pipe()
    os.close(read)
    pipe = os.fdopen(write, "w", encoding="utf-8")
    monkeypatch.setattr(sys, "stdout", pipe)
    with pytest.raises(SystemExit) as ended:
        main(["tasks", "ls"])
    with contextlib.suppress(BrokenPipeError):
        pipe.close()
    assert ended.value.code == 1
    assert capsys.readouterr().err == ""
