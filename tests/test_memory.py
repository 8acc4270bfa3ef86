"""Memory is known before a training begins: the estimate against what a process really takes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from t2t_xfer.architectures.loading import wrap
from t2t_xfer.architectures.micro import new_model, train_tokenizer
from t2t_xfer.architectures.rows import Row
from t2t_xfer.records import ArchitectureName
from t2t_xfer.specs.training import TrainingSpec
from t2t_xfer.training.memory import MemoryEstimate, estimate_memory

from .conftest import REPOSITORY
from .studydata import t2t

VOCABULARY, HIDDEN, LAYERS = 40_000, 256, 4
ROWS, LENGTH = 32, 128
TOLERANCE = 0.15
"""Of the estimated peak against the process's own, which has the framework's workspaces in it."""


def rows(architecture: ArchitectureName, places: int = 8) -> list[Row]:
    """Rows of one length, so that nothing but the shapes counts."""
    ids = tuple(range(300, 300 + LENGTH))
    at = tuple(range(places))
    decoder = ids[:places] if architecture == "seq2seq" else ()
    return [Row(str(i), ids, at, labels=at, decoder_ids=decoder) for i in range(ROWS)]


def estimated(
    architecture: ArchitectureName, places: int = 8, **settings: object
) -> MemoryEstimate:
    from dataclasses import replace

    from t2t_xfer.architectures.adapters import add_adapter

    spec = TrainingSpec.model_validate(settings)
    tokenizer = train_tokenizer(["a b c"], 400, architecture)
    with torch.device("meta"):
        model = new_model(architecture, VOCABULARY, hidden=HIDDEN, layers=LAYERS, heads=4)
        loaded = wrap(model, tokenizer, 512)
        if spec.adapter != "none":
            loaded = replace(loaded, model=add_adapter(model, architecture, spec.lora, 0))
    batch = rows(architecture, places)
    return estimate_memory(loaded, [batch, batch], spec)


MEASURED = """
import json, sys
import torch
from t2t_xfer.architectures.head import batch_losses
from t2t_xfer.architectures.loading import wrap
from t2t_xfer.architectures.micro import new_model, train_tokenizer
from t2t_xfer.training.vocabulary import vocabulary_in_place
from tests import test_memory as t

def memory(key):
    with open("/proc/self/status") as lines:
        return next(1024 * int(line.split()[1]) for line in lines if line.startswith(key))

architecture = sys.argv[1]
torch.set_num_threads(1)
tokenizer = train_tokenizer(["a b c"], 400, architecture)
small = wrap(new_model(architecture, 500, hidden=32, layers=1, heads=2), tokenizer, 512)
batch_losses(small.model, small.architecture, t.rows(architecture)[:2]).sum().backward()
before = memory("VmRSS")
model = new_model(architecture, t.VOCABULARY, hidden=t.HIDDEN, layers=t.LAYERS, heads=4)
loaded = wrap(model, tokenizer, 512)
optimizer = torch.optim.AdamW(model.parameters(), fused=True)
model.train()
for _ in range(2):
    for _ in range(2):
        with vocabulary_in_place(model):
            batch_losses(model, loaded.architecture, t.rows(architecture)).sum().backward()
    optimizer.step()
    optimizer.zero_grad()
print(json.dumps(memory("VmHWM") - before))
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("architecture", ["encoder", "seq2seq", "causal"])
def test_the_estimate_is_what_a_process_takes(architecture: ArchitectureName) -> None:
    environment = {
        **os.environ,
        "PYTHONPATH": str(REPOSITORY),
        "OMP_NUM_THREADS": "1",
        # Freed blocks go back at once, so that the process holds what its tensors hold.
        "MALLOC_MMAP_THRESHOLD_": "65536",
        "MALLOC_TRIM_THRESHOLD_": "65536",
    }
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, architecture],
        check=True,
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
    )
    measured = json.loads(done.stdout.splitlines()[-1])
    assert measured > 200 * 2**20
    assert estimated(architecture).peak == pytest.approx(measured, rel=TOLERANCE)


def test_the_parts_are_what_can_be_counted_by_hand() -> None:
    """A causal model: each weight is 4 bytes, its gradient too, AdamW's two numbers 8. Of the head
    32 rows x 8 places x 40,000 tokens x 4 bytes are one matrix of logits, 39 MiB."""
    found = estimated("causal")
    model = new_model("causal", VOCABULARY, hidden=HIDDEN, layers=LAYERS, heads=4)
    weights = 4 * sum(p.numel() for p in model.parameters())
    assert found.weights == weights
    assert found.optimizer == 2 * weights
    assert found.gradients >= weights
    logits = 4 * ROWS * 8 * VOCABULARY
    assert found.logits <= 4 * logits
    assert found.peak == sum(
        (found.weights, found.gradients, found.optimizer, found.activations, found.logits)
    )


def test_what_saves_memory_saves_it_where_it_says() -> None:
    full, lora = estimated("causal"), estimated("causal", adapter="lora")
    assert estimated("causal", optimizer="adafactor").optimizer < full.optimizer / 10
    assert lora.weights > full.weights  # the adapter's own
    assert lora.optimizer < full.optimizer / 10
    assert lora.gradients < full.gradients / 10
    four_bits = estimated("causal", adapter="qlora")
    assert four_bits.weights < lora.weights
    checkpointed = estimated("causal", adapter="lora", gradient_checkpointing=True)
    assert checkpointed.activations < 0.7 * lora.activations
    assert checkpointed.weights == lora.weights
    assert estimated("causal", adapter="lora", places=64).logits > 6 * lora.logits


def test_a_dry_run_says_all_and_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    arguments = ("train", "--model", "new:encoder", "--task", "mnli", "--task", "squad_v1")
    arguments += ("--adapter", "lora", "--data", "microworld", "--limit", "64", "--dry-run")
    told = t2t(*arguments)
    assert told.code == 0, told.err
    for part in ("parameters", "trained", "steps", "tokens per step", "padding", "peak memory"):
        assert f"\n{part}" in f"\n{told.out}"
    for part in ("weights", "gradients", "optimizer", "activations", "logits"):
        assert f"\n  {part}" in told.out
    assert not list(tmp_path.iterdir())
    found = json.loads(t2t(*arguments, "--json").out)
    assert found["steps"] == 12  # 2 tasks x 64 examples x 3 epochs, 32 a step
    assert 0 < found["trainable"] < found["parameters"] / 5
    memory = found["memory"]
    assert memory["peak"] == sum(size for part, size in memory.items() if part != "peak")
