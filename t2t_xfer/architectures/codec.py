"""From text with regions to token ids with spans: everything that asks the tokenizer.

One policy for all: input and target are tokenized apart and joined by ids, so the input's ids in
training are the input's ids at decoding. The target is tokenized as if it followed `: `, which
gives a byte-level tokenizer its leading space and leaves a SentencePiece one as it is.

Data never becomes a special token: `</s>`, `<mask>` or `<extra_id_0>` in a field, a target or raw
text are spelt like any other characters. The template's own text may hold them
(`Prompted.wording`).

Plans ask a tokenizer's file for label words without transformers (`light_codec`); runs ask the
tokenizer as transformers loads it, and that answer counts.
"""

from __future__ import annotations

import json
import string
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property, lru_cache
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from t2t_xfer.errors import DataError, UnsupportedError
from t2t_xfer.records import Prompted, Slots

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast


ANSWER = "<answer>"
"""The name of the gold answer's span among the spans of an encoded input."""
ANCHOR = ":"
"""Targets are tokenized after this and a space; it is what prompts end with."""


class TokenSpan(NamedTuple):
    """Tokens `[start, end)` that hold a region."""

    start: int
    end: int


class Encoded(NamedTuple):
    """Token ids of an input text without special tokens."""

    ids: tuple[int, ...]
    spans: Mapping[str, TokenSpan]
    """Where each region is. Of a field inserted twice, the first place counts."""
    offsets: tuple[tuple[int, int], ...] = ()
    """Characters `[start, end)` of the input that each token covers."""
    removed: int = 0
    """Tokens that shortening took away."""


