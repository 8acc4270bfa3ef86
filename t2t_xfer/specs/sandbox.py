"""The Jinja that a wording may use: no code, no walks through attributes, no unbounded work.

Prompts come from strangers. A wording is checked before it is compiled: only the nodes listed here
and the filters and tests of `bounded` exist, and what could still grow while it renders is put into
the hands of that module's environment.

    compiled, names = compile_wording("{% for c in choices %}{{ c }} {% endfor %}", str, Budget())
    wording_problem("{{ text.__class__ }}")     # "no name that begins with an underscore …"
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from jinja2 import Template as Compiled
from jinja2 import TemplateSyntaxError, meta, nodes
from jinja2.visitor import NodeTransformer

from t2t_xfer.errors import nearest
from t2t_xfer.specs.bounded import (
    CONCAT,
    FILTERS,
    LOOK,
    LOOP,
    TESTS,
    BoundedEnvironment,
    Budget,
)

MAX_SOURCE: Final = 20_000
"""Characters of a wording."""
MAX_NODES: Final = 2_000
"""Pieces of its syntax tree. The largest shipped wording has 20."""
MAX_DEPTH: Final = 40
MAX_LOOPS: Final = 3
"""Loops inside each other."""
SHOWN_CHARACTERS: Final = 200
"""Of what Jinja says about a wording, which may quote much of it."""

_NODES: Final = (
    *(nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.Const, nodes.Tuple),
    *(nodes.List, nodes.Dict, nodes.Pair, nodes.CondExpr, nodes.Filter, nodes.Test, nodes.Call),
    *(nodes.Keyword, nodes.Getitem, nodes.Getattr, nodes.Slice, nodes.Concat, nodes.Compare),
    *(nodes.Operand, nodes.Add, nodes.Sub, nodes.Mul, nodes.Div, nodes.FloorDiv, nodes.Mod),
    *(nodes.Not, nodes.And, nodes.Or, nodes.Neg, nodes.Pos, nodes.For, nodes.If, nodes.Assign),
)


def compile_wording(
    source: str, finalize: Callable[[object], object], budget: Budget
) -> tuple[Compiled, frozenset[str]]:
    """A wording ready to render, and the names that it reads.

    Args:
        finalize: what Jinja does with every value before it is written.
        budget: is charged while the template renders.

    Raises:
        TemplateSyntaxError: it is not valid Jinja, or not of the part that is allowed.
    """
    environment = BoundedEnvironment(finalize, budget)
    tree = _checked(environment, source)
    names = frozenset(meta.find_undeclared_variables(tree) | _named_range(tree))
    bounded = _Bounds(environment).visit(tree)
    return environment.from_string(bounded), names


def _named_range(tree: nodes.Template) -> set[str]:
    """`range`, unless it is only called: a field may have the function's name."""
    called = sum(
        isinstance(call.node, nodes.Name) and call.node.name == "range"
        for call in tree.find_all(nodes.Call)
    )
    named = sum(name.name == "range" for name in tree.find_all(nodes.Name))
    return {"range"} if named > called else set()


def wording_problem(source: str) -> str | None:
    """What is wrong with a wording, in words that follow `expected`; None if nothing is."""
    try:
        _checked(BoundedEnvironment(str, Budget()), source)
    except TemplateSyntaxError as e:
        where = f" (line {e.lineno} of the text)" if "\n" in source.strip() else ""
        return f"{e.message}{where}"
    return None


def _checked(environment: BoundedEnvironment, source: str) -> nodes.Template:
    if len(source) > MAX_SOURCE:
        raise TemplateSyntaxError(f"at most {MAX_SOURCE:,} characters", 1)
    try:
        tree = _parsed(environment, source)
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
    except RecursionError as e:
        raise TemplateSyntaxError(f"at most {MAX_DEPTH} levels inside each other", 1) from e
    return tree


def _parsed(environment: BoundedEnvironment, source: str) -> nodes.Template:
    try:
        return environment.parse(source)
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
    if not isinstance(node, _NODES):
        return f"no `{type(node).__name__.lower()}`, which prompts cannot use"
    if isinstance(node, nodes.For) and node.recursive:
        return "no recursive loop"
    if isinstance(node, nodes.Assign) and not isinstance(node.target, nodes.Name):
        return "one name to be set"
    if isinstance(node, nodes.Call) and (node.dyn_args or node.dyn_kwargs):
        return "no * before an argument"
    name = getattr(node, "attr", "") or getattr(node, "name", "")
    if isinstance(node, nodes.Getattr | nodes.Name) and name.startswith("_"):
        return "no name that begins with an underscore"
    if isinstance(node, nodes.Filter) and name not in FILTERS:
        return f"a filter that prompts can use, not {name!r}.{nearest(name, FILTERS) or _listed()}"
    if isinstance(node, nodes.Test) and name not in TESTS:
        return f"a test that prompts can use, not {name!r}.{nearest(name, TESTS)}"
    return ""


def _listed() -> str:
    return f" There are: {', '.join(FILTERS)}"


class _Bounds(NodeTransformer):
    """Puts a charge before every loop, comparison and `~`, and behind every list that is made.

    Lists must pay when they are made: `[a, a]` again and again is small, but not its text.
    """

    def __init__(self, environment: BoundedEnvironment) -> None:
        self._environment = environment

    def visit_For(self, node: nodes.For) -> nodes.Node:  # noqa: N802  (Jinja's way)
        """The loop over something that was counted."""
        inside = [each for part in node.body for each in (part, *part.find_all(nodes.Node))]
        written = sum(len(each.data) for each in inside if isinstance(each, nodes.TemplateData))
        self.generic_visit(node)
        node.iter = self._filter(LOOP, node.iter, len(inside) + 1, written)
        return node

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:  # noqa: N802
        """`a ~ b` as a filter over both."""
        self.generic_visit(node)
        return self._filter(CONCAT, nodes.List(node.nodes, lineno=node.lineno))

    def visit_List(self, node: nodes.List) -> nodes.Node:  # noqa: N802
        """A list, a tuple or a mapping, looked at."""
        self.generic_visit(node)
        return self._filter(LOOK, node) if getattr(node, "ctx", "load") == "load" else node

    visit_Tuple = visit_Dict = visit_List  # noqa: N815

    def visit_Compare(self, node: nodes.Compare) -> nodes.Node:  # noqa: N802
        """A comparison of things that were looked at."""
        self.generic_visit(node)
        node.expr = self._filter(LOOK, node.expr)
        for operand in node.ops:
            operand.expr = self._filter(LOOK, operand.expr)
        return node

    def _filter(self, name: str, node: nodes.Node, *arguments: int) -> nodes.Filter:
        values = [nodes.Const(value, lineno=node.lineno) for value in arguments]
        made = nodes.Filter(node, name, values, [], None, None, lineno=node.lineno)
        made.set_environment(self._environment)
        return made
