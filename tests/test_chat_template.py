"""Chat templates are programs of strangers: one that would take hours is refused in seconds."""

from __future__ import annotations

import pytest

from t2t_xfer.engines.chat_template import check_template
from t2t_xfer.errors import UserError

REAL = """{% for message in messages %}<|im_start|>{{ message['role'] }}
{{ message['content'] | trim }}<|im_end|>
{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant
{% endif %}"""


@pytest.mark.parametrize(
    "template",
    [
        REAL,
        "{{ raise_exception('only a system turn') }}",
        "{{ messages[5].content.nothing }}",
        "{% set n = namespace(i=0) %}{% for m in messages %}{% break %}{% endfor %}",
    ],
)
def test_a_real_template_is_taken(template: str) -> None:
    check_template(template, "it")


@pytest.mark.parametrize(
    "template",
    [
        "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
        "{{ 'a' * 10000000000 }}",
        "{% macro again(n) %}{{ again(n) }}{{ again(n) }}{% endmacro %}{{ again(1) }}",
    ],
)
def test_one_that_takes_hours_or_gigabytes_is_refused(template: str) -> None:
    """Nested ranges ran for as long as they liked, once for each row."""
    with pytest.raises(UserError, match="chat template of 'it' takes more than"):
        check_template(template, "it")
