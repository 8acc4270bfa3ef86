"""The seam between what is asked and what answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from t2t_xfer.records import Decoding, Generation, Options, Prompted, Readout


class Engine(Protocol):
    """Reads answers for prompted examples. Engines know no tasks and no prompts."""

    name: str

    def read(
        self,
        prompted: Sequence[Prompted],
        options: Options,
        readout: Readout,
        decoding: Decoding = Decoding(),
    ) -> list[Generation]:
        """One generation for each example, in the order given.

        Args:
            decoding: counts for the readout `generate` alone.
        """
