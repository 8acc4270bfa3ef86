"""Sources: the same data sets from the hub, a local mirror or the microworld.

A source yields raw rows in order and judges nothing: what a row means is the task's business.

    source = open_source("mirror:data/hub")      # what --data and T2T_DATA say
    rows = source.rows(SplitRef("facebook/xnli", "de", "test"))
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from t2t_xfer.data.hub import HubSource
from t2t_xfer.data.location import SplitRef
from t2t_xfer.data.mirror import MirrorSource
from t2t_xfer.data.world import MicroworldSource
from t2t_xfer.errors import UserError, nearest
from t2t_xfer.paths import expanded
from t2t_xfer.records import Row

__all__ = ["Source", "SplitRef", "open_source"]

KINDS = ("hub", "mirror", "microworld")
"""What may stand before the colon of `--data`."""


class Source(Protocol):
    """A place that holds data sets under the hub's names."""

    @property
    def name(self) -> str:
        """`hub`, `mirror` or `microworld`; never a path."""

    def rows(self, ref: SplitRef) -> Iterator[Row]:
        """Rows in order. Raises `AbsentError` (not there) or `DataError` (unreadable)."""

    def configs(self, id: str) -> list[str] | None:
        """Configurations of a data set; None if it is not there or that cannot be known."""

    def splits(self, id: str, config: str) -> list[str]:
        """The splits of a configuration by the data set's own names; none if there are none."""

    def class_names(self, id: str, config: str) -> dict[str, tuple[str, ...]]:
        """Column -> what its numbers mean, where the source says so (the hub alone does)."""

    def has(self, ref: SplitRef) -> bool:
        """Whether the split is there."""

    def fingerprint(self, ref: SplitRef) -> str:
        """Pins the content of a split; part of the identity of what is made from it."""

    def text(self, language: str) -> Iterator[str]:
        """Lines of raw text, none blank. Raises `AbsentError`."""

    def documents(self, language: str) -> Iterator[str]:
        """Raw text to learn from, a document a line, none blank. Raises `AbsentError`."""

    def text_fingerprint(self, language: str) -> str:
        """Pins the content of `text` and of `documents`."""


def open_source(spec: str) -> Source:
    """The source that `--data` names: `hub`, `mirror:DIR` or `microworld`.

    Raises:
        UserError: it names none of them, or the mirror's folder is not there.
    """
    if spec == "hub":
        return HubSource()
    if spec == "microworld":
        return MicroworldSource()
    kind, _, folder = spec.partition(":")
    if kind == "mirror" and folder:
        return MirrorSource(expanded(folder))
    hint = " Write the folder after it." if kind == "mirror" else nearest(kind, KINDS)
    raise UserError(f"--data {spec}: expected hub, mirror:DIR or microworld.{hint}")
