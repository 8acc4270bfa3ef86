"""Pins the hub ids of YAML files to commits, so that the same file reads the same data tomorrow.

The rule: only `revision` changes, comments and order stay, and a file is written only if it then
says what it said before and the revision. `main` or a tag becomes the commit that it names today.

    ids = hub_ids(Path("tasks/xnli.yaml"))       # [HubId("datasets", "facebook/xnli", None, …)]
    text = with_revision(text, ids[0], "0123…")
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeAlias

from t2t_xfer.errors import SpecError, UserError
from t2t_xfer.specs.load import read_nodes
from t2t_xfer.specs.yaml import Keys, Node, Position, SyntaxProblem, parse_nodes

Kind: TypeAlias = Literal["datasets", "models"]
COMMIT = re.compile(r"[0-9a-f]{40}")
_SCALAR = re.compile(r"\"[^\"\n]*\"|'[^'\n]*'|[^\s,{}\[\]#][^,{}\[\]#\n]*(?<!\s)")
_LOCAL = ("/", ".", "~", "micro:")


class HubId(NamedTuple):
    """A data set or model of the hub, where a file names it."""

    kind: Kind
    id: str
    revision: str | None
    keys: Keys
    """Of the mapping that names it."""
    place: Position
    """Of the id; of the revision, where there is one."""

    @property
    def pinned(self) -> bool:
        """Whether it is a commit, which never changes."""
        return self.revision is not None and COMMIT.fullmatch(self.revision) is not None


def hub_ids(path: Path) -> list[HubId]:
    """What a task, prompt or study file names of the hub, in its order.

    Raises:
        SpecError: the file cannot be read.
    """
    return list(_found(read_nodes(path), ()))


def commit_of(wanted: HubId) -> str:
    """The commit that the hub has now for an id and its revision.

    Raises:
        UserError: the hub cannot be reached, or has no such id or revision.
    """
    from huggingface_hub import HfApi

    ask: Any = HfApi().dataset_info if wanted.kind == "datasets" else HfApi().model_info
    try:
        commit = str(ask(wanted.id, revision=wanted.revision).sha)
    except Exception as e:  # the network's errors are those of whatever library the hub's uses
        raise UserError(
            f"{wanted.id}: the hub did not say its commit ({type(e).__name__}: "
            f"{str(e).splitlines()[0] if str(e) else 'no reason given'}). Check the name, the"
            " network and HF_HUB_OFFLINE. Nothing was written to the file that names it."
        ) from e
    if not COMMIT.fullmatch(commit):
        raise UserError(f"{wanted.id}: the hub gave {commit!r}, which is no commit.")
    return commit


def with_revision(text: str, wanted: HubId, commit: str) -> str:
    """The text of a file with the commit as the revision of an id.

    Raises:
        SpecError: it cannot be put there without changing anything else.
    """
    expected = copy.deepcopy(parse_nodes(text)[0].plain())
    _at(expected, wanted.keys)["revision"] = commit
    for changed in _attempts(text, wanted, f'"{commit}"'):
        try:
            node, problems = parse_nodes(changed)
        except SyntaxProblem:
            continue
        if not problems and node.plain() == expected:
            return changed
    raise SpecError(f'{wanted.id}: write it by hand: revision: "{commit}"')


def _found(node: Node, keys: Keys) -> Iterator[HubId]:
    entries = node.entries()
    for key, entry in entries.items():
        value = entry.value
        if key == "hub" and "id" in value.entries():
            yield _hub_id("datasets", value, (*keys, key), "id")
        elif key == "models":
            for i, model in enumerate(value.items()):
                path = model.entries().get("path")
                named = None if path is None else path.value.content
                if isinstance(named, str) and "/" in named and not named.startswith(_LOCAL):
                    yield _hub_id("models", model, (*keys, key, i), "path")
        else:
            yield from _found(value, (*keys, key))
    for i, item in enumerate(node.items()):
        yield from _found(item, (*keys, i))


def _hub_id(kind: Kind, node: Node, keys: Keys, key: str) -> HubId:
    named = node.entries()[key].value
    entry = node.entries().get("revision")
    stated = None if entry is None or entry.value.content is None else str(entry.value.content)
    place = named.place if entry is None else entry.value.place
    return HubId(kind, str(named.content), stated, keys, place)


def _attempts(text: str, wanted: HubId, commit: str) -> Iterator[str]:
    """Instead of the revision that is there; inside braces; on a line of its own."""
    lines = text.split("\n")
    line = lines[wanted.place.line - 1]
    start = wanted.place.column - 1
    value = _SCALAR.match(line, start)
    if value is None:
        return
    before, after = line[:start], line[value.end() :]
    key = re.search(r"[\w\"']+\s*:\s*$", before)
    own = " " * (len(before) - len(key.group())) if key else ""
    for new in (
        [f"{before}{commit}{after}"],
        [f"{before}{value.group()}, revision: {commit}{after}"],
        [line, f"{own}revision: {commit}"],
    ):
        changed = [*lines]
        changed[wanted.place.line - 1 : wanted.place.line] = new
        yield "\n".join(changed)


def _at(value: Any, keys: Keys) -> Any:
    for key in keys:
        value = value[key]
    return value
