"""Seconds that the microworld takes for 100,000 rows of each of its data sets.

python benchmarks/microworld.py
python benchmarks/microworld.py --rows 1000
"""

from __future__ import annotations

import argparse
import time

from t2t_xfer import microworld

SETS = (
    *(("nyu-mll/glue", config) for config in ("mnli", "qqp")),
    ("rajpurkar/squad_v2", "squad_v2"),
    ("Rowan/hellaswag", "default"),
    ("allenai/cosmos_qa", "default"),
    ("tau/commonsense_qa", "default"),
    ("ccg", "supertags"),
    ("google-research-datasets/paws-x", "en"),
    ("google/xtreme", "udpos.English"),
    ("google/xtreme", "PAN-X.en"),
)


def main() -> None:
    """Prints a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=100_000)
    rows: int = parser.parse_args().rows
    print(f"| {rows:,} rows of | seconds of processor |\n|---|---|")
    for hub_id, config in SETS:
        started = time.process_time()
        found = microworld.rows(hub_id, config, "train", rows) or []
        assert len(found) == rows
        print(f"| {hub_id} {config} | {time.process_time() - started:.1f} |", flush=True)


if __name__ == "__main__":
    main()
