"""Prompt templates: checked, rendered, and with the place of every field in the text.

Pointer spans, word slots, windows and shortening need the characters of a field *after* rendering.
So a field is a `str` or a `tuple` that carries its name, and where it is inserted bare its region
is written down. A filter or `~` makes an ordinary text of it: the text is there, the region is not,
and whoever needs the region can say so.

>>> Template("Words: {{ words }}").render({"words": ("a b", "c")}).regions[1:]
(Region(field='words[0]', start=7, end=10), Region(field='words[1]', start=11, end=12))

Prompts come from strangers. Jinja only parses them; nothing is compiled. A tree that holds another
kind of node, filter or test than those of the tables at the end of this file is refused when its
file is loaded. What is left is written node by node, and each is paid for before it works.

>>> wording_problem("{{ text.__class__ }}")
'no name that begins with an underscore'
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, NamedTuple

from jinja2 import Environment, TemplateSyntaxError, nodes
from jinja2.filters import do_title

from t2t_xfer.errors import DataError, SpecError, nearest
from t2t_xfer.records import Region, Value

MAX_SOURCE: Final = 20_000
"""Characters of a wording. The longest shipped one has some 200."""
MAX_NODES: Final = 2_000
"""Pieces of its syntax tree. The largest shipped wording has 20."""
MAX_DEPTH: Final = 40
MAX_LOOPS: Final = 3
"""Loops inside each other."""
MAX_WORK: Final = 20_000_000
"""Characters that one rendering may read and write."""
NODE_WORK: Final = 40
"""What a piece of syntax costs, in characters: a loop with a body of ten pieces over twenty
thousand words takes two fifths of the budget."""
REGION_WORK: Final = 80
"""What an item of an inserted list costs beside its text: its place is written down."""
SHOWN_CHARACTERS: Final = 200
"""Of a wording, or of what Jinja says about it, in a message."""


class Rendered(NamedTuple):
    """A rendered text and the regions of its fields, ordered by start, outer before inner."""

    text: str
    regions: tuple[Region, ...]


def shortened(source: str) -> str:
    """A wording as a message shows it."""
    return repr(source if len(source) <= SHOWN_CHARACTERS else f"{source[:SHOWN_CHARACTERS]}…")


class Template:
    """One checked prompt template.

    Raises:
        SpecError: the source is not valid Jinja, or ends with white space (the target text
            follows after one space, so a space at the end would be doubled).
    """

    def __init__(self, source: str) -> None:
        self.source = source
        try:
            self._tree = checked_tree(source)
        except TemplateSyntaxError as e:
            raise SpecError(
                f"the prompt is not valid Jinja at its line {e.lineno}: expected {e.message}. The"
                f" prompt is {shortened(source)}"
            ) from e
        self.names = read_names(self._tree)
        if source != source.rstrip():
            raise SpecError(
                f"the prompt {shortened(source)} ends with white space. End it with its last"
                " visible character: the target text follows after one space by itself."
            )

    def render(self, fields: Mapping[str, Value]) -> Rendered:
        """The text with every field in place.

        Raises:
            DataError: the prompt names a field that the example lacks, or fails on its values.
        """
        missing = sorted(self.names - fields.keys())
        if missing:
            raise DataError(
                f"the prompt names {{{{ {missing[0]} }}}}, but the example has only the fields"
                f" {', '.join(sorted(fields))}.{nearest(missing[0], list(fields))}"
            )
        told = {name: named(value, name) for name, value in fields.items() if name in self.names}
        rendering = Rendering(told)
        try:
            rendering.write(self._tree.body)
        except RenderingError as e:
            raise DataError(f"the prompt {shortened(self.source)} failed on an example: {e}") from e
        return Rendered("".join(rendering.parts), tuple(rendering.regions))


def checked_tree(source: str) -> nodes.Template:
    """The syntax tree of a wording, which holds nothing but what the tables list.

    Raises:
        TemplateSyntaxError: it is not valid Jinja, or holds more; the message follows `expected`.
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
    if type(node) not in _KINDS:
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
    least, most = _ARGUMENTS.get(node.name, (0, 0))
    if node.node is None or node.kwargs or node.dyn_args or node.dyn_kwargs:
        return f"the filter {node.name!r} behind a value, and its arguments without names"
    if not least <= len(node.args) <= most:
        return f"{most or 'no'} arguments of the filter {node.name!r}"
    return ""


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
        if not isinstance(items, str | tuple | Mapping) or isinstance(items, Loop):
            raise RenderingError(f"a loop goes over a list or a text, not over {kind_of(items)}")
        self._pay(len(items) + len(self._names))
        outer, name = self._names, node.target.name
        self._names = dict(outer)
        chosen = [item for item in items if node.test is None or self._holds(node.test, name, item)]
        for number, item in enumerate(chosen):
            first, last = number == 0, number == len(chosen) - 1
            loop = Loop(index=number + 1, index0=number, first=first, last=last, length=len(chosen))
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
        if isinstance(value, Mapping):
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

    def _at(self, value: Any, key: Any) -> object:
        if isinstance(value, Mapping) and isinstance(key, str) and key in value:
            return value[key]
        within = isinstance(value, str | tuple) and isinstance(key, int)
        if within and -len(value) <= key < len(value):
            return value[key]
        name = str(key)[:60]
        hint = nearest(name, list(value)) if isinstance(value, Mapping) else ""
        raise RenderingError(f"{kind_of(value)} has no {name!r}.{hint}")

    def _condition(self, node: nodes.CondExpr) -> object:
        chosen = node.expr1 if self._value(node.test) else node.expr2
        return "" if chosen is None else self._value(chosen)

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
        assert node.node is not None
        name, value = node.name, self._value(node.node)
        arguments = [self._plain(self._value(each)) for each in node.args]
        if name in _TEXT_FILTERS:
            return _TEXT_FILTERS[name](self._plain(value))
        if name == "replace":
            text = self._plain(value)
            self._pay(text.count(arguments[0]) * len(arguments[1]))
            return text.replace(arguments[0], arguments[1])
        if not isinstance(value, str | tuple):
            wanted = "a list" if name == "join" else "a list or a text"
            raise RenderingError(f"the filter {name!r} takes {wanted}, not {kind_of(value)}")
        if name == "join":
            between = "".join(arguments)
            self._pay(len(value) * len(between))
            return between.join([self._plain(item) for item in value])
        if name == "reverse":
            self._pay(len(value))
        elif name in ("first", "last") and not value:
            raise RenderingError(f"the filter {name!r} takes a list that is not empty")
        return _LIST_FILTERS[name](value)

    def _plain(self, value: object) -> str:
        """A value as an ordinary text that belongs to no field."""
        if not isinstance(value, str | int | float):
            raise RenderingError(f"{kind_of(value)} is no text; write {{{{ field | join(' ') }}}}")
        self._pay(len(value) if isinstance(value, str) else 0)
        return str.__str__(value) if isinstance(value, str) else str(value)


