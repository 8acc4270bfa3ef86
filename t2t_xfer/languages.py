"""The languages of XTREME's nine target tasks: codes, names, families, scripts; and which of them a
text may be in, as far as its letters and its smallest words tell.

One dict, one entry a language, keyed by the code as XTREME writes it. Nothing else in the package
knows a language's name or script; nothing here knows a task.

>>> language("sw").name, fill("udpos.{language_name}", "sw")
('Swahili', 'udpos.Swahili')

A letter's script is told by the first word of its name in the Unicode character database, so
nothing is guessed: that tells Arabic from Latin and cannot tell German from English. A script that
one of our languages has alone names it; English is told from other Latin text by its function
words; everything else stays open.

>>> letters_outside("Берлин ok", "ru")      # letters, and those outside the language's script
(8, 2)
>>> language_of(["Η γάτα κοιμάται."]), language_of(["The cat is in the house."])
('el', 'en')
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
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


_FIRST_WORDS: Mapping[str, tuple[str, ...]] = {
    "Latin": ("LATIN", "FULLWIDTH", "MODIFIER", "FEMININE", "MASCULINE"),
    "Han": ("CJK", "IDEOGRAPHIC"),
    # Japanese is written with Chinese characters too; a text's own ones tell which it is.
    "Japanese": ("HIRAGANA", "KATAKANA", "HALFWIDTH", "KATAKANA-HIRAGANA", "CJK", "IDEOGRAPHIC"),
    "Hangul": ("HANGUL", "HALFWIDTH"),
    "Burmese": ("MYANMAR",),
}
"""Script of a language to the first words of its letters' names, its own first; the others are the
name itself in capitals."""


def _first_words(script: str) -> tuple[str, ...]:
    return _FIRST_WORDS.get(script, (script.upper(),))


def letters_outside(texts: Iterable[str] | str, language: str) -> tuple[int, int]:
    """Number of letters, and of those outside the language's script; nothing of an unknown one."""
    known = LANGUAGES.get(language)
    if known is None:
        return 0, 0
    own = _first_words(known.script)
    letters = strange = 0
    for char, count in Counter("".join(texts)).items():
        if char.isalpha():
            letters += count
            strange += 0 if first_word(char) in own else count
    return letters, strange


@lru_cache(maxsize=65536)
def first_word(letter: str) -> str:
    """`LATIN` of an `a`; empty for what has no name."""
    return unicodedata.name(letter, "").partition(" ")[0]


_SCRIPT_OF_WORD = {_first_words(each.script)[0]: each.script for each in _LANGUAGES} | {
    "KATAKANA": "Japanese"
}
"""First words of names that one script has alone, to it. A half-wide or ideographic letter tells
none."""
_ENGLISH = frozenset(
    ("the", "of", "and", "to", "in", "is", "a", "that", "was", "for",
     "on", "with", "as", "are", "by", "at", "be", "his", "he", "it")
)  # fmt: skip
_ENGLISH_SHARE = 0.1
"""Of the words of English text at least so many are in `_ENGLISH` (of XNLI's English test rows 28
in 100, of its German, Spanish, French, Turkish and Vietnamese ones at most 2)."""
_MANY = 20_000
"""Characters that are looked at."""


def script_of(texts: Iterable[str]) -> str | None:
    """The script of most letters; None if there is no letter of a script that we know."""
    letters = [c for c in _start(texts) if c.isalpha()]
    words = map(first_word, letters)
    counts = Counter(_SCRIPT_OF_WORD[word] for word in words if word in _SCRIPT_OF_WORD)
    if not counts:
        return None
    # Japanese is written with more Chinese characters than characters of its own.
    if counts["Japanese"] > 0.05 * counts.total():
        return "Japanese"
    return counts.most_common(1)[0][0]


def looks_english(texts: Iterable[str]) -> bool:
    """Whether the function words are English ones."""
    words = re.findall(r"[^\W\d_]+", _start(texts).casefold())
    return bool(words) and sum(w in _ENGLISH for w in words) >= _ENGLISH_SHARE * len(words)


def written_in(script: str | None) -> list[str]:
    """The codes of the languages with a script."""
    return [each.code for each in LANGUAGES.values() if each.script == script]


def language_of(texts: Iterable[str]) -> str | None:
    """The language, if script or function words decide it."""
    text = _start(texts)
    script = script_of([text])
    codes = written_in(script)
    if len(codes) == 1:
        return codes[0]
    return "en" if script == "Latin" and looks_english([text]) else None


def may_be(code: str, texts: Iterable[str]) -> bool:
    """Whether a text's letters are those of a language."""
    script = script_of(texts)
    return script is None or script == LANGUAGES[code].script


def _start(texts: Iterable[str]) -> str:
    found, length = [], 0
    for text in texts:
        found.append(text)
        length += len(text)
        if length > _MANY:
            break
    return " ".join(found)[:_MANY]
