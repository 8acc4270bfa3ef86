"""English intermediate-task training and zero-shot cross-lingual transfer, as text to text.

For scripts, three calls (docs/evaluation.md): `load_task`, `evaluate`, and `table` of what that
gives. They are imported when they are first named, so `import t2t_xfer` stays quick.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from t2t_xfer.api import LoadedTask, Scores, evaluate, load_task

__all__ = ["LoadedTask", "Scores", "evaluate", "load_task"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 't2t_xfer' has no attribute {name!r}")
    from t2t_xfer import api

    return getattr(api, name)
