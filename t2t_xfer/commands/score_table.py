"""The table that `evaluate` prints: one line a language, and their mean.

language      accuracy    examples  invalid
de §             41.20         500  0.0 %
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

NOT_ZERO_SHOT = "§"
"""As reports mark it where training rows were translated."""


def print_scores(results: Mapping[str, Any]) -> None:
    """Prints the results of the `score` stages of one readout, by language."""
    from tabulate import tabulate

    seen = [code for code, r in results.items() if not r.get("zero_shot", True)]
    rows = [
        [
            f"{code} {NOT_ZERO_SHOT}" if code in seen else code,
            r["score"],
            r["n"],
            f"{100 * r['invalid_rate']:.1f} %",
        ]
        for code, r in results.items()
    ]
    mean = sum(r["score"] for r in results.values()) / len(results)
    metric = next(iter(results.values()))["metric"]
    head = ["language", metric, "examples", "invalid"]
    click.echo(tabulate([*rows, ["mean", mean, None, None]], head, floatfmt=".2f"))
    if seen:
        click.echo(
            f"{NOT_ZERO_SHOT} not zero-shot: the prompts show solved examples of the language"
        )
    dropped = sum(r.get("removed_shots", 0) for r in results.values())
    if dropped:
        asked = sum(r["shots"] * r["n"] for r in results.values())
        click.echo(
            f"{dropped} of {asked} few-shot examples did not fit and were dropped; raise"
            " --max-input-tokens to show them"
        )
