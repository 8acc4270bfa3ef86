"""What a constrained decoder may write next. Knows tokens only.

A constraint follows one row: `allowed` names the next tokens (the end token among them where the
text may end), `advance` takes the one that was chosen.

>>> piece = PieceOf((7, 8, 7, 9), end=1)
>>> piece.advance(7)
>>> piece.allowed()
[1, 8, 9]
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from t2t_xfer.architectures.rows import Row
from t2t_xfer.engines.pairs import PairsOf


class Constraint(Protocol):
    """The texts that one row may become."""

    def allowed(self) -> list[int]:
        """Ids of the tokens that may come next, ascending; never empty before the end."""
        ...

    def advance(self, token: int) -> None:
        """Takes one of the allowed tokens that is not the end."""
        ...

    def found(self) -> int:
        """What the tokens so far are: the index of the target, or of the first key."""
        ...


class OneOf:
    """One of a few token sequences, whole (a label word, a choice). Of equal ones the first."""

    def __init__(self, targets: Sequence[tuple[int, ...]], end: int) -> None:
        self._targets = targets
        self._end = end
        self._alive = list(range(len(targets)))
        self._length = 0

    def allowed(self) -> list[int]:
        """See `Constraint`."""
        n = self._length
        following = {self._targets[i][n:][:1] or (self._end,) for i in self._alive}
        return sorted(token for (token,) in following)

    def advance(self, token: int) -> None:
        """See `Constraint`."""
        n = self._length
        self._alive = [i for i in self._alive if self._targets[i][n:][:1] == (token,)]
        self._length += 1

    def found(self) -> int:
        """The index of the target; of an unfinished one, of the first it could become."""
        whole = [i for i in self._alive if len(self._targets[i]) == self._length]
        return (whole or self._alive)[0]


class PieceOf:
    """Any consecutive tokens of a field, at least one.

    All places where the tokens so far occur are followed at once, so `the` may be written before
    it is clear which `the` of the field it is.
    """

    def __init__(self, keys: Sequence[int], end: int) -> None:
        self._keys = keys
        self._end = end
        self._following = list(range(len(keys)))
        """The keys that may come next: one for each place where the tokens so far occur."""
        self._length = 0

    def allowed(self) -> list[int]:
        """See `Constraint`."""
        following = {self._keys[i] for i in self._following if i < len(self._keys)}
        # A field whose text holds the end token cannot be copied across it.
        following.discard(self._end)
        if self._length or not following:
            following.add(self._end)
        return sorted(following)

    def advance(self, token: int) -> None:
        """See `Constraint`."""
        keys = self._keys
        self._following = [i + 1 for i in self._following if i < len(keys) and keys[i] == token]
        self._length += 1

    def found(self) -> int:
        """The first key of the first place where the tokens occur."""
        return self._following[0] - self._length


def constraint_of(row: Row, end: int) -> Constraint:
    """The texts that may be written after a row.

    Args:
        end: the end token.
    """
    if row.pairs is not None:
        return PairsOf(row.pairs, end)
    if row.keys is not None:
        return PieceOf(row.input_ids[row.keys.start : row.keys.end], end)
    assert row.targets, f"{row.id}: nothing to choose from"
    return OneOf(row.targets, end)
