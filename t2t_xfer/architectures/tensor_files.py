"""What can be known to be wrong with a checkpoint's files, without torch and without a weight read.

A safetensors file says at its beginning which bytes hold which tensor, so a file that was cut or
was never downloaded shows before anything runs. Configs come from strangers: what they ask for is
bounded before any library acts on it.

    check_tensor_file(Path("model/model.safetensors"))     # UserError: ... ends early ...
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from t2t_xfer.errors import UnsupportedError, UserError

LFS = b"version https://git-lfs"
"""What stands in place of a large file where Git LFS was not asked to fetch it."""
LARGEST_HEADER = 100_000_000
"""Bytes; safetensors' own limit."""
MOST_LAYERS = 1_000
"""Of a model. The deepest there are have some 130; each takes time and memory to set up even
before there are weights."""
MOST_PARTS = 100_000
"""Experts, heads, labels and the like, each of which makes an object."""
_LAYERS = re.compile(r"layer|block|depth|stage")
_PARTS = re.compile(r"expert|head|label|level|kernel|group|bucket")
_COUNT = re.compile(r"^(n|num)_|_(num|count)$|^depth|layers$|depth$")
DEEPEST = 50
"""Levels of lists and objects in a config."""


def read_json_object(file: Path, what: str) -> dict[str, Any]:
    """A JSON file that holds an object.

    Args:
        what: what it should be, as `a model's config`.

    Raises:
        UserError: it cannot be read, or is something else; names the file.
    """
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except RecursionError:
        raise UserError(f"{file} is no {what}: it is nested too deeply.") from None
    except OSError as e:
        raise UserError(f"{file} cannot be read: {e.strerror or e}.") from e
    except ValueError as e:
        raise UserError(f"{file} cannot be read as JSON: {e}. It should be {what}.") from e
    if not isinstance(found, dict):
        raise UserError(f"{file} is not {what}: it holds no JSON object.")
    return found


def check_tensor_file(file: Path) -> None:
    """Makes sure that a safetensors file is whole.

    Raises:
        UserError: it cannot be read, is a pointer of Git LFS, was cut, or is something else.
    """
    header, start, size = _header(file)
    ends = [
        entry["data_offsets"][1]
        for name, entry in header.items()
        if name != "__metadata__" and isinstance(entry, dict) and "data_offsets" in entry
    ]
    end = start + max(ends, default=0)
    if end > size:
        raise UserError(
            f"{file} ends early: it has {size} bytes of {end}. Its download or copy was cut; get"
            " the file again."
        )


def tensor_names(file: Path) -> list[str]:
    """The names of the tensors in a safetensors file.

    Raises:
        UserError: see `check_tensor_file`.
    """
    return [name for name in _header(file)[0] if name != "__metadata__"]


def _header(file: Path) -> tuple[dict[str, Any], int, int]:
    """The header, where the data begin, and the size of the file."""
    try:
        with file.open("rb") as opened:
            beginning = opened.read(len(LFS))
            _check_pointer(file, beginning)
            length = int.from_bytes(beginning[:8], "little")
            size = file.stat().st_size
            if len(beginning) < 8 or length > min(size, LARGEST_HEADER):
                raise UserError(_broken(file))
            opened.seek(8)
            header = json.loads(opened.read(length))
    except OSError as e:
        raise UserError(
            f"{file} cannot be read: {e.strerror or e}. Look at its rights and at its disk."
        ) from e
    except (ValueError, RecursionError) as e:
        raise UserError(_broken(file)) from e
    if not isinstance(header, dict):
        raise UserError(_broken(file))
    return header, 8 + length, size


def _broken(file: Path) -> str:
    return (
        f"{file} is no whole safetensors file: its first bytes are not those of one. Its download"
        " or copy was cut, or it is something else; get the file again."
    )


def _check_pointer(file: Path, beginning: bytes) -> None:
    if beginning.startswith(LFS):
        raise UserError(
            f"{file} is a pointer of Git LFS and not the file itself. Fetch it: `git lfs pull` in"
            " the clone, or `hf download`."
        )


def check_files(folder: Path) -> None:
    """Looks at the files of a checkpoint's directory: whole weights, no pointers of Git LFS.

    Raises:
        UserError: names the file.
    """
    for file in sorted(folder.glob("*.safetensors")):
        check_tensor_file(file)
    for pattern in ("*.json", "*.model", "*.txt", "*.bin"):
        for file in sorted(folder.glob(pattern)):
            try:
                with file.open("rb") as opened:
                    _check_pointer(file, opened.read(len(LFS)))
            except OSError as e:
                raise UserError(f"{file} cannot be read: {e.strerror or e}.") from e
    for file in folder.glob("*.safetensors.index.json"):
        named = read_json_object(file, "an index of weights").get("weight_map")
        shards = {str(each) for each in named.values()} if isinstance(named, dict) else set()
        absent = sorted(shard for shard in shards if not (folder / shard).is_file())
        if absent:
            raise UserError(
                f"{folder} lacks {', '.join(absent[:5])}, which {file.name} names"
                f" ({len(absent)} of {len(shards)} files). Get the missing files."
            )


def check_config(config: Mapping[str, Any], who: str) -> None:
    """Bounds what a config may ask for, before any library acts on it.

    Raises:
        UnsupportedError: more layers, experts and the like than any model has.
        UserError: nested too deeply.
    """
    for key, value in _numbers(config, who, 0):
        if not _COUNT.search(key):
            continue
        most = MOST_LAYERS if _LAYERS.search(key) else MOST_PARTS if _PARTS.search(key) else None
        if most is not None and value > most:
            raise UnsupportedError(
                f"{who}: its config asks for {key}: {value}, and {most} are the most that is"
                " accepted. Correct the config."
            )


def _numbers(value: Any, who: str, depth: int) -> Iterator[tuple[str, int]]:
    if depth > DEEPEST:
        raise UserError(f"{who}: its config is nested too deeply.")
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if isinstance(inner, int | float) and not isinstance(inner, bool):
                yield str(key), int(inner) if abs(inner) < float("inf") else 0
            elif isinstance(inner, Mapping | list):
                yield from _numbers(inner, who, depth + 1)
    elif isinstance(value, list):
        for inner in value:
            if isinstance(inner, Mapping | list):
                yield from _numbers(inner, who, depth + 1)
