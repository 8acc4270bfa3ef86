"""The environment in which wordings render: every piece of work is paid for before it is done.

The rule: what could grow (loops, lists of lists, `+`, `~`, `join`, `replace`) and what reads much
(comparisons, filters, methods) is charged to a budget: a bomb is an error before it is text.
Which Jinja gets here at all is said in `sandbox`, which also puts `LOOP`, `CONCAT` and `LOOK` into
the templates.

    BoundedEnvironment(str, Budget()).from_string("{{ text | upper }}").render(text="a")     # 'A'
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sized
from itertools import islice
from types import BuiltinMethodType
from typing import Any, Final

from jinja2 import StrictUndefined
from jinja2.exceptions import SecurityError
from jinja2.filters import FILTERS as JINJA_FILTERS
from jinja2.sandbox import ImmutableSandboxedEnvironment, safe_range
from jinja2.tests import TESTS as JINJA_TESTS

MAX_STEPS: Final = 1_000_000
"""Pieces of syntax that the loops of one rendering may run: a loop with a body of ten pieces over
twenty thousand words takes a fifth."""
MAX_CHARACTERS: Final = 20_000_000
"""Characters that one rendering may write or copy."""
MAX_ITEMS: Final = 100_000
"""Values in one list, those of the lists inside it included, as often as they stand there."""
MAX_NUMBER: Final = 10**15

FILTERS: Final = (
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
TESTS: Final = (
    *("boolean", "defined", "divisibleby", "even", "false", "float", "integer", "iterable"),
    *("lower", "mapping", "none", "number", "odd", "sequence", "string", "true", "undefined"),
    "upper",
)
LOOP, CONCAT, LOOK = "loop over", "put together", "look at"
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


class BoundedEnvironment(ImmutableSandboxedEnvironment):
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
        known: dict[str, Callable[..., Any]] = {name: JINJA_FILTERS[name] for name in FILTERS}
        charged = {"join": self._join, "replace": self._replace}
        self.filters = {
            **known,
            **charged,
            LOOP: self._loop,
            CONCAT: self._concat,
            LOOK: self._look,
        }
        for name in FILTERS:
            self.filters[name] = self._charging(self.filters[name])
        self.tests = {name: JINJA_TESTS[name] for name in TESTS}

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

    def _look(self, value: Any) -> Any:
        size = _size(value)
        self._budget.spend(size, 0 if isinstance(value, str) else size)
        return value

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
    """What looking at all of a value costs: its characters, and those of all that is in it.

    Raises:
        SecurityError: one small list stands in another, and that in a third, too often.
    """
    waiting, size, seen = [value], 1, 0
    while waiting:
        found = waiting.pop()
        seen += 1
        if seen > MAX_ITEMS:
            raise SecurityError(f"one of its lists holds more than {MAX_ITEMS:,} values")
        if isinstance(found, Mapping):
            waiting += [*found.keys(), *found.values()]
        elif isinstance(found, list | tuple):
            waiting += found
        size += len(found) if isinstance(found, Sized) else 1
    return size
