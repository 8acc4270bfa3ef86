"""Jinja templates that know where each field sits in the text they render.

Pointer spans, word slots, windows and shortening all need the characters of a field *after*
rendering. So every text field is a `str` that carries its name, and where it is inserted bare its
position is written down (`rendering`). A filter or `~` makes an ordinary string of it: the text
is there, the region is not, and whoever needs the region can say so.

>>> Template("Words: {{ words }}").render({"words": ("a b", "c")})
Rendered(text='Words: a b c', regions=(Region(field='words', start=7, end=12),
         Region(field='words[0]', start=7, end=10), Region(field='words[1]', start=11, end=12)))
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from jinja2 import TemplateSyntaxError

from t2t_xfer.errors import DataError, SpecError, nearest
from t2t_xfer.prompts.fields import RenderingError, named
from t2t_xfer.prompts.rendering import Rendering
from t2t_xfer.records import Region, Value
from t2t_xfer.specs.jinja_subset import checked_tree, read_names

SHOWN_CHARACTERS = 200
"""Of a wording in a message."""


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
