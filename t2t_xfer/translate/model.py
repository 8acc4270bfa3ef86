"""Translations from any encoder-decoder or decoder, by the model's own `generate`.

A text is read whole and a translation is written to its end, or there is none. Nothing is said of
positions or slots here, so models that cannot answer tasks (NLLB, M2M-100, mBART, whose decoders
count positions) translate all the same.

    translator = load_translating(path, None, spec, dtype="float32", batch_tokens=8192)
    for number, translation in translator.write(texts, "de"): ...
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import torch
from transformers import GenerationConfig

from t2t_xfer.architectures.checkpoint import architecture_of, max_positions
from t2t_xfer.architectures.padding import length_mask, pad
from t2t_xfer.architectures.rows import token_budget_batches
from t2t_xfer.architectures.weights import (
    check_finite,
    check_head,
    config_and_tokenizer,
    key_mapping,
    laid_out,
    model_class,
    quiet,
    told,
)
from t2t_xfer.engines.chat_template import check_template
from t2t_xfer.engines.transformers import own_settings_aside
from t2t_xfer.errors import UnsupportedError, UserError
from t2t_xfer.languages import language
from t2t_xfer.paths import weight_files
from t2t_xfer.prompts import Template
from t2t_xfer.specs.model import TranslatorSpec
from t2t_xfer.translate.rows import Translation

GROWTH, FLOOR = 8, 32
"""A translation may have so many tokens for each of the input's, and always so many: a text in a
script that the vocabulary knows little of takes several times the tokens of the English one."""


class Translating(NamedTuple):
    """A model that is told to translate."""

    model: Any
    tokenizer: Any
    decodes_alone: bool
    """A decoder: the translation continues the input."""
    spec: TranslatorSpec
    batch_tokens: int
    """Padded tokens of one batch, input and expected translation, of all beams together."""

    @property
    def commit(self) -> str | None:
        """The hub's commit that the weights came from; None for a folder."""
        found = getattr(self.model.config, "_commit_hash", None)
        return None if found is None else str(found)

    def check(self, code: str) -> None:
        """Refuses a language before anything is translated."""
        self._forced(code)
        if self.spec.chat and not getattr(self.tokenizer, "chat_template", None):
            raise UserError(
                f"the translator {self.spec.translator!r} speaks through a chat template, which"
                f" the tokenizer of {self.tokenizer.name_or_path!r} does not have. Use another one,"
                " for example --translator continue."
            )
        if self.spec.chat:
            templates = self.tokenizer.chat_template
            for each in templates.values() if isinstance(templates, dict) else [templates]:
                check_template(str(each), str(self.tokenizer.name_or_path))

    def write(self, texts: Sequence[str], code: str) -> Iterator[tuple[int, Translation]]:
        """Index and translation of each text, batch after batch, the longest first."""
        template, forced = Template(self.spec.input), self._forced(code)
        to = {"language": language(code).name, "code": code, "iso3": language(code).iso3}
        inputs = [self._ids(template.render({"text": text, **to}).text) for text in texts]
        fitting = [i for i, ids in enumerate(inputs) if len(ids) <= self._room]
        yield from ((i, Translation("", "too_long")) for i in set(range(len(texts))) - {*fitting})
        # What is written is mostly about as long as what is read.
        lengths = [2 * len(inputs[i]) for i in fitting]
        for batch in token_budget_batches(lengths, self.batch_tokens // self.spec.beams):
            rows = [fitting[i] for i in batch]
            yield from zip(rows, self._write([inputs[i] for i in rows], forced), strict=True)

    @property
    def _positions(self) -> int | None:
        return max_positions(self.model.config.to_dict())

    @property
    def _room(self) -> int:
        most = self._positions
        if most is None:
            return self.spec.max_input_tokens
        # A decoder needs half of its positions for the translation.
        return min(self.spec.max_input_tokens, most // 2 if self.decodes_alone else most)

    def _forced(self, code: str) -> int | None:
        token, name = self.spec.token_for(code), self.spec.translator
        if token is None:
            return None
        found = self.tokenizer.convert_tokens_to_ids(token)
        if found is None or found == self.tokenizer.unk_token_id:
            raise UserError(
                f"--to {code}: the translator {name!r} begins translations with {token!r}, which"
                f" the tokenizer of {self.tokenizer.name_or_path!r} does not know. Use the"
                " translator of the model's family (docs/translate.md)."
            )
        return int(found)

    def _ids(self, text: str) -> list[int]:
        if self.spec.chat:
            turn = [{"role": "user", "content": text}]
            text = self.tokenizer.apply_chat_template(
                turn, add_generation_prompt=True, tokenize=False
            )
            return list(self.tokenizer(text, add_special_tokens=False)["input_ids"])
        ids = list(self.tokenizer(text)["input_ids"])
        # Some decoders' tokenizers end every text; nothing would be left to write.
        while self.decodes_alone and ids and ids[-1] == self.tokenizer.eos_token_id:
            ids.pop()
        return ids

    def _write(self, inputs: Sequence[Sequence[int]], forced: int | None) -> list[Translation]:
        tokenizer, longest = self.tokenizer, max(map(len, inputs))
        end = self._end_tokens()
        fill = tokenizer.eos_token_id if tokenizer.pad_token_id is None else tokenizer.pad_token_id
        device = self.model.device
        start = None if self.decodes_alone else self.model.config.decoder_start_token_id
        taken = longest if self.decodes_alone else 2
        room = (self._positions or taken + self.spec.max_new_tokens) - taken
        settings = GenerationConfig(
            do_sample=False,
            num_beams=self.spec.beams,
            max_new_tokens=min(self.spec.max_new_tokens, room, FLOOR + GROWTH * longest),
            eos_token_id=sorted(end),
            pad_token_id=fill,
            decoder_start_token_id=start,
            stop_strings=None if self.spec.until is None else [self.spec.until],
        )
        rows = {
            "input_ids": pad(inputs, fill, left=self.decodes_alone).to(device),
            "attention_mask": length_mask(inputs, left=self.decodes_alone).to(device),
        }
        given = longest
        if not self.decodes_alone:
            begin = [start] if forced is None else [start, forced]
            rows["decoder_input_ids"] = torch.tensor([begin] * len(inputs), device=device)
            given = len(begin)
        with torch.inference_mode(), own_settings_aside(self.model) as plain:
            out = plain.generate(**rows, generation_config=settings, tokenizer=tokenizer)
        return [self._read(row, end) for row in out[:, given:].tolist()]

    def _end_tokens(self) -> set[int]:
        # A chat model ends its turn with another token than its texts.
        own = getattr(self.model.generation_config, "eos_token_id", None)
        ends = {*own} if isinstance(own, list) else {own}
        return {int(each) for each in ends | {self.tokenizer.eos_token_id} if each is not None}

    def _read(self, tokens: Sequence[int], end: set[int]) -> Translation:
        stop = next((i for i, token in enumerate(tokens) if token in end), None)
        text = self.tokenizer.decode(
            tokens[:stop], skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
        until = self.spec.until
        if until is not None and until in text:
            text = text.partition(until)[0]
        elif stop is None:
            return Translation("", "cut")
        # The prompt ends without a space, so a decoder begins with one.
        return Translation(text.strip()) if text.strip() else Translation("", "empty")


def load_translating(
    path: str, revision: str | None, spec: TranslatorSpec, *, dtype: str, batch_tokens: int
) -> Translating:
    """A model from a folder or the hub, told to translate as the spec says."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    options = {} if spec.source_code is None else {"src_lang": spec.source_code}
    config, tokenizer = config_and_tokenizer(path, revision, **options)
    name = architecture_of(config.to_dict())
    if name == "encoder":
        raise UnsupportedError(
            f"the model {path!r} is an encoder, which writes no text. Translate with an"
            " encoder-decoder or a decoder."
        )
    if name == "causal" and spec.forced_bos:
        raise UnsupportedError(
            f"the model {path!r} is a decoder, but the translator {spec.translator!r} forces the"
            " first token of an encoder-decoder's translation. Use --translator instruct or"
            " --translator continue."
        )
    _, account = laid_out(path, revision, config, name)
    check_head(path, account.fresh_head)
    with told(path), quiet():
        model = model_class(name).from_pretrained(
            path,
            revision=revision,
            dtype=getattr(torch, dtype),
            key_mapping=key_mapping(account.renamed),
            **weight_files(),
        )
    check_finite(model, path)
    return Translating(model.to(device).eval(), tokenizer, name == "causal", spec, batch_tokens)
