"""Our evaluation beside lm-eval's `hf`: same model, prompts, terms of scores and precision.

Each measurement is a process of its own; sides take turns, and medians are compared. First both
try several sizes of batches, and each keeps its fastest. Ratios are printed, never asserted.

    OMP_NUM_THREADS=2 python benchmarks/evaluation.py labels --threads 2
    python benchmarks/evaluation.py labels cloze --tiny --rounds 1          # shows that it runs
    python benchmarks/evaluation.py adapters --peer DIR --work DIR --rounds 1

With `--work DIR` rounds add up from call to call. lm-eval 0.4.13 comes from `--peer DIR`, where
`pip install --target DIR lm_eval==0.4.13` has put it, or from the same environment; without it only
our side is measured.

labels    a decoder, three one-token labels: time, memory of logits
cloze     a decoder, four texts of about 25 tokens for each prompt
words     a decoder, three labels of three tokens and their ends: time beside the bound of FLOPs
seq2seq   an encoder-decoder, 3, 4 and 8 labels
growth    ours alone: 2, 4, 8 and 16 candidates; 16, 32 and 64 examples
same      predictions on trained micro models, thousands of items
adapters  eight LoRA adapters on three tasks: loading and computing apart
repeated  an evaluation again
tags      one pass beside constrained generation
vllm      vLLM beside the transformers engine: answers, rates (--vllm-python)
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import evaluation_parts as parts
from evaluation_cases import Case
from evaluation_others import OTHERS

from t2t_xfer.records import Readout

HERE = Path(__file__).resolve().parent
BATCHES = {"ours": (512, 1024, 2048, 4096, 8192), "lm-eval": (1, 2, 4, 8, 16)}
"""Padded tokens for us, rows for lm-eval."""
CASES: dict[str, tuple[dict[str, Any], ...]] = {
    "labels": ({"options": 3, "tokens": 1, "readout": Readout.slots, "items": 48},),
    "cloze": ({"options": 4, "tokens": 25, "own": True, "items": 16},),
    "words": ({"options": 3, "tokens": 3, "items": 24},),
    "seq2seq": tuple(
        {"name": f"seq2seq-{k}", "architecture": "seq2seq", "options": k, "tokens": 2, "items": 24}
        for k in (3, 4, 8)
    ),
    "growth": (
        *({"name": f"growth-{k}", "options": k, "tokens": 2, "items": 32} for k in (2, 4, 8, 16)),
        *({"name": f"growth-n{n}", "options": 4, "tokens": 2, "items": n} for n in (16, 32, 64)),
    ),
    "same": tuple(
        {"name": f"same-{task}-{name}", "architecture": name, "size": "micro", "task": task, **told}
        for name in ("causal", "seq2seq")
        for task, told in (
            ("xnli", {"options": 3, "tokens": 1, "items": 1200}),
            ("hellaswag", {"options": 4, "tokens": 3, "own": True, "items": 1200}),
        )
    ),
}
NAMES = [told["name"] for cases in CASES.values() for told in cases if "name" in told]
"""Of single cases: `seq2seq-8`, `growth-16`, `same-xnli-causal`."""
DEFAULTS: dict[str, Any] = {"architecture": "causal", "own": False, "readout": Readout.rank}


class Bench:
    """The options of a call, and the processes that it starts."""

    def __init__(self, options: argparse.Namespace, work: Path) -> None:
        self.options, self.work = options, work
        self.sides = ["ours"]
        if options.peer or find_spec("lm_eval"):
            self.sides.append("lm-eval")

    def case(self, part: str, told: dict[str, Any]) -> Case:
        """What is read, at the size asked for."""
        options = self.options
        return Case(
            **{
                "name": part,
                "size": options.size,
                "context": 256,
                "data": options.data,
                "work": str(self.work),
                "tiny": options.tiny,
                **DEFAULTS,
                **told,
                "items": 6 if options.tiny else options.items or told["items"],
                **({"context": 48} if options.tiny else {}),
            }
        )

    def environment(self, side: str) -> dict[str, str]:
        """lm-eval is there for its own processes alone."""
        peer = [self.options.peer] if side == "lm-eval" and self.options.peer else []
        path = [str(HERE.parent), str(HERE), *peer, os.environ.get("PYTHONPATH", "")]
        return {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(filter(None, path)),
            "HF_DATASETS_CACHE": str(self.work / "datasets"),
            "HF_HUB_OFFLINE": "1",
        }

    def process(
        self, script: str, side: str, python: str = sys.executable, **told: Any
    ) -> dict[str, Any]:
        """What a script of ours answers: the last line that it prints."""
        told = {"side": side, "threads": self.options.threads, **told}
        if self.options.tiny and python == sys.executable:
            found = import_module(script.removesuffix(".py")).answered(told)
            return dict(json.loads(json.dumps(found)))
        done = subprocess.run(  # noqa: PLW1510
            [python, str(HERE / script), json.dumps(told)],
            env=self.environment(side),
            capture_output=True,
            text=True,
        )
        if done.returncode:
            sys.exit(f"{side} failed:\n{done.stderr}")
        return dict(json.loads(done.stdout.splitlines()[-1]))

    def kept(self, name: str, side: str) -> Path:
        """The measurements of one side, those of earlier calls too."""
        size = "tiny" if self.options.tiny else self.options.size
        return self.work / f"runs-{name}-{size}-{side}.jsonl"

    def rounds(self, name: str, sides: list[str], measure: Any) -> dict[str, list[dict[str, Any]]]:
        """All measurements of the sides so far, after some more in turns; nobody is always first.

        Args:
            measure: of a side.
        """
        for number in range(self.options.rounds):
            for side in sides if number % 2 == 0 else reversed(sides):
                with self.kept(name, side).open("a", encoding="utf-8") as file:
                    file.write(json.dumps(measure(side)) + "\n")
        return {
            side: [json.loads(line) for line in self.kept(name, side).read_text().splitlines()]
            for side in sides
        }

    def best_batch(self, case: Case, side: str) -> int:
        """The size that is fastest on some of the items; found once."""
        sizes = list(BATCHES[side])[:2] if self.options.tiny else list(BATCHES[side])
        file = self.work / f"batch-{case.name}-{case.model.name}-{side}.json"
        if not file.exists():
            some = min(16, max(2, case.items // 3))
            told = {"case": case._asdict(), "batches": sizes, "items": some}
            found = self.process("evaluation_sides.py", side, **told)["seconds"]
            tried = dict(zip(map(str, sizes), found, strict=True))
            file.write_text(json.dumps(tried), encoding="utf-8")
        tried = json.loads(file.read_text(encoding="utf-8"))
        print(f"{case.name}, {side}, seconds by batch:", {k: round(v, 2) for k, v in tried.items()})
        return int(min(tried, key=tried.__getitem__))


def compared(bench: Bench, told: dict[str, Any], part: str) -> dict[str, list[dict[str, Any]]]:
    """Both sides on one case."""
    case = bench.case(part, told)
    script, spec = "evaluation_sides.py", case._asdict()
    sides = ["ours"] if part == "growth" else bench.sides
    if not case.prompts.exists():
        bench.process(script, "prepare", case=spec)
    best = {side: bench.best_batch(case, side) for side in sides}
    runs = bench.rounds(
        f"{case.name}-{case.items}",
        sides,
        lambda side: bench.process(script, side, case=spec, batches=[best[side]], items=None),
    )
    items = len(runs["ours"][0]["scores"])
    print(f"\n{case.name}, {case.size}: {items} items, {case.options} options of about", end=" ")
    print(f"{case.tokens} tokens, `{case.readout.value}`, up to {case.context} tokens before them")
    for side in sides:
        print(f"{side}: batch {best[side]}, {len(runs[side])} runs")
    print(parts.table(runs), flush=True)
    if "lm-eval" in runs:
        print(parts.agreement(runs["ours"][0]["scores"], runs["lm-eval"][0]["scores"]))
    if not case.task and case.readout is Readout.rank:
        print(parts.bound(bench.process(script, "bound", case=spec), runs))
    return runs


def read(bench: Bench, part: str) -> None:
    """All cases of a part, or one of them."""
    found = {}
    for name, cases in CASES.items():
        for told in cases:
            if part in (name, told.get("name")):
                found[told.get("name", name)] = compared(bench, told, name)
    if len(found) > 1:
        print(parts.by_case(found), flush=True)


def main() -> None:
    """Prints tables for each part."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("parts", nargs="+", choices=[*CASES, *OTHERS, *NAMES], metavar="PART")
    parser.add_argument("--size", choices=["24m", "100m"], default="24m")
    parser.add_argument("--data", default="microworld", help="of the texts: microworld, mirror:DIR")
    parser.add_argument("--items", type=int, default=0, help="0: as many as the part has")
    parser.add_argument("--rounds", type=int, default=3, help="of each side, in turns")
    parser.add_argument("--threads", type=int, default=0, help="of torch; 0: its own choice")
    parser.add_argument("--peer", default="", help="directory with lm-eval")
    parser.add_argument("--model", default="micro:causal", help="of the part `vllm`")
    parser.add_argument("--vllm-python", default="", help="Python of an environment with vLLM")
    parser.add_argument("--work", type=Path, help="keeps models, prompts and measurements")
    parser.add_argument(
        "--tiny", action="store_true", help="micro models, all in one process; figures mean nothing"
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        work = (options.work or Path(temporary)).absolute()
        work.mkdir(parents=True, exist_ok=True)
        bench = Bench(options, work)
        if options.tiny:
            os.environ.update(bench.environment("ours"))
            sys.path += [str(HERE.parent), *filter(None, [options.peer])]
        if len(bench.sides) == 1:
            print("lm-eval is not installed: its side is left out.")
        for part in options.parts:
            if part in OTHERS:
                OTHERS[part](bench)
            else:
                read(bench, part)


if __name__ == "__main__":
    main()
