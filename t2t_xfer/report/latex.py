r"""The main table as LaTeX, for a paper: booktabs, nothing that needs another package.

The rule: every name is escaped, since models and tasks are named by users.

    Path("main_table.tex").write_text(render_latex("quickstart", numbers.main))
    % \usepackage{booktabs} ... \input{main_table}
"""

from __future__ import annotations

from t2t_xfer.report.document import CONSTANT, INCOMPLETE, SAME_DATA, TRANSLATED, number, signed
from t2t_xfer.report.findings import LEVEL
from t2t_xfer.report.main_table import Entry, main_table, metric_of
from t2t_xfer.report.numbers import Analysed

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
STAR = r"$^{*}$"
MARKS = {
    SAME_DATA: r"$^{\ddagger}$",
    TRANSLATED: r"\S{}",
    CONSTANT: r"\P{}",
    INCOMPLETE: r"$^{\dagger}$",
}
WORDS = {
    SAME_DATA: "% double dagger: same training data, not in the average's change",
    TRANSLATED: "% section mark: translate-train, not zero-shot",
    CONSTANT: "% paragraph mark: constant answers in it or in what it is compared with",
    INCOMPLETE: "% dagger: some languages or seeds are missing",
}


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
    metrics = [
        f"({escaped(metric_of(grid, target)) if grid.of(target) else MISSING})"
        for target in grid.targets
    ]
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
        change = MISSING
        if entry.change is not None:
            change = f"${signed(entry.change.interval.value)}$"
        shown += f" ({change}{STAR if entry.significant else ''})"
    return shown + "".join(MARKS[mark] for mark in entry.marks)


def _legend(numbers: Analysed) -> list[str]:
    """The marks as comments, for the caption."""
    entries = [entry for row in main_table(numbers) for entry in row.entries]
    shown = "".join(entry.marks for entry in entries)
    starred = any(entry.significant for entry in entries)
    return [
        "% Mean over languages and seeds; in brackets the change against no intermediate.",
        *([f"% * adjusted p of the change below {LEVEL:g}"] if starred else []),
        *(words for mark, words in WORDS.items() if mark in shown),
    ]
