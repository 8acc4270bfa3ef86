r"""Characters in a YAML text that are not what a reader sees, each with its place.

The rule: what changes a meaning must be visible. Invisible characters, spaces that are no spaces,
characters that reorder a line and letters that pass for others (a Cyrillic `а` in `labels`) are
problems; whoever means one writes its escape in double quotes: `"\u00a0"`.

    strange_letters("lаbels: {}")     # [Problem(Place(1, 2), "'а' (CYRILLIC SMALL LETTER A) …")]
"""

from __future__ import annotations

import re
import unicodedata

from t2t_xfer.specs.nodes import Place, Problem

MAX_LISTED = 10
"""More of them in one file are not listed."""

_HIDDEN = re.compile(
    "["
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b\u200e\u200f\u202a-\u202e"
    "\u2060-\u206f\u3164\ufeff\uffa0\ufff0-\uffff\U000e0000-\U000e0fff"  # nothing to be seen
    "\u00a0\u1680\u2000-\u200a\u202f\u205f\u2800"  # no plain space, but looks like one
    "\u0085\u2028\u2029"  # end a line for some programs and not for others
    "\ue000-\uf8ff\U000f0000-\U0010ffff"  # private use: everyone sees something else
    "]"
    # Joiners belong to the scripts of Persian, Hindi and many others, between two of their letters.
    "|(?<![\u0600-\U0001ffff])[\u200c\u200d]|[\u200c\u200d](?![\u0600-\U0001ffff])"
)
_LATIN = "A-Za-z\u00c0-\u024f"
_LIKE_LATIN = "\u0370-\u03ff\u0400-\u052f"
"""Greek and Cyrillic, which in one word with Latin letters are mostly a mistake or a trick."""
_FOREIGN = re.compile(
    f"(?<=[{_LATIN}])[{_LIKE_LATIN}]|[{_LIKE_LATIN}](?=[{_LATIN}])"
    "|[\uff21-\uff3a\uff41-\uff5a\U0001d400-\U0001d7ff]"  # wide and mathematical letters
)
_NO_LETTERS = re.compile("[\u037e\u0387\u03f6]")


def strange_letters(text: str) -> list[Problem]:
    """The first characters of a text that a reader would take for something else or not see."""
    if text.isascii():
        return []
    return [_problem(text, hit) for hit in _hits(text)[:MAX_LISTED]]


def _hits(text: str) -> list[re.Match[str]]:
    found = [*_HIDDEN.finditer(text)]
    found += [hit for hit in _FOREIGN.finditer(text) if not _NO_LETTERS.fullmatch(hit.group())]
    return sorted(found, key=re.Match.start)


def _problem(text: str, hit: re.Match[str]) -> Problem:
    character = hit.group()
    before = text[: hit.start()]
    place = Place(before.count("\n") + 1, len(before) - before.rfind("\n"))
    name = unicodedata.name(character, "") or f"U+{ord(character):04X}"
    shown = f"{character!r} ({name})" if character.isprintable() else name
    code = f"\\u{ord(character):04x}" if ord(character) < 0x10000 else f"\\U{ord(character):08x}"
    what = "is not what it looks like; replace it"
    return Problem(place, f'{shown} {what}, or write "{code}" in double quotes if it is meant')
