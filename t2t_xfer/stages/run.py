"""Doing one stage: from its spec to files in its directory and results for its record.

Every function here takes a stage, a directory to write into and the directories of the stages it
needs, and returns what the record should hold. None of them knows studies or stores.
"""

from __future__ import annotations

import gc
import logging
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from t2t_xfer.answers import PairFormat
from t2t_xfer.data.pools import read_pools
from t2t_xfer.engines import Engine, MajorityEngine, OracleEngine
from t2t_xfer.progress import start_meter
from t2t_xfer.records import Decoding, Example, Generation, Json, Readout, Slots
from t2t_xfer.stages.answered import cached_answers, count_recalled, told_candidates
from t2t_xfer.stages.bases import read_commit
from t2t_xfer.stages.context import Context
from t2t_xfer.stages.few_shot import count_shots, read_with_shots
from t2t_xfer.stages.logs import PREDICTIONS, STATISTICS, logged, read_predictions, write_jsonl
from t2t_xfer.stages.model import (
    CHECKPOINT,
    check_decodable,
    save_merged,
    weights_of,
)
from t2t_xfer.stages.preconditions import check_words
from t2t_xfer.stages.predict import read_prompts, with_null
from t2t_xfer.stages.score import Tuning, check_numbers, score_examples
from t2t_xfer.stages.stagelike import StageLike
from t2t_xfer.stages.tagging import count_read
from t2t_xfer.stages.task import Task, check_unchanged, read_training
from t2t_xfer.stages.train import run_training

log = logging.getLogger(__name__)

_SHARES = (1, 4, 16)
"""A stage that runs out of memory is done again with these parts of a batch."""


