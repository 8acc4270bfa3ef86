"""Adapters of one model on several tasks, as one table. The model itself is loaded once.

    python docs/examples/batch_evaluation.py --model Qwen/Qwen3-1.7B-Base \
        --adapter runs/mnli --adapter runs/squad --task xnli --task udpos --data mirror:DIR

Run it again and nothing is computed twice; with one adapter more, only that one is.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from pathlib import Path
from statistics import fmean

import t2t_xfer


def main() -> int:
    """Prints the table, writes it, and says which adapter is best on each task."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", default="micro:encoder")
    parser.add_argument("--adapter", action="append", default=[])
    parser.add_argument("--task", action="append", required=True)
    parser.add_argument("--language", action="append", default=None)
    parser.add_argument("--data", default="microworld")
    parser.add_argument("--limit", type=int, default=None)
    parser.add_argument("--output", type=Path, default=Path("eval_outputs"))
    args = parser.parse_args()

    tasks = [t2t_xfer.load_task(name, data=args.data) for name in args.task]
    scores = t2t_xfer.evaluate(
        tasks,
        args.model,
        adapters=["none", *args.adapter],
        languages=args.language or "all",
        limit=args.limit,
        output=args.output,
        say=lambda line: print(line, file=sys.stderr),
    )
    print(scores)
    print("written:", scores.to_csv(args.output / "scores.csv"))

    # Zero-shot: English, which the tasks are trained in, does not count.
    means: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for row in scores.table():
        if row["language"] != "en":
            means[row["task"]][row["adapter"]].append(row["score"])
    for task, by_adapter in means.items():
        best = max(by_adapter, key=lambda adapter: fmean(by_adapter[adapter]))
        print(f"{task}: best with {best}, {fmean(by_adapter[best]):.1f}")
    for lost in scores.failed:
        print(f"failed: {lost.adapter}, {lost.task} in {lost.language}: {lost.why}")
    return 1 if scores.failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
