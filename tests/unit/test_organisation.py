"""Departments are told parents first, each once, whatever their tree looks like."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sync.core.organisation import OrgDepartment, parents_first

IDS = st.sampled_from("abcdefg")


@given(st.dictionaries(IDS, st.one_of(st.just(""), IDS, st.just("unseen"))))
def test_each_department_once_and_after_its_parent(parents: dict[str, str]) -> None:
    told: list[OrgDepartment] = [
        item
        for level in parents_first(OrgDepartment(key, key, parent) for key, parent in parents.items())
        for item in level
    ]
    assert sorted(item.id for item in told) == sorted(parents)
    before: set[str] = set()
    for item in told:
        assert item.parent_id == "" or item.parent_id in before
        before.add(item.id)


@given(st.dictionaries(IDS, st.one_of(st.just(""), IDS)))
def test_only_what_has_no_place_becomes_a_root(parents: dict[str, str]) -> None:
    """A department whose line of parents ends at a root keeps its parent."""
    told = {
        item.id: item for level in parents_first(OrgDepartment(k, k, p) for k, p in parents.items()) for item in level
    }
    for key in parents:
        seen, at = [key], parents[key]
        while at and at in parents and at not in seen:
            seen.append(at)
            at = parents[at]
        if not at:
            assert told[key].parent_id == parents[key]
