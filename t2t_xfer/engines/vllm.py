"""Reading answers from a decoder through vLLM: many requests at once, contexts shared.

Prompts are token ids made by our own architecture, so they equal those of the transformers engine
id by id. A score is asked for as log-probabilities of named tokens behind a prompt, one request
for each place where the options' tokens can go on:

    options     entail·ment·</s>   neutral·</s>
    requests    [context]              -> entail, neutral     (all that the readout `slots` needs)
                [context entail]       -> ment                (`rank` goes on to the end tokens)
                [context entail ment]  -> </s>
                [context neutral]      -> </s>

Requests of one example share its context in vLLM's prefix cache. Asking for `prompt_logprobs`
instead would be one request for each option, but each would compute its context anew, and the
head at every position of it.

What is written is held by the transformers engine's own constraints (`vllm_constraints.py`), so an
option, a piece of the context or the tags of a sentence are the same tokens there and here.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from typing import Any, NamedTuple, TypeVar

from tqdm import tqdm

from t2t_xfer.architectures.rows import Row
from t2t_xfer.engines.cached import CachedAnswers, asked
from t2t_xfer.engines.constraints import Constraint, constraint_of
from t2t_xfer.engines.vllm_loading import LoadedVllm
from t2t_xfer.engines.written import Written, most_tokens, read_written
from t2t_xfer.errors import UnsupportedError
from t2t_xfer.progress import count_tokens
from t2t_xfer.records import Decoding, Generation, Options, Prompted, Readout

T = TypeVar("T")
Tokens = tuple[int, ...]

GREEDY = Decoding()
MAX_NAMED_TOKENS = 128
"""Log-probabilities of named tokens that one request can ask for (vLLM 0.32)."""


class Question(NamedTuple):
    """What are the log-probabilities of `tokens` behind `prompt`?"""

    prompt: Tokens
    tokens: Tokens


class VllmEngine:
    """Slots, rank and generate for decoders; of tags, generate alone."""

    name = "vllm"

    def __init__(
        self,
        loaded: LoadedVllm,
        adapter: str | None = None,
        answers: CachedAnswers | None = None,
    ) -> None:
        """Reads from one model.

        Args:
            adapter: directory of a LoRA adapter in PEFT's format, on top of the checkpoint.
            answers: what model and adapter have answered before.

        Raises:
            UnsupportedError: vLLM cannot apply the adapter.
        """
        self.loaded = loaded
        self.answers = answers or CachedAnswers()
        self._adapter = adapter
        if adapter is not None:
            loaded.check_adapter(adapter)

    def read(
        self,
        prompted: Sequence[Prompted],
        options: Options,
        readout: Readout,
        decoding: Decoding = GREEDY,
    ) -> list[Generation]:
        """See `Engine`. Examples of all languages may stand in one list; ids may repeat.

        Raises:
            UnsupportedError: tags that are read in one pass, embeddings, or inputs that are too
                long.
        """
        tags = any(p.slots for p in prompted)
        if readout is Readout.embed or (tags and readout is not Readout.generate):
            raise UnsupportedError(
                f"the engine `vllm` does not read {'tags in one pass' if tags else 'embeddings'}:"
                " vLLM 0.32 offers that in its V2 runner on a GPU at most. Use --engine"
                " transformers."
            )
        if any(p.separate for p in prompted):
            raise UnsupportedError(
                "the engine `vllm` does not read choices with `form: separate`. Use --engine"
                " transformers."
            )
        architecture = self.loaded.architecture
        if readout is Readout.generate:
            return read_written(architecture, prompted, options, decoding, self._write)
        rows = [architecture.reading_rows(each, options, readout)[0] for each in prompted]
        return self._score(prompted, rows, readout)

    def _score(
        self, prompted: Sequence[Prompted], rows: Sequence[Row], readout: Readout
    ) -> list[Generation]:
        wanted = [_continuations(row) for row in rows]
        questions: dict[Question, None] = {}
        for row, options in zip(rows, wanted, strict=True):
            questions.update(dict.fromkeys(_questions(_context(row), options)))
        known = self._ask(list(questions))
        out = []
        for example, row, options in zip(prompted, rows, wanted, strict=True):
            context = _context(row)
            scores = tuple(
                sum(known[context + tokens[:i], token] for i, token in enumerate(tokens))
                for tokens in options
            )
            out.append(
                Generation(
                    example.id,
                    readout,
                    scores=scores,
                    lengths=tuple(map(len, options)) if readout is Readout.rank else (),
                    removed_tokens=row.removed_tokens,
                )
            )
        return out

    def _ask(self, questions: Sequence[Question]) -> dict[tuple[Tokens, int], float]:
        """The log-probability of each named token behind each prompt."""

        def ask(indices: Sequence[int]) -> list[list[float]]:
            return self._logprobs([questions[i] for i in indices])

        prompts = [question.prompt for question in questions]
        answers = self._each(["logprobs"], prompts, questions, ask)
        return {
            (question.prompt, token): term
            for question, terms in zip(questions, answers, strict=True)
            for token, term in zip(question.tokens, terms, strict=True)
        }

    def _logprobs(self, questions: Sequence[Question]) -> list[list[float]]:
        from vllm import SamplingParams

        params = {
            tokens: SamplingParams(
                max_tokens=1, temperature=0, logprob_token_ids=list(tokens), detokenize=False
            )
            for tokens in {question.tokens for question in questions}
        }
        prompts = [question.prompt for question in questions]
        outputs = self._run(prompts, [params[question.tokens] for question in questions])
        return [
            [output.outputs[0].logprobs[0][token].logprob for token in question.tokens]
            for question, output in zip(questions, outputs, strict=True)
        ]

    def _write(self, rows: Sequence[Row], decoding: Decoding) -> list[Written]:
        """See `Write`: greedy, held by our own constraints (`vllm_constraints.py`)."""

        def write(indices: Sequence[int]) -> list[Written]:
            some = [rows[i] for i in indices]
            params = [self._decoding_params(row, decoding) for row in some]
            outputs = self._run([row.input_ids for row in some], params)
            count_tokens(written=sum(len(output.outputs[0].token_ids) for output in outputs))
            return [
                self._written(row, decoding, output.outputs[0])
                for row, output in zip(some, outputs, strict=True)
            ]

        question = ["write", asdict(decoding)]
        prompts = [row.input_ids for row in rows]
        answers = self._each(question, prompts, [asked(row) for row in rows], write)
        return [Written.restored(answer) for answer in answers]

    def _decoding_params(self, row: Row, decoding: Decoding) -> Any:
        from vllm import SamplingParams

        from t2t_xfer.engines.vllm_constraints import request_args

        end = self.loaded.architecture.codec.special("eos")
        return SamplingParams(
            max_tokens=most_tokens(row, decoding),
            temperature=0,
            stop_token_ids=[end],
            ignore_eos=True,  # a checkpoint may name more end tokens; transformers passes over them
            # Of spans alone scores are asked for: those of windows are compared.
            logprobs=0 if row.keys is not None or row.null_target else None,
            detokenize=False,
            extra_args=request_args(row, decoding, end),
        )

    def _written(self, row: Row, decoding: Decoding, output: Any) -> Written:
        """What vLLM wrote, checked against the constraint that held it.

        Raises:
            RuntimeError: something else was written: this vLLM does not run our constraints.
        """
        end = self.loaded.architecture.codec.special("eos")
        *tokens, last = output.token_ids
        held = decoding.constrained and (row.pairs or row.keys or row.targets)
        constraint = constraint_of(row, end) if held else None
        if last != end or (constraint and not _follows(constraint, tokens)):
            raise RuntimeError(f"vLLM wrote {output.token_ids}, which its constraint forbids")
        terms = zip(output.token_ids, output.logprobs or (), strict=False)
        score = sum((step[token].logprob for token, step in terms), 0.0)
        return Written(score, tuple(tokens), constraint.found() if constraint else None)

    def _each(
        self,
        question: object,
        prompts: Sequence[Tokens],
        requests: Sequence[object],
        compute: Callable[[Sequence[int]], list[T]],
    ) -> list[T]:
        """What is known or computed for each request, in their order.

        They are sent in the order of their prompts, so that those with a common beginning (shots,
        a context with many questions) follow each other and find it in vLLM's prefix cache.

        Args:
            question, requests: see `CachedAnswers.each`.
            compute: answers those with the given indices.
        """
        order = sorted(range(len(prompts)), key=prompts.__getitem__)
        found = self.answers.each(
            question,
            [requests[i] for i in order],
            lambda indices: compute([order[i] for i in indices]),
        )
        by_index = dict(zip(order, found, strict=True))
        return [by_index[i] for i in range(len(order))]

    def _run(self, prompts: Sequence[Tokens], params: Sequence[Any]) -> list[Any]:
        """vLLM's outputs in the order of the prompts."""
        longest = max(
            (len(p) + one.max_tokens for p, one in zip(prompts, params, strict=True)), default=0
        )
        if longest > self.loaded.max_tokens:
            raise UnsupportedError(
                f"an input with its answer takes up to {longest} tokens, but this vLLM was started"
                f" for {self.loaded.max_tokens}. Lower max_input_tokens or max_new_tokens, or use"
                " --engine transformers."
            )
        if not prompts:
            return []
        # vLLM divides by the bar's elapsed time, which a bar made with `disable` does not count.
        progress: Any = partial(tqdm, leave=False) if sys.stderr.isatty() else False
        adapter = None if self._adapter is None else self.loaded.adapter_request(self._adapter)
        outputs: list[Any] = self.loaded.generate(
            [{"prompt_token_ids": list(prompt)} for prompt in prompts],
            list(params),
            use_tqdm=progress,
            lora_request=adapter,
        )
        # What its prefix cache held was not read again.
        cached = sum(output.num_cached_tokens or 0 for output in outputs)
        count_tokens(read=sum(map(len, prompts)) - cached)
        return outputs


