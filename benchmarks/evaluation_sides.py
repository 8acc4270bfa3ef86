"""What `evaluation.py` measures: one reading by us or by lm-eval, in this process.

Both load the same checkpoint and read the same texts with the same options. lm-eval gets them as a
task of its own, `doc_to_text: "{{input}}"`, and where our scores hold the end token its options end
with it; so the scores are the same sums of the same terms, which the parent compares.

Clocks run while answers are computed, from texts to scores: tokenizing counts, loading does not.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import torch
import transformers
from evaluation_cases import ANSWER_ROOM, Case, Size, case_of, flops, prepare, read_prompts

from t2t_xfer.records import Readout

T = TypeVar("T")
END = "</s>"
PEER_TASK = "t2t_items"


def timed(compute: Callable[[], T]) -> tuple[T, dict[str, float]]:
    """A result with the seconds of wall and processor that it took."""
    wall, cpu = time.perf_counter(), time.process_time()
    found = compute()
    return found, {
        "seconds": time.perf_counter() - wall,
        "cpu_seconds": time.process_time() - cpu,
    }


def peak_bytes() -> int:
    """Most memory of this process since it began."""
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


@contextmanager
def largest_logits(model: Any) -> Iterator[list[int]]:
    """Bytes of the largest tensor that the head gives out, in the list's one place."""
    largest = [0]

    def note(_module: Any, _args: Any, logits: torch.Tensor) -> None:
        largest[0] = max(largest[0], logits.nbytes)

    handle = model.get_output_embeddings().register_forward_hook(note)
    try:
        yield largest
    finally:
        handle.remove()


class Ours:
    """The transformers engine."""

    def __init__(self, case: Case) -> None:
        from t2t_xfer.architectures.loading import load

        self._case = case
        self.loaded = load(str(case.model), max_input_tokens=case.context)
        self.model: Any = self.loaded.model
        self._prompted = read_prompts(case)

    def read(
        self, batch: int, items: int | None = None
    ) -> tuple[list[list[float]], dict[str, Any]]:
        """Scores of every option of the first `items` prompts."""
        from t2t_xfer.engines.transformers import TransformersEngine

        engine = TransformersEngine(self.loaded, batch_tokens=batch)
        some = self._prompted[:items]
        found, times = timed(lambda: engine.answer(some, self._case.readout))
        return [list(each.scores) for each in found], times


class LmEval:
    """lm-eval's model class `hf`, its logits cache on, through a task from a YAML file."""

    def __init__(self, case: Case) -> None:
        from lm_eval.models.huggingface import HFLM

        self._case = case
        self._lm = HFLM(
            pretrained=str(case.model),
            backend=case.architecture,
            dtype="float32",
            device="cpu",
            batch_size=1,
            max_length=case.context + ANSWER_ROOM,
        )
        self.model = self._lm.model

    def read(
        self, batch: int, items: int | None = None
    ) -> tuple[list[list[float]], dict[str, Any]]:
        """As ours; the clock runs inside `loglikelihood`, without what surrounds it."""
        self._lm.batch_size_per_gpu = batch
        folder = write_task(self._case, items)
        return run_task(self._lm, folder, PEER_TASK)


def write_task(case: Case, items: int | None) -> Path:
    """A folder with the prompts and lm-eval's YAML of them."""
    folder = Path(case.work) / f"lm-eval-{case.name}-{items or 'all'}"
    folder.mkdir(parents=True, exist_ok=True)
    end = "" if case.readout is Readout.slots else END
    prompts = json.loads(case.prompts.read_text(encoding="utf-8"))[:items]
    rows = [{**p, "choices": [text + end for text in p["choices"]]} for p in prompts]
    write_peer_task(folder, PEER_TASK, rows)
    return folder


