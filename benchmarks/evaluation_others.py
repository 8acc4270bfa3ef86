"""The parts of `evaluation.py` that are not one model reading one list of prompts."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from statistics import median
from typing import TYPE_CHECKING, Any

from evaluation_parts import agreement, middle

from t2t_xfer.records import Readout

if TYPE_CHECKING:
    from evaluation import Bench

ADAPTERS = 8
LABELS = {"options": 3, "tokens": 1, "readout": Readout.slots}


def adapters(bench: Bench) -> None:
    """Eight adapters on three tasks of 200 examples."""
    case = bench.case("adapters", {**LABELS, "items": 600, "context": 64})
    script, spec = "evaluation_adapters.py", case._asdict()
    if not case.prompts.exists():
        bench.process(script, "prepare", case=spec)
    name = f"adapters-{case.items}"
    for side in bench.sides:
        batch = bench.best_batch(case, side) if side == "lm-eval" else 0
        runs = ADAPTERS if side == "lm-eval" else bench.options.rounds
        kept = bench.kept(name, side)
        done = len(kept.read_text(encoding="utf-8").splitlines()) if kept.exists() else 0
        for number in range(done, runs):
            started = time.perf_counter()
            found = bench.process(script, side, case=spec, batch=batch, adapter=number)
            found["seconds"] = time.perf_counter() - started
            with kept.open("a", encoding="utf-8") as file:
                file.write(json.dumps(found) + "\n")
    sides = {side: _lines(bench.kept(name, side)) for side in bench.sides}
    keys = ("seconds", "loading", "reading")
    mine = {key: middle(sides["ours"], key) for key in keys}
    print(f"\nadapters, {case.size}: {ADAPTERS} adapters, {case.items} examples in three tasks")
    print("| | all processes, s | / ours | loading, s | / ours | reading, s | / ours |")
    print("|---|---|---|---|---|---|---|")
    print("| ours |", " | ".join(f"{mine[key]:.1f} | 1.00" for key in keys), "|")
    if "lm-eval" in sides:
        theirs = {key: sum(run[key] for run in sides["lm-eval"]) for key in keys}
        cells = (f"{theirs[key]:.1f} | {theirs[key] / mine[key]:.2f}" for key in keys)
        print("| lm-eval |", " | ".join(cells), "|")
        scores = [each for run in sides["lm-eval"] for each in run["scores"]]
        print(agreement(sides["ours"][0]["scores"], scores), flush=True)


def _lines(file: Any) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


COMMAND = """
import sys
from t2t_xfer.cli import cli
try:
    cli(sys.argv[1:])
finally:
    print("torch" if "torch" in sys.modules else "no torch", file=sys.stderr)
