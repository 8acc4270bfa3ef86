"""What `evaluation.py` lets both sides read: a saved model of random weights, and prompts.

Rule: whoever reads a model reads the same files. The tokenizer has as many tokens as the model, the
last ones of which no text has: lm-eval cuts a model under an adapter to its tokenizer.

    work/model-causal-24m/       config.json, model.safetensors, tokenizer.json
    work/items-labels-48-256.json   [{"input": "text: …", "choices": ["river", "made", "old"]}, …]
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import lru_cache
from itertools import count, islice
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from t2t_xfer.microworld.checkpoints import checkpoint
from t2t_xfer.records import ArchitectureName, Closed, Cloze, Prompted, Readout

ANSWER_ROOM = 32
START = "text:"
"""What a prompt begins with, in at most eight tokens with those that a model puts first."""
FILLER = "\u0120unused"
"""Where the names of tokens begin that no text has."""


class Case(NamedTuple):
    """One reading of many prompts by one model."""

    name: str
    architecture: ArchitectureName
    size: str
    """Of `training_sides.SHAPES`; `micro`: the one that is shipped."""
    items: int
    context: int
    """Most tokens before an answer; the least is 16 fewer."""
    options: int
    tokens: int
    """Of one option, without its end token."""
    own: bool
    """Every prompt has options of its own, as where texts of choices are compared."""
    readout: Readout
    """`slots`: one-token options without their end, `rank`: whole options."""
    data: str
    work: str
    tiny: bool
    task: str = ""
    """Whose test prompts in the microworld's languages are read, instead of made ones."""

    @property
    def model(self) -> Path:
        """Where the model is saved."""
        if self.size == "micro":
            return checkpoint(f"micro:{self.architecture}")
        size = "tiny" if self.tiny else self.size
        return Path(self.work) / f"model-{self.architecture}-{size}"

    @property
    def prompts(self) -> Path:
        """Where the prompts are."""
        return Path(self.work) / f"items-{self.name}-{self.items}-{self.context}.json"


def case_of(told: dict[str, Any]) -> Case:
    """From what the parent process says."""
    return Case(**{**told, "readout": Readout(told["readout"])})


def prepare(case: Case) -> None:
    """Saves the model, unless it is there, and the prompts."""
    from t2t_xfer.specs.catalogue import Catalogue
    from t2t_xfer.stages.context import Context

    if case.task:
        case.prompts.write_text(json.dumps(task_items(case)), encoding="utf-8")
        return
    lines = list(islice(Context(Catalogue(), case.data).source.text("en"), 20_000))
    if not (case.model / "config.json").exists():
        save_model(case, lines)
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(case.model)
    words = Words(
        lines, lambda word: len(tokenizer(f" {word}", add_special_tokens=False).input_ids)
    )
    case.prompts.write_text(json.dumps(words.items(case)), encoding="utf-8")


LANGUAGES = ("en", "de", "tr", "ar", "zh", "sw")
"""Of the microworld."""


