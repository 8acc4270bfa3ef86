"""The micro models that travel with the package, by name: `micro:encoder`, `micro:causal`, ….

Rule: a folder holds a checkpoint as transformers saves it, in float16, and `recipe.json`, which
says how it was made. `python -m scripts.micro_models` makes them again, in a clone.
"""

from __future__ import annotations

from pathlib import Path

from t2t_xfer.errors import UnsupportedError, nearest
from t2t_xfer.records import ArchitectureName

SCHEME = "micro:"
NAMES: tuple[ArchitectureName, ...] = ("encoder", "seq2seq", "causal")
HERE = Path(__file__).parent


def is_micro(name: str | None) -> bool:
    """Whether a model's name is that of a shipped micro model."""
    return name is not None and name.startswith(SCHEME)


def checkpoint(name: str) -> Path:
    """The folder of `micro:NAME`.

    Raises:
        UnsupportedError: there is no such micro model.
    """
    short = name.removeprefix(SCHEME)
    if short not in NAMES:
        known = [SCHEME + each for each in NAMES]
        raise UnsupportedError(
            f"the model {name!r}: a micro model is one of {', '.join(known)}.{nearest(name, known)}"
        )
    return HERE / short
