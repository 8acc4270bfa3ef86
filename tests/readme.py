"""The README as data: its shell blocks by section, and the `--help` texts that it holds.

make readme        # writes the --help texts into README.md again
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

import click
from click.testing import CliRunner

from t2t_xfer.cli import cli

from .conftest import REPOSITORY

README = REPOSITORY / "README.md"
BEGIN = "<!-- help: written by `make readme` -->"
END = "<!-- end of help -->"
WIDTH = 88

_FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_SECTION = re.compile(r"^## (.+)$", re.MULTILINE)


class Block(NamedTuple):
    """One fenced block."""

    section: str
    kind: str
    """`bash`: runs offline as it stands; `sh`: needs a network, large models or time."""
    text: str


def blocks(readme: str) -> list[Block]:
    """Every fenced block that names a language, with the heading it stands under."""
    headings = [(match.start(), match[1]) for match in _SECTION.finditer(readme)]
    return [
        Block(next(name for at, name in headings[::-1] if at < match.start()), match[1], match[2])
        for match in _FENCE.finditer(readme)
    ]


def commands() -> Iterator[list[str]]:
    """The arguments of the program itself and of every command that does something."""

    def walk(command: click.Command, path: list[str]) -> Iterator[list[str]]:
        if not isinstance(command, click.Group):
            yield path
            return
        for name in sorted(command.commands):
            yield from walk(command.commands[name], [*path, name])

    yield []
    yield from walk(cli, [])


def help_text(arguments: list[str]) -> str:
    """What `t2t-xfer ... --help` prints in a terminal of `WIDTH` columns."""
    done = CliRunner().invoke(
        cli, [*arguments, "--help"], prog_name="t2t-xfer", terminal_width=WIDTH
    )
    assert done.exit_code == 0, done.output
    return done.output.rstrip()


def with_help(readme: str) -> str:
    """The README with its `--help` texts as they are now."""
    before, _, rest = readme.partition(BEGIN)
    _, found, after = rest.partition(END)
    assert found, f"README.md lacks the line {BEGIN!r} or {END!r}"
    program, *others = commands()
    parts = [
        _fenced([program]),
        "<details><summary>Every command</summary>",
        _fenced(others),
        "</details>",
    ]
    return before + BEGIN + "\n\n" + "\n\n".join(parts) + "\n\n" + END + after


def _fenced(shown: list[list[str]]) -> str:
    texts = [
        f"$ {' '.join(['t2t-xfer', *arguments, '--help'])}\n{help_text(arguments)}"
        for arguments in shown
    ]
    return "```text\n" + "\n\n".join(texts) + "\n```"


if __name__ == "__main__":
    README.write_text(with_help(README.read_text(encoding="utf-8")), encoding="utf-8")
