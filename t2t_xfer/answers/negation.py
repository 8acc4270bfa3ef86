"""Words that turn an answer into its opposite, in the languages of XTREME.

A label beside one of them is not read as the label (`It is not a paraphrase`). Missing a negation
costs a wrong answer that looks right, an unneeded one costs an `invalid` that is counted: so the
lists lean to the side of too many.

>>> negations(("das", "ist", "keine", "paraphrase"), "de")
['keine']
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from t2t_xfer.answers.canonical import canonical


def _words(text: str) -> frozenset[str]:
    return frozenset(canonical(text).split())


ANYWHERE: frozenset[str] = _words(
    # English, German, Dutch, Afrikaans
    "no not never neither nor none nothing cannot without non"
    " nicht nichts kein keine keinen keinem keiner keines nie niemals nein weder ohne"
    " niet geen nooit nee zonder"
    # French, Spanish, Portuguese, Italian
    " pas jamais aucun aucune sans nunca jamás ningún ninguna ninguno tampoco sin"
    " não nunca nenhum nenhuma sem mai nessun nessuna nessuno senza"
    # Russian, Bulgarian, Greek, Kazakh, Georgian
    " не нет ни никогда нито няма никога без δεν μη μην όχι ούτε χωρίς емес жоқ არ არა ვერ"
    # Turkish, Hungarian, Finnish, Estonian
    " değil değildir yok hayır asla nem sem soha nincs ei eivät mitte pole"
    # Vietnamese, Indonesian, Tagalog, Swahili
    " không chẳng chưa tidak bukan tiada walang hapana hakuna siyo sio haina"
    # Arabic, Hebrew, Persian, Urdu
    " ليس وليس فليس ليست ليسا ليسوا لا ولا لم ولم لن غير بدون לא אינו אינה אין בלי"
    " نیست نیستند نه بدون نہیں نہ بغیر"
    # Hindi, Marathi, Bengali, Tamil, Telugu, Malayalam
    " नहीं नही मत बिना नाही नाहीत नव्हे নয় না নেই இல்லை அல்ல కాదు లేదు അല്ല ഇല്ല"
)
"""Negations of one language that are no common word of another."""

ONLY_IN: Mapping[str, frozenset[str]] = {
    "el": _words("δε"),
    "es": _words("ni"),
    "et": _words("ega"),
    "eu": _words("ez ezta"),
    "fi": _words("en et emme ette älä"),
    "fr": _words("n ne ni"),
    "hi": _words("न"),
    "hu": _words("ne"),
    "id": _words("tak"),
    "it": _words("né"),
    "jv": _words("ora dudu"),
    "ms": _words("tak"),
    "sw": _words("si"),
    "tl": _words("hindi di wala"),
    "yo": _words("kò ko kì kii kìí rárá"),
}
"""Words that negate in this language and mean something else in others."""

INSIDE: tuple[str, ...] = tuple(
    canonical(part)
    for part in (
        *("不", "没", "沒", "非", "未", "無", "无", "否"),  # Chinese, partly Japanese
        *("ない", "ません", "なし"),  # Japanese
        *("않", "아니", "아닙", "아닌", "없", "못"),  # Korean
        *("ไม่", "มิใช่"),  # Thai
        "မဟုတ်",  # Burmese
    )
)
"""Negations inside a token, in scripts without spaces and where they are endings."""


def negations(tokens: Sequence[str], language: str) -> list[str]:
    """The tokens that negate, in canonical form, in a text of this language or in English."""
    only_here = ONLY_IN.get(language, frozenset())
    return [
        token
        for token in tokens
        if token in ANYWHERE or token in only_here or any(part in token for part in INSIDE)
    ]