class Codec:
    """A fast tokenizer with the few questions that features ask of it.

    Raises:
        UnsupportedError: the tokenizer has no Rust implementation, so it cannot say which
            characters a token covers.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerFast) -> None:
        if not getattr(tokenizer, "is_fast", False):
            raise UnsupportedError(
                f"the tokenizer {type(tokenizer).__name__} cannot tell which characters its"
                " tokens cover. Use a model whose tokenizer is a fast one (tokenizer.json)."
            )
        self.tokenizer = tokenizer
        self._target = lru_cache(maxsize=65536)(self._encode_target)
        self._codebook = lru_cache(maxsize=16)(self._make_codebook)
        full = self._ids("a", special=True)
        bare = self._ids("a")
        at = next(i for i in range(len(full)) if full[i : i + len(bare)] == bare)
        self.prefix = full[:at]
        """Special tokens before an input (`<s>`), as the tokenizer itself puts them."""
        self.suffix = full[at + len(bare) :]
        """Special tokens after an input (`</s>`)."""

    def _ids(self, text: str, special: bool = False) -> tuple[int, ...]:
        return tuple(self.tokenizer(text, add_special_tokens=special)["input_ids"])

    def _encode_target(self, text: str) -> tuple[int, ...]:
        anchor = self._ids(ANCHOR)
        joined = self.text_ids(f"{ANCHOR} {text}")
        return joined[len(anchor) :] if joined[: len(anchor)] == anchor else self.text_ids(text)

    def text_ids(self, text: str, wording: str = "") -> tuple[int, ...]:
        """Ids of a text of the data, none of them special.

        Args:
            wording: what a template says; special tokens that stand there stay.
        """
        ids = self._ids(text)
        if self.reserved.isdisjoint(ids):
            return ids
        return tuple(self._tokens(Prompted("", "", text, "", wording=wording))[0])

    @cached_property
    def reserved(self) -> frozenset[int]:
        """Ids that the data may not become: special tokens and sentinels."""
        added = self.tokenizer.added_tokens_decoder
        return self.special_tokens | {id for id, token in added.items() if token.special}

    def _tokens(self, prompted: Prompted) -> tuple[list[int], list[tuple[int, int]]]:
        """Ids and characters of shots and input; below 0 in shots."""
        before = "".join(prompted.shots)
        text = before + prompted.input
        out = self.tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
        ids, offsets = out["input_ids"], out["offset_mapping"]
        if not self.reserved.isdisjoint(ids):
            ids, offsets = self._spelt_out(prompted, text, ids, offsets)
        if before:
            offsets = [(a - len(before), b - len(before)) for a, b in offsets]
        return ids, offsets

    def _spelt_out(
        self,
        prompted: Prompted,
        text: str,
        ids: Sequence[int],
        offsets: Sequence[tuple[int, int]],
    ) -> tuple[list[int], list[tuple[int, int]]]:
        """The same with other tokens for what the data spells like a special one."""
        ahead = len(text) - len(prompted.input)
        found: list[tuple[int, tuple[int, int]]] = []
        for id, (start, end) in zip(ids, offsets, strict=True):
            name = text[start:end].strip()
            inside = any(r.start + ahead < end and start < r.end + ahead for r in prompted.regions)
            meant = name in prompted.wording and not inside
            # Characters that the vocabulary lacks are the unknown token as ever.
            unknown = id == self.tokenizer.unk_token_id and name != self.tokenizer.unk_token
            if id not in self.reserved or meant or unknown or not name:
                found.append((id, (start, end)))
                continue
            found += [(i, (start + a, start + b)) for i, (a, b) in self._spelt(text[start:end])]
        return [id for id, _ in found], [at for _, at in found]

    def _spelt(self, name: str) -> list[tuple[int, tuple[int, int]]]:
        """The tokens of a special token's name, none of them special, with their characters."""
        backend = self.tokenizer.backend_tokenizer
        backend.encode_special_tokens = True
        try:
            got = backend.encode(name, add_special_tokens=False)
        finally:
            backend.encode_special_tokens = False
        if len(name) == 1 or self.reserved.isdisjoint(got.ids):
            return [*zip(got.ids, got.offsets, strict=True)]
        # SentencePiece has the names among its ordinary pieces, too.
        rest = [(id, (a + 1, b + 1)) for id, (a, b) in self._spelt(name[1:])]
        return self._spelt(name[:1]) + rest

    def target(self, text: str) -> tuple[int, ...]:
        """Ids of a target text, without end token."""
        return self._target(text)

    def special(self, name: str) -> int:
        """The id of `eos`, `mask`, `pad`, … .

        Raises:
            UnsupportedError: the tokenizer has no such token.
        """
        token = getattr(self.tokenizer, f"{name}_token_id", None)
        if token is None:
            raise UnsupportedError(
                f"the tokenizer of {self.tokenizer.name_or_path!r} has no {name} token, which"
                " this architecture needs."
            )
        return int(token)

    @property
    def pad(self) -> int:
        """The id that fills rows up: `pad`, or `eos` for decoders that have no `pad`."""
        token = self.tokenizer.pad_token_id
        return self.special("eos") if token is None else int(token)

    def encode(self, prompted: Prompted, max_tokens: int | None = None) -> Encoded:
        """The input's ids and where its regions are, shortened to `max_tokens` if need be.

        A slot that got no token of its own (a word of characters that the tokenizer's normaliser
        drops) is given one `unk` token, so that every word keeps a place.

        Raises:
            DataError: too long, and the shortenable fields do not hold enough tokens.
        """
        encoded = self._with_spans(prompted, *self._tokens(prompted))
        if max_tokens is None or len(encoded.ids) <= max_tokens:
            return encoded
        return _shorten(prompted, encoded, max_tokens)

    def with_fitting_shots(self, prompted: Prompted, max_tokens: int) -> Prompted:
        """Without as many shots, from the front, as keep the input from fitting into `max_tokens`.

        If it is too long alone, none is left, and shortening or windows do the rest.
        """
        asked = [replace(each, shots=()) for each in prompted.asked]
        while prompted.shots and max_tokens < max(
            len(self._tokens(replace(each, shots=prompted.shots))[0]) for each in asked
        ):
            prompted = replace(prompted, shots=prompted.shots[1:])
        return prompted

    def _with_spans(
        self, prompted: Prompted, ids: Sequence[int], offsets: Sequence[tuple[int, int]]
    ) -> Encoded:
        ids, offsets = self._every_word_a_token(prompted, list(ids), list(offsets))
        starts = [start for start, _ in offsets]
        ends = [end for _, end in offsets]
        regions = [*prompted.regions, *([prompted.answer] if prompted.answer else [])]
        spans: dict[str, TokenSpan] = {}
        taken: dict[str, int] = {}
        for region in regions:
            family = region.field.partition("[")[0] if "[" in region.field else region.field
            # A token that begins with the space before a word belongs to the word; one that two
            # words share belongs to the first.
            first = max(bisect_right(ends, region.start), taken.get(family, 0))
            last = max(bisect_left(starts, region.end), first)
            if "[" in region.field:
                taken[family] = last
            name = ANSWER if region is prompted.answer else region.field
            spans.setdefault(name, TokenSpan(first, last))
        return Encoded(tuple(ids), spans, tuple(offsets))

    def _every_word_a_token(
        self, prompted: Prompted, ids: list[int], offsets: list[tuple[int, int]]
    ) -> tuple[list[int], list[tuple[int, int]]]:
        """Puts one `unk` where a slot got no token of its own."""
        slots = set(prompted.question.places) if isinstance(prompted.question, Slots) else set()
        token = 0
        for region in prompted.regions:
            if region.field not in slots:
                continue
            while token < len(ids) and offsets[token][1] <= region.start:
                token += 1
            end = token
            while end < len(ids) and offsets[end][0] < region.end:
                end += 1
            if end == token:
                ids.insert(token, self.special("unk"))
                offsets.insert(token, (region.start, region.end))
                end = token + 1
            token = end
        return ids, offsets

    @cached_property
    def sentinels(self) -> tuple[int, ...]:
        """Ids of `<extra_id_0>`, `<extra_id_1>`, …; empty if the tokenizer has none.

        mT5's vocabulary holds them with a leading `▁`.
        """
        vocabulary = self.tokenizer.get_vocab()
        found: list[int] = []
        while True:
            name = f"<extra_id_{len(found)}>"
            token = vocabulary.get(name, vocabulary.get(f"▁{name}"))
            if token is None:
                return tuple(found)
            found.append(token)

    @cached_property
    def ordinary_tokens(self) -> tuple[int, ...]:
        """Ids of the tokens that stand for text: neither special tokens nor sentinels."""
        return tuple(i for i in range(len(self.tokenizer)) if i not in self.special_tokens)

    @cached_property
    def special_tokens(self) -> frozenset[int]:
        """Ids of the tokens that stand for no text."""
        return frozenset((*self.tokenizer.all_special_ids, *self.sentinels))

    def codebook(self, size: int) -> tuple[int, ...]:
        """`size` distinct single-token codes: the i-th option is the i-th of them.

        Tag names are rarely single tokens (6 of the 17 UPOS names split in a vocabulary of
        30,000), and added tokens would be a task head in disguise. So: the short alphanumeric
        strings that the tokenizer keeps whole, in a fixed order; then other ordinary tokens.

        Raises:
            UnsupportedError: the vocabulary is too small.
        """
        return self._codebook(size)

    def _make_codebook(self, size: int) -> tuple[int, ...]:
        codes: list[int] = []
        seen: set[int] = set(self.tokenizer.all_special_ids) | set(self.sentinels)
        for token in self._code_candidates():
            if token not in seen:
                seen.add(token)
                codes.append(token)
            if len(codes) == size:
                return tuple(codes)
        raise UnsupportedError(
            f"the tokenizer of {self.tokenizer.name_or_path!r} has {len(codes)} tokens that can"
            f" stand for an answer, but the task has {size} answers, each of which needs one. Use a"
            " model with a larger vocabulary."
        )

    def _code_candidates(self) -> Iterator[int]:
        alphabet = string.ascii_uppercase + string.ascii_lowercase + string.digits
        for length in (1, 2):
            for letters in product(alphabet, repeat=length):
                ids = self.target("".join(letters))
                if len(ids) == 1:
                    yield ids[0]
        added = set(self.tokenizer.get_added_vocab().values())
        yield from (i for i in range(len(self.tokenizer)) if i not in added)


