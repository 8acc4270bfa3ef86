"""How a model is told to translate: one YAML file for a family of models.

The rule: what differs between mT5, NLLB, M2M-100 and an instruct model is said here and nowhere
else. `prompts/translators/<name>.yaml` ships with the program or lies in the working directory.

    translator: nllb
    input: "{{ text }}"
    source_code: eng_Latn
    forced_bos: {de: deu_Latn, ru: rus_Cyrl, sw: swh_Latn}
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field

from t2t_xfer.errors import SpecError, UserError, nearest
from t2t_xfer.specs.base import (
    Count,
    Filled,
    LanguageCode,
    Name,
    Spec,
    Text,
    Truth,
    mistake,
)
from t2t_xfer.specs.load import load_yaml
from t2t_xfer.specs.wording import Wording

FOLDER = Path("prompts", "translators")


def _two_marks(marks: tuple[str, ...]) -> tuple[str, ...]:
    if len(marks) != 2:
        raise mistake("two marks: what stands before the answer and what stands behind it")
    return marks


class TranslatorSpec(Spec):
    """What `prompts/translators/<name>.yaml` says."""

    name_key: ClassVar[str] = "translator"
    not_identity: ClassVar[frozenset[str]] = frozenset({"translator", "note"})

    translator: Name
    """The file's stem."""
    input: Wording = "{{ text }}"
    """The template of what the model reads: `text`, `language` (its English name), `code` (two
    letters) and `iso3` of the language to translate to."""
    chat: Truth = False
    """The input is a user's message in the tokenizer's own chat template."""
    source_code: Text | None = None
    """What the tokenizer calls the source language (`src_lang`). None: as it is saved."""
    forced_bos: dict[LanguageCode, Filled] = Field(default_factory=dict)
    """Language -> the token that the translation begins with (NLLB, M2M-100, mBART-50). Empty: the
    input alone says the language."""
    until: Text | None = None
    """Where a translation ends for a model that would go on writing: mostly a line break."""
    sentences: Truth = False
    """Every sentence alone, for models that were trained on sentences. Else every line."""
    marks: Annotated[tuple[Filled, ...], AfterValidator(_two_marks)] = ("[", "]")
    """Stand around an answer while its context is translated (`data.realign`)."""
    beams: Count = 1
    """1: greedy decoding; more: beam search."""
    max_input_tokens: Count = 512
    """Rows with a longer text are dropped and counted; nothing is shortened."""
    max_new_tokens: Count = 512
    """Rows with a translation that does not end before are dropped and counted."""
    note: Text = ""

    def token_for(self, code: str) -> str | None:
        """The token that a translation to a language begins with; None if none is forced.

        Raises:
            UserError: the file names tokens, but none for this language.
        """
        if self.forced_bos and code not in self.forced_bos:
            raise UserError(
                f"--to {code}: the translator {self.translator!r} names no token for this language."
                f" It has: {', '.join(sorted(self.forced_bos))}."
            )
        return self.forced_bos.get(code)


def load_translator(roots: Sequence[Path], name_or_path: str) -> TranslatorSpec:
    """A translator from its file, or by its name in `prompts/translators/` below one of the roots.

    Raises:
        SpecError: no such translator (names the nearest), or what is wrong in its file.
    """
    path = Path(name_or_path)
    if path.suffix in (".yaml", ".yml") or len(path.parts) > 1:
        return load_yaml(path, TranslatorSpec)
    files = [file for root in roots for file in sorted((root / FOLDER).glob("*.yaml"))]
    for file in files:
        if file.stem == name_or_path:
            return load_yaml(file, TranslatorSpec)
    names = sorted({file.stem for file in files})
    raise SpecError(
        f"unknown translator {name_or_path!r}.{nearest(name_or_path, names)} There are:"
        f" {', '.join(names) or 'none'}; or give a YAML file of your own (docs/translate.md)."
    )
