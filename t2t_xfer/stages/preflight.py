"""Everything that can be known to fail, before anything runs.

A misnamed column, a label outside the set or a prompt that names a missing field shows when rows
are read and rendered. So all rows that open stages will need are read first, and models that exist
are asked whether they can answer them (`preconditions`). Models that are still to be made are asked
when they are there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from t2t_xfer.architectures import planned_readout
from t2t_xfer.architectures.checkpoint import adapter_base, check_quantisation
from t2t_xfer.architectures.codec import Codec, light_codec
from t2t_xfer.engines.vllm_limits import adapter_rank, require_vllm
from t2t_xfer.records import ArchitectureName, Prompted, Readout, Split
from t2t_xfer.stages.bases import model_architecture
from t2t_xfer.stages.context import Context
from t2t_xfer.stages.model import check_decodable
from t2t_xfer.stages.plans import trained_parts
from t2t_xfer.stages.preconditions import check_rows, check_words
from t2t_xfer.stages.predict import read_prompts
from t2t_xfer.stages.stagelike import StageLike
from t2t_xfer.stages.tagging import form_of
from t2t_xfer.stages.task import Task, languages_in

Rows: TypeAlias = tuple[str, str, Split, int | None]
"""Task, language, split and limit."""


class Asked(NamedTuple):
    """What is asked of a model's tokenizer."""

    path: str
    revision: str | None
    max_input_tokens: int
    training: bool
    readout: Readout | None
    """How the answer is read; in training the form of tags."""
    rows: Rows


def preflight(
    stages: Sequence[StageLike], context: Context, planned: Sequence[StageLike] = ()
) -> None:
    """Reads and renders the data of every stage that is going to run.

    Args:
        stages: those that are not done.
        planned: all of the plan, which say what a stage's checkpoint was made from; of one that is
            not there, the tokenizer is asked when its stage runs.

    Raises:
        DataError: a row does not hold what its task says, or does not fit into its model; nothing
            has run yet.
        UnsupportedError: a tokenizer cannot tell answers apart.
        MissingExtraError: something is not installed.
        UserError: an adapter does not fit its model, or the engine cannot apply it.
    """
    for stage in stages:
        spec: Any = stage.spec
        if stage.kind == "train" and spec["training"]["adapter"] == "qlora":
            check_quantisation()
        tracker = str(stage.how.get("report_to", "none"))
        if tracker not in ("none", "jsonl"):
            from t2t_xfer.training.trainer import check_tracker

            check_tracker(tracker)
        if spec.get("engine") == "vllm":
            require_vllm()
    _check_models(stages)
    _check_adapters(stages)
    models = Models(stages, context, planned or stages)
    for wanted in dict.fromkeys(rows for stage in stages for rows in _rows(stage)):
        # `tested`: planning has asked what may be chosen by what.
        models.check_rows(wanted, context.prompted(*wanted, tested=True)[1])
    for stage in stages:
        if "null" in stage.spec:
            read_prompts(context, context.task(_task(stage)), stage.spec)


class Models:
    """The tokenizers of the models that a plan names and that exist. Each is read once, and none
    where nothing is asked of it."""

    def __init__(
        self, stages: Sequence[StageLike], context: Context, planned: Sequence[StageLike]
    ) -> None:
        """See `preflight`."""
        made = {stage.id: stage for stage in planned}
        self._context = context
        self._asked: dict[Rows, dict[Asked, None]] = {}
        for stage in stages:
            for each in _asked(stage, made):
                self._asked.setdefault(each.rows, {})[each] = None

    def check_words(self) -> None:
        """Whether those in folders can tell the answers of all tasks apart. Reads no rows, and
        tokenizers by themselves: a plan waits for no library.

        Raises:
            UnsupportedError: one cannot.
        """
        asked = [each for of_rows in self._asked.values() for each in of_rows]
        named = {(each.path, each.revision, each.rows[0], each.readout): each for each in asked}
        codecs: dict[str, Codec | None] = {}
        for path, revision, name, readout in named:
            if path not in codecs:
                codecs[path] = light_codec(Path(path))
            codec, task = codecs[path], self._context.task(name)
            if codec is not None:
                kind = model_architecture(path, revision)
                check_words(codec, kind, task, readout or _read_by(kind, task))

    def check_rows(self, rows: Rows, prompted: Sequence[Prompted]) -> None:
        """The same for one set of rows, and whether its examples fit.

        Raises:
            DataError: one does not.
            UnsupportedError: see `check_words`.
        """
        for each in self._asked.get(rows, ()):
            architecture = self._context.reader(each.path, each.revision, each.max_input_tokens)
            task, kind = self._context.task(each.rows[0]), architecture.name
            check_words(architecture.codec, kind, task, each.readout or _read_by(kind, task))
            check_rows(architecture, task, prompted, each.readout, training=each.training)


