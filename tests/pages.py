"""Runs the pages of docs/ that show commands: in this process, in the order of the page.

The rule: `bash` blocks hold `mkdir -p`, `cat > FILE <<'END'` and commands of the program, each of
which must succeed; `python` blocks share one namespace; every line of a `text` block stands in what
the commands before it printed. `sh` blocks need a network or real data, so their commands must only
be known.
"""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import click

from t2t_xfer.cli import cli

from .studydata import t2t

_FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_FILE = re.compile(r"cat > (\S+) <<'END'\n(.*?)^END$\n?", re.MULTILINE | re.DOTALL)


def run_page(page: Path, folder: Path) -> int:
    """Runs a page in a folder that is the working directory. Returns how many commands ran."""
    printed, count = "", 0
    module = ModuleType("page")  # dataclasses look for the module that they stand in
    sys.modules["page"] = module
    for kind, text in _FENCE.findall(page.read_text(encoding="utf-8")):
        if kind == "bash":
            for arguments in steps(text, folder):
                done = t2t(*arguments)
                assert done.code == 0, f"{page.name}: {shlex.join(arguments)}\n{done.err}"
                printed += done.out
                count += 1
        elif kind == "python":
            # `dont_inherit`: as the page stands, without this file's own __future__ imports.
            exec(compile(text, page.name, "exec", dont_inherit=True), vars(module))
        elif kind == "text":
            for line in filter(None, map(str.strip, text.splitlines())):
                shown = " ".join(line.split())
                said = " ".join(printed.split())
                assert shown in said, f"{page.name}: {line!r} was not printed:\n{printed}"
        elif kind == "sh":
            for line in text.replace("\\\n", " ").splitlines():
                check_known(shlex.split(line, comments=True))
        else:
            assert kind in ("yaml",), f"{page.name}: a block of {kind}"
    return count


def steps(script: str, folder: Path) -> Iterator[list[str]]:
    """Writes the files of a script where they stand, and yields the commands of the program."""
    at = 0
    while at < len(script):
        file = _FILE.match(script, at)
        if file:
            (folder / file[1]).write_text(file[2], encoding="utf-8")
            at = file.end()
            continue
        line, _, _ = script[at:].partition("\n")
        at += len(line) + 1
        words = shlex.split(line, comments=True)
        if not words:
            continue
        words, target = _redirected(words)
        if words[0] == "mkdir":
            for name in words[2:]:
                (folder / name).mkdir(parents=True, exist_ok=True)
        elif target is not None:
            (folder / target).write_text(t2t(*words[1:]).out, encoding="utf-8")
        else:
            assert words[0] == "t2t-xfer", f"pages run nothing but the program: {line}"
            yield words[1:]


def _redirected(words: list[str]) -> tuple[list[str], str | None]:
    return (words[:-2], words[-1]) if len(words) > 2 and words[-2] == ">" else (words, None)


def check_known(words: list[str]) -> None:
    """A command that is not run here must be one of the program's, with options that it has."""
    words = [word for word in words if "=" not in word or word.startswith("-")]
    if not words:
        return
    assert words[0] == "t2t-xfer", words
    command: click.Command = cli
    # As the program itself makes it: commands remember the names of their help option.
    context = click.Context(cli, info_name="t2t-xfer", help_option_names=["-h", "--help"])
    rest = words[1:]
    while isinstance(command, click.Group):
        name, subcommand, rest = command.resolve_command(context, rest)
        assert subcommand is not None
        command = subcommand
        context = command.make_context(name, list(rest), parent=context)
