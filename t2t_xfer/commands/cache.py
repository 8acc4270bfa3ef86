"""`t2t-xfer cache`: what the response cache of this machine holds, and what of it may go."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import click

from t2t_xfer.commands import options
from t2t_xfer.commands.options import binary_size
from t2t_xfer.terminal import echo

if TYPE_CHECKING:
    from t2t_xfer.engines.response_cache import ResponseCache

_DAY = 86400


@click.group()
def cache() -> None:
    """Look at the answers of models that all runs of this machine share, and drop some.

    The cache lies in T2T_CACHE, or in t2t_xfer under the user's cache directory, and holds at most
    T2T_CACHE_SIZE GiB (4 unless set; 0 turns it off): what was not used for longest goes first.
    Dropping answers loses nothing but the time to compute them again.
    """


@cache.command()
@options.as_json
def info(as_json: bool) -> None:
    """Print where the cache is, how large, and when it was used."""
    found = _open()
    held = found.info()
    if as_json:
        told = {"path": str(found.path), "max_bytes": found.max_bytes, **held._asdict()}
        echo(json.dumps(told))
        return
    bound = (
        f"at most {binary_size(found.max_bytes)}" if found.max_bytes else "off (T2T_CACHE_SIZE=0)"
    )
    echo(f"{found.path}\n{held.entries} batches, {binary_size(held.bytes)}; {bound}")
    if held.oldest_use is not None and held.newest_use is not None:
        echo(f"used last between {_day(held.oldest_use)} and {_day(held.newest_use)}")


@cache.command()
@click.option(
    "--max-size",
    type=click.FloatRange(min=0),
    default=None,
    metavar="GIB",
    help="Keep this much, what was used last. Default: T2T_CACHE_SIZE.",
)
@click.option(
    "--older-than",
    type=click.FloatRange(min=0),
    default=None,
    metavar="DAYS",
    help="Drop what was not used for so long.",
)
@click.option("--all", "everything", is_flag=True, help="Remove the cache, also a damaged one.")
@options.as_json
def prune(
    max_size: float | None, older_than: float | None, everything: bool, as_json: bool
) -> None:
    """Drop answers that were not used for long, and give their room on the disk back."""
    from t2t_xfer.engines.response_cache import GIB

    found = _open()
    size = found.path.stat().st_size if found.path.exists() else 0
    if everything:
        found.clear()
    else:
        since = -float("inf") if older_than is None else time.time() - older_than * _DAY
        found.prune(found.max_bytes if max_size is None else int(max_size * GIB), since)
    held = found.info()
    freed = max(size - held.bytes, 0)
    if as_json:
        told = {"path": str(found.path), "freed_bytes": freed, **held._asdict()}
        echo(json.dumps(told))
        return
    echo(f"{binary_size(freed)} freed; {held.entries} batches, {binary_size(held.bytes)} stay")


def _open() -> ResponseCache:
    from t2t_xfer.engines.response_cache import ResponseCache

    return ResponseCache.of_environment()


def _day(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))
