"""Mining: pairs of sentences that mean the same, hidden in two pools with many that have none.

The rule: the rows of a split are its gold pairs (`pair_fields` names their columns, ids both), and
this section names the two pools that belong to the split. Hub splits stand beside `data: hub`,
files beside `data: files`, in BUCC's own format or any other.

    data: {hub: {id: bucc2018, config: "{language}-en", splits: {test: gold}}}
    id_field: id
    pair_fields: [source_id, target_id]
    mining:
      test: {foreign: source_pool, english: target_pool}
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field, PrivateAttr, ValidationInfo, field_validator

from t2t_xfer.languages import fill
from t2t_xfer.records import Split
from t2t_xfer.specs.base import Count, Filled, Pattern, Spec, mistake
from t2t_xfer.specs.data import inside, one_name


class PoolsSpec(Spec):
    """The two pools of a split: splits of the hub's data set, or files."""

    foreign: Pattern
    """Sentences in the language that is tested; an example each."""
    english: Pattern
    """Sentences in the source language, which are searched."""


class MiningSpec(Spec):
    """How pairs are mined, as XTREME mines BUCC: margin of 4 neighbours, one partner each."""

    not_identity: ClassVar[frozenset[str]] = frozenset({"validation", "test", "memory_mib"})
    # The pools count by their content.

    validation: PoolsSpec | None = None
    """Pools of the set that the threshold is chosen on (BUCC's sample set)."""
    test: PoolsSpec | None = Field(None, validate_default=True)
    """Pools of the set that is scored (BUCC's training set, as in XTREME)."""
    sentence_field: Filled = "sentence"
    """The column of the pools with the sentence. `id_field` names the one with its id."""
    neighbours: Count = 4
    """How many neighbours on each side the margin compares with."""
    memory_mib: Count = 512
    """What the search may take beside the vectors, in MiB. Changes no result."""

    _root: Path = PrivateAttr(default=Path())

    def model_post_init(self, context: Any) -> None:
        """Remember where relative files start, as `DataSpec` does."""
        self._root = (context or {}).get("root", Path())

    def pools(self, split: Split) -> PoolsSpec | None:
        """The pools of a split; None if the task names none."""
        if split == "train":
            return None
        return self.validation if split == "validation" else self.test

    def file(self, pattern: str, language: str) -> Path:
        """The file with a pool of a language."""
        return self._root / fill(pattern, language)

    @field_validator("test")
    @classmethod
    def _needed(cls, pools: PoolsSpec | None, info: ValidationInfo) -> PoolsSpec | None:
        if pools is None:
            raise mistake("the pools of the test split: `{foreign: …, english: …}`")
        return pools


def checked_mining(mining: MiningSpec | None, info: ValidationInfo) -> MiningSpec | None:
    """The section `mining` of a task, which the keys above it must fit (`TaskSpec`)."""
    above = info.data
    if mining is None or "answer" not in above or "data" not in above:
        return mining
    if above["answer"] != "pair":
        raise mistake(f"nothing here, because the answer is {above['answer']}")
    if not above.get("id_field"):
        raise mistake("`id_field` above: the column of the pools with a sentence's id")
    data = above["data"]
    for pools in (mining.validation, mining.test):
        for pool in (pools.foreign, pools.english) if pools else ():
            if data.hub is None:
                inside(pool, info)
            else:
                one_name(pool)
    if data.parts:
        raise mistake("no `parts` in `data`: gold pairs and pools are one set")
    if data.where or data.where_prefix:
        raise mistake("no `where` in `data`: pools are whole")
    if data.hub is not None and data.hub.id in GOLD_ONLY:
        raise mistake(
            f"another data set than {data.hub.id}, which holds the gold pairs of BUCC without the"
            " sentences that have none: finding those pairs is far easier than BUCC"
        )
    return mining


GOLD_ONLY = frozenset({"google/xtreme", "mteb/bucc-bitext-mining"})
"""Hub data sets that look like BUCC and cannot give its numbers."""


def check_metric(mining: MiningSpec | None, metric: str) -> None:
    """Mined pairs and single neighbours have different scores.

    Raises:
        PydanticCustomError: the metric is the other one's.
    """
    if mining is None and metric == "bucc_f1":
        raise mistake("retrieval_accuracy, because there is no `mining`: all rows are pairs")
    if mining is not None and metric != "bucc_f1":
        raise mistake("bucc_f1, because there is `mining`: most sentences have no counterpart")
