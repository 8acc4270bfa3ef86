"""The languages of XTREME's nine target tasks: codes, names, families, scripts.

One dict, one entry a language, keyed by the code as XTREME writes it. Nothing else in the
package knows a language's name or script; nothing here knows a task.

    language("sw").name             # 'Swahili'
    fill("udpos.{language_name}", "sw")
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from t2t_xfer.errors import UserError, nearest


@dataclass(frozen=True)
class Language:
    """One language, as far as data sets and reports need to know it."""

    code: str
    """As XTREME writes it (ISO 639-1)."""
    name: str
    """English name, as the hub's `udpos.{name}` configurations write it."""
    iso3: str
    """As the hub's `tatoeba.{iso3}` configurations write it; else the ISO 639-3 code."""
    family: str
    """As XTREME groups them: Indo-European by branch, the others by family."""
    script: str
    right_to_left: bool = False
    no_spaces: bool = False
    """Words are not separated by spaces, so that white-space tokens are not words."""


_LANGUAGES = (
    Language("af", "Afrikaans", "afr", "Indo-European: Germanic", "Latin"),
    Language("ar", "Arabic", "ara", "Afro-Asiatic", "Arabic", right_to_left=True),
    Language("bg", "Bulgarian", "bul", "Indo-European: Slavic", "Cyrillic"),
    Language("bn", "Bengali", "ben", "Indo-European: Indo-Aryan", "Bengali"),
    Language("de", "German", "deu", "Indo-European: Germanic", "Latin"),
    Language("el", "Greek", "ell", "Indo-European: Greek", "Greek"),
    Language("en", "English", "eng", "Indo-European: Germanic", "Latin"),
    Language("es", "Spanish", "spa", "Indo-European: Romance", "Latin"),
    Language("et", "Estonian", "est", "Uralic", "Latin"),
    Language("eu", "Basque", "eus", "Basque", "Latin"),
    Language("fa", "Persian", "pes", "Indo-European: Iranian", "Arabic", right_to_left=True),
    Language("fi", "Finnish", "fin", "Uralic", "Latin"),
    Language("fr", "French", "fra", "Indo-European: Romance", "Latin"),
    Language("he", "Hebrew", "heb", "Afro-Asiatic", "Hebrew", right_to_left=True),
    Language("hi", "Hindi", "hin", "Indo-European: Indo-Aryan", "Devanagari"),
    Language("hu", "Hungarian", "hun", "Uralic", "Latin"),
    Language("id", "Indonesian", "ind", "Austronesian", "Latin"),
    Language("it", "Italian", "ita", "Indo-European: Romance", "Latin"),
    Language("ja", "Japanese", "jpn", "Japonic", "Japanese", no_spaces=True),
    Language("jv", "Javanese", "jav", "Austronesian", "Latin"),
    Language("ka", "Georgian", "kat", "Kartvelian", "Georgian"),
    Language("kk", "Kazakh", "kaz", "Turkic", "Cyrillic"),
    Language("ko", "Korean", "kor", "Koreanic", "Hangul"),
    Language("ml", "Malayalam", "mal", "Dravidian", "Malayalam"),
    Language("mr", "Marathi", "mar", "Indo-European: Indo-Aryan", "Devanagari"),
    Language("ms", "Malay", "msa", "Austronesian", "Latin"),
    Language("my", "Burmese", "mya", "Sino-Tibetan", "Burmese", no_spaces=True),
    Language("nl", "Dutch", "nld", "Indo-European: Germanic", "Latin"),
    Language("pt", "Portuguese", "por", "Indo-European: Romance", "Latin"),
    Language("ru", "Russian", "rus", "Indo-European: Slavic", "Cyrillic"),
    Language("sw", "Swahili", "swh", "Niger-Congo", "Latin"),
    Language("ta", "Tamil", "tam", "Dravidian", "Tamil"),
    Language("te", "Telugu", "tel", "Dravidian", "Telugu"),
    Language("th", "Thai", "tha", "Kra-Dai", "Thai", no_spaces=True),
    Language("tl", "Tagalog", "tgl", "Austronesian", "Latin"),
    Language("tr", "Turkish", "tur", "Turkic", "Latin"),
    Language("ur", "Urdu", "urd", "Indo-European: Indo-Aryan", "Arabic", right_to_left=True),
    Language("vi", "Vietnamese", "vie", "Austro-Asiatic", "Latin"),
    Language("yo", "Yoruba", "yor", "Niger-Congo", "Latin"),
    Language("zh", "Chinese", "cmn", "Sino-Tibetan", "Han", no_spaces=True),
)

LANGUAGES: Mapping[str, Language] = MappingProxyType({each.code: each for each in _LANGUAGES})
"""Every known language by its code, in alphabetical order of the codes."""

PLACEHOLDERS = ("language", "language_name", "language_name_lower", "iso3")
"""What a hub configuration or a file name may hold in braces."""
_PLACEHOLDER = re.compile("{(" + "|".join(PLACEHOLDERS) + ")}")
_BRACES = re.compile("{([^{}]*)}")


def language(code: str) -> Language:
    """The language with this code.

    Raises:
        UserError: no such code; names the code that was probably meant.
    """
    try:
        return LANGUAGES[code]
    except KeyError:
        raise UserError(f"unknown language {code!r}.{nearest_language(code)}") from None


def nearest_language(code: str) -> str:
    """` Did you mean 'de'?` for a misspelt code or an English name; else an empty string."""
    wanted = code.casefold().replace("_", "-").split("-")[0]
    for each in LANGUAGES.values():
        if wanted in (each.code, each.iso3, each.name.casefold()):
            return f" Did you mean {each.code!r}?"
    return nearest(wanted, list(LANGUAGES))


def fill(pattern: str, code: str) -> str:
    """Put a language into `udpos.{language_name}`, `data/test.{language}.jsonl` and the like."""
    one = language(code)
    values = {
        "language": one.code,
        "language_name": one.name,
        "language_name_lower": one.name.lower(),  # as TyDiQA writes it in its ids
        "iso3": one.iso3,
    }
    # Not `str.format`: `{language:>1500000000}` is its way to ask for gigabytes.
    return _PLACEHOLDER.sub(lambda hit: values[hit[1]], pattern)


def unknown_placeholders(pattern: str) -> list[str]:
    """What stands in braces in `pattern` and is not a placeholder; `{` for unpaired braces."""
    rest = _PLACEHOLDER.sub("", pattern)
    opened = [hit[1] for hit in _BRACES.finditer(rest)]
    return opened or (["{"] if "{" in rest or "}" in rest else [])


def holds_language(pattern: str) -> bool:
    """Whether the pattern gives a different text for each language."""
    return any("{" + name + "}" in pattern for name in PLACEHOLDERS)
