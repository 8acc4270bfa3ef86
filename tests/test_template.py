"""Regions: where a field sits after rendering, whatever its script and spaces."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from t2t_xfer.errors import DataError, SpecError
from t2t_xfer.prompts import Template
from t2t_xfer.prompts.template import MARK

texts = st.text(st.characters(exclude_characters=MARK, exclude_categories=["Cs"]), max_size=20)


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


def test_a_field_may_have_the_name_of_the_one_function() -> None:
    assert Template("{{ range }}").render({"range": "wide"}).text == "wide"
    assert Template("{% for i in range(3) %}{{ i }}{% endfor %}").render({}).text == "012"


def test_the_renderers_own_mark_in_data_is_refused() -> None:
    with pytest.raises(DataError, match="U\\+F0000"):
        Template("{{ x }}").render({"x": MARK + "0" + MARK})


def test_a_null_field_is_not_rendered_as_a_word() -> None:
    with pytest.raises(DataError, match="null in the data"):
        Template("a: {{ x }}").render({"x": None})


def test_a_null_field_may_be_asked_for() -> None:
    assert Template("a{% if x %}: {{ x }}{% endif %}.").render({"x": None}).text == "a."
