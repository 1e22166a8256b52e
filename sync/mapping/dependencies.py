"""Evidence as dependencies, relations and external references: the other end is found by its aliases over all connections.

Pure, and independent of the order of its input.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import cached_property
from typing import Literal
from urllib.parse import parse_qs, unquote, urlsplit

from msgspec import Struct
from msgspec.structs import replace

from sync.core.values import Dependency, DependencyState, Evidence, ExternalReference, Ref, Relation
from sync.mapping.problems import MappingProblem

# Relations that say the same from both ends: their ends are put in order, so that both ends are one relation.
SYMMETRIC = frozenset({"relates", "related", "relates_to", "similar"})
_KEY = re.compile(r"[A-Za-z][A-Za-z0-9_]{1,20}-\d{1,9}")
_CARD = re.compile(r"(/c/[A-Za-z0-9]+)(/.*)?")  # Trello: what follows the short link is only for reading
_ISSUE = re.compile(r".*/(?:issues|browse)/([A-Z][A-Z0-9_]+-\d+)/?", re.IGNORECASE)  # Jira: /projects/PAY/issues/PAY-1
_PORTS = {"http": 80, "https": 443}
Unresolved = Literal["unknown", "ambiguous"]


class Contradiction(Struct, frozen=True):
    """Two dependencies of one type that cannot both be true: each end waits for the other. Both are kept; a person decides."""

    first: Dependency
    second: Dependency

    @property
    def key(self) -> str:
        return f"{self.first.key}|{self.second.key}"


class Links(Struct, frozen=True):
    """All that evidence amounts to, each in the order of its identity."""

    dependencies: tuple[Dependency, ...] = ()
    relations: tuple[Relation, ...] = ()
    external_references: tuple[ExternalReference, ...] = ()
    contradictions: tuple[Contradiction, ...] = ()
    problems: tuple[MappingProblem, ...] = ()


def names_of(text: str) -> tuple[str, ...]:
    """The forms under which a key or URL is looked up, the most exact first."""
    text = text.strip()
    if "//" not in text:
        return _plain_name(text)
    try:
        parts = urlsplit(text)
        port, host = parts.port, (parts.hostname or "").lower()
    except ValueError:  # half an IPv6 address, a port that is no number
        return (text,)
    if parts.scheme.lower() not in _PORTS or not host:
        return _plain_name(text)
    site = host if port in (None, _PORTS[parts.scheme.lower()]) else f"{host}:{port}"
    path = unquote(parts.path).rstrip("/")
    if found := _CARD.fullmatch(path):
        path = found[1]
    names = [f"//{site}{path}?{parts.query}"] if parts.query else []
    names.append(f"//{site}{path}")
    issue = _ISSUE.fullmatch(path)
    key = issue[1] if issue else next(iter(parse_qs(parts.query).get("selectedIssue", ())), "")
    if key:
        prefix = re.split(r"/(?:projects|browse|issues|jira|secure)(?:/|$)", path, maxsplit=1)[0]
        names.append(f"//{site}{prefix}/browse/{key.upper()}")
    return tuple(dict.fromkeys(names))


def _plain_name(text: str) -> tuple[str, ...]:
    """A key in capitals, or any other text as it is."""
    return (text.upper() if _KEY.fullmatch(text) else text,) if text else ()


class AliasIndex:
    """Which record a text names, over all connections. ``aliases`` are all texts of each record, present and past."""

    def __init__(self, aliases: Mapping[Ref, Iterable[str]]) -> None:
        self._aliases = aliases

    @cached_property
    def _by_name(self) -> dict[str, set[Ref]]:
        # Made when first needed: tools whose links give ids, as Jira's do, mostly never ask for a name.
        by_name: dict[str, set[Ref]] = {}
        for ref, texts in self._aliases.items():
            for text in texts:
                # Only a record's exact address is its name: without its query, every page of a wiki would be the same.
                for name in names_of(text)[:1]:
                    by_name.setdefault(name, set()).add(ref)
        return by_name

    def find(self, text: str, connection: str) -> Ref | Unresolved:
        """The record a text names, seen from a connection: its own records first, then others where only one has the name."""
        if text in self._aliases:
            return Ref(text)
        for name in names_of(text):
            found = self._by_name.get(name, set())
            own = {ref for ref in found if ref.connection == connection}
            for candidates in (own, found):
                if len(candidates) == 1:
                    return next(iter(candidates))
                if candidates:
                    return "ambiguous"
        return "unknown"


def link_up(
    evidence: Iterable[Evidence],
    index: AliasIndex,
    thresholds: Mapping[str, float],
    own_link_ids: Mapping[str, Collection[str]] | None = None,
    rejected: Collection[str] = (),
    confirmed: Collection[str] = (),
) -> Links:
    """Join all evidence. ``thresholds`` and ``own_link_ids`` (vendor ids of links that Tieline wrote) are by connection;
    ``rejected`` and ``confirmed`` are the keys of dependencies that a person has denied, or said to be right.

    What Tieline wrote itself is evidence only beside somebody else's.
    """
    own = own_link_ids or {}
    groups = _grouped(evidence, index)

    def believed(kind: str) -> Iterator[tuple[tuple[str, ...], list[Evidence]]]:
        return ((key, items) for key, items in sorted(groups[kind].items()) if _independent(items, own))

    said: dict[str, DependencyState] = {**dict.fromkeys(confirmed, "confirmed"), **dict.fromkeys(rejected, "rejected")}
    dependencies = tuple(_dependency(key, items, thresholds, own, said) for key, items in believed("dependency"))
    return Links(
        dependencies,
        tuple(Relation(Ref(key[0]), Ref(key[1]), key[2], tuple(items)) for key, items in believed("relation")),
        tuple(_reference(key, items) for key, items in believed("reference")),
        tuple(contradictions_of(dependencies)),
        tuple(_self_link(items[0]) for _, items in sorted(groups["self"].items())),
    )


def _grouped(evidence: Iterable[Evidence], index: AliasIndex) -> dict[str, dict[tuple[str, ...], list[Evidence]]]:
    """Evidence by what it speaks for: a dependency, a relation, a reference to something not collected, or itself."""
    groups: dict[str, dict[tuple[str, ...], list[Evidence]]] = {
        "dependency": {},
        "relation": {},
        "reference": {},
        "self": {},
    }
    for item in sorted(set(evidence), key=_order):
        ends = _ends(item, index)
        kind, key = _group_of(item, ends)
        # Most attachments are files and name no work at all.
        if kind != "reference" or item.place != "attachment":
            groups[kind].setdefault(key, []).append(item)
    return groups


def _group_of(item: Evidence, ends: tuple[Ref, Ref] | str) -> tuple[str, tuple[str, ...]]:
    if isinstance(ends, str):
        side = "successor" if item.predecessor == item.record else "predecessor"
        return "reference", (item.record, ends, side, item.relation)
    if ends[0] == ends[1]:
        named = item.successor if item.predecessor == item.record else item.predecessor
        return "self", (item.record, named, item.rule, item.place)
    if item.relation:
        return "relation", _relation_ends(ends, item.relation)
    return "dependency", (*ends, item.type)


def _ends(item: Evidence, index: AliasIndex) -> tuple[Ref, Ref] | str:
    """Both ends as refs; or the text of the end that is not ours, as the tool names it."""
    ends: list[Ref] = []
    for text in (item.predecessor, item.successor):
        found = item.record if text == item.record else index.find(text, item.record.connection)
        if not isinstance(found, Ref):
            return item.other_key or text
        ends.append(found)
    return ends[0], ends[1]


def _relation_ends(ends: tuple[Ref, Ref], word: str) -> tuple[str, str, str]:
    first, second = sorted(ends) if word in SYMMETRIC else ends
    return first, second, word


def _order(item: Evidence) -> tuple[object, ...]:
    return (
        item.record, item.place, item.source_id, item.rule, item.predecessor, item.successor, item.type, item.relation,
        -item.confidence, item.lag_minutes, item.lag_unit, item.other_title, item.mark or "", item.other_key,
    )  # fmt: skip


def _independent(items: Iterable[Evidence], own: Mapping[str, Collection[str]]) -> list[Evidence]:
    """The evidence that Tieline did not write itself."""
    return [item for item in items if item.mark is None and item.source_id not in own.get(item.record.connection, ())]


def _dependency(
    key: tuple[str, ...],
    items: list[Evidence],
    thresholds: Mapping[str, float],
    own: Mapping[str, Collection[str]],
    said: Mapping[str, DependencyState],
) -> Dependency:
    believed = _independent(items, own)
    best = min(believed, key=lambda item: (-item.confidence, *_order(item)))
    is_sure = any(item.confidence >= thresholds.get(item.record.connection, 0.8) for item in believed)
    state: DependencyState = "confirmed" if is_sure else "proposed"
    made = Dependency(
        Ref(key[0]), Ref(key[1]), best.type, best.lag_minutes, best.lag_unit, best.confidence, state, tuple(items)
    )
    return replace(made, state=said.get(made.key, made.state))


def _reference(key: tuple[str, ...], items: list[Evidence]) -> ExternalReference:
    record, text, side, relation = key
    title = next((item.other_title for item in items if item.other_title), "")
    kind: Literal["predecessor", "successor"] = "predecessor" if side == "predecessor" else "successor"
    return ExternalReference(Ref(record), text, kind, relation, title, tuple(items))


def _self_link(item: Evidence) -> MappingProblem:
    text = "it names itself as the item it depends on or relates to"
    file, _, line = item.rule.rpartition(":")
    value = item.successor if item.predecessor == item.record else item.predecessor
    return MappingProblem(item.record, "self_link", text, item.place, value, file, int(line) if line.isdecimal() else 0)


def contradictions_of(dependencies: Iterable[Dependency]) -> Iterator[Contradiction]:
    """Each pair of dependencies of one type that wait for each other, once."""
    by_ends = {(item.predecessor, item.successor, item.type): item for item in dependencies if item.state != "rejected"}
    for (predecessor, successor, kind), item in by_ends.items():
        reverse = by_ends.get((successor, predecessor, kind))
        if reverse and predecessor < successor:
            yield Contradiction(item, reverse)