def _shorten(prompted: Prompted, encoded: Encoded, max_tokens: int) -> Encoded:
    """Takes tokens from the end of the longest shortenable field until the input fits."""
    spans = {f: encoded.spans[f] for f in prompted.shortenable if f in encoded.spans}
    keep = {field: span.end - span.start for field, span in spans.items()}
    excess = len(encoded.ids) - max_tokens
    # Every field keeps at least one token, so that none of them vanishes.
    if excess > sum(max(n - 1, 0) for n in keep.values()):
        fields = ", ".join(prompted.shortenable) or "none"
        raise DataError(
            f"example {prompted.id!r} ({prompted.language}) has {len(encoded.ids)} input tokens,"
            f" but {max_tokens} fit, and its shortenable fields ({fields}) cannot give up"
            f" {excess}. Raise `max_input_tokens`, or name more fields under `shortenable` in"
            " the task's YAML."
        )
    for _ in range(excess):
        longest = max(keep, key=lambda field: keep[field])
        keep[longest] -= 1
    dropped = {
        i for field, span in spans.items() for i in range(span.start + keep[field], span.end)
    }
    kept = [i for i in range(len(encoded.ids)) if i not in dropped]
    new_index = {old: new for new, old in enumerate(kept)}
    moved = {}
    for field, span in encoded.spans.items():
        inside = [new_index[i] for i in range(span.start, span.end) if i in new_index]
        moved[field] = TokenSpan(inside[0], inside[-1] + 1) if inside else TokenSpan(0, 0)
    return Encoded(
        tuple(encoded.ids[i] for i in kept),
        moved,
        tuple(encoded.offsets[i] for i in kept),
        removed=len(dropped),
    )


