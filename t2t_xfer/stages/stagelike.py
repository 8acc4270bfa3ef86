"""What is needed of a stage to do it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from t2t_xfer.records import Json


class StageLike(Protocol):
    """What is needed of a stage here (`study.stage.Stage` is one)."""

    @property
    def id(self) -> str:
        """Its address in a store."""

    @property
    def needs(self) -> Mapping[str, str]:
        """Role to the id of the stage that makes it."""

    @property
    def kind(self) -> str:
        """`model`, `train`, `predict` or `score`."""

    @property
    def spec(self) -> Mapping[str, Json]:
        """Its identity."""

    @property
    def how(self) -> Mapping[str, Json]:
        """Its paths."""
