"""Eight adapters on three tasks, by us or by lm-eval: what `evaluation.py adapters` measures.

We are called as a script would call us (`t2t_xfer.evaluate`), in one process with an empty store:
all stages, records and scores included. lm-eval gets one process for each adapter, as its command
line has it (`--model_args pretrained=…,peft=…`), with all three tasks in it. In both the seconds of
loading (base, adapter, tokenizer) and of reading (texts to scores) are taken apart.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, chdir, contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

from evaluation_cases import ANSWER_ROOM, Case, case_of, prepare, prompts_of

ADAPTERS = 8
TASKS = ("first", "second", "third")


def prepare_all(case: Case) -> None:
    """The model, adapters with weights drawn at random, and three tasks in both sides' forms."""
    import torch

    prepare(case)
    from evaluation_sides import write_peer_task

    from t2t_xfer.architectures.adapters import add_adapter, save_adapter
    from t2t_xfer.architectures.checkpoint import AdapterBase
    from t2t_xfer.architectures.loading import load
    from t2t_xfer.specs.training import LoraSpec

    folder = folder_of(case)
    (folder / "tasks").mkdir(parents=True, exist_ok=True)
    for i in range(ADAPTERS):
        base = load(str(case.model), max_input_tokens=case.context)
        adapted = add_adapter(base.model, case.architecture, LoraSpec(rank=16), i)
        generator = torch.Generator().manual_seed(i)
        with torch.no_grad():
            for name, weight in adapted.named_parameters():
                if ".lora_B." in name:
                    weight.copy_(torch.randn(weight.shape, generator=generator) * 0.02)
        save_adapter(adapted, folder / f"adapter-{i}", AdapterBase(str(case.model)))
    prompts = prompts_of(case)
    share = len(prompts) // len(TASKS)
    for i, name in enumerate(TASKS):
        rows = prompts[i * share : (i + 1) * share]
        write_peer_task(folder / "tasks", f"peer_{name}", rows)
        (folder / f"{name}.jsonl").write_text(
            "".join(json.dumps({"text": row["input"], "label": "0"}) + "\n" for row in rows),
            encoding="utf-8",
        )
        (folder / "tasks" / f"{name}.yaml").write_text(json.dumps(_task(name, rows[0]["choices"])))
    # lm-eval reads every YAML file of a folder.
    peer = folder / "lm-eval"
    peer.mkdir(exist_ok=True)
    for file in (folder / "tasks").glob("peer_*.yaml"):
        file.rename(peer / file.name)


def folder_of(case: Case) -> Path:
    """Where all of it lies."""
    return Path(case.work) / f"{case.name}-{case.model.name}-{case.items}"


def _task(name: str, words: list[str]) -> dict[str, Any]:
    return {
        "task": name,
        "answer": "label",
        "data": {"files": {"test": f"{name}.jsonl"}},
        "languages": ["en"],
        "fields": {"text": "text"},
        "label_field": "label",
        "labels": {str(i): {"value": str(i), "word": word} for i, word in enumerate(words)},
        "prompt": {"input": "{{ text }}"},
        "readout": {"causal": "slots"},
        "metric": "accuracy",
    }


class Clocks:
    """Seconds by what they were spent on."""

    def __init__(self) -> None:
        self.spent = {"loading": 0.0, "reading": 0.0}

    @contextmanager
    def on(self, what: str) -> Iterator[None]:
        """Counts the block's time."""
        started = time.perf_counter()
        yield
        self.spent[what] += time.perf_counter() - started

    def around(self, what: str, function: Any) -> Any:
        """The same function, on the clock."""

        def clocked(*args: Any, **kwargs: Any) -> Any:
            with self.on(what):
                return function(*args, **kwargs)

        return clocked


def ours(case: Case) -> dict[str, Any]:
    """All adapters on all tasks."""
    import t2t_xfer
    from t2t_xfer.architectures import loading
    from t2t_xfer.engines import transformers

    folder, clocks = folder_of(case), Clocks()
    answer = transformers.TransformersEngine.answer
    scores: list[list[float]] = []

    def noted(*args: Any, **kwargs: Any) -> Any:
        found = answer(*args, **kwargs)
        scores.extend(list(each.scores) for each in found)
        return found

    clocked = ExitStack()
    for owner, name, what, function in (
        (transformers.TransformersEngine, "answer", "reading", noted),
        (loading.SwitchedBase, "using", "loading", loading.SwitchedBase.using),
        (loading, "load", "loading", loading.load),
    ):
        around = clocks.around(what, function)
        clocked.enter_context(mock.patch.object(owner, name, around))
    with clocked, chdir(folder), tempfile.TemporaryDirectory() as output:
        found = t2t_xfer.evaluate(
            [t2t_xfer.load_task(name, data="microworld") for name in TASKS],
            str(case.model),
            adapters=[f"adapter-{i}" for i in range(ADAPTERS)],
            engine="transformers",
            max_input_tokens=case.context,
            output=output,
        )
    assert len(found.table()) == ADAPTERS * len(TASKS), found.failed
    return {**clocks.spent, "scores": scores}


def peer(case: Case, batch: int, adapter: int) -> dict[str, Any]:
    """One adapter on all tasks."""
    from evaluation_sides import run_task
    from lm_eval.models.huggingface import HFLM

    folder, clocks = folder_of(case), Clocks()
    with clocks.on("loading"):
        lm = HFLM(
            pretrained=str(case.model),
            peft=str(folder / f"adapter-{adapter}"),
            dtype="float32",
            device="cpu",
            batch_size=batch,
            max_length=case.context + ANSWER_ROOM,
        )
    scores, times = run_task(lm, folder / "lm-eval", *(f"peer_{name}" for name in TASKS))
    return {**clocks.spent, "reading": times["seconds"], "scores": scores}


def answered(told: dict[str, Any]) -> dict[str, Any]:
    """What the parent asks for."""
    case = case_of(told["case"])
    if told["side"] == "prepare":
        prepare_all(case)
        return {}
    if told["threads"]:
        import torch

        torch.set_num_threads(told["threads"])
    if told["side"] == "ours":
        return ours(case)
    return peer(case, told["batch"], told["adapter"])


if __name__ == "__main__":
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    print(json.dumps(answered(json.loads(sys.argv[1]))))
