"""What a plan has before it: how long its open stages take, and what disk they need."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from t2t_xfer.study.durations import duration
from t2t_xfer.study.estimate import Estimator
from t2t_xfer.study.record import Record
from t2t_xfer.study.stage import Stage
from t2t_xfer.study.store import Store


@dataclass(frozen=True)
class Outlook:
    """Of the stages that would run. None: no finished stage to judge by."""

    num_stages: int
    seconds: float | None
    size: int | None
    """Bytes."""
    free: int
    """Bytes left on the store's disk."""

    def in_words(self) -> str:
        """One or two lines."""
        if not self.num_stages:
            return "nothing to run"
        if self.seconds is None or self.size is None:
            return "time and disk: not known before a stage of each kind is finished"
        lines = [
            f"about {duration(self.seconds)} one after the other, and {self.size / 1e6:.0f} MB of"
            f" disk ({self.free / 1e6:.0f} MB free), judged by finished stages"
        ]
        if self.size > self.free:
            lines.append("That is more than is free: run `t2t-xfer store prune`, or make room.")
        return "\n".join(lines)


def outlook(stages: Sequence[Stage], store: Store) -> Outlook:
    """Judged by every record in the store, whatever study made it."""
    records = store.records()
    sizes = _sizes(records)
    known = [sizes.get(stage.kind) for stage in stages]
    size = [each for each in known if each is not None]
    there = next(p for p in (store.root, *store.root.absolute().parents) if p.exists())
    return Outlook(
        len(stages),
        Estimator(records).total(stages),
        round(sum(size)) if len(size) == len(known) else None,
        shutil.disk_usage(there).free,
    )


def _sizes(records: Sequence[Record]) -> dict[str, float]:
    """Kind to the median size of its finished stages."""
    found: dict[str, list[int]] = {}
    for record in records:
        found.setdefault(record.kind, []).append(sum(f.size for f in record.files.values()))
    return {kind: median(sizes) for kind, sizes in found.items()}