def write_peer_task(folder: Path, name: str, rows: list[dict[str, Any]]) -> None:
    """One task: `input` and `choices` of every row."""
    data = folder / f"{name}.jsonl"
    data.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    task = {
        "task": name,
        "dataset_path": "json",
        "dataset_kwargs": {"data_files": {"test": str(data)}},
        "test_split": "test",
        "output_type": "multiple_choice",
        "doc_to_text": "{{input}}",
        "doc_to_choice": "{{choices}}",
        "doc_to_target": 0,
        "target_delimiter": " ",
        "metric_list": [{"metric": "acc"}],
    }
    # JSON is YAML.
    (folder / f"{name}.yaml").write_text(json.dumps(task), encoding="utf-8")


def run_task(lm: Any, folder: Path, *names: str) -> tuple[list[list[float]], dict[str, Any]]:
    """Scores of all items of the tasks, and the seconds of the requests to the model."""
    from lm_eval import simple_evaluate
    from lm_eval.tasks import TaskManager

    spent: dict[str, float] = {}
    ask = lm.loglikelihood

    def clocked(*args: Any, **kwargs: Any) -> Any:
        found, times = timed(lambda: ask(*args, **kwargs))
        spent.update(times)
        return found

    lm.loglikelihood = clocked
    try:
        found = simple_evaluate(
            model=lm,
            tasks=list(names),
            task_manager=TaskManager(include_path=str(folder), include_defaults=False),
            bootstrap_iters=0,
            verbosity="ERROR",
        )
    finally:
        del lm.loglikelihood
    scores = [
        [float(term) for term, _ in each["filtered_resps"]]
        for name in names
        for each in sorted(found["samples"][name], key=lambda each: each["doc_id"])
    ]
    return scores, dict(spent)


def bound(case: Case) -> dict[str, float]:
    """How many times as much is to be computed candidate by candidate as at least."""
    from t2t_xfer.architectures.loading import load

    model: Any = load(str(case.model), max_input_tokens=case.context).model
    config = model.config

    def parameters(module: Any, *names: str) -> int:
        found = dict(module.named_parameters())
        return sum(p.numel() for n, p in found.items() if not names or n.endswith(names))

    if case.architecture == "causal":
        blocks, layers = parameters(model.model.layers), config.num_hidden_layers
        size = Size(config.hidden_size, config.vocab_size, blocks, blocks, (layers, layers))
    else:
        decoder = parameters(model.decoder.block)
        kept = parameters(
            model.decoder.block, "EncDecAttention.k.weight", "EncDecAttention.v.weight"
        )
        context = parameters(model.encoder.block) + kept
        layers = (config.num_layers, config.num_decoder_layers)
        size = Size(config.d_model, config.vocab_size, context, decoder - kept, layers)
    each, least = flops(case, size)
    return {"flops_candidate_by_candidate": each, "flops_least": least, "bound": each / least}


def measured(case: Case, side: str, batches: list[int], items: int | None) -> dict[str, Any]:
    """Seconds of each batch size; scores and memory where there is one."""
    reader: Any = (Ours if side == "ours" else LmEval)(case)
    reader.read(batches[0], 2)  # what is made at the first call
    if len(batches) > 1:
        return {"seconds": [reader.read(batch, items)[1]["seconds"] for batch in batches]}
    with largest_logits(reader.model) as largest:
        scores, times = reader.read(batches[0], items)
    return {
        **times,
        "scores": scores,
        "logits_bytes": largest[0],
        "peak_bytes": peak_bytes(),
    }


def answered(told: dict[str, Any]) -> dict[str, Any]:
    """What the parent asks for."""
    quiet(told["threads"])
    case = case_of(told["case"])
    if told["side"] == "prepare":
        prepare(case)
        return {}
    if told["side"] == "bound":
        return bound(case)
    return measured(case, told["side"], told["batches"], told["items"])


def quiet(threads: int) -> None:
    """Threads of torch, 0 for its own choice; and no bars."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    if threads:
        torch.set_num_threads(threads)


if __name__ == "__main__":
    print(json.dumps(answered(json.loads(sys.argv[1]))))
