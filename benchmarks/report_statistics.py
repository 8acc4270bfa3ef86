"""How long a study's statistics take, from the store's logs to intervals, and how much memory.

    python benchmarks/report_statistics.py                  # 504,000 rows
    python benchmarks/report_statistics.py --rows 20000

A study of three models, four intermediates, three targets in fourteen languages is written to a
temporary store (tags with their spans, so that lines are long); then a process of its own reads it
(`Results`), redraws it (`redraw`) and analyses it. Prints Markdown. Memory is the peak of that
process.
"""

from __future__ import annotations

import argparse
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from t2t_xfer.metrics import SpanF1
from t2t_xfer.records import Json, Readout
from t2t_xfer.report.numbers import Grid
from t2t_xfer.stages.base import Shown, Stage
from t2t_xfer.stages.logs import PREDICTIONS, STATISTICS, write_jsonl
from t2t_xfer.stages.predict import PredictStage
from t2t_xfer.stages.score import ParsedAs, ScoreStage
from t2t_xfer.study.plan_file import Cell, Plan, load_plan, save_plan
from t2t_xfer.study.store import Store

MODELS = {"enc": "encoder", "s2s": "seq2seq", "dec": "causal"}
INTERMEDIATES = ("none", "mnli", "squad_v1", "hellaswag")
TARGETS = ("panx", "udpos", "ner")
LANGUAGES = ("en", "ar", "bg", "de", "el", "es", "fr", "hi", "ru", "sw", "th", "tr", "vi", "zh")
WORDS = 12


def main() -> None:
    """Writes a study and measures a process that reads it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=504_000)
    parser.add_argument("--replicates", type=int, default=1000)
    parser.add_argument("--languages", type=int, default=len(LANGUAGES))
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        measure(arguments.measure, arguments.replicates)
        return
    with tempfile.TemporaryDirectory() as folder:
        write_study(Path(folder), arguments.rows, LANGUAGES[: arguments.languages])
        options = ["--replicates", str(arguments.replicates), "--measure", folder]
        subprocess.run([sys.executable, __file__, *options], check=True)


def write_study(folder: Path, rows: int, languages: Sequence[str]) -> None:
    """A finished study of some `rows` examples in all."""
    store, rng = Store(folder), random.Random(0)
    cells = list(_cells(languages))
    n = max(1, rows // len(cells))
    for _, predict, score in cells:
        logged = [_line(rng, i) for i in range(n)]
        statistics: Any = [line["statistics"] for line in logged]
        read: list[dict[str, Json]] = [{"id": line["id"], "removed_tokens": 1} for line in logged]
        found = SpanF1().scored(statistics)
        told = {"metric": found.metric, "score": found.value, "signature": found.signature}
        _finish(store, predict, PREDICTIONS, read, {"removed_tokens": n})
        _finish(store, score, STATISTICS, logged, {**told, "n": n, "invalid_rate": 0.0})
    sources = dict.fromkeys(TARGETS, "en")
    cells_of = tuple(cell for cell, _, _ in cells)
    save_plan(folder, Plan("made-up", (), cells_of, sources=sources))


def _cells(languages: Sequence[str]) -> Iterator[tuple[Cell, Stage, Stage]]:
    for model, architecture in MODELS.items():
        for intermediate in INTERMEDIATES:
            for target in TARGETS:
                for language in languages:
                    model_of: dict[str, Json] = {"name": model, "intermediate": intermediate}
                    predict = PredictStage(
                        version=1,
                        shown=Shown(task=target, source_language="en"),
                        language=language,
                        model=model_of,
                        engine="transformers",
                        readout=Readout.slots,
                    )
                    parsed = ParsedAs(task=target)
                    score = ScoreStage(
                        version=1, parsed=parsed, language=language, split="test", limit=None
                    ).named("s", {"predictions": predict.id}, {})
                    place = (model, architecture, intermediate, target, language)
                    cell = Cell("made-up", *place, 0, "slots", score.id, False)
                    yield cell, predict, score


def _line(rng: random.Random, number: int) -> dict[str, Json]:
    gold: list[Json] = [rng.choice(["B-PER", "I-PER", "O"]) for _ in range(WORDS)]
    right = rng.randint(0, WORDS)
    spans = (rng.randint(0, 2), rng.randint(2, 4), rng.randint(2, 4))
    return {
        "id": f"test-{number}",
        "gold": gold,
        "value": gold,
        "status": "scored",
        "statistics": [*map(float, spans), float(right), float(WORDS)],
    }


def _finish(
    store: Store, stage: Stage, name: str, rows: list[dict[str, Json]], told: dict[str, Json]
) -> None:
    write_jsonl(store.begin(stage) / name, rows)
    store.commit(stage, told, 0.0)


def measure(folder: Path, replicates: int) -> None:
    """Seconds of each part, and the peak of memory."""
    from t2t_xfer.report.findings import analyse
    from t2t_xfer.report.numbers import redraw
    from t2t_xfer.study.results import Results

    began = time.perf_counter()
    observed = Results(load_plan(folder), Store(folder)).finished
    for each in observed:
        _ = each.examples
    read = time.perf_counter()
    draws = redraw(observed, replicates=replicates)
    redrawn = time.perf_counter()
    found = analyse(Grid(observed, redrawn=draws))
    done = time.perf_counter()
    rows = sum(len(each.ids) for each in observed)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{rows:,} rows in {len(observed)} cells, {replicates:,} redrawings\n")
    print("| read | redrawn | analysed | seconds in all | peak MiB |")
    print("|---:|---:|---:|---:|---:|")
    parts = (read - began, redrawn - read, done - redrawn, done - began)
    print("| " + " | ".join(f"{part:.1f}" for part in parts) + f" | {peak:.0f} |\n")
    print(f"{len(found.changes)} changes, {len(found.contrasts)} contrasts, {len(found.gaps)} gaps")


if __name__ == "__main__":
    main()
