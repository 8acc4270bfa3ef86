"""A tokenizer file by itself, for plans: `study plan` asks it for label words without transformers.

The rule: it answers what `Codec` asks, from `tokenizer.json` and `tokenizer_config.json` of a
folder. Runs ask the tokenizer as transformers loads it; that answer counts.

    codec = light_codec(Path("models/xlmr"))     # None: no such file, or one that cannot be read
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from t2t_xfer.architectures.codec import Codec
from t2t_xfer.errors import UnsupportedError


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
