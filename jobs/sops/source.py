"""Read the SOP folder: each Markdown file with its front matter, its place in the tree, and what it refers to. Pure."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from urllib.parse import unquote

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from sync.core.source_files import SourceFile

MAX_BYTES = 1_000_000
MAX_FRONT_MATTER = 20_000  # characters
INDEX = "index.md"
FENCE = "---"
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")


@dataclass(frozen=True)
class Sop:
    """One SOP file. ``parent`` is the path of the parent SOP, empty at the top; ``id`` outlives a renamed file when given."""

    path: str
    id: str
    title: str
    labels: tuple[str, ...]
    parent: str
    markdown: str
    first_line: int


@dataclass(frozen=True)
class SopProblem:
    """What is wrong with a file: where, and what to do."""

    path: str
    line: int
    text: str


@dataclass(frozen=True)
class SopFolder:
    """The folder as read: SOPs in order (parents before children), other files by path, and what is wrong."""

    sops: tuple[Sop, ...]
    files: Mapping[str, bytes]
    problems: tuple[SopProblem, ...] = field(default=())


def read_folder(files: Iterable[SourceFile]) -> SopFolder:
    """Parse every ``.md`` file. A broken file is a problem, not a stop; two SOPs of one title or id are both left out."""
    by_path = {file.path: file.content for file in files}
    markdown = sorted(path for path in by_path if path.lower().endswith(".md"))
    problems: list[SopProblem] = []
    sops: dict[str, Sop] = {}
    for path in markdown:
        found = _sop_from_file(path, by_path[path], by_path)
        if isinstance(found, SopProblem):
            problems.append(found)
        else:
            sops[path] = found
    for word in ("title", "id"):
        problems += _drop_twins(sops, word)
    problems += _drop_lost_parents(sops)
    others = {path: content for path, content in by_path.items() if path not in markdown}
    return SopFolder(tuple(_parents_first(sops)), others, tuple(problems))


def resolve(path: str, target: str) -> str:
    """A relative target as a path of the folder, "#…" as the file itself; empty for one that would leave the folder."""
    if target.startswith("#"):
        return path
    joined = posixpath.normpath(posixpath.join(posixpath.dirname(path), unquote(target.partition("#")[0])))
    return "" if joined.startswith(("..", "/")) else joined


def _sop_from_file(path: str, content: bytes, by_path: Mapping[str, bytes]) -> Sop | SopProblem:
    if len(content) > MAX_BYTES:
        return SopProblem(path, 1, f"too large: {len(content):,} bytes, at most {MAX_BYTES:,}")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return SopProblem(path, 1, f"not UTF-8 text (byte {error.start}); save the file as UTF-8")
    head, body, first_line = _split(text)
    meta = _front_matter(head)
    if isinstance(meta, str):
        return SopProblem(path, 1, meta)
    title = " ".join(
        str(meta.get("title") or _first_heading(body) or posixpath.splitext(posixpath.basename(path))[0]).split()
    )
    said = str(meta.get("parent") or "")
    parent = resolve(path, said) if said else _folder_index(path, by_path)
    if said and not parent:
        return SopProblem(path, 1, f"parent: {said} is not in the folder")
    return Sop(path, str(meta.get("id") or path), title, tuple(meta.get("labels") or ()), parent, body, first_line)


def _front_matter(head: str) -> dict[str, Any] | str:
    """The names and values of the front matter, or what is wrong with it."""
    if len(head) > MAX_FRONT_MATTER:
        return f"the front matter is too large: at most {MAX_FRONT_MATTER:,} characters"
    try:
        meta = YAML(typ="safe", pure=True).load(head) if head else {}
    except YAMLError as error:
        return f"the front matter is not YAML: {str(error).splitlines()[0]}"
    except (
        ValueError,
        RecursionError,
        OverflowError,
        AttributeError,
        AssertionError,
        IndexError,
        TypeError,
    ) as error:  # an impossible date, brackets without end
        return f"the front matter cannot be read: {error}"
    if meta is None:
        return {}
    if not isinstance(meta, dict):
        return "the front matter is not a list of names and values"
    for name in ("title", "id", "parent"):
        # A number without end is no text, and Python refuses to write it as one.
        if not isinstance(meta.get(name), str | int | float | date | None) or _is_endless(meta.get(name)):
            return f"{name}: expected one text"
    labels = meta.get("labels") or []
    if not isinstance(labels, list) or not all(isinstance(label, str) for label in labels):
        return "labels: expected a list of words"
    texts = (*(str(meta.get(name) or "") for name in ("title", "id", "parent")), *labels)
    if any(_UNPRINTABLE.search(text) for text in texts):
        return "title, id, parent or labels hold a control character or half a character"
    return meta


def _is_endless(value: object) -> bool:
    return isinstance(value, int) and value.bit_length() > 1000


def _split(text: str) -> tuple[str, str, int]:
    """Front matter, body, and the line on which the body starts."""
    lines = text.splitlines(keepends=True)
    if not lines or lines[0].strip() != FENCE:
        return "", text, 1
    for number, line in enumerate(lines[1:], start=1):
        if line.strip() == FENCE:
            return "".join(lines[1:number]), "".join(lines[number + 1 :]), number + 2
    return "", text, 1


def _first_heading(body: str) -> str:
    return next((line[2:].strip() for line in body.splitlines() if line.startswith("# ")), "")


def _folder_index(path: str, by_path: Mapping[str, bytes]) -> str:
    """The index.md of this folder, or for an index.md the one of the folder above."""
    folder = posixpath.dirname(path)
    if posixpath.basename(path) == INDEX:
        if not folder:
            return ""
        folder = posixpath.dirname(folder)
    while True:
        index = posixpath.join(folder, INDEX)
        if index in by_path and index != path:
            return index
        if not folder:
            return ""
        folder = posixpath.dirname(folder)


def _drop_twins(sops: dict[str, Sop], word: str) -> list[SopProblem]:
    by_value: dict[str, list[str]] = {}
    for path, sop in sops.items():
        by_value.setdefault(str(getattr(sop, word)).casefold(), []).append(path)
    problems = []
    for paths in by_value.values():
        for path in paths if len(paths) > 1 else ():
            others = ", ".join(other for other in paths if other != path)
            problems.append(SopProblem(path, 1, f"the same {word} as {others}; a space holds one page of a {word}"))
            del sops[path]
    return problems


def _drop_lost_parents(sops: dict[str, Sop]) -> list[SopProblem]:
    """A SOP whose parent is missing, or is its own descendant, cannot be placed."""
    problems: list[SopProblem] = []
    wrong: dict[str, str] = {"": ""}  # what is wrong with the parents of a path, as far as it is known
    for path in sorted(sops):
        seen: dict[str, None] = {}
        here = path
        while here not in wrong and here in sops and here not in seen:
            seen[here] = None
            here = sops[here].parent
        lost = f"its parent {here} is not a usable SOP of this folder"
        text = "its parents form a circle" if here in seen else wrong.get(here, lost)
        wrong.update(dict.fromkeys(seen, text))
        if text := wrong[path]:
            problems.append(SopProblem(path, 1, text))
    for problem in problems:
        del sops[problem.path]
    return problems


def _parents_first(sops: Mapping[str, Sop]) -> list[Sop]:
    depths: dict[str, int] = {"": -1}
    for path in sops:
        chain = []
        while path not in depths:
            chain.append(path)
            path = sops[path].parent
        depths.update((each, number) for number, each in enumerate(reversed(chain), start=depths[path] + 1))
    return sorted(sops.values(), key=lambda sop: (depths[sop.path], sop.path))
