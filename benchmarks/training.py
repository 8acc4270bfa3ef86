"""Our training beside what users would pick instead: same model, data, targets and precision.

Each measurement is a process of its own; sides take turns, and medians are compared. Peers:
Trainer with length grouping (causal and encoder, with the usual full logits), TRL's SFTTrainer
where it is installed (causal), Seq2SeqTrainer with length grouping (seq2seq).

    OMP_NUM_THREADS=2 python benchmarks/training.py --data mirror:DIR
    python benchmarks/training.py --data mirror:DIR --tiny --rounds 1     # shows that it runs
    python benchmarks/training.py --data mirror:DIR --size large --bf16 --lora     # on a GPU

Sizes: bodies of 24 M or 100 M with a vocabulary of 131k (the 100 M encoder is XLM-R base, 250k);
large: XLM-R large, mT5 large, Qwen2.5 1.5B.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any

HERE = Path(__file__).resolve().parent
SIDES = {
    "causal": ("ours", "trainer", "sft"),
    "seq2seq": ("ours", "seq2seq"),
    "encoder": ("ours", "trainer"),
}
NAMES = {
    "trainer": "Trainer, length grouping",
    "sft": "TRL SFTTrainer",
    "seq2seq": "Seq2SeqTrainer, length grouping",
}


def measured(side: str, case: dict[str, Any], threads: int) -> dict[str, Any]:
    """One training in a process of its own."""
    path = os.pathsep.join([str(HERE.parent), str(HERE), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(  # noqa: PLW1510
        [
            sys.executable,
            str(HERE / "training_sides.py"),
            json.dumps({**case, "side": side, "threads": threads}),
        ],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        sys.exit(f"{side} failed:\n{done.stderr}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def table(runs: dict[str, list[dict[str, Any]]]) -> str:
    """Medians, and ratios of them to ours."""
    head = ("", "seconds", "/ ours", "CPU seconds", "/ ours", "peak MiB", "/ ours", "padding")
    lines = ["| " + " | ".join(head) + " |", "|---|" + "---|" * (len(head) - 1)]
    middle = {
        side: {key: median(run[key] for run in found) for key in _KEYS}
        for side, found in runs.items()
    }
    for side, found in middle.items():
        cells = [NAMES.get(side, side)]
        for key, unit in zip(_KEYS, (1, 1, 2**20), strict=True):
            cells += [f"{found[key] / unit:.1f}", f"{found[key] / middle['ours'][key]:.2f}"]
        padding = runs[side][0].get("padding")
        cells.append("" if padding is None else f"{padding:.1%}")
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


_KEYS = ("seconds", "cpu_seconds", "peak_bytes")


def main() -> None:
    """Prints one table for each architecture."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--data", required=True, help="mirror:DIR or hub")
    parser.add_argument("--architectures", nargs="+", choices=list(SIDES), default=list(SIDES))
    parser.add_argument("--size", choices=["24m", "100m", "large"], default="24m")
    parser.add_argument("--steps", type=int, default=8, help="of 32 examples, in each measurement")
    parser.add_argument("--rounds", type=int, default=3, help="of each side, in turns")
    parser.add_argument("--max-input-tokens", type=int, default=256)
    parser.add_argument("--micro-batch-tokens", type=int, default=4096)
    parser.add_argument("--peer-batch", type=int, default=8, help="rows at once, of 32 in a step")
    parser.add_argument("--threads", type=int, default=0, help="of torch; 0: its own choice")
    parser.add_argument("--tiny", action="store_true", help="micro models; figures mean nothing")
    parser.add_argument("--bf16", action="store_true", help="weights and products in bfloat16")
    parser.add_argument("--lora", action="store_true", help="train adapters alone")
    options = vars(parser.parse_args())
    architectures, rounds = options.pop("architectures"), options.pop("rounds")
    threads = options.pop("threads")
    for architecture in architectures:
        case = {**options, "architecture": architecture}
        sides = [s for s in SIDES[architecture] if s != "sft" or find_spec("trl")]
        checked = measured("check", case, threads)
        runs: dict[str, list[dict[str, Any]]] = {side: [] for side in sides}
        for number in range(rounds):
            # Nobody is always first.
            for side in sides if number % 2 == 0 else reversed(sides):
                runs[side].append(measured(side, case, threads))
        print(f"\n{architecture}, {options['size']}: {checked['rows']} rows,", end=" ")
        print(f"{checked['tokens']} tokens, {checked['targets']} targets;", end=" ")
        print(f"largest difference of a loss from full logits {checked['difference']:.1e}\n")
        print(table(runs), flush=True)


if __name__ == "__main__":
    main()
