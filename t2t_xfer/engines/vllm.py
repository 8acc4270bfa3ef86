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
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from typing import Any, NamedTuple

from tqdm import tqdm

from t2t_xfer.architectures.codec import ANCHOR, Codec
from t2t_xfer.architectures.rows import Row
from t2t_xfer.engines.cached import CachedAnswers
from t2t_xfer.engines.vllm_loading import LoadedVllm
from t2t_xfer.errors import UnsupportedError
from t2t_xfer.records import Decoding, Generation, Options, Prompted, Readout
from t2t_xfer.throughput import count_tokens

Tokens = tuple[int, ...]

GREEDY = Decoding()
MAX_NAMED_TOKENS = 128
"""Log-probabilities of named tokens that one request can ask for (vLLM 0.32)."""


class Question(NamedTuple):
    """What are the log-probabilities of `tokens` behind `prompt`?"""

    prompt: Tokens
    tokens: Tokens


class VllmEngine:
    """Slots, rank and generate for decoders; everything but tags."""

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
        self._lora = None if adapter is None else loaded.adapter_request(adapter)

    def read(
        self,
        prompted: Sequence[Prompted],
        options: Options,
        readout: Readout,
        decoding: Decoding = GREEDY,
    ) -> list[Generation]:
        """See `Engine`. Examples of all languages may stand in one list; ids may repeat.

        Raises:
            UnsupportedError: tags, embeddings, answers copied from the input, or inputs that are
                too long.
        """
        if readout is Readout.embed or any(p.slots for p in prompted):
            what = (
                "embeddings" if readout is Readout.embed else "tags, one at each word of a prompt"
            )
            raise UnsupportedError(
                f"the engine `vllm` does not read {what}: vLLM 0.32 offers that in its V2 runner"
                " on a GPU at most. Use --engine transformers."
            )
        rows = [self._row(example, options, readout) for example in prompted]
        if readout is Readout.generate:
            return self._generate(prompted, rows, options, decoding)
        return self._score(prompted, rows, readout)

    def _row(self, example: Prompted, options: Options, readout: Readout) -> Row:
        rows = self.loaded.architecture.reading_rows(example, options, readout)
        if len(rows) != 1:
            raise UnsupportedError(
                f"example {example.id!r} ({example.language}) is too long for one input, and the"
                " engine `vllm` reads no windows. Use --engine transformers, or raise"
                " `max_input_tokens`."
            )
        return rows[0]

    def _score(
        self, prompted: Sequence[Prompted], rows: Sequence[Row], readout: Readout
    ) -> list[Generation]:
        asked = [_continuations(row) for row in rows]
        questions: dict[Question, None] = {}
        for row, options in zip(rows, asked, strict=True):
            questions.update(dict.fromkeys(_questions(_context(row), options)))
        known = self._ask(list(questions))
        out = []
        for example, row, options in zip(prompted, rows, asked, strict=True):
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

        answers = self.answers.each(["logprobs"], questions, ask)
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

    def _generate(
        self,
        prompted: Sequence[Prompted],
        rows: Sequence[Row],
        options: Options,
        decoding: Decoding,
    ) -> list[Generation]:
        def generate(indices: Sequence[int]) -> list[str]:
            params = [self._decoding_params(prompted[i], options, decoding) for i in indices]
            outputs = self._run([_context(rows[i]) for i in indices], params)
            count_tokens(written=sum(len(output.outputs[0].token_ids) for output in outputs))
            return [str(output.outputs[0].text) for output in outputs]

        requests = [
            (_context(row), example.candidates or options.texts)
            for example, row in zip(prompted, rows, strict=True)
        ]
        texts = self.answers.each(["text", asdict(decoding)], requests, generate)
        return [
            Generation(
                example.id,
                Readout.generate,
                text=text.strip(),
                removed_tokens=row.removed_tokens,
            )
            for example, row, text in zip(prompted, rows, texts, strict=True)
        ]

    def _decoding_params(self, example: Prompted, options: Options, decoding: Decoding) -> Any:
        """Greedy; if constrained, one grammar for the task's options or the example's candidates.

        vLLM compiles each distinct grammar once.
        """
        from vllm import SamplingParams
        from vllm.sampling_params import StructuredOutputsParams

        codec = self.loaded.architecture.codec
        eos = [codec.special("eos")]
        texts = example.candidates or options.texts
        if not decoding.constrained or not (texts or example.copied):
            return SamplingParams(
                max_tokens=decoding.max_new_tokens, temperature=0, stop_token_ids=eos
            )
        if example.copied:
            raise UnsupportedError(
                f"answers copied from {example.copied!r} would need a grammar for every example in"
                " the engine `vllm`. Use --engine transformers, or decode unconstrained."
            )
        choice = [continuation_text(codec, codec.target(text)) for text in texts]
        # A grammar allows texts, not tokens: in the worst case a token is one byte.
        room = max(len(text.encode()) for text in choice) + 1
        return SamplingParams(
            max_tokens=room,
            temperature=0,
            stop_token_ids=eos,
            structured_outputs=StructuredOutputsParams(choice=choice),
        )

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
        outputs: list[Any] = self.loaded.llm.generate(
            [{"prompt_token_ids": list(prompt)} for prompt in prompts],
            list(params),
            use_tqdm=progress,
            lora_request=self._lora,
        )
        # What its prefix cache held was not read again.
        cached = sum(output.num_cached_tokens or 0 for output in outputs)
        count_tokens(read=sum(map(len, prompts)) - cached)
        return outputs


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


def continuation_text(codec: Codec, target: Tokens) -> str:
    """A target's text as it continues an input: with the space before it, where tokens hold one."""
    anchor = list(codec.tokenizer(ANCHOR, add_special_tokens=False)["input_ids"])
    decode = partial(codec.tokenizer.decode, clean_up_tokenization_spaces=False)
    return str(decode([*anchor, *target]))[len(decode(anchor)) :]
