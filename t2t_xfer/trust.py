"""What a user allows beyond the safe default, and the rule for paths that stand in YAML files.

A YAML file may come from a stranger, so what it names on this machine must lie, links followed, in
the folder that its relative names start from or in the working directory. A user allows more with
`t2t-xfer --allow-outside DIR` (several times) and `--allow-pickle`, or with the variables of the
environment that these set, which the jobs of a cluster inherit:

    export T2T_ALLOW_OUTSIDE=/scratch/data:/scratch/models
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from t2t_xfer.paths import expanded, path_problem

OUTSIDE = "T2T_ALLOW_OUTSIDE"
"""Folders that YAML files may also read from, separated as in PATH."""
PICKLE = "T2T_ALLOW_PICKLE"
"""`1`: weights may be read from `pytorch_model.bin`, too, though never with code in it."""

NO_CODE: Final[Mapping[str, Any]] = MappingProxyType({"trust_remote_code": False})
"""For every `from_pretrained`: without it transformers would ask at the terminal whether code that
comes with a checkpoint may run. It never may, so there is no option for it."""


def allow_outside(folders: Sequence[Path]) -> None:
    """Lets YAML files of this process, and of those it starts, name what lies in these folders."""
    named = [str(expanded(folder).absolute()) for folder in folders]
    os.environ[OUTSIDE] = os.pathsep.join([*_named(), *named])


def allow_pickle() -> None:
    """Lets this process, and those it starts, read weights that are no safetensors."""
    os.environ[PICKLE] = "1"


def pickle_allowed() -> bool:
    """Whether weights may be read from `pytorch_model.bin`."""
    return os.environ.get(PICKLE, "") not in ("", "0")


def weight_files() -> dict[str, Any]:
    """How `from_pretrained` may read weights; pickles as tensors only, and no code ever."""
    return {
        "use_safetensors": None if pickle_allowed() else True,
        "weights_only": True,
        **NO_CODE,
    }


def outside(path: Path, root: Path) -> str:
    """What is wrong with a path that leads where its YAML file may not read; empty if it may.

    Args:
        path: may hold `*` and `{language}`, which stand for themselves here.
        root: the folder that relative names start from.
    """
    if problem := path_problem(path):
        return problem
    real = expanded(path).resolve()
    if any(real.is_relative_to(folder.resolve()) for folder in (root, Path(), *_allowed())):
        return ""
    return f"leads to {real}, out of {root.resolve()} and of the working directory"


def advice(path: Path) -> str:
    """How to allow a path that is outside."""
    return f"If you trust the file: t2t-xfer --allow-outside {expanded(path).resolve().parent} …"


def _named() -> list[str]:
    return [name for name in os.environ.get(OUTSIDE, "").split(os.pathsep) if name]


def _allowed() -> list[Path]:
    return [expanded(name) for name in _named()]
