"""What stages of one process share: tasks, examples already read, and the model kept warm."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from copy import copy
from functools import lru_cache, partial
from typing import TYPE_CHECKING, NamedTuple

from t2t_xfer.architectures.checkpoint import adapter_base
from t2t_xfer.data.examples import fingerprint, read_examples
from t2t_xfer.data.sources import Source, open_source
from t2t_xfer.records import Example, Prompted, Split
from t2t_xfer.specs.catalogue import Catalogue
from t2t_xfer.stages.base import Shown
from t2t_xfer.stages.few_shot import (
    drawn,
    shots_fingerprint,
    shown_in,
    with_few_shots,
    with_shots,
)
from t2t_xfer.stages.model import Weights
from t2t_xfer.stages.task import Task, check_unchanged, load_task, render

if TYPE_CHECKING:
    from t2t_xfer.architectures.base import Architecture
    from t2t_xfer.architectures.loading import LoadedModel, Readable, SwitchedBase
    from t2t_xfer.engines.vllm import LoadedVllm

log = logging.getLogger(__name__)


class WarmBase(NamedTuple):
    """What a base in memory must be to be used again."""

    path: str
    revision: str | None
    dtype: str
    quantised: bool
    alone: str | None
    """The one adapter that it is loaded for, if that adapter cannot stand beside others."""


class Context:
    """One data source, one catalogue of tasks.

    The caches are bounded: a study of hundreds of cells reads each data file about once, and loads
    each base once as long as its predictions follow each other, whatever adapters are over it.
    """

    def __init__(
        self, catalogue: Catalogue, data: str, few_shot: Mapping[str, int] | None = None
    ) -> None:
        """`data`: `hub`, `mirror:DIR` or `microworld`; `few_shot`: shots by task, over its YAML."""
        self.catalogue = catalogue
        self.data = data
        self._few_shot = few_shot or {}
        self.source: Source = open_source(data)
        self.task = lru_cache(maxsize=None)(self._task)
        self.fingerprint = lru_cache(maxsize=None)(self._fingerprint)
        self.prompted = lru_cache(maxsize=64)(self._prompted)
        self.shots_fingerprint = lru_cache(maxsize=None)(partial(shots_fingerprint, self))
        self._reader = lru_cache(maxsize=8)(self._read_tokenizer)
        self._drawn = lru_cache(maxsize=64)(partial(drawn, self))
        self._warm: tuple[WarmBase, SwitchedBase] | None = None
        self._prompting: tuple[tuple[str, str | None, int], Architecture] | None = None
        """What makes the rows of the last checkpoint; it holds its tokenizer, and no weights."""
        self._vllm: tuple[tuple[str, str | None, str, int], LoadedVllm] | None = None

    def _task(self, name: str) -> Task:
        task = load_task(self.catalogue, name, self.source)
        return with_few_shots(task, self._few_shot[name]) if name in self._few_shot else task

    def planned(self, shown: Shown) -> Task:
        """A task of a stage.

        Raises:
            UserError: it has changed since the plan was made.
        """
        task: Task = self.task(shown.task)
        check_unchanged(task, shown.plain(), task.shown())
        return task

    def trained_on(self, name: str) -> str:
        """The task whose rows train this one: XNLI is trained on MNLI."""
        return self.task(name).spec.train_task or name

    def _fingerprint(self, name: str, language: str, split: Split, tested: bool = False) -> str:
        return fingerprint(self.task(name).spec, self.source, language, split, tested=tested)

    def _prompted(
        self,
        name: str,
        language: str,
        split: Split,
        limit: int | None,
        tested: bool = False,
    ) -> tuple[list[Example], list[Prompted]]:
        """`tested`: the rows are only scored, never trained or chosen on (`find_places`)."""
        task = self.task(name)
        examples = read_examples(task.spec, self.source, language, split, limit, tested=tested)
        if split == "train":
            return examples, [render(task, example) for example in examples]
        return examples, self.render(task, examples)

    def render(self, task: Task, examples: Sequence[Example]) -> list[Prompted]:
        """Examples of one language as they are tested: behind the task's shots, if it has any.

        Raises:
            DataError: the prompt fails on one; names the example.
            UserError: there are too few rows to show.
        """
        prompted = [render(task, example) for example in examples]
        if task.spec.few_shot is None or not examples:
            return prompted
        language = shown_in(task, examples[0].language)
        return with_shots(task, prompted, self._drawn(task.name, language))

    def reader(self, path: str, revision: str | None, max_input_tokens: int) -> Architecture:
        """What makes the rows of a checkpoint; its tokenizer is read once, and no weights.

        Raises:
            UserError: there is no such checkpoint, or it cannot be read.
        """
        found = copy(self._reader(path, revision))
        found.max_input_tokens = max_input_tokens
        return found

    def _read_tokenizer(self, path: str, revision: str | None) -> Architecture:
        from t2t_xfer.architectures.loading import architecture_at

        return architecture_at(path, revision, 1)

    def model(self, weights: Weights, dtype: str, max_input_tokens: int) -> Readable:
        """The checkpoint with its adapter; its weights are loaded when they are needed.

        The last base that was loaded stays in memory. Whatever an earlier call returned is over the
        same base, and answers with this adapter from then on.
        """
        from t2t_xfer.architectures.loading import OnDemand, architecture_at

        key = (weights.path, weights.revision, max_input_tokens)
        if self._prompting is None or self._prompting[0] != key:
            self._prompting = (key, architecture_at(*key))
        load = partial(self._loaded, weights, dtype, max_input_tokens)
        return OnDemand(self._prompting[1], load)

    def _loaded(self, weights: Weights, dtype: str, max_input_tokens: int) -> LoadedModel:
        from t2t_xfer.architectures.loading import SwitchedBase, load

        key = _warm_base(weights, dtype)
        if self._warm is None or self._warm[0] != key:
            self.forget_model()  # let the old one go before the new one comes
            log.info("%s is loaded", weights.path)
            loaded = load(
                weights.path,
                revision=weights.revision,
                dtype=dtype,
                max_input_tokens=max_input_tokens,
                quantised=key.quantised,
                fresh_head=True,  # `preflight` asks what is read through it
            )
            self._warm = (key, SwitchedBase(loaded))
        try:
            return self._warm[1].using(weights.adapter, max_input_tokens)
        except Exception:
            self.forget_model()  # an adapter may have been put over it in part
            raise

    def vllm(self, weights: Weights, dtype: str, max_input_tokens: int) -> LoadedVllm:
        """A vLLM for the checkpoint with room for the adapter; the last one stays.

        It starts when something has to be computed.
        """
        from t2t_xfer.engines.vllm import load_vllm
        from t2t_xfer.engines.vllm_limits import adapter_rank

        key = (weights.path, weights.revision, dtype, max_input_tokens)
        rank = None if weights.adapter is None else adapter_rank(weights.adapter)
        warm = self._vllm
        if warm is None or warm[0] != key or warm[1].max_adapter_rank < (rank or 0):
            self.forget_model()
            loaded = load_vllm(
                weights.path,
                revision=weights.revision,
                dtype=dtype,
                max_input_tokens=max_input_tokens,
                max_adapter_rank=rank,
            )
            self._vllm = warm = (key, loaded)
        return warm[1]

    def forget_model(self) -> None:
        """Frees the memory, before training and before another engine."""
        self._warm = self._prompting = None
        if self._vllm is not None:
            self._vllm[1].close()
            self._vllm = None


def _warm_base(weights: Weights, dtype: str) -> WarmBase:
    """What is to be in memory for a checkpoint with its adapter."""
    from t2t_xfer.architectures.loading import stands_beside_others

    base = WarmBase(weights.path, weights.revision, dtype, False, None)
    adapter = weights.adapter
    if adapter is None:
        return base
    alone = None if stands_beside_others(adapter) else adapter
    return base._replace(quantised=adapter_base(adapter).quantised is not None, alone=alone)
