"""What goes to the terminal: nothing in it steers the terminal, and no terminal is too simple.

The rule: commands write through `echo` and logs through `VisibleFormatter`. Task files, data and
models come from strangers, so control characters in them are shown, not sent: an escape sequence
could clear the screen, fill the clipboard or hide what a file says.

    echo("a\\x1b[2Jb")      # a\\x1b[2Jb, as seven visible characters and two letters
"""

from __future__ import annotations

import contextlib
import errno
import io
import logging
import os
import re
import secrets
import sys
from typing import Any, Final

import click

from t2t_xfer.errors import presentable

_HIDDEN: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]"
)
"""Control characters but for tab and line break, and those that reorder the text around them."""
_OUTPUT_GONE: Final = frozenset({errno.ENOSPC, errno.EIO, errno.EBADF, errno.EDQUOT, errno.EFBIG})


_OWN: Final = f"\x1b{secrets.token_hex(8)}"
"""Our own escape until it is written. Nobody else can know it, so nobody else's gets through."""


class OutputError(Exception):
    """Standard output or error takes no more: a full disk behind `>`."""


def visible(text: str) -> str:
    """The text with its control characters as `\\x1b` (`\\u202e` above ASCII, as JSON has it)."""
    return _HIDDEN.sub(lambda hit: _escaped(ord(hit[0])), text)


def _escaped(code: int) -> str:
    return f"\\x{code:02x}" if code < 0x20 else f"\\u{code:04x}"


def style(text: str, **how: Any) -> str:
    """A part of a line in one of click's styles, for `echo`."""
    return click.style(visible(text), **how).replace("\x1b", _OWN)


def echo(message: object = "", *, err: bool = False, nl: bool = True) -> None:
    """Writes a line.

    Raises:
        OutputError: there is no room for it.
    """
    secho(message, err=err, nl=nl)


def secho(message: object = "", *, err: bool = False, nl: bool = True, **how: Any) -> None:
    """Writes a line in a style of click's. Without colour where `NO_COLOR` is set (no-color.org)
    or nobody sees it (a pipe).

    Raises:
        OutputError: there is no room for it.
    """
    text = "\x1b".join(visible(part) for part in str(message).split(_OWN))
    color = False if os.environ.get("NO_COLOR") else None
    try:
        click.echo(click.style(text, **how) if how else text, err=err, nl=nl, color=color)
    except OSError as e:
        raise_if_gone(e)
        raise


def raise_if_gone(error: OSError) -> None:
    """Raises `OutputError` for what writing to a stream without room ends in."""
    if error.errno in _OUTPUT_GONE and error.filename is None:
        raise OutputError(error.strerror or str(error)) from error


class VisibleFormatter(logging.Formatter):
    """A log line without control characters and passwords."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, its values shown."""
        return visible(presentable(super().format(record)))


def set_up_logging(level: int) -> None:
    """Log lines go to standard error, shown as everything else."""
    handler = logging.StreamHandler()
    handler.setFormatter(VisibleFormatter("%(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=level, handlers=[handler])


def accept_every_letter() -> None:
    """A letter that a terminal or pipe cannot encode is written as its escape, not a traceback."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def flush() -> None:
    """Writes what still waits.

    Raises:
        OutputError, BrokenPipeError: that cannot be done.
    """
    try:
        if sys.stdout is not None:  # it is where the caller closed it (`>&-`)
            sys.stdout.flush()
    except OSError as e:
        raise_if_gone(e)
        raise


def let_go() -> None:
    """Sends what still waits nowhere, so that Python does not try again while it ends."""
    for stream in filter(None, (sys.stdout, sys.stderr)):
        with contextlib.suppress(OSError, ValueError):
            try:
                stream.flush()
            except OSError:
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
