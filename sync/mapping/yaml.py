"""YAML 1.2 text as a tree that remembers its lines. Pure, and safe with hostile text.

Scalars stay the text that was written (``On``, ``No``, ``2026-12-31`` and ``012`` too) until a schema says what they are.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NoReturn

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceStartEvent,
)

from sync.core.errors import ConfigError, Problem

MAX_BYTES = 4_000_000
MAX_LINE = 100_000  # characters; the parser's time grows with the square of a comment's or a text's line
MAX_DEPTH = 50
MAX_TWICE = 200  # keys written twice; such a file was not written by hand, and nobody reads further
MAX_NODES = 200_000  # aliases count with all that they stand for, so a "billion laughs" stops here
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
_LONG_LINE = re.compile(rf"[^\n]{{{MAX_LINE + 1}}}")
_INTEGER = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_NUMBER = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_BOOLEANS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_MAX_DIGITS = 300
Step = str | int


@dataclass(frozen=True)
class Node:
    """One place of a YAML file. ``at`` is its line from 1: its key's line where it has a key.

    ``value`` is text, None, a list of nodes, or a dict of nodes. ``is_plain`` tells unquoted text.
    """

    at: int
    value: str | list[Node] | dict[str, Node] | None
    is_plain: bool = False
    size: int = field(default=1, compare=False)

    def child(self, step: Step) -> Node | None:
        """The node under a key or at a position, None when there is none."""
        if isinstance(self.value, dict):
            return self.value.get(str(step))
        if isinstance(self.value, list) and isinstance(step, int) and -len(self.value) <= step < len(self.value):
            return self.value[step]
        return None

    def line(self, path: str | Sequence[Step] = "") -> int:
        """The line of the deepest node on the path that exists; a dotted text may name keys that contain dots."""
        node = self
        for step in _steps_from_text(self, path) if isinstance(path, str) else path:
            found = node.child(step)
            if found is None:
                break
            node = found
        return node.at

    def texts(self) -> Any:
        """Plain Python with every scalar as it was written, None for null."""
        return self._plain(lambda node: node.value)

    def values(self) -> Any:
        """Plain Python by YAML 1.2's core schema: null, true, false, numbers; everything else stays text."""
        return self._plain(_core_value)

    def _plain(self, scalar: Any) -> Any:
        if isinstance(self.value, dict):
            return {key: node._plain(scalar) for key, node in self.value.items()}
        if isinstance(self.value, list):
            return [node._plain(scalar) for node in self.value]
        return scalar(self)


def _core_value(node: Node) -> object:
    text = node.value
    if not isinstance(text, str) or not node.is_plain or len(text) > _MAX_DIGITS:
        return text
    if text in _BOOLEANS:
        return _BOOLEANS[text]
    if _INTEGER.fullmatch(text):
        base = {"0o": 8, "0x": 16}.get(text[:2], 10)
        return int(text, base)
    return float(text) if _NUMBER.fullmatch(text) else text


def _steps_from_text(node: Node, path: str) -> list[Step]:
    steps: list[Step] = []
    rest: str = path
    while rest:
        names = node.value if isinstance(node.value, dict) else {}
        name = max((key for key in names if rest == key or rest.startswith(f"{key}.")), key=len, default="")
        step: Step = name or rest.partition(".")[0]
        if not name and isinstance(node.value, list) and str(step).isdecimal():
            step = int(step)
        steps.append(step)
        found = node.child(step)
        if found is None:
            break
        node, rest = found, rest[len(str(step)) + 1 :]
    return steps


def load(text: bytes, file: str) -> Node:
    """The tree of a YAML file. Raises ConfigError naming every mistake with its line, duplicate keys with both lines."""
    node, problems = read(text, file)
    if problems:
        raise ConfigError(problems)
    return node


def read(text: bytes, file: str) -> tuple[Node, list[Problem]]:
    """The tree, and the keys that are written twice (the first one counts). Raises ConfigError for what is no YAML at all."""
    builder = _Builder(file)
    try:
        for event in YAML(typ="safe", pure=True).parse(_decoded(text, file)):
            builder.take(event)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        words = " ".join(str(part) for part in (error.problem, error.context) if part)
        _refuse(file, mark.line + 1 if mark else 0, *_advice(words))
    except YAMLError as error:
        _refuse(file, 0, f"not YAML: {str(error).splitlines()[0]}")
    except (ValueError, IndexError, AttributeError, AssertionError, OverflowError) as error:
        # ruamel.yaml lets some of these through on text that no one would write (a bad escape, half a directive).
        _refuse(file, 0, f"not YAML: {error}")
    return builder.root or Node(1, {}), builder.problems


def _refuse(file: str, line: int, text: str, hint: str = "", path: str = "-") -> NoReturn:
    raise ConfigError([Problem(file, line, path, text, hint)])


def _advice(words: str) -> tuple[str, str]:
    if r"'\t'" in words or "tab" in words:
        return "a tab cannot indent YAML", "use spaces"
    if "mapping values are not allowed" in words:
        return "not YAML: ': ' stands where no key can be", "quote text that contains ': '"
    return f"not YAML: {' '.join(words.split())}", ""


