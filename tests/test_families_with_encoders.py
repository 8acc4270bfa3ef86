"""Encoders and encoder-decoders of every family read as they would alone; see `test_families`."""

from __future__ import annotations

import pytest

from .families import FAMILIES
from .reading import reads_as_alone

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("name", FAMILIES["encoder"])
def test_an_encoder_reads_as_alone(name: str) -> None:
    reads_as_alone("encoder", name)


@pytest.mark.parametrize("name", FAMILIES["seq2seq"])
def test_an_encoder_decoder_reads_as_alone(name: str) -> None:
    reads_as_alone("seq2seq", name)