class StageRunner:
    """Runs stages in this process."""

    def __init__(self, context: Context, progress: bool = True) -> None:
        self.context = context
        self.progress = progress
        self.share = 1

    def __call__(
        self, stage: StageLike, work: Path, needs: Mapping[str, Path]
    ) -> Mapping[str, Json]:
        """Does the stage; the results go into its record.

        Out of memory, it frees what it can and does the stage again, in smaller batches; training
        goes on from its last checkpoint.
        """
        do = {
            "model": self._model,
            "train": self._train,
            "predict": self._predict,
            "score": self._score,
        }[stage.kind]
        for self.share in _SHARES[:-1]:
            try:
                return {**do(stage, work, needs), **read_commit(stage.spec, stage.how)}
            except (MemoryError, RuntimeError) as error:
                if not _is_out_of_memory(error):
                    raise
                log.warning(
                    "a %s stage: %s. It is done again in smaller batches.", stage.kind, error
                )
            self.context.forget_model()  # outside `except`, which holds on to tensors
            gc.collect()
        self.share = _SHARES[-1]
        return {**do(stage, work, needs), **read_commit(stage.spec, stage.how)}

    def _model(self, stage: StageLike, work: Path, needs: Mapping[str, Path]) -> Mapping[str, Json]:
        from t2t_xfer.architectures.micro import save_new_model

        if "merged" in stage.spec:
            weights = weights_of(stage, needs)
            device = save_merged(weights, work / CHECKPOINT, str(stage.spec["dtype"]))
            return {"device": device}
        new: Any = stage.spec["new"]
        texts = new_model_texts(self.context, new["languages"], new["text_lines"])
        save_new_model(
            work / CHECKPOINT,
            new["architecture"],
            texts,
            vocabulary=new["vocabulary"],
            hidden=new["hidden"],
            layers=new["layers"],
            heads=new["heads"],
            seed=new["seed"],
        )
        return {"device": "cpu"}

    def _train(self, stage: StageLike, work: Path, needs: Mapping[str, Path]) -> Mapping[str, Json]:
        return run_training(self.context, stage, work, needs, self._task, self.progress)

    def _predict(
        self, stage: StageLike, work: Path, needs: Mapping[str, Path]
    ) -> Mapping[str, Json]:
        spec: Any = stage.spec
        task = self._task(spec)
        examples, prompted = read_prompts(self.context, task, spec)
        engine, device = self._engine(stage, needs, task)
        loaded: Any = getattr(engine, "loaded", None)
        if loaded is not None:  # of a model that was not there when the plan was made
            architecture = loaded.architecture
            check_words(architecture.codec, architecture.name, task, spec["readout"])
        meter = start_meter()
        readout = Readout(spec["readout"])
        beside: dict[str, Json] = {}
        if task.spec.mining is not None and engine.name == "transformers":
            generations, beside = self._mine(engine, task, examples, spec)
        elif isinstance(task.answer, PairFormat) and engine.name == "transformers":
            generations = _read_pairs(engine, task.answer, examples, readout, needs)
        else:
            decoding = Decoding(**spec.get("decoding", {}))
            generations = read_with_shots(engine, prompted, task, readout, decoding)
        check_numbers(generations)
        rates = meter.rates(len(examples))
        rows = map(logged, examples, generations)
        write_jsonl(work / PREDICTIONS, rows)
        results: dict[str, Json] = {
            "n": len(examples),
            "removed_tokens": sum(g.removed_tokens for g in generations),
            **rates,
            "device": device,
            **({"batch_share": self.share} if self.share > 1 else {}),
            **count_read(task, generations),
            **told_candidates(engine, readout),
            **count_recalled(engine),
            **count_shots(task, generations),
        }
        return {**results, **beside, **self._codebook(spec, engine, task)}

    def _mine(
        self, engine: Engine, task: Task, examples: Sequence[Example], spec: Any
    ) -> tuple[list[Generation], dict[str, Json]]:
        from t2t_xfer.engines.transformers import TransformersEngine
        from t2t_xfer.stages.pairs import mine_pairs

        assert isinstance(engine, TransformersEngine)
        assert isinstance(task.answer, PairFormat)
        assert task.spec.mining is not None
        place = (spec["language"], spec["split"], spec["limit"])
        pools = read_pools(task.spec, self.context.source, *place)
        mined = mine_pairs(engine, task.answer, task.spec.mining, examples, pools.english)
        return mined.generations, {"pool_removed_tokens": mined.pool_removed_tokens}

    def _codebook(self, spec: Any, engine: Engine, task: Task) -> dict[str, Json]:
        """The codes that stood for the tags, so that logged answers can be read later."""
        if engine.name not in ("transformers", "vllm") or task.answer.asks is not Slots:
            return {}
        codec = engine.loaded.architecture.codec  # type: ignore[attr-defined]
        texts = task.answer.options
        return {"codebook": dict(zip(texts, codec.codebook(len(texts)), strict=True))}

    def _engine(
        self, stage: StageLike, needs: Mapping[str, Path], task: Task
    ) -> tuple[Engine, str]:
        spec: Any = stage.spec
        if spec["engine"] == "oracle":
            return OracleEngine(), "none"
        if spec["engine"] == "majority":
            train = self._task({"shown": spec["majority_of"]})
            examples, _ = read_training(
                self.context, train.name, train.spec.trained_in, spec["train_limit"]
            )
            golds = [example.gold for example in examples if example.gold is not None]
            return MajorityEngine(task.answer.options, same_option(train, task, golds)), "none"
        weights = weights_of(stage, needs)
        if spec["engine"] == "vllm":
            from t2t_xfer.engines.vllm import VllmEngine

            check_decodable(weights.adapter)
            vllm = self.context.vllm(weights, spec["dtype"], spec["max_input_tokens"])
            answers = cached_answers(self.context.responses, stage, weights, vllm.device)
            return VllmEngine(vllm, weights.adapter, answers), vllm.device
        from t2t_xfer.engines.transformers import TransformersEngine

        loaded = self.context.model(weights, spec["dtype"], spec["max_input_tokens"])
        answers = cached_answers(self.context.responses, stage, weights, loaded.device)
        engine = TransformersEngine(loaded, spec["batch_tokens"] // self.share, answers)
        return engine, loaded.device

    def _score(self, stage: StageLike, work: Path, needs: Mapping[str, Path]) -> Mapping[str, Json]:
        spec: Any = stage.spec
        task = self.context.task(spec["parsed"]["task"])
        check_unchanged(task, spec["parsed"], task.parsed())
        examples, prompted = self.context.prompted(
            task.name, spec["language"], spec["split"], spec["limit"], tested=True
        )
        generations = read_predictions(needs["predictions"] / PREDICTIONS)
        if "null" in needs:
            null = read_predictions(needs["null"] / PREDICTIONS)
            generations = with_null(task, generations, null)
        tuning = None
        if "tuning" in needs:
            shown = self.context.prompted(
                task.name, spec["language"], "validation", spec["tuning_limit"]
            )
            tuning = Tuning(*shown, read_predictions(needs["tuning"] / PREDICTIONS))
        scored = score_examples(task, examples, prompted, generations, tuning)
        write_jsonl(work / STATISTICS, scored.rows)
        return scored.results

    def _task(self, spec: Mapping[str, Any]) -> Task:
        task = self.context.task(spec["shown"]["task"])
        check_unchanged(task, spec["shown"], task.shown())
        return task


def _is_out_of_memory(error: BaseException) -> bool:
    from t2t_xfer.training.guards import is_out_of_memory

    return is_out_of_memory(error)


def _read_pairs(
    engine: Engine,
    answer: PairFormat,
    examples: Sequence[Example],
    readout: Readout,
    needs: Mapping[str, Path],
) -> list[Generation]:
    from t2t_xfer.engines.transformers import TransformersEngine
    from t2t_xfer.stages.pairs import embed_pairs, rank_pairs

    assert isinstance(engine, TransformersEngine)
    if readout is Readout.embed:
        return embed_pairs(engine, answer, examples)
    embedded = read_predictions(needs["candidates"] / PREDICTIONS)
    return rank_pairs(engine, answer, examples, embedded)


def same_option(train: Task, task: Task, golds: Iterable[Any]) -> str:
    """The option text of `task` for the most frequent answer of `train`.

    XNLI's majority label is MNLI's: both name their labels alike, in whatever order and words.
    """
    index = train.answer.options.index(train.answer.constant(golds))
    return task.answer.options[task.options.index(train.options[index])]


def new_model_texts(context: Context, languages: Iterable[str], lines: int) -> list[str]:
    """Raw text of several languages for a tokenizer, `lines` lines of each."""
    texts: list[str] = []
    for language in languages:
        for number, line in enumerate(context.source.text(language)):
            if number == lines:
                break
            texts.append(line)
    return texts
