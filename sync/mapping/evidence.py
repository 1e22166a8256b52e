"""What a record says about other items: each link, checklist item, attachment and text that a dependency rule reads."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from fnmatch import fnmatchcase
from typing import Any

from sync.core.values import Evidence, Link, Mention, Record, Ref
from sync.core.vocabulary import folded
from sync.mapping.conversion import is_empty, text_from
from sync.mapping.paths import accessor, field_accessor
from sync.mapping.patterns import keys_in
from sync.mapping.problems import MappingProblem
from sync.mapping.rules import ConnectionMapping, DependencyRule

_URL = re.compile(r"https?://[^\s<>\"'\\|)\]（），。；、】]+", re.IGNORECASE)
_KEY = re.compile(r"(?<![\w-])[A-Z][A-Z0-9_]{1,20}-\d{1,9}(?![\w-])")
_MAX_TEXT = 2_000
_MAX_NAMES = 50


def evidence_from_record(
    record: Record, mapping: ConnectionMapping
) -> tuple[tuple[Evidence, ...], tuple[MappingProblem, ...]]:
    """All evidence the mapping's rules find in the record, in a stable order; and links whose type no rule names: such a link is
    a problem, and until a rule says more, a relation named like its type."""
    found: list[Evidence] = []
    unwritten = _unwritten_rules(record, mapping)
    for rule in (*mapping.dependencies, *unwritten):
        if not rule.is_ignored:
            found.extend(_BY_SELECTOR[rule.selector](record, rule))
    return tuple(dict.fromkeys(found)), tuple(_unmapped_link(record, rule) for rule in unwritten)


def _links(record: Record, rule: DependencyRule) -> Iterator[Evidence]:
    for link in record.links:
        if _is_of_type(link, rule):
            side = rule.outward if not rule.relation else "predecessor"
            is_first = link.is_outward == (side == "predecessor")
            other = Ref.of(record.ref.connection, "task", link.other_id) if link.other_id else link.other_key
            place = f"link {link.type_name or link.type_id}"
            yield _evidence(record, rule, place, link.id, other, not is_first, link.other_title, None, link.other_key)


def _is_of_type(link: Link, rule: DependencyRule) -> bool:
    wanted = folded(rule.names[0])
    return wanted in (folded(link.type_id), folded(link.type_name)) and bool(link.other_id or link.other_key)


def _fields(record: Record, rule: DependencyRule) -> Iterator[Evidence]:
    raw = field_accessor(rule.names[0])(record.values)
    for name in names_in(_texts(raw), keeps_text=True):
        yield _named(record, rule, f"field {rule.label or rule.names[0]}", rule.names[0], name)


def _checklists(record: Record, rule: DependencyRule) -> Iterator[Evidence]:
    wanted = {folded(name) for name in rule.names}
    for mention in record.mentions:
        if mention.where == "checklist" and folded(mention.title) in wanted:
            for name in names_in([mention.text], keeps_text=True):
                yield _named(record, rule, f"checklist {mention.title}", mention.id, name, mention)


def _attachments(record: Record, rule: DependencyRule) -> Iterator[Evidence]:
    yield from _mentioned(record, rule, "attachment")


def _remote_links(record: Record, rule: DependencyRule) -> Iterator[Evidence]:
    yield from _mentioned(record, rule, "remote_link")


def _mentioned(record: Record, rule: DependencyRule, where: str) -> Iterator[Evidence]:
    patterns = [folded(name) for name in rule.names]
    for mention in record.mentions:
        if mention.where == where and any(fnmatchcase(folded(mention.title), pattern) for pattern in patterns):
            for name in names_in([mention.text], keeps_text=False):
                yield _named(record, rule, where, mention.id, name, mention)


def _written_texts(record: Record, rule: DependencyRule) -> Iterator[Evidence]:
    raw = accessor(rule.names[0])(record.values)
    for text in _texts(raw):
        for name in keys_in(rule.pattern, text):
            yield _named(record, rule, f"text {rule.names[0]}", f"{rule.names[0]}:{name}", name)


_BY_SELECTOR: dict[str, Callable[[Record, DependencyRule], Iterator[Evidence]]] = {
    "link": _links,
    "field": _fields,
    "checklist": _checklists,
    "attachment": _attachments,
    "remote_link": _remote_links,
    "text": _written_texts,
}


def _named(
    record: Record, rule: DependencyRule, place: str, source_id: str, name: str, mention: Mention | None = None
) -> Evidence:
    other_is_first = not rule.relation and rule.other == "predecessor"
    title = mention.title if mention and mention.where != "checklist" else ""
    return _evidence(record, rule, place, source_id, name, other_is_first, title, mention.mark if mention else None)


def _evidence(
    record: Record,
    rule: DependencyRule,
    place: str,
    source_id: str,
    other: str,
    other_is_first: bool,
    other_title: str,
    mark: str | None,
    other_key: str = "",
) -> Evidence:
    return Evidence(
        record=record.ref,
        place=place,
        source_id=source_id,
        rule=rule.rule,
        predecessor=other if other_is_first else record.ref,
        successor=record.ref if other_is_first else other,
        confidence=rule.confidence,
        type=rule.type,
        lag_minutes=rule.lag_minutes,
        lag_unit=rule.lag_unit,
        relation=rule.relation,
        other_title=other_title,
        mark=mark,
        other_key=other_key,
    )


def _texts(raw: Any) -> list[str]:
    """The texts of a field: one, or a list of texts or of objects with a key, URL or name."""
    texts: list[str] = []
    for item in raw if isinstance(raw, list | tuple) else [raw]:
        if isinstance(item, dict):
            item = next((item[key] for key in ("key", "url", "name", "value") if isinstance(item.get(key), str)), None)
        if not is_empty(item) and isinstance(item, str | int):
            texts.append(text_from(item))
    return texts


def names_in(texts: Iterable[str], keeps_text: bool) -> list[str]:
    """The URLs in the texts, else the keys; a text with neither is kept whole where a person wrote it as a name."""
    found: list[str] = []
    for text in texts:
        text = text[:_MAX_TEXT].strip()
        # A URL holds its item's key, and often its title: keys beside URLs would name the same item twice.
        here = [url.rstrip(".,;:!?") for url in _URL.findall(text)] or _KEY.findall(text)
        found += here or ([text] if keeps_text and text else [])
    return list(dict.fromkeys(found))[:_MAX_NAMES]


def _unwritten_rules(record: Record, mapping: ConnectionMapping) -> list[DependencyRule]:
    """A rule for each link type of the record that no rule names: a relation called by the type's own name."""
    if not record.links:
        return []
    known = {folded(rule.names[0]) for rule in mapping.dependencies if rule.selector == "link"}
    unknown = {
        (link.type_name or link.type_id, link.type_id or link.type_name)
        for link in record.links
        if not {folded(link.type_id), folded(link.type_name)} & known
    }
    return [
        # By id where there is one: a rule may name another type of the same name by its id.
        DependencyRule(mapping.file, 0, "link", names=(wanted,), label=name, relation=folded(name) or "link")
        for name, wanted in sorted(unknown)
    ]


def _unmapped_link(record: Record, rule: DependencyRule) -> MappingProblem:
    text = "no rule under dependencies: says what this link means; it is kept as a relation"
    return MappingProblem(record.ref, "unmapped_link", text, "dependencies", rule.label, rule.file)
