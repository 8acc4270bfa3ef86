"""What `training.py` measures: one training by us or by a peer, on the same rows, in this process.

Models have random weights and real shapes; rows are those of our own architectures over real text,
made before the clock starts. A peer gets them as `input_ids` and `labels`, so both sides read the
same tokens, predict the same targets and take an AdamW step every 32 examples.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import torch
import transformers
from gpu_models import SHAPES as LARGE

from t2t_xfer.architectures.adapters import add_adapter
from t2t_xfer.architectures.head import batch_losses
from t2t_xfer.architectures.loading import LoadedModel, wrap
from t2t_xfer.architectures.rows import Row
from t2t_xfer.records import ArchitectureName
from t2t_xfer.specs.catalogue import Catalogue, shipped_root
from t2t_xfer.specs.training import LoraSpec, TrainingSpec
from t2t_xfer.stages.context import Context
from t2t_xfer.training.mixture import Mixture, Part
from t2t_xfer.training.objectives import text_row

TASKS = ("mnli", "squad_v1", "hellaswag_letters")
EXAMPLES_PER_STEP = 32
TOKENIZER_LINES = 20_000
IDS = {"pad_token_id": 0, "eos_token_id": 1, "bos_token_id": 2}
IGNORED = -100


class Shape(NamedTuple):
    """A model to build."""

    what: str
    config: type[Any]
    model: type[Any]
    size: dict[str, Any]


def _llama(hidden: int, layers: int, inner: int) -> dict[str, Any]:
    heads = hidden // 64
    return {
        "vocab_size": 131_072,
        "hidden_size": hidden,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "num_key_value_heads": heads,
        "intermediate_size": inner,
        "max_position_embeddings": 1024,
        "tie_word_embeddings": True,
    }


def _mt5(hidden: int, layers: int, inner: int) -> dict[str, Any]:
    return {
        "vocab_size": 131_072,
        "d_model": hidden,
        "d_kv": 64,
        "d_ff": inner,
        "num_layers": layers,
        "num_decoder_layers": layers,
        "num_heads": hidden // 64,
        "decoder_start_token_id": 0,
        "dropout_rate": 0.0,
    }


def _xlmr(vocabulary: int, hidden: int, layers: int) -> dict[str, Any]:
    return {
        "vocab_size": vocabulary,
        "hidden_size": hidden,
        "num_hidden_layers": layers,
        "num_attention_heads": hidden // 64,
        "intermediate_size": 4 * hidden,
        "max_position_embeddings": 514,
        "type_vocab_size": 1,
        "hidden_dropout_prob": 0.0,
        "attention_probs_dropout_prob": 0.0,
    }


_CAUSAL = (transformers.LlamaConfig, transformers.LlamaForCausalLM)
_SEQ2SEQ = (transformers.MT5Config, transformers.MT5ForConditionalGeneration)
_ENCODER = (transformers.XLMRobertaConfig, transformers.XLMRobertaForMaskedLM)
SHAPES: dict[tuple[ArchitectureName, str], Shape] = {
    ("causal", "24m"): Shape("body 25 M, vocabulary 131k", *_CAUSAL, _llama(512, 8, 1365)),
    ("causal", "100m"): Shape("body 99 M, vocabulary 131k", *_CAUSAL, _llama(768, 14, 2048)),
    ("seq2seq", "24m"): Shape("body 24 M, vocabulary 131k", *_SEQ2SEQ, _mt5(512, 4, 1024)),
    ("seq2seq", "100m"): Shape("body 104 M, vocabulary 131k", *_SEQ2SEQ, _mt5(768, 8, 2048)),
    ("encoder", "24m"): Shape("body 25 M, vocabulary 131k", *_ENCODER, _xlmr(131_072, 512, 8)),
    ("encoder", "100m"): Shape("XLM-R base: body 86 M, 250k", *_ENCODER, _xlmr(250_002, 768, 12)),
}
SHAPES |= {
    (large.architecture, "large"): Shape(large.like, large.config, large.model, large.size)
    for large in LARGE
}
TINY = {
    "causal": _llama(64, 1, 128),
    "seq2seq": _mt5(64, 1, 128),
    "encoder": _xlmr(4000, 64, 1),
}


class Case(NamedTuple):
    """One training."""

    architecture: ArchitectureName
    size: str
    data: str
    steps: int
    max_input_tokens: int
    micro_batch_tokens: int
    peer_batch: int
    """Rows that a peer computes at once; as many as make 32 examples are added up."""
    tiny: bool
    bf16: bool
    lora: bool

    @property
    def device(self) -> str:
        """Where it runs."""
        return "cuda" if torch.cuda.is_available() else "cpu"


def build(case: Case, context: Context) -> LoadedModel:
    """A model with random weights and a tokenizer of English text.

    The tokenizer is smaller than the vocabulary: it cuts English as finely as a real multilingual
    one does, and speed does not depend on which tokens there are.
    """
    from itertools import islice

    from t2t_xfer.architectures.micro import train_tokenizer

    lines = islice(context.source.text("en"), 500 if case.tiny else TOKENIZER_LINES)
    tokenizer = train_tokenizer(lines, 2000 if case.tiny else 24_000, case.architecture)
    shape = SHAPES[case.architecture, case.size]
    size = {**(TINY[case.architecture] if case.tiny else shape.size), **IDS}
    torch.manual_seed(0)
    default = torch.get_default_dtype()
    torch.set_default_dtype(torch.bfloat16 if case.bf16 else torch.float32)
    try:
        with torch.device(case.device):
            model = shape.model(shape.config(**size))
    finally:
        torch.set_default_dtype(default)
    loaded = wrap(model, tokenizer, case.max_input_tokens)
    if case.lora:
        adapted = add_adapter(model, case.architecture, LoraSpec(), 0)
        loaded = replace(loaded, model=adapted)
    return loaded


def mixture_rows(case: Case, loaded: LoadedModel, context: Context) -> list[list[Row]]:
    """The rows of each example of the mixture, in its order.

    An encoder's spans are pointers, for which a masked language model has no counterpart; so SQuAD
    gives it its passages instead, with 15 % of their tokens masked.
    """
    from random import Random

    read = [context.prompted(task, "en", "train", None) for task in TASKS]
    parts = [Part(task, len(found[0])) for task, found in zip(TASKS, read, strict=True)]
    architecture = loaded.architecture
    out = []
    for place in Mixture(parts, seed=0).places(0, case.steps * EXAMPLES_PER_STEP):
        task = context.task(TASKS[place.task])
        examples, prompted = read[place.task]
        if case.architecture == "encoder" and task.answer.name == "span":
            text = str(examples[place.example].fields["context"])
            ids = loaded.tokenizer(text, add_special_tokens=False).input_ids
            ids = ids[: case.max_input_tokens - 2]
            rows = [text_row(architecture, ids, Random(place.example), id=str(place.example))]
        else:
            rows = architecture.training_rows(prompted[place.example])
        out.append(rows)
    return out


def features(row: Row, architecture: ArchitectureName) -> dict[str, Any]:
    """A row as Trainer and TRL take it."""
    if architecture == "seq2seq":
        return {"input_ids": list(row.input_ids), "labels": list(row.labels)}
    labels = [IGNORED] * len(row.input_ids)
    ids = list(row.input_ids)
    # transformers shifts the labels of a causal model by itself.
    ahead = 1 if architecture == "causal" else 0
    if ahead and row.places[-1] + 1 == len(ids):
        ids, labels = [*ids, row.labels[-1]], [*labels, IGNORED]
    for place, label in zip(row.places, row.labels, strict=True):
        labels[place + ahead] = label
    return {"input_ids": ids, "labels": labels}


class Counting:
    """A collator that pads to the longest and counts what that costs."""

    def __init__(self, pad: int) -> None:
        self.pad, self.tokens, self.padded = pad, 0, 0

    def __call__(self, batch: Sequence[dict[str, Any]]) -> dict[str, torch.Tensor]:
        """Ids, mask and labels."""
        widths = {key: max(len(f[key]) for f in batch) for key in ("input_ids", "labels")}
        sides = {"input_ids"} if widths["input_ids"] == widths["labels"] else set(widths)
        self.tokens += sum(len(f[key]) for f in batch for key in sides)
        self.padded += sum(widths[key] * len(batch) for key in sides)
        fill = {"input_ids": self.pad, "labels": IGNORED}
        out = {
            key: torch.tensor([f[key] + [fill[key]] * (widths[key] - len(f[key])) for f in batch])
            for key in widths
        }
        mask = [
            [1] * len(f["input_ids"]) + [0] * (widths["input_ids"] - len(f["input_ids"]))
            for f in batch
        ]
        return {**out, "attention_mask": torch.tensor(mask)}


def settings(case: Case, folder: str, rows: int) -> dict[str, Any]:
    """What all peers are told: as our own loop has it."""
    return {
        "output_dir": folder,
        "max_steps": max(1, round(rows / EXAMPLES_PER_STEP)),
        "per_device_train_batch_size": case.peer_batch,
        "gradient_accumulation_steps": EXAMPLES_PER_STEP // case.peer_batch,
        "learning_rate": 1e-5,
        "lr_scheduler_type": "linear",
        "save_strategy": "no",
        "report_to": [],
        "disable_tqdm": True,
        "logging_strategy": "no",
        "use_cpu": case.device == "cpu",
        "seed": 0,
    }


def peer(case: Case, side: str, loaded: LoadedModel, rows: list[Row]) -> dict[str, Any]:
    """Trains with Trainer, Seq2SeqTrainer or SFTTrainer; the share of padding."""
    data = [features(row, case.architecture) for row in rows]
    collate = Counting(IDS["pad_token_id"])
    with tempfile.TemporaryDirectory() as folder:
        told = settings(case, folder, len(rows))
        grouped = {"train_sampling_strategy": "group_by_length", "remove_unused_columns": False}
        if side == "sft":
            from datasets import Dataset
            from trl import SFTConfig, SFTTrainer

            trainer: Any = SFTTrainer(
                model=loaded.model,
                args=SFTConfig(**told, max_length=None, packing=False),
                train_dataset=Dataset.from_list(data),
                processing_class=loaded.tokenizer,
            )
            collate.tokens = 0
        elif side == "seq2seq":
            trainer = transformers.Seq2SeqTrainer(
                loaded.model,
                transformers.Seq2SeqTrainingArguments(**told, **grouped),
                data_collator=collate,
                train_dataset=data,
            )
        else:
            trainer = transformers.Trainer(
                loaded.model,
                transformers.TrainingArguments(**told, **grouped),
                data_collator=collate,
                train_dataset=data,
            )
        clock = Clock(case.device)
        trainer.train()
        found = clock.stop()
    share = 1 - collate.tokens / collate.padded if collate.tokens else None
    return {**found, "padding": share}


def ours(case: Case, loaded: LoadedModel, examples: list[list[Row]]) -> dict[str, Any]:
    """Trains with our own loop."""
    from t2t_xfer.training.loop import train

    spec = TrainingSpec(
        steps=len(examples) // EXAMPLES_PER_STEP,
        learning_rate=1e-5,
        warmup=0.0,
        max_input_tokens=case.max_input_tokens,
        micro_batch_tokens=case.micro_batch_tokens,
    )
    mixture = Mixture.of_one(len(examples), seed=0)
    with tempfile.TemporaryDirectory() as folder:
        clock = Clock(case.device)
        done = train(
            loaded,
            mixture,
            lambda place: examples[place.example],
            spec,
            seed=0,
            directory=Path(folder),
            progress=False,
        )
        return {**clock.stop(), "padding": done.padding_share}


class Clock:
    """Seconds of wall and processor, and the most memory."""

    def __init__(self, device: str) -> None:
        self.device = device
        if device == "cuda":
            torch.cuda.reset_peak_memory_stats()
        self.wall, self.cpu = time.perf_counter(), time.process_time()

    def stop(self) -> dict[str, Any]:
        """Since this was made."""
        if self.device == "cuda":
            torch.cuda.synchronize()
        wall, cpu = time.perf_counter() - self.wall, time.process_time() - self.cpu
        return {"seconds": wall, "cpu_seconds": cpu, "peak_bytes": peak_bytes(self.device)}


def peak_bytes(device: str) -> int:
    """Of tensors on a GPU; else of the whole process since it began."""
    if device == "cuda":
        return torch.cuda.max_memory_allocated()
    import resource

    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def largest_difference(loaded: LoadedModel, rows: Sequence[Row]) -> float:
    """Of each row's loss from the plain one: full logits of the row alone, nothing skipped."""
    model: Any = loaded.model.eval()
    differences = []
    with torch.inference_mode():
        for row in rows:
            mine = batch_losses(model, loaded.architecture, [row])[0]
            inputs = loaded.architecture.inputs([row])
            logits = model(**{k: v.to(model.device) for k, v in inputs.items()}).logits[0].float()
            scores = logits[list(row.places)].log_softmax(-1)
            labels = torch.tensor(row.labels, device=scores.device)
            plain = -scores.gather(1, labels[:, None]).mean() * row.weight
            differences.append(abs(float(mine) - float(plain)))
    model.train()
    return max(differences)


def main() -> None:
    """Runs the side that the parent asks for and prints one JSON line."""
    told = json.loads(sys.argv[1])
    side, threads = told.pop("side"), told.pop("threads")
    case = Case(**told)
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    transformers.logging.set_verbosity_error()
    if threads:
        torch.set_num_threads(threads)
    catalogue = Catalogue((Path(__file__).resolve().parent, shipped_root()))
    context = Context(catalogue, case.data)
    loaded = build(case, context)
    examples = mixture_rows(case, loaded, context)
    rows = [row for found in examples for row in found]
    result: dict[str, Any] = {"rows": len(rows), "tokens": sum(r.num_tokens for r in rows)}
    result["targets"] = sum(len(r.labels) for r in rows)
    if side == "check":
        result["difference"] = largest_difference(loaded, rows[:64])
    elif side == "ours":
        result |= ours(case, loaded, examples)
    else:
        result |= peer(case, side, loaded, rows)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
