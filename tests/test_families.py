"""Decoders of every family read as they would alone, whatever is packed or padded beside them.

The bound is 1e-4 of a score in float32, no decision differs, and the order of options is nothing.
"""

from __future__ import annotations

import pytest

from .families import FAMILIES, PAGE, written_page
from .reading import reads_as_alone


@pytest.mark.slow
@pytest.mark.parametrize("name", FAMILIES["causal"])
def test_a_decoder_reads_as_alone(name: str) -> None:
    reads_as_alone("causal", name)


def test_there_are_many_families() -> None:
    assert sum(map(len, FAMILIES.values())) >= 60


@pytest.mark.slow
def test_the_page_tells_them() -> None:
    assert PAGE.read_text(encoding="utf-8") == written_page(), "python -m tests.families"