def _follows(constraint: Constraint, tokens: Sequence[int]) -> bool:
    """Whether the tokens may be written; the constraint has taken them then."""
    for token in tokens:
        if token not in constraint.allowed():
            return False
        constraint.advance(token)
    return True


def _context(row: Row) -> Tokens:
    """The input's ids: all up to the place, if there is one, that predicts the first token."""
    return row.input_ids[: row.places[0] + 1] if row.places else row.input_ids


def _continuations(row: Row) -> list[Tokens]:
    """For each option the tokens whose log-probabilities make up its score."""
    tokens: dict[int, list[int]] = {}
    for reading in sorted(row.readings):
        tokens.setdefault(reading.option, []).append(reading.token)
    return [tuple(tokens[option]) for option in sorted(tokens)]


def _questions(context: Tokens, options: Sequence[Tokens]) -> list[Question]:
    """One question for each common beginning of the options, in parts that vLLM takes."""
    following: dict[Tokens, dict[int, None]] = {}
    for tokens in options:
        for i, token in enumerate(tokens):
            following.setdefault(tokens[:i], {})[token] = None
    return [
        Question(context + beginning, tuple(named[i : i + MAX_NAMED_TOKENS]))
        for beginning, found in following.items()
        for named in [list(found)]
        for i in range(0, len(named), MAX_NAMED_TOKENS)
    ]
