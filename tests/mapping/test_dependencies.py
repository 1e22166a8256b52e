from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from sync.core.values import Evidence, Ref
from sync.mapping.dependencies import AliasIndex, link_up, names_of

A, B, C = Ref("jira-main:task:1"), Ref("trello-main:task:2"), Ref("jira-two:task:1")
INDEX = AliasIndex(
    {
        A: (A, "PAY-1", "OLD-7", "https://Jira.example.com/browse/PAY-1", "DUP-1"),
        B: (B, "https://trello.com/c/AbC12345", "DUP-1"),
        C: (C, "OPS-1", "DUP-2", "https://wiki.example.com/pages/viewpage.action?pageId=5"),
        Ref("jira-two:task:9"): ("DUP-2",),
    }
)


def evidence(predecessor: str, successor: str, record: Ref = B, **more: object) -> Evidence:
    return replace(Evidence(record, "checklist 依赖", "c1", "m.yaml:3", predecessor, successor, 0.9), **more)


def keys(*items: Evidence, **more: object) -> list[tuple[str, str]]:
    return [(item.key, item.state) for item in link_up(items, INDEX, {}, **more).dependencies]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "connection", "expected"),
    [
        ("pay-1", "trello-main", A),
        ("OLD-7", "trello-main", A),
        ("HTTP://JIRA.example.com:80/browse/PAY-1/?focusedCommentId=3#c", "trello-main", A),
        ("https://jira.example.com/projects/PAY/issues/PAY-1", "trello-main", A),
        ("https://jira.example.com/secure/RapidBoard.jspa?rapidView=1&selectedIssue=PAY-1", "trello-main", A),
        ("https://trello.com/c/AbC12345/17-some-slug", "jira-main", B),
        ("https://trello.com/c/abc12345", "jira-main", "unknown"),  # short links tell case apart
        ("https://wiki.example.com/pages/viewpage.action?pageId=5", "jira-main", C),
        ("https://wiki.example.com/pages/viewpage.action?pageId=6", "jira-main", "unknown"),
        ("DUP-1", "jira-main", A),  # the own connection first
        ("DUP-1", "jira-two", "ambiguous"),
        ("DUP-2", "jira-two", "ambiguous"),
        (str(C), "jira-main", C),
        ("http://[broken", "jira-main", "unknown"),
        ("http://h:port/", "jira-main", "unknown"),
        ("", "jira-main", "unknown"),
    ],
)
def test_texts_name_records(text: str, connection: str, expected: str) -> None:
    assert INDEX.find(text, connection) == expected


@given(st.text(max_size=40))
def test_any_text_can_be_looked_up(text: str) -> None:
    names_of(text)
    names_of(f"https://{text}")


def test_seen_from_both_ends_it_is_one_with_all_evidence() -> None:
    found = link_up([evidence("PAY-1", B), evidence(A, "https://trello.com/c/AbC12345", A, confidence=0.5)], INDEX, {})
    assert [item.key for item in found.dependencies] == [f"{A}>{B}:finish_to_start"]
    assert (len(found.dependencies[0].evidence), found.dependencies[0].confidence) == (2, 0.9)


def test_states() -> None:
    key = f"{A}>{B}:finish_to_start"
    assert keys(evidence("PAY-1", B)) == [(key, "confirmed")]
    assert keys(evidence("PAY-1", B, confidence=0.5)) == [(key, "proposed")]
    assert keys(evidence("PAY-1", B), rejected={key}) == [(key, "rejected")]
    unsure = evidence("PAY-1", B, confidence=0.3)
    assert keys(unsure) == [(key, "proposed")]
    assert keys(unsure, confirmed={key}) == [(key, "confirmed")]