class RenderingError(Exception):
    """What the prompt does does not fit the values; the caller says which prompt."""


class FieldText(str):
    """A text that remembers which field it is."""

    field: str

    def __new__(cls, text: str, field: str) -> FieldText:
        """The value, and the field's name beside it."""
        self = super().__new__(cls, text)
        self.field = field
        return self


class FieldList(tuple[object, ...]):
    """A list field: `{{ words }}` renders its items joined by one space."""

    field: str

    def __new__(cls, items: tuple[object, ...], field: str) -> FieldList:
        """The value, and the field's name beside it."""
        self = super().__new__(cls, items)
        self.field = field
        return self


def named(value: Value, field: str) -> object:
    """A value of an example whose texts and lists know where they come from."""
    if isinstance(value, str):
        return FieldText(value, field)
    if isinstance(value, tuple):
        items = tuple(named(item, f"{field}[{i}]") for i, item in enumerate(value))
        return FieldList(items, field)
    if isinstance(value, Mapping):
        return {key: named(item, f"{field}.{key}") for key, item in value.items()}
    return value


class Loop(dict[str, object]):
    """What stands behind the name `loop`."""


def size_of(value: object) -> int:
    """What it costs to compare a value: its characters, and those of all that is in it."""
    if isinstance(value, str):
        return len(value)
    if isinstance(value, tuple):
        return len(value) + sum(map(size_of, value))
    if isinstance(value, Mapping):
        return len(value) + sum(map(size_of, value.values()))
    return 1


def kind_of(value: object) -> str:
    """A value's kind, as a message says it."""
    kinds: dict[type, str] = {str: "a text", tuple: "a list", Loop: "`loop`", Mapping: "a mapping"}
    kinds |= {bool: "true or false", int: "a number", float: "a number"}
    return next((words for kind, words in kinds.items() if isinstance(value, kind)), "null")


_READERS: Final[Mapping[type[nodes.Node], Callable[[Rendering, Any], object]]] = {
    nodes.Name: lambda self, node: self._names[node.name],
    nodes.Const: lambda self, node: node.value,
    nodes.Tuple: lambda self, node: tuple(self._value(each) for each in node.items),
    nodes.Neg: Rendering._negative,
    nodes.Getitem: Rendering._item,
    nodes.Getattr: lambda self, node: self._at(self._value(node.node), node.attr),
    nodes.CondExpr: Rendering._condition,
    nodes.Not: lambda self, node: not self._value(node.node),
    nodes.And: lambda self, node: self._value(node.left) and self._value(node.right),
    nodes.Or: lambda self, node: self._value(node.left) or self._value(node.right),
    nodes.Test: lambda self, node: self._value(node.node) is None,  # `none` is the only one
    nodes.Concat: lambda self, node: "".join(
        [self._plain(self._value(each)) for each in node.nodes]
    ),
    nodes.Compare: Rendering._compare,
    nodes.Filter: Rendering._filter,
}
"""What can stand where a value is wanted. Nothing else may."""
_KINDS: Final = frozenset(_READERS) | {
    *(nodes.Template, nodes.Output, nodes.TemplateData, nodes.For, nodes.If),
    *(nodes.Slice, nodes.Operand),
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
_LIST_FILTERS: Final[Mapping[str, Callable[[Any], object]]] = {
    "count": len,
    "first": lambda items: items[0],
    "last": lambda items: items[-1],
    "length": len,
    "reverse": lambda items: items[::-1],
}
_ARGUMENTS: Final = {"join": (0, 1), "replace": (2, 2)}
"""Least and most of them. The other filters have none."""
FILTERS: Final = tuple(sorted((*_TEXT_FILTERS, *_LIST_FILTERS, *_ARGUMENTS)))
TESTS: Final = ("none",)
