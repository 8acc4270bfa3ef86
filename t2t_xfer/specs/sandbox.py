"""The Jinja that a wording may use: no code, no walks through attributes, no unbounded work.

Prompts come from strangers. A wording is checked before it is compiled: only the nodes, filters
and methods listed here exist. What could still grow while it renders (loops, `+`, `~`, `join`,
`replace`) is charged to a budget first, so that a bomb is an error before it is text.

    compiled, names = compile_wording("{% for c in choices %}{{ c }} {% endfor %}", str, Budget())
    wording_problem("{{ text.__class__ }}")     # "no name that begins with an underscore …"
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sized
from itertools import islice
from types import BuiltinMethodType
from typing import Any, Final

from jinja2 import StrictUndefined, TemplateSyntaxError, meta, nodes
from jinja2 import Template as Compiled
from jinja2.exceptions import SecurityError
from jinja2.filters import FILTERS as JINJA_FILTERS
from jinja2.sandbox import ImmutableSandboxedEnvironment, safe_range
from jinja2.tests import TESTS
from jinja2.visitor import NodeTransformer

from t2t_xfer.errors import nearest

MAX_SOURCE: Final = 20_000
"""Characters of a wording."""
MAX_NODES: Final = 2_000
"""Pieces of its syntax tree. The largest shipped wording has 21."""
MAX_DEPTH: Final = 40
MAX_LOOPS: Final = 3
"""Loops inside each other."""
MAX_STEPS: Final = 2_000_000
"""Pieces of syntax that the loops of one rendering may run: a loop with a body of ten pieces over
twenty thousand words takes a tenth."""
MAX_CHARACTERS: Final = 20_000_000
"""Characters that one rendering may write or copy."""
MAX_NUMBER: Final = 10**15
SHOWN_CHARACTERS: Final = 200
"""Of what Jinja says about a wording, which may quote much of it."""

_NODES: Final = (
    *(nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.Const, nodes.Tuple),
    *(nodes.List, nodes.Dict, nodes.Pair, nodes.CondExpr, nodes.Filter, nodes.Test, nodes.Call),
    *(nodes.Keyword, nodes.Getitem, nodes.Getattr, nodes.Slice, nodes.Concat, nodes.Compare),
    *(nodes.Operand, nodes.Add, nodes.Sub, nodes.Mul, nodes.Div, nodes.FloorDiv, nodes.Mod),
    *(nodes.Not, nodes.And, nodes.Or, nodes.Neg, nodes.Pos, nodes.For, nodes.If, nodes.Assign),
)
_FILTERS: Final = (
    *("abs", "capitalize", "count", "d", "default", "first", "float", "int", "items", "join"),
    *("last", "length", "list", "lower", "map", "max", "min", "reject", "replace", "reverse"),
    *("select", "sort", "string", "title", "trim", "truncate", "unique", "upper", "wordcount"),
)
_METHODS: Final = frozenset(
    {
        *("capitalize", "casefold", "count", "endswith", "find", "get", "index", "isalpha"),
        *("isdigit", "islower", "isspace", "isupper", "items", "join", "keys", "lower", "lstrip"),
        *("partition", "removeprefix", "removesuffix", "replace", "rpartition", "rsplit", "rstrip"),
        *("split", "splitlines", "startswith", "strip", "swapcase", "title", "upper", "values"),
    }
)
"""Of texts, lists and mappings."""
_LOOP, _CONCAT = "loop over", "put together"
"""Filters that the checker puts into the tree: no template can write their names."""


class Budget:
    """What one rendering may still do. A new rendering begins with `reset`."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Everything is allowed again."""
        self._steps, self._characters = MAX_STEPS, MAX_CHARACTERS

    def spend(self, characters: int, steps: int = 0) -> None:
        """Takes from what is left.

        Raises:
            SecurityError: that is more than is left.
        """
        self._steps -= steps
        self._characters -= characters
        if self._steps < 0:
            raise SecurityError(f"its loops go round too often (more than {MAX_STEPS:,} steps)")
        if self._characters < 0:
            raise SecurityError(f"it would write more than {MAX_CHARACTERS:,} characters")


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
    environment = _Environment(finalize, budget)
    tree = _checked(environment, source)
    names = frozenset(meta.find_undeclared_variables(tree)) - {"range"}
    bounded = _Bounds(environment).visit(tree)
    return environment.from_string(bounded), names


def wording_problem(source: str) -> str | None:
    """What is wrong with a wording, in words that follow `expected`; None if nothing is."""
    try:
        _checked(_Environment(str, Budget()), source)
    except TemplateSyntaxError as e:
        where = f" (line {e.lineno} of the text)" if "\n" in source.strip() else ""
        return f"{e.message}{where}"
    return None


def _checked(environment: _Environment, source: str) -> nodes.Template:
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


def _parsed(environment: _Environment, source: str) -> nodes.Template:
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
    if isinstance(node, nodes.Filter) and name not in _FILTERS:
        return f"a filter that prompts can use, not {name!r}.{nearest(name, _FILTERS) or _listed()}"
    if isinstance(node, nodes.Test) and name not in TESTS:
        return f"a test that Jinja has, not {name!r}.{nearest(name, list(TESTS))}"
    return ""