def test_what_we_wrote_keeps_nothing_alive() -> None:
    marked, linked = evidence("PAY-1", B, mark="tieline:t:1"), evidence("PAY-1", B, source_id="77")
    assert keys(marked) == keys(linked, own_link_ids={"trello-main": {"77"}}) == []
    assert keys(linked, own_link_ids={"jira-main": {"77"}}) != []  # another site's id
    weak = evidence("PAY-1", B, confidence=0.3)
    found = link_up([marked, weak], INDEX, {}).dependencies[0]
    assert (found.confidence, found.state, len(found.evidence)) == (0.3, "proposed", 2)
    assert link_up([evidence("X-1", B, mark="tieline:t:1")], INDEX, {}).external_references == ()


def test_an_end_that_is_not_collected_is_kept_as_the_tool_names_it() -> None:
    text, ref = evidence("财务批预算", B), evidence("jira-main:task:99", A, A, other_key="PAY-99", other_title="别处")
    found = link_up([text, ref, evidence("https://x/y.png", B, place="attachment")], INDEX, {}).external_references
    assert [(item.text, item.side, item.title) for item in found] == [
        ("PAY-99", "predecessor", "别处"),
        ("财务批预算", "predecessor", ""),
    ]


def test_a_link_to_itself_is_dropped_and_named() -> None:
    found = link_up([evidence("OLD-7", A, A)], INDEX, {})
    assert found.dependencies == ()
    assert [(item.record, item.kind, item.file, item.line) for item in found.problems] == [
        (A, "self_link", "m.yaml", 3)
    ]


def test_contradictions_keep_both_sides() -> None:
    found = link_up([evidence("PAY-1", B), evidence(B, A, A)], INDEX, {})
    assert (len(found.dependencies), len(found.contradictions)) == (2, 1)
    other = link_up([evidence("PAY-1", B), evidence(B, A, A, type="start_to_start")], INDEX, {})
    assert other.contradictions == ()


def test_a_symmetric_relation_is_one_and_a_directed_one_keeps_its_way() -> None:
    both = [evidence("PAY-1", B, relation="relates"), evidence(B, A, A, relation="relates")]
    assert [(item.source, item.target) for item in link_up(both, INDEX, {}).relations] == [(A, B)]
    directed = [replace(item, relation="duplicates") for item in both]
    assert len(link_up(directed, INDEX, {}).relations) == 2


REFS = st.sampled_from([A, B, C])
ENDS = st.sampled_from([A, B, C, "PAY-1", "OLD-7", "DUP-1", "DUP-2", "nowhere", "https://trello.com/c/AbC12345/x"])
EVIDENCE = st.tuples(REFS, ENDS, st.booleans()).flatmap(
    lambda ends: st.builds(
        Evidence,
        st.just(ends[0]),
        st.sampled_from(["link Blocks", "attachment"]),
        st.sampled_from(["1", "2"]),
        st.sampled_from(["a.yaml:1", "b.yaml:2"]),
        st.just(ends[1] if ends[2] else ends[0]),
        st.just(ends[0] if ends[2] else ends[1]),
        st.sampled_from([0.3, 0.9]),
        st.sampled_from(["finish_to_start", "start_to_start"]),
        st.sampled_from([0, 480]),
        relation=st.sampled_from(["", "relates", "duplicates"]),
        other_title=st.sampled_from(["", "x", "y"]),
        mark=st.sampled_from([None, "tieline:t:1"]),
    )
)


@settings(deadline=None)
@given(st.lists(EVIDENCE, max_size=8).flatmap(lambda items: st.tuples(st.just(items), st.permutations(items))))
def test_the_order_of_evidence_makes_no_difference(orders: tuple[list[Evidence], list[Evidence]]) -> None:
    one, other = (link_up(items, INDEX, {}, {"jira-two": {"2"}}) for items in orders)
    assert one == other
    identities = [(item.predecessor, item.successor, item.type) for item in one.dependencies]
    assert len(identities) == len(set(identities))
    assert all(any(item.mark is None for item in made.evidence) for made in one.dependencies)
