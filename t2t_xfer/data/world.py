"""The microworld as a source: made up, offline, in the hub's own columns.

A thin layer: what exists there and what it says is the generator's business.

    open_source("microworld").rows(SplitRef("facebook/xnli", "de", "test"))
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from zlib import crc32

from t2t_xfer import microworld
from t2t_xfer.data.location import SplitRef
from t2t_xfer.errors import AbsentError, nearest
from t2t_xfer.microworld import corpus
from t2t_xfer.records import Row

NUM_DOCUMENTS = 6000
"""Of `documents`, in each language."""


class MicroworldSource:
    """Rows that the generator makes; the same on every machine."""

    name = "microworld"

    def rows(self, ref: SplitRef) -> Iterator[Row]:
        """Rows in the generator's order.

        Raises:
            AbsentError: the microworld has no such data set, configuration or split.
        """
        self._require(ref)
        return iter(microworld.rows(ref.id, ref.config, ref.split) or [])

    def _require(self, ref: SplitRef) -> None:
        if not self.has(ref):
            raise AbsentError(f"{ref} is not in the microworld: {self._reason(ref)}")

    def _reason(self, ref: SplitRef) -> str:
        configs = self.configs(ref.id) or []
        if ref.config in configs:
            return f"no split {ref.split!r} of {ref.id}/{ref.config}."
        hint = nearest(ref.config, configs)
        return f"{ref.id} has there: {', '.join(configs) or 'nothing'}.{hint}"

    def configs(self, id: str) -> list[str] | None:
        """The configurations that the microworld makes for a data set; None if it makes none."""
        return microworld.configs(id) or None

    def splits(self, id: str, config: str) -> list[str]:
        """The splits that the microworld makes of a configuration."""
        return microworld.splits(id, config)

    def class_names(self, id: str, config: str) -> dict[str, tuple[str, ...]]:
        """None: rows alone say no names."""
        return {}

    def has(self, ref: SplitRef) -> bool:
        """Whether the microworld makes this split. Nothing is made to answer that."""
        return ref.split in microworld.splits(ref.id, ref.config)

    def fingerprint(self, ref: SplitRef) -> str:
        """The generator's fingerprint and the place: the rows follow from both.

        Raises:
            AbsentError: the microworld makes no such split.
        """
        self._require(ref)
        return f"{microworld.FINGERPRINT}:{ref}"

    def text(self, language: str) -> Iterator[str]:
        """Raw text of a language, a sentence a line.

        Raises:
            AbsentError: the microworld does not speak it.
        """
        lines = microworld.text(language)
        if lines is None:
            raise AbsentError(f"the microworld does not speak {language!r}.")
        return iter(lines)

    def documents(self, language: str) -> Iterator[str]:
        """Documents of the pretraining text's kind, told in one language and never parallel.

        Raises:
            AbsentError: the microworld does not speak it.
        """
        if language not in microworld.LANGUAGES:
            raise AbsentError(f"the microworld does not speak {language!r}.")
        only = corpus.Mixture(1, 0, 0, languages=(language, language))
        # Each language has a seed of its own; the shipped micro models have seen that of seed 0.
        return islice(corpus.documents(crc32(language.encode()), only), NUM_DOCUMENTS)

    def text_fingerprint(self, language: str) -> str:
        """The generator's fingerprint and the language."""
        self.text(language)
        return f"{microworld.FINGERPRINT}:text/{language}"