def _listed() -> str:
    return f" There are: {', '.join(_FILTERS)}"


class _Bounds(NodeTransformer):
    """Puts a charge before every loop and every `~`."""

    def __init__(self, environment: _Environment) -> None:
        self._environment = environment

    def visit_For(self, node: nodes.For) -> nodes.Node:  # noqa: N802  (Jinja's way)
        """The loop over something that was counted."""
        inside = [each for part in node.body for each in (part, *part.find_all(nodes.Node))]
        written = sum(len(each.data) for each in inside if isinstance(each, nodes.TemplateData))
        self.generic_visit(node)
        node.iter = self._filter(_LOOP, node.iter, len(inside) + 1, written)
        return node

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:  # noqa: N802
        """`a ~ b` as a filter over both."""
        self.generic_visit(node)
        return self._filter(_CONCAT, nodes.List(node.nodes, lineno=node.lineno))

    def _filter(self, name: str, node: nodes.Node, *arguments: int) -> nodes.Node:
        values = [nodes.Const(value, lineno=node.lineno) for value in arguments]
        made = nodes.Filter(node, name, values, [], None, None, lineno=node.lineno)
        return made.set_environment(self._environment)


class _Environment(ImmutableSandboxedEnvironment):
    """Jinja's own sandbox with a budget, and without all that is not listed above."""

    intercepted_binops = frozenset({"+", "-", "*", "/", "//", "%", "**"})

    def __init__(self, finalize: Callable[[object], object], budget: Budget) -> None:
        super().__init__(
            undefined=StrictUndefined,
            finalize=finalize,
            keep_trailing_newline=True,
            autoescape=False,
            optimized=False,  # else constants are computed, and a bomb goes off, while compiling
        )
        self._budget = budget
        self.globals = {"range": safe_range}
        known: dict[str, Callable[..., Any]] = {name: JINJA_FILTERS[name] for name in _FILTERS}
        charged = {"join": self._join, "replace": self._replace}
        self.filters = {**known, **charged, _LOOP: self._loop, _CONCAT: self._concat}
        for name in _FILTERS:
            self.filters[name] = self._charging(self.filters[name])

    def is_safe_callable(self, obj: Any) -> bool:
        """Only `range`, and the listed methods of texts, lists and mappings."""
        if obj is safe_range:
            return True
        owner = getattr(obj, "__self__", None)
        plain = isinstance(owner, str | list | tuple | dict)
        return isinstance(obj, BuiltinMethodType) and plain and obj.__name__ in _METHODS

    def call(self, context: Any, obj: Any, /, *args: Any, **kwargs: Any) -> Any:
        """A call of a template, charged first."""
        name, owner = getattr(obj, "__name__", ""), getattr(obj, "__self__", None)
        if isinstance(owner, str) and name == "replace":
            return self._replace(owner, *args, **kwargs)
        if isinstance(owner, str) and name == "join":
            return self._join(args[0] if args else (), owner)
        self._budget.spend(_size(owner), steps=1)
        return super().call(context, obj, *args, **kwargs)

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        """`+` of two texts or lists; everything else is for numbers only."""
        if operator == "+" and any(
            isinstance(left, kind) and isinstance(right, kind) for kind in (str, list, tuple)
        ):
            self._budget.spend(len(left) + len(right))
            return left + right
        for value in (left, right):
            if not isinstance(value, int | float) or abs(value) > MAX_NUMBER:
                raise SecurityError(f"`{operator}` is for numbers up to {MAX_NUMBER:,} only")
        return super().call_binop(context, operator, left, right)

    def _charging(self, plain: Callable[..., Any]) -> Callable[..., Any]:
        """The filter, charged for what it is given; with Jinja's own marks (`pass_context`)."""
        passed = int(hasattr(plain, "jinja_pass_arg"))

        def charged(*args: Any, **kwargs: Any) -> Any:
            self._budget.spend(_size(args[passed]), steps=1)
            return plain(*args, **kwargs)

        charged.__dict__.update(getattr(plain, "__dict__", {}))
        return charged

    def _loop(self, items: Any, nodes_inside: int, written: int) -> Any:
        if not isinstance(items, Sized):
            items = list(islice(items, MAX_STEPS + 1))
        rounds = len(items)
        self._budget.spend(rounds * written, rounds * nodes_inside)
        return items

    def _concat(self, items: list[Any]) -> str:
        texts = [str(item) for item in items]
        self._budget.spend(sum(map(len, texts)))
        return "".join(texts)

    def _join(self, value: Iterable[Any], d: str = "", attribute: None = None) -> str:
        if attribute is not None:
            raise SecurityError("`join` knows no `attribute` here")
        texts = [str(item) for item in islice(value, MAX_STEPS + 1)]
        self._budget.spend(sum(map(len, texts)) + len(str(d)) * len(texts), len(texts))
        return str(d).join(texts)

    def _replace(self, s: Any, old: str, new: str, count: int | None = None) -> str:
        text, rounds = str(s), -1 if count is None else count
        found = text.count(old) if rounds < 0 else min(rounds, text.count(old))
        self._budget.spend(len(text) + found * len(new))
        return str.replace(text, old, new, rounds)


def _size(value: object) -> int:
    """What looking at all of a value costs."""
    return len(value) if isinstance(value, Sized) else 1
