"""Regions: where a field sits after rendering, whatever its script and spaces."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import Environment, StrictUndefined

from t2t_xfer.errors import DataError, SpecError
from t2t_xfer.prompts import Template

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@given(premise=texts, words=st.lists(texts, max_size=6))
def test_every_region_cuts_out_its_field(premise: str, words: list[str]) -> None:
    fields = {"premise": premise, "words": tuple(words)}
    text, regions = Template("a: {{ premise }}\nb: {{ words }} / {{ premise }}!").render(fields)
    cut = [(r.field, text[r.start : r.end]) for r in regions]
    expected = [("premise", premise), ("words", " ".join(words))]
    expected += [(f"words[{i}]", word) for i, word in enumerate(words)]
    assert cut == [*expected, ("premise", premise)]
    assert text == f"a: {premise}\nb: {' '.join(words)} / {premise}!"


def test_a_loop_keeps_the_region_of_each_word() -> None:
    text, regions = Template("{% for w in words %}<{{ w }}>{% endfor %}").render(
        {"words": ("10 000", "كتاب")}
    )
    assert [(r.field, text[r.start : r.end]) for r in regions] == [
        ("words[0]", "10 000"),
        ("words[1]", "كتاب"),
    ]


@pytest.mark.parametrize("source", ["{{ words | join(' ') }}", "{{ 'x' ~ words[0] }}"])
def test_a_filter_or_a_tilde_loses_the_region_and_keeps_the_text(source: str) -> None:
    text, regions = Template(source).render({"words": ("ab", "cd")})
    assert "ab" in text
    assert regions == ()


def test_a_field_that_looks_like_a_template_stays_text() -> None:
    text, _ = Template("{{ premise }}.").render({"premise": "{{ 7 * 7 }}"})
    assert text == "{{ 7 * 7 }}."


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("{{ premise", "not valid Jinja at its line 1"),
        ("{% if x %}", "not valid Jinja"),
        ("x: {{ x }} ", "ends with white space"),
    ],
)
def test_a_broken_template_is_one_clear_error(source: str, says: str) -> None:
    with pytest.raises(SpecError, match=says):
        Template(source)


def test_a_missing_field_is_named_with_the_nearest_one() -> None:
    with pytest.raises(DataError, match=r"names \{\{ premis \}\}.*Did you mean 'premise'"):
        Template("{{ premis }}").render({"premise": "a"})


@pytest.mark.parametrize(
    "source",
    ["{{ x.__class__.__mro__ }}", "{{ x.append(1) }}", "{% for i in range(10**9) %}.{% endfor %}"],
)
def test_the_sandbox_holds(source: str) -> None:
    with pytest.raises((SpecError, DataError)):
        Template(source).render({"x": "a"})


HONEST = (
    "{% for w in words if w %}{{ loop.index0 }}/{{ loop.length }} {{ w | upper }}"
    "{% if not loop.last %}, {% endif %}{% else %}none{% endfor %}.",
    "{% if x and 'a' in x %}{{ x[1:] }}{% elif words|length > 2 %}{{ words[-1] }}"
    "{% else %}?{% endif %}.",
    "{{ words | join('; ') }}|{{ words | first | title }}|{{ (x ~ ' ' ~ n) | replace('a', 'ö') }}",
    "{{ 'long' if n == 3 else 'short' }} {{ pair.one }} {{ pair['one'] | trim | capitalize }}",
    "{% for w in words %}{% for c in w %}{{ c }}{{ loop.first }}{% endfor %}"
    "{{ loop.index }}{% endfor %}",
    "{# said to nobody #}{{ words | reverse | join }} {{ x is none }} {{ n in (1, 2, 3) }}",
    "a\n{%- for w in words -%}\n {{ w }} {% endfor %}\n{{ 'b' }}",
)


@pytest.mark.parametrize("source", HONEST)
@pytest.mark.parametrize("words", [("ab", "c d", "é"), ("x",)])
def test_what_is_allowed_reads_as_in_jinja(source: str, words: tuple[str, ...]) -> None:
    fields = {"words": words, "x": "bab a", "n": 3, "pair": {"one": " a b"}}
    plain = Environment(keep_trailing_newline=True, undefined=StrictUndefined)
    assert Template(source).render(fields).text == plain.from_string(source).render(fields)


def test_a_field_may_have_the_name_of_a_function() -> None:
    assert Template("{{ range }}").render({"range": "wide"}).text == "wide"


@given(st.text("{}%# abn'|.[]()\n", max_size=60))
def test_no_wording_fails_otherwise_than_in_words(source: str) -> None:
    with suppress(SpecError, DataError):
        Template(source).render({"a": "x", "b": ("y", "z"), "n": 1})


def test_a_null_field_is_not_rendered_as_a_word() -> None:
    with pytest.raises(DataError, match="null in the data"):
        Template("a: {{ x }}").render({"x": None})


def test_a_null_field_may_be_asked_for() -> None:
    assert Template("a{% if x %}: {{ x }}{% endif %}.").render({"x": None}).text == "a."
