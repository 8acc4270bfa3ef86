"""A small world told in several languages: the default data, made and not stored.

Rule: the data sets have the hub's own ids, configurations, splits and columns, so that the same
tasks run on them; rows of a task are parallel across languages; the same version gives the same
bytes everywhere; nothing that happens in a test or validation split happens in a training split or
in `text`, in any task. The data is synthetic: a test bed, never evidence about natural language.

    rows("facebook/xnli", "tr", "test")[0]
    {"premise": "Dün Anna ...", "hypothesis": "Anna ...", "label": 0}
"""

from __future__ import annotations

from t2t_xfer.microworld.hub import configs, hub_ids, rows, splits
from t2t_xfer.microworld.lexicon import LANGUAGES
from t2t_xfer.microworld.text import text

__all__ = ["FINGERPRINT", "LANGUAGES", "configs", "hub_ids", "rows", "splits", "text"]

FINGERPRINT: str
"""SHA-256 of everything that the data is made from."""


def __getattr__(name: str) -> str:
    if name == "FINGERPRINT":
        from t2t_xfer.microworld.hub import fingerprint

        return fingerprint()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
