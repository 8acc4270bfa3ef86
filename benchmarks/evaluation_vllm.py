"""vLLM beside the transformers engine: what `evaluation.py vllm` measures.

The shipped decoder, pretrained on the microworld, or any other (`--model`), reads the same prompts
in both, in float32 and greedily: labels by their scores, texts without constraints, and spans held
to the context. All languages stand in one list. The side `vllm` runs under the Python of
`--vllm-python`.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from evaluation_sides import timed

from t2t_xfer.microworld.checkpoints import checkpoint, is_micro
from t2t_xfer.records import Decoding, Prompted, Readout
from t2t_xfer.specs.catalogue import Catalogue
from t2t_xfer.stages.context import Context

MAX_INPUT_TOKENS = 192
FREE = Decoding(constrained=False, max_new_tokens=16)
CASES = {
    "labels": ("xnli", Readout.rank, FREE),
    "texts": ("xquad", Readout.generate, FREE),
    "spans": ("xquad", Readout.generate, Decoding(constrained=True, max_new_tokens=16)),
}
"""Task, readout and decoding of each case."""


def languages(context: Context, task: str) -> list[str]:
    """Those of a task that the microworld speaks."""
    from t2t_xfer.errors import AbsentError

    found = []
    for code in context.task(task).spec.languages:
        try:
            context.prompted(task, code, "test", 1)
        except AbsentError:
            continue
        found.append(code)
    return found


def engine_of(side: str, model: str) -> tuple[Any, Any]:
    """An engine and its tokenizer."""
    path = str(checkpoint(model)) if is_micro(model) else model
    if side == "vllm":
        from t2t_xfer.engines.vllm import VllmEngine, load_vllm

        vllm = load_vllm(path, max_input_tokens=MAX_INPUT_TOKENS)
        return VllmEngine(vllm), vllm.architecture.codec.tokenizer
    from t2t_xfer.architectures.loading import load
    from t2t_xfer.engines.transformers import TransformersEngine

    loaded = load(path, max_input_tokens=MAX_INPUT_TOKENS)
    return TransformersEngine(loaded), loaded.tokenizer


def measured(side: str, told: dict[str, Any]) -> dict[str, Any]:
    """Answers and seconds of all languages at once, and of each alone."""
    context = Context(Catalogue(), told["data"])
    started = time.perf_counter()
    engine, tokenizer = engine_of(side, told["model"])
    found: dict[str, Any] = {}
    for case, (name, readout, decoding) in CASES.items():
        asked = {
            code: context.prompted(name, code, "test", told["items"])[1]
            for code in languages(context, name)
        }

        def read(
            some: list[Prompted],
            how: Readout = readout,
            decoding: Decoding = decoding,
        ) -> list[Any]:
            answers = engine.answer(some, how, decoding)
            return [list(each.scores) if how is Readout.rank else each.text for each in answers]

        for each in asked.values():  # what is compiled or made at the first call
            read(each[:1])
        # vLLM starts when it is asked first.
        found.setdefault("loading", time.perf_counter() - started)
        together = [p for each in asked.values() for p in each]
        alone = {}
        for code, each in asked.items():
            # Before the call for all, whose answers a prefix cache may otherwise know.
            _forget(engine)
            alone[code] = timed(lambda each=each: read(each))[1]["seconds"]  # type: ignore[misc]
        _forget(engine)
        answers, times = timed(lambda: read(together))  # noqa: B023
        found[case] = {
            "task": name,
            "answers": answers,
            "seconds": times["seconds"],
            "languages": {
                code: {
                    "items": len(each),
                    "seconds": alone[code],
                    "tokens": sum(len(tokenizer(p.input).input_ids) for p in each),
                }
                for code, each in asked.items()
            },
        }
    found["tokens_per_word"] = fertility(context, tokenizer, told["items"])
    if side == "vllm":
        engine.loaded.close()
    return found


def _forget(engine: Any) -> None:
    """Empties vLLM's prefix cache: what one call has read is not another's gain."""
    if engine.name == "vllm":
        engine.loaded.forget()


def fertility(context: Context, tokenizer: Any, items: int) -> dict[str, float]:
    """Tokens for each word of the tagged sentences of a language, as they stand in a prompt."""
    found = {}
    for code in languages(context, "udpos"):
        examples, _ = context.prompted("udpos", code, "test", items)
        sentences = [list(map(str, each.fields["words"])) for each in examples]  # type: ignore[arg-type, call-overload]
        tokens = sum(
            len(tokenizer(" ".join(words), add_special_tokens=False).input_ids)
            for words in sentences
        )
        found[code] = tokens / sum(map(len, sentences))
    return found


def answered(told: dict[str, Any]) -> dict[str, Any]:
    """Nothing: what is found is written to the file `out`, since vLLM's processes print, too."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    if told["threads"] and told["side"] != "vllm":
        import torch

        torch.set_num_threads(told["threads"])
    Path(told["out"]).write_text(json.dumps(measured(told["side"], told)), encoding="utf-8")
    return {}


if __name__ == "__main__":
    print(json.dumps(answered(json.loads(sys.argv[1]))))