def light_codec(folder: Path) -> Codec | None:
    """The tokenizer of a checkpoint's folder; None where only a run can say what is wrong."""
    from tokenizers import Tokenizer

    file = folder / "tokenizer.json"
    if not file.is_file():
        return None
    try:
        backend = Tokenizer.from_file(str(file))
        config = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
        return Codec(cast("Any", _Light(backend, config, str(folder))))
    except UnsupportedError:
        raise
    except Exception:  # tokenizers raises nothing more exact; loading it for the run says what
        return None


class _Light:
    """As much of a fast tokenizer of transformers as `Codec` needs."""

    is_fast = True

    def __init__(self, backend: Any, config: Mapping[str, Any], name: str) -> None:
        self.backend_tokenizer = backend
        self.name_or_path = name
        self.added_tokens_decoder = backend.get_added_tokens_decoder()
        for role in ("unk", "mask", "eos", "bos", "pad"):
            stated = config.get(f"{role}_token")
            token = stated.get("content") if isinstance(stated, dict) else stated
            setattr(self, f"{role}_token", token)
            setattr(self, f"{role}_token_id", None if token is None else backend.token_to_id(token))

    @property
    def all_special_ids(self) -> list[int]:
        return [id for id, token in self.added_tokens_decoder.items() if token.special]

    def __call__(
        self, text: str, add_special_tokens: bool = True, return_offsets_mapping: bool = False
    ) -> dict[str, Any]:
        found = self.backend_tokenizer.encode(text, add_special_tokens=add_special_tokens)
        return {"input_ids": found.ids, "offset_mapping": found.offsets}

    def __len__(self) -> int:
        return int(self.backend_tokenizer.get_vocab_size())

    def get_vocab(self) -> dict[str, int]:
        return dict(self.backend_tokenizer.get_vocab())

    def get_added_vocab(self) -> dict[str, int]:
        return {token.content: id for id, token in self.added_tokens_decoder.items()}

    def convert_ids_to_tokens(self, ids: Sequence[int]) -> list[str]:
        return [self.backend_tokenizer.id_to_token(id) for id in ids]
