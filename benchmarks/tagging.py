"""One-pass tagging against written tags on UDPOS: score and time of micro models, side by side.

Each model starts from the same random weights, sees the same English examples in the same order
for the same number of steps, and is tested on the same sentences. Only the form differs. Times are
those of the processor, so that other work on the machine does not count.

    OMP_NUM_THREADS=1 python benchmarks/tagging.py --data mirror:DIR      # ends in some minutes
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from itertools import islice
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from t2t_xfer.architectures.loading import LoadedModel, wrap
from t2t_xfer.architectures.micro import new_model, train_tokenizer
from t2t_xfer.engines.transformers import TransformersEngine
from t2t_xfer.records import ArchitectureName, Example, Prompted, Readout
from t2t_xfer.specs.catalogue import Catalogue
from t2t_xfer.specs.training import TrainingSpec
from t2t_xfer.stages.context import Context
from t2t_xfer.stages.score import score_examples
from t2t_xfer.stages.task import Task
from t2t_xfer.training.loop import train
from t2t_xfer.training.mixture import Mixture

MAX_INPUT_TOKENS = 256
WRITERS: tuple[ArchitectureName, ...] = ("seq2seq", "causal")
FORMS = (Readout.slots, Readout.generate)


def _model(
    architecture: ArchitectureName, texts: list[str], seed: int, vocabulary: int
) -> LoadedModel:
    tokenizer = train_tokenizer(texts, vocabulary, architecture)
    model = new_model(architecture, len(tokenizer), hidden=64, layers=2, heads=2, seed=seed)
    return wrap(model, tokenizer, MAX_INPUT_TOKENS)


def trained(
    loaded: LoadedModel, task: Task, prompted: list[Prompted], form: Readout, steps: int, seed: int
) -> dict[str, float]:
    """Trains it in one form; steps and seconds of the processor."""
    training = TrainingSpec(
        examples_per_step=16,
        epochs=max(1, steps * 16 // len(prompted)),
        learning_rate=3e-3,
        max_input_tokens=MAX_INPUT_TOKENS,
        micro_batch_tokens=8192,
    )
    started = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        done = train(
            loaded,
            Mixture.of_one(len(prompted), seed),
            lambda at: loaded.architecture.training_rows(prompted[at.example], form),
            training,
            seed=seed,
            directory=Path(folder),
            progress=False,
        )
    return {"steps": done.steps, "train_cpu_seconds": round(time.process_time() - started, 1)}


def _tested(
    loaded: LoadedModel,
    task: Task,
    tests: dict[str, tuple[list[Example], list[Prompted]]],
    form: Readout,
) -> dict[str, object]:
    engine = TransformersEngine(loaded)
    scores, accuracies, seconds, pieces = {}, {}, 0.0, 0
    for language, (examples, prompted) in tests.items():
        started = time.process_time()
        read = engine.answer(prompted, form)
        seconds += time.process_time() - started
        pieces += sum(generation.pieces for generation in read)
        results = score_examples(task, examples, prompted, {g.id: g for g in read}).results
        scores[language] = round(float(str(results["score"])), 1)
        details = results["details"]
        assert isinstance(details, dict)
        accuracies[language] = round(float(str(details["token_accuracy"])), 1)
    return {
        "span_f1": scores,
        "token_accuracy": accuracies,
        "read_cpu_seconds": round(seconds, 1),
        "pieces": pieces,
    }


def main() -> None:
    """Prints one JSON line for each architecture, form and seed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True, help="mirror:DIR or hub")
    parser.add_argument("--languages", nargs="+", default=["en", "de", "fr", "ar"])
    parser.add_argument("--train", type=int, default=1600, help="English training sentences")
    parser.add_argument("--test", type=int, default=100, help="test sentences of each language")
    parser.add_argument("--steps", type=int, default=200, help="of 16 sentences each")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--vocabulary", type=int, default=2048)
    args = parser.parse_args()
    torch.set_num_threads(1)
    context = Context(Catalogue(), args.data)
    task = context.task("udpos")
    _, prompted = context.prompted("udpos", "en", "train", args.train)
    tests = {code: context.prompted("udpos", code, "test", args.test) for code in args.languages}
    # As for the new models of a study: one tokenizer for all languages of the test.
    texts = [line for code in args.languages for line in islice(context.source.text(code), 2000)]
    for seed in args.seeds:
        for architecture in WRITERS:
            for form in FORMS:
                loaded = _model(architecture, texts, seed, args.vocabulary)
                line: dict[str, object] = {
                    "architecture": architecture,
                    "form": form.value,
                    "seed": seed,
                }
                line |= trained(loaded, task, prompted, form, args.steps, seed)
                line |= _tested(loaded, task, tests, form)
                print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
