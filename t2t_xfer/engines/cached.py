"""What a model has answered before, so that it need not compute it again.

The unit is what the model computes at once: a batch of rows, exactly as it was cut. Batches change
the last digits of scores, so an answer counts for the same rows in the same batch alone; then it is
the same bit for bit, and a run that was interrupted, or served from the cache, ends in the same
bytes as one that was left alone. The key is the hash of

    the model's content, dtype, engine, machine, versions      `identity`
    what is read, and the settings of that                     `question`
    every token and place of every row of the batch, in order  not its id, gold answer or offsets

vLLM cuts its own batches and is not exact anyway: there each request is a unit.

    answers = CachedAnswers(cache, identity)
    answers.batch(["options"], rows, lambda: read(rows))     # computed, and kept
    answers.batch(["options"], rows, lambda: read(rows))     # recalled
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields
from typing import Any, TypeVar

from t2t_xfer.architectures.rows import Row
from t2t_xfer.engines.response_cache import ResponseCache

T = TypeVar("T")

NOT_ASKED = frozenset(
    {"id", "labels", "weight", "part", "first_slot", "removed_tokens", "key_offsets"}
)
"""Fields of a row that no model sees: they say where its answer belongs, or are for training."""
_ASKED = tuple(field.name for field in fields(Row) if field.name not in NOT_ASKED)
REQUESTS_AT_A_TIME = 1024
"""Given to vLLM together: an interrupted run has kept all but the last ones."""


class CachedAnswers:
    """The answers of one model."""

    def __init__(self, cache: ResponseCache | None = None, identity: str = "") -> None:
        """Without a cache everything is computed.

        Args:
            identity: of all that decides an answer beside the question: the model by content, how
                and by what it is computed.
        """
        self._cache = cache
        self._identity = identity
        self.num_recalled = 0
        """Rows, or requests, that were not computed."""

    def batch(
        self,
        question: object,
        rows: Sequence[Row],
        compute: Callable[[], Sequence[T]],
        restore: Callable[[Any], T] = lambda value: value,
    ) -> Sequence[T]:
        """The answer of each row of one batch, in their order.

        Args:
            question: what is read from the rows, as JSON.
            compute: gives plain numbers, texts, lists and tuples of them.
            restore: makes an answer of what JSON has made of it.
        """
        if self._cache is None:
            return compute()
        key = self._key([question, [asked(row) for row in rows]])
        for raw in self._cache.recall([key]).values():
            self.num_recalled += len(rows)
            return [restore(value) for value in _unpacked(raw)]
        found = compute()
        self._cache.keep({key: _packed(found)})
        return found

    def each(
        self,
        question: object,
        requests: Sequence[object],
        compute: Callable[[Sequence[int]], Sequence[T]],
    ) -> list[T]:
        """The answer of each request, in their order.

        Args:
            question: what all have in common, as JSON.
            requests: the rest of what each asks, as JSON.
            compute: answers those with the given indices, as JSON.
        """
        if self._cache is None:
            return list(compute(range(len(requests))))
        keys = [self._key([question, request]) for request in requests]
        known: dict[str, Any] = {
            key: _unpacked(raw) for key, raw in self._cache.recall(keys).items()
        }
        self.num_recalled += sum(key in known for key in keys)
        for part in _parts([i for i, key in enumerate(keys) if key not in known]):
            computed = {keys[i]: each for i, each in zip(part, compute(part), strict=True)}
            self._cache.keep({key: _packed(each) for key, each in computed.items()})
            known |= computed
        return [known[key] for key in keys]

    def _key(self, asked: object) -> str:
        text = json.dumps(asked, separators=(",", ":"), default=vars)
        return hashlib.sha256(f"{self._identity}\n{text}".encode()).hexdigest()


def asked(row: Row) -> list[object]:
    """All of a row that its answer depends on, as JSON."""
    return [
        [asked(each) for each in row.apart] if name == "apart" else getattr(row, name)
        for name in _ASKED
    ]


def _parts(indices: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(indices), REQUESTS_AT_A_TIME):
        yield indices[start : start + REQUESTS_AT_A_TIME]


def _packed(value: object) -> bytes:
    # JSON writes a float as the shortest text that is read as the very same float.
    return zlib.compress(json.dumps(value, separators=(",", ":")).encode(), 1)


def _unpacked(raw: bytes) -> Any:
    return json.loads(zlib.decompress(raw))
