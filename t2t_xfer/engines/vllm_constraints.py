"""Our own constraints inside vLLM: what it may write next, token by token.

The rule: a constraint is the one that the transformers engine follows, on the same tokens, so that
both may write the same and the readout is the same. vLLM's structured outputs are no such thing:
their grammars are about text, which allows the model other tokens for the same letters than those
that it was trained on, and one that copies from a context has to be compiled for every example.

A request carries what its constraint is made of, and vLLM's own process, which finds the class by
its name, makes it there:

    SamplingParams(extra_args=request_args(row, decoding, end), ...)
    LLM(path, logits_processors=["t2t_xfer.engines.vllm_constraints:ConstraintProcessor"])

Imported where vLLM is only.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import torch
from vllm.v1.sample.logits_processor import BatchUpdate, LogitsProcessor
from vllm.v1.sample.logits_processor.builtin import process_dict_updates

from t2t_xfer.architectures.codec import TokenSpan
from t2t_xfer.architectures.rows import Pairs, Row
from t2t_xfer.engines.written import Constraint, constraint_of, most_tokens
from t2t_xfer.records import Decoding

KEY = "t2t_xfer"
"""Of our part of a request's `extra_args`."""


def request_args(row: Row, decoding: Decoding, end: int) -> dict[str, Any]:
    """What a request tells `ConstraintProcessor`.

    Args:
        end: the end token. It is the last one that is written, whatever comes before.
    """
    told: dict[str, Any] = {"end": end, "most": most_tokens(row, decoding)}
    if decoding.constrained and row.pairs is not None:
        told["pairs"] = asdict(row.pairs)
    elif decoding.constrained and row.keys is not None:
        told["keys"] = list(row.input_ids[row.keys.start : row.keys.end])
    elif decoding.constrained and row.targets:
        told["targets"] = [list(target) for target in row.targets]
    return {KEY: told}


def _constraint(told: dict[str, Any]) -> Constraint | None:
    """The inverse of `request_args`; None where anything may be written."""
    ids: tuple[int, ...] = tuple(told.get("keys", ()))
    row = Row("", ids, ())
    if "pairs" in told:
        pairs = told["pairs"]
        row = Row(
            "",
            (),
            (),
            pairs=Pairs(
                tuple(map(tuple, pairs["markers"])),
                tuple(pairs["codes"]),
                tuple(map(tuple, pairs["follows"])),
                pairs["previous"],
            ),
        )
    elif ids:
        row = Row("", ids, (), keys=TokenSpan(0, len(ids)))
    elif "targets" in told:
        row = Row("", (), (), targets=tuple(map(tuple, told["targets"])))
    else:
        return None
    return constraint_of(row, told["end"])


class _Followed:
    """One request of the batch."""

    def __init__(self, told: dict[str, Any], written: list[int]) -> None:
        self._constraint = _constraint(told)
        self._end: int = told["end"]
        self._most: int = told["most"]
        self._written = written
        """vLLM's own list, which grows. It begins longer for a request that was set aside."""
        self._taken = 0

    def allowed(self) -> list[int] | None:
        """The tokens that may come next; None: any."""
        for token in self._written[self._taken :]:
            if token == self._end:  # vLLM may be a step ahead of what it knows
                return [self._end]
            if self._constraint is not None:
                self._constraint.advance(token)
            self._taken += 1
        if self._taken + 1 >= self._most:
            return [self._end]
        return None if self._constraint is None else self._constraint.allowed()


class ConstraintProcessor(LogitsProcessor):  # type: ignore[misc]  # vLLM is not there for mypy
    """Hides what may not be written, in all requests of a batch at once."""

    def __init__(self, vllm_config: Any, device: torch.device, is_pin_memory: bool) -> None:
        self._followed: dict[int, _Followed] = {}
        """By the row of the batch."""

    def is_argmax_invariant(self) -> bool:
        """It decides which token is the best one that may be written."""
        return False

    def update_state(self, batch_update: BatchUpdate | None) -> None:
        """Requests come, go and change places."""
        process_dict_updates(self._followed, batch_update, _new_request)

    def apply(self, logits: torch.Tensor) -> torch.Tensor:
        """Shape (requests, vocabulary), changed in place."""
        lines: list[int] = []
        tokens: list[int] = []
        for line, followed in self._followed.items():
            allowed = followed.allowed()
            if allowed is not None:
                lines += [line] * len(allowed)
                tokens += allowed
        if lines:
            kept = logits[lines, tokens]
            logits[sorted(set(lines))] = -torch.inf
            logits[lines, tokens] = kept
        return logits


def _new_request(params: Any, prompt_ids: list[int] | None, written: list[int]) -> _Followed | None:
    told = (params.extra_args or {}).get(KEY)
    return None if told is None else _Followed(told, written)
