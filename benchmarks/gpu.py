"""How fast this machine trains LoRA adapters and reads answers, for the three architectures.

Everything goes through the package's own rows, `place_logits`, `row_losses` and engine; no data
and no weights are downloaded. Needs torch, transformers and peft. Ends within ten minutes.

    benchmarks/gpu.sh                # on a CUDA device; writes benchmarks/results/*.json
    benchmarks/gpu.sh --tiny         # anywhere, in a minute: only shows that the script runs
"""

from __future__ import annotations

import argparse
import gc
import json
import platform
import random
import re
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch.utils.flop_counter import FlopCounterMode

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from gpu_models import LABELS, SHAPES, Shape, Words, build, label_examples, tag_examples

from t2t_xfer.architectures.adapters import add_adapter, count_parameters
from t2t_xfer.architectures.head import place_logits, row_losses
from t2t_xfer.architectures.loading import LoadedModel
from t2t_xfer.architectures.rows import Row, token_budget_batches
from t2t_xfer.engines.transformers import TransformersEngine
from t2t_xfer.records import Prompted, Readout

PACKAGES = ("t2t_xfer", "torch", "transformers", "peft", "tokenizers", "numpy")
EXAMPLES_PER_STEP = 32
"""As in training: the default of the package."""


class Lora(NamedTuple):
    """The package's defaults."""

    rank: int = 16
    alpha: int = 32
    dropout: float = 0.0
    targets: None = None


class Machine(NamedTuple):
    """What is measured on, and how long."""

    device: str
    tiny: bool
    seconds: float
    """Time of one measurement, after warming up."""
    micro_batch_tokens: int

    def wait(self) -> None:
        """Until the device has done everything it was given."""
        if self.device == "cuda":
            torch.cuda.synchronize()

    def forget_peak(self) -> None:
        """Begins a new measurement of memory."""
        gc.collect()
        if self.device == "cuda":
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()

    def peak_bytes(self) -> int | None:
        """The most memory that tensors took; unknown on a CPU."""
        return torch.cuda.max_memory_allocated() if self.device == "cuda" else None


def rate(machine: Machine, work: Callable[[], None], warm_up: int, at_least: int) -> float:
    """How often a second `work` is done."""
    for _ in range(warm_up):
        work()
    machine.wait()
    start, done = time.perf_counter(), 0
    while done < at_least or time.perf_counter() - start < machine.seconds:
        work()
        machine.wait()
        done += 1
    return done / (time.perf_counter() - start)


def matrix_rate(machine: Machine) -> float:
    """Floating-point operations a second of a large bfloat16 product of random numbers."""
    n = 256 if machine.tiny else 8192
    a, b = (torch.randn(n, n, device=machine.device, dtype=torch.bfloat16) for _ in range(2))

    def ten() -> None:
        for _ in range(10):
            torch.mm(a, b)

    return rate(machine, ten, 1, 1) * 10 * 2 * n**3


class Stepper:
    """Optimizer steps as the training loop takes them: N examples, cut by a token budget."""

    def __init__(self, machine: Machine, loaded: LoadedModel, rows: list[Row]) -> None:
        self.loaded, self.machine = loaded, machine
        self.steps = [
            rows[i : i + EXAMPLES_PER_STEP]
            for i in range(0, len(rows) - EXAMPLES_PER_STEP + 1, EXAMPLES_PER_STEP)
        ]
        trained = [p for p in loaded.model.parameters() if p.requires_grad]
        self.trained = trained
        self.optimizer = torch.optim.AdamW(trained, lr=1e-4, fused=machine.device == "cuda")
        self.turn = 0
        self.autocast = False

    def step(self) -> None:
        """One step on the next examples."""
        rows = self.steps[self.turn % len(self.steps)]
        self.turn += 1
        lengths = [row.num_tokens for row in rows]
        for batch in token_budget_batches(lengths, self.machine.micro_batch_tokens):
            chosen = [rows[i] for i in batch]
            with torch.autocast(self.machine.device, torch.bfloat16, enabled=self.autocast):
                logits = place_logits(self.loaded.model, self.loaded.architecture, chosen)
                loss = row_losses(logits, chosen).sum() / len(rows)
            loss.backward()
        torch.nn.utils.clip_grad_norm_(self.trained, 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)

    def mean_tokens(self) -> float:
        """Tokens of a step, without padding."""
        return sum(row.num_tokens for step in self.steps for row in step) / len(self.steps)

    def flops(self) -> int:
        """Counted in one step: forward and backward, padding included."""
        with FlopCounterMode(display=False) as counter:
            self.step()
        return int(counter.get_total_flops())


def training(
    machine: Machine, loaded: LoadedModel, prompted: list[Prompted], peak: float
) -> dict[str, Any]:
    """Rate of LoRA steps, with the adapter's products in float32 and in bfloat16 (autocast)."""
    rows = [r for p in prompted for r in loaded.architecture.training_rows(p)]
    loaded.model.train()
    stepper = Stepper(machine, loaded, rows)
    flops = stepper.flops()
    out: dict[str, Any] = {"tokens_per_step": round(stepper.mean_tokens()), "flops_per_step": flops}
    for name in ("as_trained", "autocast"):
        machine.forget_peak()
        stepper.autocast = name == "autocast"
        steps = rate(machine, stepper.step, 2, 2)
        out[name] = {
            "steps_per_second": round(steps, 3),
            "examples_per_second": round(steps * EXAMPLES_PER_STEP, 1),
            "tokens_per_second": round(steps * stepper.mean_tokens()),
            "share_of_matrix_rate": round(steps * flops / peak, 4),
            "peak_memory_bytes": machine.peak_bytes(),
        }
    return out


