"""The positional grammar of written tags: one marker and one tag for each word, in order.

Knows tokens only. What is written under it cannot slip, skip a word or name an unknown tag.

>>> text = PairsOf(Pairs(markers=((7,), (8,)), codes=(3, 4)), end=1)
>>> text.allowed()
[7]
>>> text.advance(7)
>>> text.allowed()
[3, 4]
"""

from __future__ import annotations

from t2t_xfer.architectures.rows import Pairs


class PairsOf:
    """The text of one row: each word's marker and then one of the tags that may come there.

    A `Constraint` of `engines/constraints.py`.
    """

    def __init__(self, pairs: Pairs, end: int) -> None:
        self._pairs = pairs
        self._end = end
        self._word = self._at = 0
        self._previous = pairs.previous
        self._index = {code: i for i, code in enumerate(pairs.codes)}
        self._ascending = sorted(pairs.codes)  # once: there may be 1,363

    def allowed(self) -> list[int]:
        """See `Constraint`."""
        pairs = self._pairs
        if self._word == len(pairs.markers):
            return [self._end]
        marker = pairs.markers[self._word]
        if self._at < len(marker):
            return [marker[self._at]]
        if not pairs.follows:
            return self._ascending
        return sorted(
            code
            for code, before in zip(pairs.codes, pairs.follows, strict=True)
            if not before or self._previous in before
        )

    def advance(self, token: int) -> None:
        """See `Constraint`."""
        if self._at < len(self._pairs.markers[self._word]):
            self._at += 1
            return
        self._previous = self._index[token]
        self._word += 1
        self._at = 0

    def found(self) -> int:
        """How many words have their tag."""
        return self._word