def _decoded(text: bytes, file: str) -> str:
    if len(text) > MAX_BYTES:
        _refuse(file, 0, f"too large: {len(text):,} bytes, at most {MAX_BYTES:,}")
    try:
        decoded = text.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        _refuse(file, text[: error.start].count(b"\n") + 1, "not UTF-8 text", "save the file as UTF-8")
    if found := _FORBIDDEN.search(decoded):
        line = decoded.count("\n", 0, found.start()) + 1
        _refuse(file, line, f"contains the character U+{ord(found.group()):04X}", "remove it")
    if found := _LONG_LINE.search(decoded):
        _refuse(file, decoded.count("\n", 0, found.start()) + 1, f"a line of more than {MAX_LINE:,} characters")
    return decoded


@dataclass
class _Frame:
    """A list or mapping that is being read."""

    line: int
    is_mapping: bool
    anchor: str | None
    items: list[Node] = field(default_factory=list)
    entries: dict[str, Node] = field(default_factory=dict)
    key: str | None = None
    key_line: int = 0
    size: int = 1


class _Builder:
    """Makes the tree from parser events without recursion, so that depth cannot crash it."""

    def __init__(self, file: str) -> None:
        self.root: Node | None = None
        self.problems: list[Problem] = []
        self._file = file
        self._frames: list[_Frame] = []
        self._anchors: dict[str, Node | None] = {}
        self._documents = 0

    def take(self, event: Event) -> None:
        line = event.start_mark.line + 1
        if isinstance(event, DocumentStartEvent):
            self._documents += 1
            if self._documents > 1:
                _refuse(self._file, line, "a second document begins (---)", "one file holds one document")
        elif isinstance(event, AliasEvent):
            self._alias(str(event.anchor), line)
        elif isinstance(event, ScalarEvent):
            self._check_tag(event, line)
            self._check_escapes(event, line)
            is_plain = event.style is None
            value = None if is_plain and event.value in _NULLS and not self._wants_key() else event.value
            self._add(Node(line, value, is_plain), event.anchor)
        elif isinstance(event, SequenceStartEvent | MappingStartEvent):
            self._check_tag(event, line)
            self._open(_Frame(line, isinstance(event, MappingStartEvent), event.anchor))
        elif type(event).__name__ in ("SequenceEndEvent", "MappingEndEvent"):
            frame = self._frames.pop()
            children = frame.entries if frame.is_mapping else frame.items
            self._add(Node(frame.line, children, size=frame.size), frame.anchor)

    def _wants_key(self) -> bool:
        return bool(self._frames) and self._frames[-1].is_mapping and self._frames[-1].key is None

    def _open(self, frame: _Frame) -> None:
        if self._wants_key():
            _refuse(self._file, frame.line, "a key must be plain text", path=self._path())
        if len(self._frames) >= MAX_DEPTH:
            _refuse(self._file, frame.line, f"nested deeper than {MAX_DEPTH} levels", path=self._path())
        if frame.anchor:
            self._anchors[frame.anchor] = None  # known, but not complete: an alias inside it would be endless
        self._frames.append(frame)

    def _check_tag(self, event: NodeEvent, line: int) -> None:
        tag = str(getattr(event, "tag", None) or "!")
        if tag not in ("!", "tag:yaml.org,2002:str", "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"):
            _refuse(self._file, line, f"the tag {tag} is not allowed", "write plain values", self._path())

    def _check_escapes(self, event: ScalarEvent, line: int) -> None:
        """What may not stand in the file may not be said by an escape either: "\\ud800" is half a character."""
        if event.style == '"' and (found := _FORBIDDEN.search(event.value)):
            _refuse(self._file, line, f"contains the character U+{ord(found.group()):04X}", "remove it", self._path())

    def _alias(self, name: str, line: int) -> None:
        node = self._anchors.get(name)
        if node is None:
            text = "refers to itself" if name in self._anchors else "is not defined above"
            _refuse(self._file, line, f"the alias *{name} {text}", path=self._path())
        self._add(replace(node, at=line), None)

    def _add(self, node: Node, anchor: str | None) -> None:
        if not self._frames:
            self.root = node
            return
        if anchor:
            self._anchors[anchor] = node
        frame = self._frames[-1]
        if self._wants_key():
            self._take_key(frame, node)
            return
        frame.size += node.size
        if frame.size > MAX_NODES:
            _refuse(self._file, node.at, f"more than {MAX_NODES:,} entries", "aliases count in full", self._path())
        if not frame.is_mapping:
            frame.items.append(node)
            return
        key = frame.key or ""
        frame.key = None
        if key in frame.entries:
            first = frame.entries[key].at
            path = ".".join((*self._names(), key))
            self.problems.append(Problem(self._file, frame.key_line, path, f"written twice (first on line {first})"))
            if len(self.problems) >= MAX_TWICE:
                raise ConfigError(self.problems)
        else:
            frame.entries[key] = replace(node, at=frame.key_line)

    def _take_key(self, frame: _Frame, node: Node) -> None:
        if not isinstance(node.value, str):
            _refuse(self._file, node.at, "a key must be plain text", path=self._path())
        if node.value == "<<" and node.is_plain:
            _refuse(self._file, node.at, "merge keys (<<) are not YAML 1.2", "write the entries out", self._path())
        frame.key, frame.key_line = node.value, node.at

    def _names(self) -> list[str]:
        """Where we are: the keys and positions that lead to the frame being filled."""
        outer = self._frames[:-1]
        return [frame.key or "" if frame.is_mapping else str(len(frame.items)) for frame in outer]

    def _path(self) -> str:
        names = self._names()
        if self._frames and self._frames[-1].key is not None:
            names.append(self._frames[-1].key)
        return ".".join(names) or "-"
