"""Answers in translated contexts: read from between marks, or found, or given up. By hand."""

from __future__ import annotations

import pytest

from t2t_xfer.translate.rows import choose_marks, found, marked, pieces, unmarked

BRACKETS = ("[", "]")
QUOTES = ('"', '"')


@pytest.mark.parametrize(
    ("marks", "written", "text", "answer"),
    [
        (BRACKETS, "geboren in [Paris] 1867", "geboren in Paris 1867", "Paris"),
        # Spaces that the translator put inside the marks go outside, once.
        (
            BRACKETS,
            "geboren in [ Paris ] 1867",
            "geboren in  1867".replace("  ", " Paris "),
            "Paris",
        ),
        (BRACKETS, "in[ Paris ], 1867", "in Paris, 1867", "Paris"),
        # Right to left: brackets stand in the order of reading, whatever way they are drawn.
        (BRACKETS, "وُلدت في [باريس] عام 1867.", "وُلدت في باريس عام 1867.", "باريس"),
        (BRACKETS, "היא נולדה ב[פריז].", "היא נולדה בפריז.", "פריז"),
        # No spaces, and the brackets of the script.
        (BRACKETS, "她出生于【巴黎】。", "她出生于巴黎。", "巴黎"),
        (BRACKETS, "彼女は［パリ］で生まれた。", "彼女はパリで生まれた。", "パリ"),
        (QUOTES, "geboren in „Paris“ 1867", "geboren in Paris 1867", "Paris"),
        (QUOTES, "родилась в «Париже».", "родилась в Париже.", "Париже"),
        (QUOTES, "彼女は「パリ」で生まれた。", "彼女はパリで生まれた。", "パリ"),
        (BRACKETS, "[a b] c", "a b c", "a b"),
    ],
)
def test_an_answer_is_read_from_between_its_marks(
    marks: tuple[str, ...], written: str, text: str, answer: str
) -> None:
    read = unmarked(written, marks)
    assert read is not None
    assert read[0] == text
    assert read[0][read[1] : read[2]] == answer


@pytest.mark.parametrize(
    ("marks", "written"),
    [
        (BRACKETS, "geboren in Paris"),  # both lost
        (BRACKETS, "geboren in [Paris"),  # one lost
        (BRACKETS, "[geboren] in [Paris]"),  # which one?
        (BRACKETS, "geboren in ]Paris["),
        (BRACKETS, "geboren in Paris [ ]"),  # moved away from the answer
        (BRACKETS, "geboren in Paris [.]"),
        (QUOTES, 'er sagte "ja" in "Paris"'),
        (QUOTES, 'geboren in "Paris'),
    ],
)
def test_lost_marks_are_seen(marks: tuple[str, ...], written: str) -> None:
    assert unmarked(written, marks) is None


def test_marking_is_undone_by_unmarking() -> None:
    text = "Marie was born in Paris in 1867."
    assert marked(text, 18, 23, BRACKETS) == "Marie was born in [Paris] in 1867."
    assert unmarked(marked(text, 18, 23, BRACKETS), BRACKETS) == (text, 18, 23)


@pytest.mark.parametrize(
    ("text", "marks"),
    [
        ("born in Paris", ("[", "]")),
        ("born in Paris [1]", ("{", "}")),
        ("born ] in Paris", ("{", "}")),
        ("x[0] = {1}", ("<", ">")),
        ('x[0] = {1} < 2 "', None),
    ],
)
def test_marks_stand_nowhere_else_in_the_text(text: str, marks: tuple[str, ...] | None) -> None:
    assert choose_marks(text, BRACKETS) == marks


@pytest.mark.parametrize(
    ("answer", "text", "no_spaces", "place", "how"),
    [
        ("Paris", "Sie wurde in Paris geboren.", False, "Paris", "found"),
        # A translation of a single word ends like a sentence.
        ("Ein Buch.", "Anna las ein Buch.", False, "ein Buch", "found"),
        ("巴黎", "她出生于巴黎。", True, "巴黎", "found"),
        ("باريس", "ولدت ماري في باريس.", False, "باريس", "found"),
        # Case endings: "den roten Fluss" (accusative) stands as nominative.
        ("den roten Fluss", "Da floss der rote Fluss entlang.", False, "der rote Fluss", "similar"),
        # Russian: "красная река" / "красную реку".
        ("красная река", "Он видел красную реку вчера.", False, "красную реку", "similar"),
        # The Arabic conjunction is one word with the name behind it.
        ("القاهرة", "زار دمشق والقاهرة.", False, "والقاهرة", "similar"),
    ],
)
def test_an_answer_translated_alone_is_found(
    answer: str, text: str, no_spaces: bool, place: str, how: str
) -> None:
    hit = found(answer, text, no_spaces=no_spaces)
    assert hit is not None
    assert (text[hit.start : hit.end], hit.how) == (place, how)


@pytest.mark.parametrize(
    ("answer", "text", "no_spaces"),
    [
        ("Paris", "Von Paris nach Paris.", False),  # twice: which one?
        ("art", "Die Partei begann.", False),  # inside a word
        ("भारत", "भारतीय सेना", False),  # a vowel sign belongs to the word
        ("Ulm", "Er fuhr nach Köln.", False),
        ("1867", "Sie wurde 1876 geboren.", False),  # another number, however alike
        ("die Katze", "Die Katzen sahen die Katzen.", False),  # two that resemble it alike
        ("Hund", "Der Mund.", False),  # 3 of 4 letters, but a short word resembles too many
        ("Kaiser", "Er kam aus Kassel.", False),  # 67: K, a, s and e are shared, 2 * 4 of 12
        ("", "Nichts.", False),
        ("巴黎", "她出生于伦敦。", True),
        ("猫", "猫看见了猫。", True),
    ],
)
def test_what_is_not_clear_is_not_found(answer: str, text: str, no_spaces: bool) -> None:
    assert found(answer, text, no_spaces=no_spaces) is None


def shown(text: str, whole: tuple[int, int] | None = None, *, sentences: bool = True) -> list[str]:
    return [text[a:b] for a, b in pieces(text, sentences=sentences, whole=whole)]


def test_a_text_is_cut_into_sentences() -> None:
    text = 'Dr. J. Smith left. "Why?" she asked. It cost 3.5 dollars in the U.S. Army.\nNew line'
    assert shown(text) == [
        "Dr. J. Smith left.",
        '"Why?" she asked.',
        "It cost 3.5 dollars in the U.S. Army.",
        "New line",
    ]
    assert shown(text, sentences=False) == text.split("\n")


def test_an_answer_is_never_cut() -> None:
    text = "He saw Rome. Then Paris. Then he left."
    across = (text.index("Rome"), text.index("Paris") + 5)
    assert shown(text, across) == ["He saw Rome. Then Paris.", "Then he left."]


def test_blank_text_has_no_pieces() -> None:
    assert shown(" \n ") == []
