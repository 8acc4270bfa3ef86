"""Writes a checked wording, node by node, and pays for each before it works.

The rule: every kind of node that `specs.jinja_subset` lets through has its line here, and `_pay`
comes before anything whose size depends on the data. Fields are `str` and `tuple` that know their
names, so a field that is inserted bare leaves a region; a filter or `~` makes an ordinary text.

    Rendering({"words": FieldList(...)}).write(tree)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from jinja2 import nodes
from jinja2.filters import do_title

from t2t_xfer.errors import DataError
from t2t_xfer.prompts.fields import FieldList, FieldText, Loop, RenderingError, kind_of, size_of
from t2t_xfer.records import Region

MAX_WORK: Final = 20_000_000
"""Characters that one rendering may read and write."""
NODE_WORK: Final = 40
"""What a piece of syntax costs, in characters: a loop with a body of ten pieces over twenty
thousand words takes two fifths of the budget."""
REGION_WORK: Final = 80
"""What an item of an inserted list costs beside its text: its place is written down."""


class Rendering:
    """One text under way: its pieces, the regions of its fields, and what may still be done."""

    def __init__(self, fields: Mapping[str, object]) -> None:
        self._names: dict[str, object] = dict(fields)
        self._left = MAX_WORK
        self._length = 0
        self.parts: list[str] = []
        self.regions: list[Region] = []

    def write(self, body: Iterable[nodes.Node]) -> None:
        """Adds what some statements write.

        Raises:
            RenderingError: the values do not fit, or it would be too much work.
            DataError: a field that is inserted is null.
        """
        for node in body:
            self._pay()
            if isinstance(node, nodes.Output):
                for each in node.nodes:
                    if isinstance(each, nodes.TemplateData):
                        self._text(each.data)
                    else:
                        self._insert(self._value(each))
            elif isinstance(node, nodes.If):
                self._if(node)
            elif isinstance(node, nodes.For):
                self._for(node)
            else:
                raise AssertionError(f"{node!r} was let through")

    def _if(self, node: nodes.If) -> None:
        for branch in (node, *node.elif_):
            if self._value(branch.test):
                self.write(branch.body)
                return
        self.write(node.else_)

    def _for(self, node: nodes.For) -> None:
        assert isinstance(node.target, nodes.Name)
        items = self._value(node.iter)
        if not isinstance(items, str | tuple | Mapping):
            raise RenderingError(f"a loop goes over a list or a text, not over {kind_of(items)}")
        self._pay(len(items) + len(self._names))
        outer, name = self._names, node.target.name
        self._names = dict(outer)
        chosen = [item for item in items if node.test is None or self._holds(node.test, name, item)]
        loop = Loop(len(chosen))
        for number, item in enumerate(chosen):
            loop.index0 = number
            self._names |= {name: item, "loop": loop}
            self.write(node.body)
        self._names = outer
        if not chosen:
            self.write(node.else_)

    def _holds(self, test: nodes.Node, name: str, item: object) -> bool:
        self._names[name] = item
        return bool(self._value(test))

    def _text(self, text: str) -> None:
        self._pay(len(text))
        self.parts.append(text)
        self._length += len(text)

    def _insert(self, value: object) -> None:
        if value is None:
            raise DataError(
                "a field that the prompt inserts is null in the data. Leave such rows out, or"
                " write {% if field %} … {% endif %} around it."
            )
        if isinstance(value, Mapping | Loop):
            raise RenderingError(f"it inserts {kind_of(value)}; name one of its keys")
        start, place = self._length, len(self.regions)
        if isinstance(value, tuple):
            self._pay(len(value) * REGION_WORK)
            for i, item in enumerate(value):
                self._text(" " if i else "")
                self._insert(item)
        else:
            self._text(str(value))
        if isinstance(value, FieldText | FieldList):
            self.regions.insert(place, Region(value.field, start, self._length))

    def _value(self, node: nodes.Node) -> Any:
        self._pay()
        return _READERS[type(node)](self, node)

    def _pay(self, size: int = 0) -> None:
        self._left -= NODE_WORK + size
        if self._left < 0:
            raise RenderingError(f"it is more work than {MAX_WORK:,} characters and loop steps")

    def _name(self, node: nodes.Name) -> object:
        return self._names[node.name]

    def _const(self, node: nodes.Const) -> object:
        return node.value

    def _tuple(self, node: nodes.Tuple) -> object:
        return tuple(self._value(each) for each in node.items)

    def _negative(self, node: nodes.Neg) -> object:
        value = self._value(node.node)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise RenderingError(f"`-` stands before a number, not before {kind_of(value)}")
        return -value

    def _item(self, node: nodes.Getitem) -> object:
        value = self._value(node.node)
        if isinstance(node.arg, nodes.Slice):
            bounds = (node.arg.start, node.arg.stop, node.arg.step)
            cut = slice(*(None if each is None else self._whole(each) for each in bounds))
            if not isinstance(value, str | tuple) or cut.step == 0:
                raise RenderingError(f"no part can be cut out of {kind_of(value)} so")
            self._pay(len(value))
            return value[cut]
        return self._at(value, self._value(node.arg))

    def _whole(self, node: nodes.Node) -> int:
        value = self._value(node)
        if isinstance(value, bool) or not isinstance(value, int):
            raise RenderingError(f"a place in a list is a whole number, not {kind_of(value)}")
        return value

    def _attribute(self, node: nodes.Getattr) -> object:
        value = self._value(node.node)
        return value.fact(node.attr) if isinstance(value, Loop) else self._at(value, node.attr)

    def _at(self, value: Any, key: Any) -> object:
        if isinstance(value, Mapping) and isinstance(key, str) and key in value:
            return value[key]
        within = isinstance(value, str | tuple) and isinstance(key, int)
        if within and -len(value) <= key < len(value):
            return value[key]
        raise RenderingError(f"{kind_of(value)} has no {str(key)[:60]!r}")

    def _condition(self, node: nodes.CondExpr) -> object:
        if self._value(node.test):
            return self._value(node.expr1)
        if node.expr2 is None:
            return ""
        return self._value(node.expr2)

    def _not(self, node: nodes.Not) -> object:
        return not self._value(node.node)

    def _and(self, node: nodes.And) -> object:
        return self._value(node.left) and self._value(node.right)

    def _or(self, node: nodes.Or) -> object:
        return self._value(node.left) or self._value(node.right)

    def _test(self, node: nodes.Test) -> object:
        return self._value(node.node) is None  # `none` is the only one

    def _concat(self, node: nodes.Concat) -> object:
        return "".join(self._plain(self._value(each)) for each in node.nodes)

    def _compare(self, node: nodes.Compare) -> object:
        left = self._value(node.expr)
        for operand in node.ops:
            right = self._value(operand.expr)
            self._pay(size_of(left) + size_of(right))
            try:
                holds = _COMPARISONS[operand.op](left, right)
            except TypeError as e:
                raise RenderingError(
                    f"{kind_of(left)} and {kind_of(right)} cannot be compared ({operand.op})"
                ) from e
            if not holds:
                return False
            left = right
        return True

    def _filter(self, node: nodes.Filter) -> object:
        value = self._value(node.node) if node.node else None
        arguments = [self._plain(self._value(each)) for each in node.args]
        if node.name in ("count", "length", "first", "last", "reverse"):
            return self._of_a_list(node.name, value)
        if node.name == "join":
            return self._join(value, *arguments)
        text = self._plain(value)
        if node.name == "replace":
            self._pay(text.count(arguments[0]) * len(arguments[1]))
            return text.replace(arguments[0], arguments[1])
        return _TEXT_FILTERS[node.name](text)

    def _of_a_list(self, name: str, value: object) -> object:
        if not isinstance(value, str | tuple):
            raise RenderingError(
                f"the filter {name!r} takes a list or a text, not {kind_of(value)}"
            )
        if name in ("count", "length"):
            return len(value)
        if name == "reverse":
            self._pay(len(value))
            return value[::-1]
        if not value:
            raise RenderingError(f"the filter {name!r} takes a list that is not empty")
        return value[0 if name == "first" else -1]

    def _join(self, value: object, between: str = "") -> str:
        if not isinstance(value, str | tuple):
            raise RenderingError(f"the filter 'join' takes a list, not {kind_of(value)}")
        self._pay(len(value) * len(between))
        return between.join([self._plain(item) for item in value])

    def _plain(self, value: object) -> str:
        """A value as an ordinary text that belongs to no field."""
        if not isinstance(value, str | int | float):
            raise RenderingError(f"{kind_of(value)} is no text; write {{{{ field | join(' ') }}}}")
        self._pay(len(value) if isinstance(value, str) else 0)
        return str.__str__(value) if isinstance(value, str) else str(value)


_READERS: Final[Mapping[type[nodes.Node], Callable[[Rendering, Any], object]]] = {
    nodes.Name: Rendering._name,
    nodes.Const: Rendering._const,
    nodes.Tuple: Rendering._tuple,
    nodes.Neg: Rendering._negative,
    nodes.Getitem: Rendering._item,
    nodes.Getattr: Rendering._attribute,
    nodes.CondExpr: Rendering._condition,
    nodes.Not: Rendering._not,
    nodes.And: Rendering._and,
    nodes.Or: Rendering._or,
    nodes.Test: Rendering._test,
    nodes.Concat: Rendering._concat,
    nodes.Compare: Rendering._compare,
    nodes.Filter: Rendering._filter,
}
_COMPARISONS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "eq": lambda a, b: bool(a == b),
    "ne": lambda a, b: bool(a != b),
    "lt": lambda a, b: bool(a < b),
    "lteq": lambda a, b: bool(a <= b),
    "gt": lambda a, b: bool(a > b),
    "gteq": lambda a, b: bool(a >= b),
    "in": lambda a, b: a in b,
    "notin": lambda a, b: a not in b,
}
_TEXT_FILTERS: Final[Mapping[str, Callable[[str], object]]] = {
    "capitalize": str.capitalize,
    "lower": str.lower,
    "string": str,
    "title": do_title,
    "trim": str.strip,
    "upper": str.upper,
}