def reading(
    machine: Machine,
    loaded: LoadedModel,
    prompted: list[Prompted],
    readout: Readout,
) -> dict[str, Any]:
    """Rate of answers through the engine, tokenization included."""
    engine = TransformersEngine(loaded, 2 * machine.micro_batch_tokens)
    machine.forget_peak()
    passes = rate(machine, lambda: void(engine.answer(prompted, readout)), 1, 1)
    return {
        "readout": readout.value,
        "examples_per_second": round(passes * len(prompted), 1),
        "peak_memory_bytes": machine.peak_bytes(),
    }


def void(_: object) -> None:
    """Drops a result."""


def case(machine: Machine, shape: Shape, peak: float) -> dict[str, Any]:
    """All figures of one model."""
    words = Words(random.Random(0))
    count = 2 * EXAMPLES_PER_STEP if machine.tiny else 16 * EXAMPLES_PER_STEP
    labels, tags = label_examples(words, count), tag_examples(words, count)
    started = time.perf_counter()
    texts = [f"{p.input} {' '.join(LABELS)}" for p in (*labels, *tags)]
    base = build(shape, texts, machine.device, machine.tiny)
    adapted = add_adapter(base.model, shape.architecture, Lora(), seed=0)
    loaded = replace(base, model=adapted)
    parameters = count_parameters(adapted)
    encoder = shape.architecture == "encoder"
    out: dict[str, Any] = {
        "architecture": shape.architecture,
        "like": shape.like,
        "parameters": parameters.total,
        "trainable_parameters": parameters.trainable,
        "seconds_to_build": round(time.perf_counter() - started, 1),
    }
    measures: dict[str, Callable[[], dict[str, Any]]] = {
        "train_label": lambda: training(machine, loaded, labels, peak),
        "train_tags": lambda: training(machine, loaded, tags, peak),
        "read_label": lambda: reading(
            machine, loaded, labels, Readout.slots if encoder else Readout.rank
        ),
        "read_tags": lambda: reading(machine, loaded, tags, Readout.slots),
    }
    for name, measure in measures.items():
        try:
            out[name] = measure()
        except torch.OutOfMemoryError:
            out[name] = {"failed": "out of memory; try a smaller --micro-batch-tokens"}
        print(f"{shape.architecture} {name}: {json.dumps(out[name])}", flush=True)
    return out


def device_name(device: str) -> str:
    """The device in words."""
    if device == "cuda":
        return torch.cuda.get_device_name()
    return f"CPU {platform.machine()}, {torch.get_num_threads()} threads"


def versions() -> dict[str, str]:
    """What can change a figure."""
    found = {"python": platform.python_version(), "cuda": str(torch.version.cuda)}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "a checkout" if package == "t2t_xfer" else "none"
    return found


def main() -> None:
    """Measures and writes one JSON file."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument(
        "--tiny", action="store_true", help="micro models; the figures mean nothing"
    )
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "results")
    parser.add_argument("--seconds", type=float, default=12.0, help="of one measurement")
    parser.add_argument("--minutes", type=float, default=8.5, help="no new model after these")
    parser.add_argument("--micro-batch-tokens", type=int, default=8192)
    options = parser.parse_args()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cpu" and not options.tiny:
        parser.error("there is no CUDA device here; --tiny shows on a CPU that the script runs")
    seconds = min(options.seconds, 0.2) if options.tiny else options.seconds
    machine = Machine(device, options.tiny, seconds, options.micro_batch_tokens)
    started = time.perf_counter()
    peak = matrix_rate(machine)
    print(f"{device_name(device)}: bfloat16 products at {peak / 1e12:.3g} TFLOP/s", flush=True)
    cases: list[dict[str, Any]] = []
    left_out = []
    for shape in SHAPES:
        if time.perf_counter() - started > 60 * options.minutes:
            left_out.append(shape.like)
            continue
        cases.append(case(machine, shape, peak))
    now = datetime.now(UTC)
    note = "LoRA of rank 16 over random bfloat16 weights, synthetic text."
    if options.tiny:
        note = "--tiny: micro models. This shows that the script runs; the figures mean nothing."
    result = {
        "device": device_name(device),
        "date": now.isoformat(timespec="seconds"),
        "note": note,
        "tiny": options.tiny,
        "versions": versions(),
        "matrix_flops_per_second": round(peak),
        "examples_per_step": EXAMPLES_PER_STEP,
        "micro_batch_tokens": machine.micro_batch_tokens,
        "cases": cases,
        "left_out": left_out,
        "seconds": round(time.perf_counter() - started, 1),
    }
    options.output.mkdir(parents=True, exist_ok=True)
    slug = re.sub(r"[^A-Za-z0-9]+", "-", device_name(device)).strip("-").lower()
    name = f"{'tiny-' if options.tiny else ''}{slug}-{now:%Y%m%d}.json"
    path = options.output / name
    path.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(path)


if __name__ == "__main__":
    main()
