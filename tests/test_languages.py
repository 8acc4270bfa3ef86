import pytest

from t2t_xfer.errors import UserError
from t2t_xfer.languages import (
    LANGUAGES,
    fill,
    holds_language,
    language,
    letters_outside,
    unknown_placeholders,
)

# XTREME_TASK2LANGS of XTREME's evaluate.py.
XTREME = {
    "xnli": "ar bg de el en es fr hi ru sw th tr ur vi zh",
    "pawsx": "de en es fr ja ko zh",
    "udpos": "af ar bg de el en es et eu fa fi fr he hi hu id it ja kk ko mr nl pt ru ta te th tl"
    " tr ur vi yo zh",
    "panx": "ar he vi id jv ms tl eu ml ta te af nl en de el bn hi mr ur fa fr it pt es bg ru ja ka"
    " ko th sw yo my zh kk tr et fi hu",
    "xquad": "en es de el ru tr ar vi th zh hi",
    "mlqa": "en es de ar hi vi zh",
    "tydiqa": "en ar bn fi id ko ru sw te",
    "bucc2018": "de fr ru zh",
    "tatoeba": "ar he vi id jv tl eu ml ta te af nl de el bn hi mr ur fa fr it pt es bg ru ja ka ko"
    " th sw zh kk tr et fi hu",
}
TATOEBA_CONFIGS = (
    "afr ara ben bul deu cmn ell est eus fin fra heb hin hun ind ita jav jpn kat kaz kor mal mar"
    " nld pes por rus spa swh tam tel tgl tha tur urd vie"
)
UDPOS_CONFIGS = (
    "Afrikaans Arabic Basque Bulgarian Dutch English Estonian Finnish French German Greek Hebrew"
    " Hindi Hungarian Indonesian Italian Japanese Kazakh Korean Chinese Marathi Persian Portuguese"
    " Russian Spanish Tagalog Tamil Telugu Thai Turkish Urdu Vietnamese Yoruba"
)


def test_the_languages_are_exactly_those_of_xtreme() -> None:
    union = {code for codes in XTREME.values() for code in codes.split()}
    assert set(LANGUAGES) == union
    assert list(LANGUAGES) == sorted(union)


def test_iso3_codes_are_the_hubs_tatoeba_configs() -> None:
    ours = {LANGUAGES[code].iso3 for code in XTREME["tatoeba"].split()}
    assert ours == set(TATOEBA_CONFIGS.split())


def test_names_are_the_hubs_udpos_configs() -> None:
    ours = {LANGUAGES[code].name for code in XTREME["udpos"].split()}
    assert ours == set(UDPOS_CONFIGS.split())


@pytest.mark.parametrize("field", ["name", "iso3"])
def test_no_two_languages_share_a_name(field: str) -> None:
    values = [getattr(each, field) for each in LANGUAGES.values()]
    assert len(set(values)) == len(values)


def test_scripts_that_need_care_are_marked() -> None:
    right_to_left = {each.code for each in LANGUAGES.values() if each.right_to_left}
    no_spaces = {each.code for each in LANGUAGES.values() if each.no_spaces}
    assert right_to_left == {"ar", "fa", "he", "ur"}
    assert no_spaces == {"ja", "my", "th", "zh"}


@pytest.mark.parametrize(
    ("code", "meant"),
    [("German", "de"), ("swa", "sw"), ("zh-CN", "zh"), ("EN", "en"), ("cmn", "zh"), ("dee", "de")],
)
def test_an_unknown_code_names_the_language_that_was_meant(code: str, meant: str) -> None:
    with pytest.raises(UserError, match=f"unknown language '{code}'. Did you mean '{meant}'?"):
        language(code)


def test_placeholders_become_the_language() -> None:
    assert fill("udpos.{language_name}", "fa") == "udpos.Persian"
    assert fill("tatoeba.{iso3}", "zh") == "tatoeba.cmn"
    assert fill("{language}/{language}.jsonl", "sw") == "sw/sw.jsonl"


@pytest.mark.parametrize(
    ("pattern", "unknown"),
    [("x.{language}", []), ("{lang}", ["lang"]), ("{}", [""]), ("{language", ["{"]), ("}", ["{"])],
)
def test_other_braces_are_found(pattern: str, unknown: list[str]) -> None:
    assert unknown_placeholders(pattern) == unknown


def test_a_pattern_tells_whether_it_depends_on_the_language() -> None:
    assert holds_language("udpos.{language_name}")
    assert not holds_language("mnli")


@pytest.mark.parametrize(
    ("text", "language", "found"),
    [
        ("Berlin, 1990!", "de", (6, 0)),
        ("Берлин ok", "ru", (8, 2)),
        ("東京タワーと Tokyo", "ja", (11, 5)),
        ("北京 is", "zh", (4, 2)),
        ("서울", "ko", (2, 0)),
        ("मुंबई x", "hi", (4, 1)),
        ("abc", "xx", (0, 0)),
    ],
)
def test_letters_outside_the_script(text: str, language: str, found: tuple[int, int]) -> None:
    assert letters_outside(text, language) == found
