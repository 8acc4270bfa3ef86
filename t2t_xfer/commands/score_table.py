"""Lines of a table of scores, and what must be said beneath it.

language      accuracy    examples  invalid
de §             41.20         500  0.0 %
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import click

NOT_ZERO_SHOT = "§"
"""As reports mark it where training rows were translated."""


def language_cell(code: str, result: Mapping[str, Any]) -> str:
    """A language, marked if the prompts showed solved examples of it."""
    return code if result.get("zero_shot", True) else f"{code} {NOT_ZERO_SHOT}"


def number_cells(result: Mapping[str, Any]) -> list[object]:
    """Score, examples, share of invalid answers."""
    return [result["score"], result["n"], f"{100 * result['invalid_rate']:.1f} %"]


def mean_score(results: Mapping[str, Mapping[str, Any]]) -> float:
    """Over the languages."""
    return float(sum(result["score"] for result in results.values()) / len(results))


def print_notes(results: Iterable[Mapping[str, Any]]) -> None:
    """What a reader of these results of `score` stages must know beside the numbers."""
    shown = list(results)
    if not all(result.get("zero_shot", True) for result in shown):
        click.echo(
            f"{NOT_ZERO_SHOT} not zero-shot: the prompts show solved examples of the language"
        )
    dropped = sum(result.get("removed_shots", 0) for result in shown)
    if dropped:
        asked = sum(result.get("shots", 0) * result["n"] for result in shown)
        click.echo(
            f"{dropped} of {asked} few-shot examples did not fit and were dropped; raise"
            " --max-input-tokens to show them"
        )
