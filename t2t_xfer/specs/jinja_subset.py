"""The part of Jinja that a wording may use: texts, fields, loops, conditions and pure filters.

Prompts come from strangers. Jinja only parses them; nothing is compiled. A tree that holds a kind
of node, a filter or a test that is not listed here is refused when its file is loaded, and what is
left is rendered by `prompts.rendering`, which knows these kinds and no others.

    checked_tree("{% for c in choices %}{{ loop.index }} {{ c }}{% endfor %}")
    wording_problem("{{ text.__class__ }}")     # "no name that begins with an underscore"
"""

from __future__ import annotations

from typing import Final

from jinja2 import Environment, TemplateSyntaxError, nodes

from t2t_xfer.errors import nearest
from t2t_xfer.specs.wording import MAX_SOURCE

MAX_NODES: Final = 2_000
"""Pieces of its syntax tree. The largest shipped wording has 20."""
MAX_DEPTH: Final = 40
MAX_LOOPS: Final = 3
"""Loops inside each other."""
SHOWN_CHARACTERS: Final = 200
"""Of what Jinja says about a wording, which may quote much of it."""

FILTERS: Final = (
    *("capitalize", "count", "first", "join", "last", "length", "lower", "replace", "reverse"),
    *("string", "title", "trim", "upper"),
)
TESTS: Final = ("none",)
LOOP_FACTS: Final = ("index", "index0", "first", "last", "length")
"""What `loop` knows."""

_KINDS: Final = (
    *(nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.Const, nodes.Tuple),
    *(nodes.For, nodes.If, nodes.CondExpr, nodes.Getitem, nodes.Getattr, nodes.Slice),
    *(nodes.Filter, nodes.Test, nodes.Concat, nodes.Compare, nodes.Operand, nodes.Neg),
    *(nodes.Not, nodes.And, nodes.Or),
)


def checked_tree(source: str) -> nodes.Template:
    """The syntax tree of a wording, which holds nothing but what is listed here.

    Raises:
        TemplateSyntaxError: it is not valid Jinja, or not of this part; the message follows
            `expected`.
    """
    if len(source) > MAX_SOURCE:
        raise TemplateSyntaxError(f"at most {MAX_SOURCE:,} characters", 1)
    try:
        tree = _parsed(source)
    except RecursionError as e:
        raise TemplateSyntaxError(f"at most {MAX_DEPTH} levels inside each other", 1) from e
    waiting: list[tuple[nodes.Node, int, int]] = [(tree, 0, 0)]
    seen = 0
    while waiting:
        node, depth, loops = waiting.pop()
        seen += 1
        loops += isinstance(node, nodes.For)
        problem = "fewer pieces" if seen > MAX_NODES else _problem(node, depth, loops)
        if problem:
            raise TemplateSyntaxError(problem, node.lineno or 1)
        waiting += [(child, depth + 1, loops) for child in node.iter_child_nodes()]
    return tree


def wording_problem(source: str) -> str | None:
    """What is wrong with a wording, in words that follow `expected`; None if nothing is."""
    try:
        checked_tree(source)
    except TemplateSyntaxError as e:
        where = f" (line {e.lineno} of the text)" if "\n" in source.strip() else ""
        return f"{e.message}{where}"
    return None


def read_names(node: nodes.Node, bound: frozenset[str] = frozenset()) -> frozenset[str]:
    """The fields that a tree reads: its names, without those that its loops give."""
    if isinstance(node, nodes.Name):
        return frozenset({node.name}) - bound
    if isinstance(node, nodes.For):
        assert isinstance(node.target, nodes.Name)
        inside = bound | {node.target.name, "loop"}
        parts = [(node.iter, bound), *((each, inside) for each in node.body)]
        parts += [(each, bound) for each in node.else_]
        parts += [(node.test, bound | {node.target.name})] if node.test else []
    else:
        parts = [(child, bound) for child in node.iter_child_nodes()]
    return frozenset().union(*(read_names(child, known) for child, known in parts))


def _parsed(source: str) -> nodes.Template:
    try:
        return Environment(keep_trailing_newline=True, autoescape=False).parse(source)
    except TemplateSyntaxError as e:
        why = (e.message or "").rstrip(".")
        why = why if len(why) <= SHOWN_CHARACTERS else f"{why[:SHOWN_CHARACTERS]}…"
        raise TemplateSyntaxError(f"valid Jinja ({why})", e.lineno) from e
    except ValueError as e:  # a number with thousands of digits
        raise TemplateSyntaxError("numbers with fewer digits", 1) from e


def _problem(node: nodes.Node, depth: int, loops: int) -> str:
    """What is not allowed about one node, in words that follow `expected`."""
    if depth > MAX_DEPTH:
        return f"at most {MAX_DEPTH} levels inside each other"
    if loops > MAX_LOOPS:
        return f"at most {MAX_LOOPS} loops inside each other"
    name = getattr(node, "attr", "") or getattr(node, "name", "")
    if isinstance(node, nodes.Getattr | nodes.Name) and name.startswith("_"):
        return "no name that begins with an underscore"
    if isinstance(node, nodes.Call) and isinstance(node.node, nodes.Getattr):
        return f"a filter, such as `{{{{ text | trim }}}}`, not a call of {node.node.attr!r}"
    if not isinstance(node, _KINDS):
        return f"no `{type(node).__name__.lower()}`, which prompts cannot use"
    if isinstance(node, nodes.For):
        return _loop_problem(node)
    if isinstance(node, nodes.Filter):
        return _filter_problem(node)
    if isinstance(node, nodes.Test) and (name not in TESTS or node.args or node.kwargs):
        return f"a test that prompts can use, not {name!r}.{nearest(name, TESTS)}"
    return ""


def _loop_problem(node: nodes.For) -> str:
    if node.recursive:
        return "no recursive loop"
    return "" if isinstance(node.target, nodes.Name) else "one name in a loop"


def _filter_problem(node: nodes.Filter) -> str:
    if node.name not in FILTERS:
        listed = nearest(node.name, FILTERS) or f" There are: {', '.join(FILTERS)}"
        return f"a filter that prompts can use, not {node.name!r}.{listed}"
    least, most = {"join": (0, 1), "replace": (2, 2)}.get(node.name, (0, 0))
    if node.node is None or node.kwargs or node.dyn_args or node.dyn_kwargs:
        return f"the filter {node.name!r} behind a value, and its arguments without names"
    if not least <= len(node.args) <= most:
        return f"{most or 'no'} arguments of the filter {node.name!r}"
    return ""
