r"""The main table as LaTeX, for a paper: booktabs, nothing that needs another package.

The rule: every name is escaped, since models and tasks are named by users.

    Path("main_table.tex").write_text(render_latex("quickstart", numbers.main))
    % \usepackage{booktabs} ... \input{main_table}
"""

from __future__ import annotations

from t2t_xfer.report.main_table import Entry, main_table, metric_of
from t2t_xfer.report.numbers import LEVEL, Analysed
from t2t_xfer.report.phrases import number, signed

SPECIAL = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    **{character: f"\\{character}" for character in "&%$#_"},
}
MISSING = "--"
STAR, SAME_DATA, TRANSLATED, INCOMPLETE = r"$^{*}$", r"$^{\ddagger}$", r"\S{}", r"$^{\dagger}$"


def escaped(text: str) -> str:
    """A name as LaTeX prints it, on one line."""
    return "".join(SPECIAL.get(character, character) for character in " ".join(text.split()))


def render_latex(study: str, numbers: Analysed, *, synthetic: bool = False) -> str:
    """The table of a study; only its comment, where no cell is finished."""
    grid = numbers.grid
    # A comment ends with its line, and a name has none.
    head = f"% Study {' '.join(study.split())}, written by t2t-xfer report. Needs booktabs."
    if not grid.rows:
        return f"{head}\n% No cell is finished.\n"
    names = [escaped(target) for target in grid.targets]
    metrics = [f"({escaped(metric_of(grid, target))})" for target in grid.targets]
    lines = [
        head,
        *(["% Synthetic data: no evidence about natural languages."] if synthetic else []),
        r"\begin{tabular}{ll" + "r" * (len(names) + 1) + "}",
        r"\toprule",
        " & ".join(["model", "intermediate", *names, "average"]) + r" \\",
        " & ".join(["", "", *metrics, ""]) + r" \\",
    ]
    previous = None
    for row in main_table(numbers):
        if row.model != previous:
            lines.append(r"\midrule")
        shown = escaped(row.model) if row.model != previous else ""
        cells = [_cell(entry) for entry in row.entries]
        lines.append(" & ".join([shown, escaped(row.intermediate), *cells]) + r" \\")
        previous = row.model
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", *_legend(numbers), ""])


def _cell(entry: Entry) -> str:
    if entry.score is None:
        return MISSING
    shown = number(entry.score)
    if entry.has_change:
        change = MISSING if entry.change is None else f"${signed(entry.change)}$"
        shown += f" ({change}{STAR if entry.significant else ''})"
    marks = [
        mark
        for there, mark in (
            (entry.same_data, SAME_DATA),
            (entry.translated, TRANSLATED),
            (entry.incomplete, INCOMPLETE),
        )
        if there
    ]
    return shown + "".join(marks)


def _legend(numbers: Analysed) -> list[str]:
    """The marks as comments, for the caption."""
    entries = [entry for row in main_table(numbers) for entry in row.entries]
    told = {
        f"% * adjusted p of the change below {LEVEL:g}": any(e.significant for e in entries),
        "% double dagger: same training data, not in the average's change": any(
            e.same_data for e in entries
        ),
        "% section mark: translate-train, not zero-shot": any(e.translated for e in entries),
        "% dagger: some languages or seeds are missing": any(e.incomplete for e in entries),
    }
    return [
        "% Mean over languages and seeds; in brackets the change against no intermediate.",
        *(line for line, there in told.items() if there),
    ]