def task_items(case: Case) -> list[dict[str, Any]]:
    """Tested prompts of a task of the microworld; where choices have letters, the texts themselves
    are what is compared."""
    from t2t_xfer.specs.catalogue import Catalogue
    from t2t_xfer.stages.context import Context

    context = Context(Catalogue(), "microworld")
    task = context.task(case.task)
    spoken = [code for code in LANGUAGES if code in task.spec.languages]
    split: Any = "validation" if case.own else "test"
    items: list[dict[str, Any]] = []
    for code in spoken:
        read = context.prompted(case.task, code, split, case.items // len(spoken))
        for example, prompted in zip(*read, strict=True):
            if case.own:
                text: Any = example.fields["context"]
                choices: Any = example.fields["choices"]
                items.append({"input": text, "choices": list(choices)})
            else:
                choices = list(task.answer.options)
                items.append({"input": prompted.input, "choices": choices})
    return items


class Words:
    """Running text, cut by tokens. Words with spaces between them share no token."""

    def __init__(self, lines: list[str], length: Any) -> None:
        self._length = lru_cache(maxsize=None)(length)
        self._words = [word for line in lines for word in line.split()]

    def items(self, case: Case) -> list[dict[str, Any]]:
        """The prompts of a case, each from a place of its own."""
        rng = Random(f"{case.name} {case.tokens} {case.options}")
        shared = self._options(case, rng)
        return [
            {
                "input": f"{START} {self._phrase(case.context - 8 - rng.randrange(8), rng)}",
                "choices": self._options(case, rng) if case.own else shared,
            }
            for _ in range(case.items)
        ]

    def _from(self, rng: Random) -> Iterator[str]:
        start = rng.randrange(len(self._words))
        return (self._words[(start + i) % len(self._words)] for i in count())

    def _phrase(self, tokens: int, rng: Random) -> str:
        """Words of exactly so many tokens."""
        taken: list[str] = []
        for word in self._from(rng):
            if self._length(word) <= tokens:
                taken.append(word)
                tokens -= self._length(word)
            if not tokens:
                return " ".join(taken)
        raise AssertionError("text has no end")

    def _options(self, case: Case, rng: Random) -> list[str]:
        """Texts that begin with different words."""
        found: dict[str, str] = {}
        while len(found) < case.options:
            # Around 25 tokens is what options of cloze tasks have: 20 to 30.
            spread = case.tokens // 5
            phrase = self._phrase(case.tokens + rng.randint(-spread, spread), rng)
            found.setdefault(phrase.split()[0], phrase)
        return list(found.values())


def save_model(case: Case, lines: list[str]) -> None:
    """Random weights and a tokenizer of the text, filled up to the model's vocabulary."""
    import torch
    from training_sides import IDS, SHAPES, TINY

    from t2t_xfer.architectures.micro import train_tokenizer

    shape = SHAPES[case.architecture, case.size]
    size = TINY[case.architecture] if case.tiny else shape.size
    size = {**size, "vocab_size": 4096 if case.tiny else size["vocab_size"], **IDS}
    torch.manual_seed(0)
    model = shape.model(shape.config(**size))
    model.save_pretrained(case.model)
    train_tokenizer(lines, min(24_000, size["vocab_size"]), case.architecture).save_pretrained(
        case.model
    )
    fill_up(case.model / "tokenizer.json", size["vocab_size"])


def fill_up(file: Path, size: int) -> None:
    """Gives a saved byte-pair tokenizer tokens that nothing is merged into."""
    found = json.loads(file.read_text(encoding="utf-8"))
    vocabulary = found["model"]["vocab"]
    for token in range(len(vocabulary), size):
        vocabulary[f"{FILLER}{token}"] = token
    file.write_text(json.dumps(found, ensure_ascii=False), encoding="utf-8")


def prompts_of(case: Case) -> list[dict[str, Any]]:
    """The prompts as they were saved."""
    found: list[dict[str, Any]] = json.loads(case.prompts.read_text(encoding="utf-8"))
    return found


def read_prompts(case: Case) -> list[Prompted]:
    """The prompts as our engines take them."""
    kind = Cloze if case.own else Closed
    return [
        Prompted(str(i), "en", item["input"], "", kind(tuple(item["choices"])))
        for i, item in enumerate(prompts_of(case))
    ]


class Size(NamedTuple):
    """What a model multiplies, each parameter twice for a token that meets it."""

    width: int
    vocabulary: int
    context: int
    """Parameters that a token of the context meets: all of a decoder's blocks, or an encoder's with
    the keys and values that are made of its states."""
    answer: int
    """Parameters that a token of an option meets."""
    layers: tuple[int, int]
    """That the context's tokens see each other in, and that an option's see the context in."""


def flops(case: Case, size: Size) -> tuple[float, float]:
    """Multiplications and additions that one item needs: candidate by candidate, and at least.

    Candidate by candidate, each row is a context and an option, as in lm-eval; a decoder's head is
    computed at every place of it, an encoder-decoder's at every place of the option. At least:
    every token of context and options once, and the head once for each distribution that a term of
    a score is read from. A layer takes four times the width for each pair of tokens that see each
    other; blocks of options are too short for that to count.
    """
    context, words, k = case.context - 8, case.tokens, case.options
    decoder = case.architecture == "causal"
    seen = context * context / (2 if decoder else 1)
    read = 2 * context * size.context + 4 * size.width * size.layers[0] * seen
    token = 2 * size.answer + 4 * size.width * size.layers[1] * context
    head = 2 * size.width * size.vocabulary
    if decoder:
        each = k * (read + words * token + (context + words) * head)
        return each, read + k * words * token + (1 + k * words) * head
    each = k * (read + (1 + words) * (token + head))
    return each, read + k * (1 + words) * token + (1 + k * words) * head