"""


def repeated(bench: Bench) -> None:
    """The command line once, and again over the same store."""
    folder = bench.work / "repeated"
    shutil.rmtree(folder, ignore_errors=True)
    languages = ["en"] if bench.options.tiny else ["en", "de", "tr", "ar", "zh", "sw"]
    command = [sys.executable, "-c", COMMAND, "evaluate", "--model", "micro:causal"]
    limit = 10 if bench.options.tiny else 200
    command += ["--task", "xnli", "--data", "microworld", "--limit", str(limit)]
    command += [part for code in languages for part in ("--language", code)]
    where = bench.environment("ours")

    def run() -> tuple[float, str, str]:
        started = time.perf_counter()
        done = subprocess.run(
            [*command, "--output", str(folder / "a")],
            env=where,
            capture_output=True,
            text=True,
            check=True,
        )
        return time.perf_counter() - started, done.stderr.splitlines()[-1], done.stdout

    first = run()
    again = [run() for _ in range(max(1, bench.options.rounds))]
    print(
        f"\nrepeated: {limit} examples of XNLI in each of {len(languages)} languages, micro:causal"
    )
    print(f"first {first[0]:.2f} s, {first[1]}")
    print(f"again {median(each[0] for each in again):.2f} s, {', '.join({e[1] for e in again})}")
    print("the same output:", len({first[2], *(each[2] for each in again)}) == 1)


def tags(bench: Bench) -> None:
    """One pass beside generation."""
    for architecture in ("seq2seq", "causal"):
        told = {**LABELS, "architecture": architecture, "items": 32, "context": 256}
        case = bench.case(f"tags-{architecture}", told)
        spec, script = case._asdict(), "evaluation_tags.py"
        sizes = [2048, 8192]
        runs = [
            bench.process(script, "speed", case=spec, batches=sizes)
            for _ in range(bench.options.rounds)
        ]
        best = {
            form: min(median(run[form][str(size)] for run in runs) for size in sizes)
            for form in ("slots", "generate")
        }
        print(f"\ntags, {architecture}, {case.size}: {runs[0]['items']} sentences,", end=" ")
        print(f"{runs[0]['words']} words: one pass {best['slots']:.2f} s, generation", end=" ")
        print(f"{best['generate']:.2f} s, ratio {best['generate'] / best['slots']:.1f}")
        case = bench.case(f"tags-{architecture}", {**told, "items": 200})
        steps = 2 if bench.options.tiny else 125
        found = bench.process(script, "score", case=case._asdict(), steps=steps)
        print(f"| {architecture}, F1 | one pass | written | 95 % of written | s | s | ratio |")
        print("|---|---|---|---|---|---|---|")
        for language, forms in found.items():
            one, text = forms["slots"], forms["generate"]
            print(f"| {language} | {one['f1']:.1f} | {text['f1']:.1f} |", end=" ")
            print(f"{text['low']:.1f} to {text['high']:.1f} | {one['seconds']:.2f} |", end=" ")
            print(f"{text['seconds']:.2f} | {text['seconds'] / one['seconds']:.1f} |", flush=True)


def vllm(bench: Bench) -> None:
    """Both engines on all languages at once."""
    if not bench.options.vllm_python:
        print("vLLM's environment is not named (--vllm-python): this part is left out.")
        return
    pythons = {"transformers": sys.executable, "vllm": bench.options.vllm_python}
    told = {"data": bench.options.data, "model": bench.options.model}
    told["items"] = 4 if bench.options.tiny else bench.options.items or 100
    runs: dict[str, list[dict[str, Any]]] = {side: [] for side in pythons}
    for number in range(bench.options.rounds):
        for side in pythons if number % 2 == 0 else reversed(pythons):
            out = bench.work / f"vllm-{side}.json"
            bench.process("evaluation_vllm.py", side, pythons[side], **told, out=str(out))
            runs[side].append(json.loads(out.read_text(encoding="utf-8")))
    slow, fast = runs["transformers"], runs["vllm"]
    print(f"\nvllm, {told['model']}, {told['items']} examples a language,", end=" ")
    print("until the first answers (data, model, start)", end=" ")
    print(f"{middle(fast, 'loading'):.1f} s (transformers {middle(slow, 'loading'):.1f} s)")
    for case in ("labels", "texts", "spans"):
        one, other = ([run[case] for run in found] for found in (slow, fast))
        print(f"\n{one[0]['task']}, {case}, all languages in one list:", end=" ")
        ratio = middle(one, "seconds") / middle(other, "seconds")
        print(
            f"transformers {middle(one, 'seconds'):.2f} s, vLLM {middle(other, 'seconds'):.2f} s,"
        )
        print(f"vLLM is {ratio:.2f} times as fast;", _same(case, one[0], other[0]))
        print("| language | input tokens | transformers, tokens/s | vLLM, tokens/s | tokens/word |")
        print("|---|---|---|---|---|")
        for code, each in one[0]["languages"].items():
            rates = [
                each["tokens"] / median(run["languages"][code]["seconds"] for run in side)
                for side in (one, other)
            ]
            words = slow[0]["tokens_per_word"].get(code)
            shown = "" if words is None else f"{words:.2f}"
            print(f"| {code} | {each['tokens']} | {rates[0]:.0f} | {rates[1]:.0f} | {shown} |")


def _same(case: str, one: dict[str, Any], other: dict[str, Any]) -> str:
    if case == "labels":
        return agreement(one["answers"], other["answers"])
    pairs = list(zip(one["answers"], other["answers"], strict=True))
    differ = [pair for pair in pairs if pair[0] != pair[1]]
    shown = "".join(f"\n  {a!r} and {b!r}" for a, b in differ[:10])
    return f"the same text for {1 - len(differ) / len(pairs):.2%} of {len(pairs)}{shown}"


OTHERS: dict[str, Callable[[Any], None]] = {
    "adapters": adapters,
    "repeated": repeated,
    "tags": tags,
    "vllm": vllm,
}
