"""Reading Confluence: what the Source port promises, on Cloud, through the gateway and on Data Center."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from connectors.confluence import CONNECTOR
from sandbox.confluence import access
from sandbox.faults import FaultKind
from sync.core.errors import AccessDenied, Nonsense, NotFound
from sync.core.ports import Cursor, KnowledgeBase, Shard, Source
from tests.connectors.confluence_stage import Stage, open_stage

EPOCH = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture(params=["cloud", "gateway", "dc"])
def stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    with open_stage(request.param) as opened:
        yield opened


def test_it_offers_its_ports(stage: Stage) -> None:
    assert isinstance(stage.confluence, Source)
    assert isinstance(stage.confluence, KnowledgeBase)


def test_it_says_who_and_where_it_is(stage: Stage) -> None:
    identity = stage.confluence.identify()
    assert identity.account.name == "Tieline"
    assert identity.fingerprint == f"confluence:{stage.box.url(stage.simulator.name).removeprefix('http://')}" + (
        "/confluence" if stage.kind == "dc" else "/wiki"
    )
    assert stage.confluence.vocabulary().scopes.keys() == {stage.space}


def test_a_bad_token_is_noticed_even_where_it_silently_becomes_anonymous(stage: Stage) -> None:
    with pytest.raises(AccessDenied, match="token"):
        stage.connect(token="wrong-token").identify()


def test_doctor_finds_everything_in_order(stage: Stage) -> None:
    probes = list(stage.confluence.probes())
    assert {probe.is_ok for probe in probes} == {True, None}
    assert stage.writes() == []


def test_doctor_names_the_cure(stage: Stage) -> None:
    stage.simulator.hide_space(stage.space)
    bad = [probe for probe in stage.confluence.probes() if probe.is_ok is False]
    assert bad
    assert all(probe.cure for probe in bad)
    assert f"see space {stage.space}" in {probe.operation for probe in bad}


@pytest.mark.parametrize("options", [{}, {"labels": False, "restrictions": False}, {"bodies": False}])
def test_all_pages_are_read_once_with_their_values(stage: Stage, options: dict[str, Any]) -> None:
    ids = stage.add_pages(60)
    stage.simulator.label(ids[0], "raci")
    confluence = stage.connect(**options)
    records = [CONNECTOR.record_from_raw(raw, confluence.settings) for raw in stage.read(confluence=confluence)]
    keys = [record.key for record in records]
    assert len(keys) == len(set(keys))
    assert set(keys) == {page.id for page in stage.simulator.site.pages.values()}
    first = next(record for record in records if record.key == ids[0])
    assert (first.title, first.scope, first.values["version"]["number"]) == ("页 0", stage.space, 1)
    assert first.values["body"] == ("" if options.get("bodies") is False else "<p>0</p>")
    assert first.values["labels"] == ([] if options.get("labels") is False and stage.kind != "dc" else ["raci"])
    assert first.values["parentId"]
    assert first.accounts
    assert all(record.visibility == "open" for record in records)


def test_an_invisible_space_is_named(stage: Stage) -> None:
    with pytest.raises(NotFound, match="NOPE"):
        list(stage.confluence.shards("pages", None, "NOPE"))
    with pytest.raises(NotFound, match="NOPE"):
        list(stage.confluence.census("pages", "NOPE"))


@pytest.mark.parametrize("options", [{}, {"labels": False, "restrictions": False}])
def test_an_edit_is_read_again_and_nothing_much_older(stage: Stage, options: dict[str, Any]) -> None:
    [edited, *_] = stage.add_pages(3)
    for page in stage.simulator.site.pages.values():
        page.versions[-1] = _older(page.versions[-1], timedelta(days=1))
    stage.simulator.edit_page(edited, storage="<p>neu</p>")
    now = stage.simulator.site.pages[edited].latest.when
    confluence = stage.connect(**options)
    for since in (now, now + timedelta(minutes=5)):
        assert [raw.ref.key for raw in stage.read(Cursor("pages", stage.space, since), confluence)] == [edited]
    assert stage.read(Cursor("pages", stage.space, now + timedelta(minutes=11)), confluence) == []
    assert len(stage.read(Cursor("pages", stage.space, EPOCH), confluence)) == len(stage.read(None, confluence))


def _older(version: Any, by: timedelta) -> Any:
    from dataclasses import replace

    return replace(version, when=version.when - by)


def test_an_incremental_read_begins_with_the_newest_and_stops_early(stage: Stage) -> None:
    ids = stage.add_pages(130 if stage.kind == "dc" else 280)
    for number, page in enumerate(stage.simulator.site.pages.values()):
        page.versions[-1] = _older(page.versions[-1], timedelta(hours=12, minutes=-number))
    for edited in (ids[-1], ids[0]):
        stage.simulator.edit_page(edited, storage="<p>neu</p>")
    now = stage.simulator.site.pages[ids[0]].latest.when
    confluence = stage.connect(labels=False, restrictions=False)
    stage.box.forget_requests()
    assert {raw.ref.key for raw in stage.read(Cursor("pages", stage.space, now), confluence)} == {ids[0], ids[-1]}
    assert len([path for _, path in stage.requests if path.endswith(("/pages", "/content/search"))]) == 1


LISTS = r"GET .*/(pages|content|content/search)$"


@pytest.mark.parametrize(
    ("kind", "is_first"), list(product(["short_page", "empty_page", "edited_between_pages"], [True, False]))
)
def test_listings_that_stumble_lose_nothing(stage: Stage, kind: FaultKind, is_first: bool) -> None:
    stage.add_pages(230 if stage.kind == "dc" else 300)
    confluence = stage.connect(labels=False, restrictions=False)
    everything = {page.id for page in stage.simulator.site.pages.values()}
    cursors = (None, Cursor("pages", stage.space, EPOCH))
    for cursor in cursors:
        stage.plan(kind, LISTS, skip=0 if is_first else 1)
        keys = [raw.ref.key for raw in stage.read(cursor, confluence)]
        if kind != "edited_between_pages" or cursor is None:
            assert set(keys) == everything
        assert len(keys) == len(set(keys))
        assert not stage.simulator.faults.pending()
    stage.plan(kind, LISTS, skip=0 if is_first else 1)
    assert {item for page in confluence.census("pages", stage.space) for item in page} == everything


def test_a_listing_that_repeats_itself_raises(stage: Stage) -> None:
    stage.add_pages(120)
    stage.plan("repeated_page", LISTS, times=1000)
    with pytest.raises(Nonsense):
        list(stage.confluence.census("pages", stage.space))


@pytest.mark.parametrize("kind", ["rate_limited", "server_error", "html", "truncated", "reset"])
def test_reading_survives_a_passing_fault(stage: Stage, kind: FaultKind) -> None:
    stage.plan(kind, r"GET .*/(pages|content)", times=1, value=0)
    assert len(stage.read()) == len(stage.simulator.site.pages)


def test_exact_pages_are_picked_and_missing_ones_left_out(stage: Stage) -> None:
    first, second, gone, trashed, archived = stage.add_pages(5)
    stage.simulator.purge(gone)
    stage.simulator.trash(trashed)
    stage.simulator.archive(archived)
    shards = list(stage.confluence.pick("pages", stage.space, [first, gone, second, trashed, archived]))
    found = [raw.ref.key for shard in shards for page in stage.confluence.fetch(shard) for raw in page]
    assert found == [first, second]
    census = {item for page in stage.confluence.census("pages", stage.space) for item in page}
    assert not census & {gone, trashed, archived}
    answers = [stage.confluence.look_up("pages", each) for each in (first, gone, trashed, archived)]
    assert answers == ["here", "hidden", "deleted", "archived"]


def test_a_page_in_another_space_has_moved(stage: Stage) -> None:
    stage.simulator.site.add_space("ELSE", "Elsewhere", stage.simulator.tieline_id())
    page = stage.simulator.create_page("ELSE", "Gone there")
    assert stage.confluence.look_up("pages", page.id) == "moved"


def test_restricted_pages_and_all_below_them_are_marked(stage: Stage) -> None:
    parent, other = stage.add_pages(2)
    child = stage.simulator.create_page(stage.space, "名单", "<p>x</p>", parent_id=parent).id
    grandchild = stage.simulator.create_page(stage.space, "细目", "<p>x</p>", parent_id=child).id
    stage.simulator.restrict(parent, readers=(stage.simulator.tieline_id(),))
    seen = {raw.ref.key: raw.visibility for raw in stage.read()}
    assert {key for key, word in seen.items() if word == "restricted"} == {parent, child, grandchild}
    assert seen[other] == "open"
    closed = stage.connect(restricted_spaces=[stage.space])
    assert {raw.visibility for raw in stage.read(confluence=closed)} == {"restricted"}


def test_what_cannot_be_proven_open_counts_as_restricted(stage: Stage) -> None:
    if stage.kind != "gateway":
        pytest.skip("only the gateway grants scopes one by one")
    stage.simulator.scopes = frozenset(
        each for each in access.ALL_SCOPES if not each.startswith("read:confluence-content")
    )
    assert {raw.visibility for raw in stage.read()} == {"restricted"}


@pytest.mark.parametrize("kind", ["unauthorized", "html"])
def test_a_refusal_that_says_nothing_of_the_page_ends_the_read_and_closes_no_page(
    stage: Stage, kind: FaultKind
) -> None:
    """Else an open page would be masked until it is read again, days later."""
    path = "restriction" if stage.kind != "dc" else "/content"
    stage.plan(kind, path, times=1000)
    with pytest.raises((AccessDenied, Nonsense)):
        stage.read()
    stage.simulator.faults.clear()
    assert {raw.visibility for raw in stage.read()} == {"open"}


def test_shards_can_be_read_by_anybody(stage: Stage) -> None:
    shards = list(stage.confluence.shards("pages", None, stage.space))
    copies = [Shard(each.stream, each.scope, each.ids, dict(each.position)) for each in shards]
    assert {raw.ref for each in copies for page in stage.connect().fetch(each) for raw in page} == {
        raw.ref for raw in stage.read()
    }


def test_importing_the_manifest_is_cheap() -> None:
    import subprocess
    import sys

    code = "import sys, connectors.confluence; print([name for name in ('httpx', 'requests', 'atlassian') if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2]
    )
    assert done.stdout.strip() == "[]"
