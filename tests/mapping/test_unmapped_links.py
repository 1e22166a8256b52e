"""A link whose type the mapping does not name is not lost: a problem for the admin, and a relation until a rule says more."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from sync.core.values import Link, Record, Ref
from sync.mapping.dependencies import AliasIndex, Links, link_up
from sync.mapping.evidence import evidence_from_record
from sync.mapping.rules import ConnectionMapping, Directory
from sync.mapping.schema import parse_mapping

FILE = "mappings/jira-main.yaml"
ONE, TWO = Ref("jira-main:task:1"), Ref("jira-main:task:2")


def mapping(*rules: str) -> ConnectionMapping:
    lines = "\n".join(f"  - {rule}" for rule in rules)
    text = "version: 1\nscope: [PAY]\n" + (f"dependencies:\n{lines}\n" if rules else "")
    return parse_mapping(text.encode(), FILE, Directory())


def record(ref: Ref, *links: Link) -> Record:
    return Record(ref, ref.key, "", "", datetime(2026, 11, 23, tzinfo=UTC), {}, links=links)


def link(type_name: str, is_outward: bool = True, other: Ref = TWO, type_id: str = "7") -> Link:
    return Link("900", type_id, type_name, is_outward, "words", other.key, f"PAY-{other.key}", "另一个任务")


def joined(rules: ConnectionMapping, *records: Record) -> Links:
    evidence = [item for made in records for item in evidence_from_record(made, rules)[0]]
    return link_up(evidence, AliasIndex({item.ref: () for item in records}), {})


def test_it_becomes_a_relation_named_like_its_type() -> None:
    evidence, problems = evidence_from_record(
        record(ONE, link("Includes")), mapping("{link: Blocks, outward: predecessor}")
    )
    assert [(item.relation, item.predecessor, item.successor, item.source_id) for item in evidence] == [
        ("includes", ONE, TWO, "900")
    ]
    assert evidence[0].rule == f"{FILE}:0"
    assert [(item.kind, item.field, item.value, item.file, item.line) for item in problems] == [
        ("unmapped_link", "dependencies", "Includes", FILE, 0)
    ]


def test_seen_from_both_ends_it_is_one_relation_in_the_links_own_direction() -> None:
    rules = mapping()
    both = (record(ONE, link("Includes")), record(TWO, link("Includes", is_outward=False, other=ONE)))
    for records in (both, both[::-1], (*both[:1], record(TWO)), (record(ONE), *both[1:])):
        found = joined(rules, *records)
        assert [(item.source, item.target, item.word) for item in found.relations] == [(ONE, TWO, "includes")]
        assert not found.dependencies


def test_its_far_end_outside_is_an_external_reference() -> None:
    found = joined(mapping(), record(ONE, link("Includes")))
    assert [(item.record, item.text, item.relation) for item in found.external_references] == [
        (ONE, "PAY-2", "includes")
    ]


@pytest.mark.parametrize(
    "rule",
    [
        "{link: includes, outward: predecessor}",
        "{link: '7', outward: predecessor}",
        "{link: Includes, relation: contains}",
    ],
)
def test_a_type_that_a_rule_names_is_left_to_the_rule(rule: str) -> None:
    evidence, problems = evidence_from_record(record(ONE, link("Includes")), mapping(rule))
    assert [item.rule for item in evidence] == [f"{FILE}:4"]
    assert not problems


def test_a_type_that_a_rule_ignores_stays_ignored() -> None:
    assert evidence_from_record(record(ONE, link("Includes")), mapping("{link: Includes, ignore: true}")) == ((), ())


def test_of_two_types_with_one_name_only_the_unnamed_one_is_a_plain_relation() -> None:
    links = (link("依赖", type_id="7"), link("依赖", type_id="8", other=Ref("jira-main:task:3")))
    evidence, problems = evidence_from_record(record(ONE, *links), mapping("{link: '7', outward: predecessor}"))
    assert [(item.relation, item.successor) for item in evidence] == [("", TWO), ("依赖", "jira-main:task:3")]
    assert [item.value for item in problems] == ["依赖"]


def test_a_type_without_a_name_is_still_a_relation_and_never_a_dependency() -> None:
    found = joined(mapping(), record(ONE, link("", type_id="")), record(TWO))
    assert [item.word for item in found.relations] == ["link"]
    assert not found.dependencies