def _read_by(architecture: ArchitectureName, task: Task) -> Readout:
    return planned_readout(architecture, task.answer, task.spec.readout.get(architecture))


def _asked(stage: StageLike, made: Mapping[str, StageLike]) -> Iterator[Asked]:
    spec: Any = stage.spec
    base = _base(stage, made)
    if base is None or stage.kind not in ("train", "predict"):
        return
    if stage.kind == "predict":
        yield from (
            Asked(*base, spec["max_input_tokens"], False, Readout(spec["readout"]), rows)
            for rows in _rows(stage)[:1]
        )
        return
    length = spec["training"]["max_input_tokens"]
    for part in trained_parts(spec):
        for language in languages_in(part):
            rows: Rows = (part["shown"]["task"], language, "train", spec["limit"])
            yield Asked(*base, length, True, form_of(part), rows)
    for each in spec.get("dev", ()):
        read = each["predict"]
        yield Asked(*base, length, False, Readout(read["readout"]), _rows_of(read))


def _base(stage: StageLike, made: Mapping[str, StageLike]) -> tuple[str, str | None] | None:
    """Path and revision of the checkpoint that a stage's chain begins with; None: a new model, or
    none at all."""
    while "path" not in stage.how:
        before = stage.needs.get("checkpoint", "")
        if before not in made:
            return None
        stage = made[before]
    revision = stage.how["revision"]
    return str(stage.how["path"]), None if revision is None else str(revision)


def _check_models(stages: Sequence[StageLike]) -> None:
    """Whether every weight of the models that exist is there, and a head where one is read."""
    for stage in stages:
        how: Any = stage.how
        if "path" not in how:
            continue
        from t2t_xfer.architectures.weights import check_head, check_names, check_weights

        account = check_weights(str(how["path"]), how["revision"])
        if stage.kind != "predict":
            continue
        if stage.spec["engine"] == "vllm":
            check_names(str(how["path"]), account)
        adapter = how.get("adapter")
        trained = "adapter" in stage.needs or (
            adapter is not None and adapter_base(str(adapter)).fresh_head is not None
        )
        if stage.spec["readout"] != Readout.embed and not trained:
            check_head(str(how["path"]), account.fresh_head)


def _check_adapters(stages: Sequence[StageLike]) -> None:
    """Looks at the adapters that exist already; no weights are loaded."""
    adapters: dict[tuple[Any, Any], dict[str, None]] = {}
    for stage in stages:
        adapter, how = stage.how.get("adapter"), stage.how
        if adapter is None:
            continue
        adapters.setdefault((how["path"], how["revision"]), {})[str(adapter)] = None
        if stage.spec.get("engine") == "vllm":
            check_decodable(str(adapter))
            adapter_rank(str(adapter))
    for (path, revision), over in adapters.items():
        from t2t_xfer.architectures.loading import check_adapters

        check_adapters(path, revision, over)


def _rows(stage: StageLike) -> list[Rows]:
    """What a stage reads."""
    spec: Any = stage.spec
    if stage.kind == "model" or ("null" in spec and "split" not in spec):
        return []
    if stage.kind == "train":
        trained: list[Rows] = [
            (part["shown"]["task"], language, "train", spec["limit"])
            for part in trained_parts(spec)
            for language in languages_in(part)
        ]
        return [*trained, *(_rows_of(each["predict"]) for each in spec.get("dev", ()))]
    rows = [(_task(stage), spec["language"], spec.get("split", "train"), spec["limit"])]
    if "majority_of" in spec:
        train = spec["majority_of"]
        languages = spec.get("train_languages", [train["source_language"]])
        rows += [(train["task"], code, "train", spec["train_limit"]) for code in languages]
    return rows


def _rows_of(spec: Any) -> Rows:
    return (spec["shown"]["task"], spec["language"], spec["split"], spec["limit"])


def _task(stage: StageLike) -> str:
    spec: Any = stage.spec
    return str(spec["parsed" if stage.kind == "score" else "shown"]["task"])
