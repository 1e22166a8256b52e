"""Doors, pages, lists and the tree of the Confluence simulator, over real HTTP, as the fact sheet has it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from sandbox.confluence.access import CLOUD_ID, DC_PASSWORD, DC_USER, EMAIL, OAUTH_TOKEN, SCOPED_TOKEN
from sandbox.faults import Fault
from tests.sandbox.confluence_sites import (
    V1,
    V2,
    Site,
    all_v2,
    running_cloud,
    running_dc,
    title_of_error,
)


@pytest.fixture
def cloud() -> Iterator[Site]:
    with running_cloud() as site:
        yield site


@pytest.fixture
def dc() -> Iterator[Site]:
    with running_dc() as site:
        yield site


# -- who may come in


def test_absent_and_wrong_credentials_are_refused_in_the_vendors_shapes(cloud: Site, dc: Site) -> None:
    with httpx.Client() as client:
        assert title_of_error(client.get(f"{cloud.url}{V2}/spaces")) == "Unauthorized"
        assert client.get(f"{cloud.url}{V2}/spaces", auth=(EMAIL, "wrong")).status_code == 401
        assert client.get(f"{cloud.url}{V2}/spaces", auth=(EMAIL, SCOPED_TOKEN)).status_code == 401
        v1 = client.get(f"{cloud.url}{V1}/search")
        assert (v1.status_code, v1.json()["status-code"]) == (401, 401)
        gateway = client.get(f"{cloud.url}/ex/confluence/{CLOUD_ID}/wiki/api/v2/spaces")
        assert (gateway.status_code, gateway.json()) == (401, {"code": 401, "message": "Unauthorized"})
        assert client.get(f"{dc.url}/rest/api/space").status_code == 401
        assert client.get(f"{dc.url}/rest/api/space", auth=(DC_USER, "wrong")).status_code == 401
        assert client.get(f"{dc.url}/rest/api/space", auth=(DC_USER, DC_PASSWORD)).json()["size"] == 1


def test_a_bad_pat_degrades_to_anonymous(dc: Site) -> None:
    headers = {"authorization": "Bearer expired"}
    with httpx.Client(base_url=dc.url, headers=headers) as client:
        assert client.get("/rest/api/user/current").json()["type"] == "anonymous"
        assert client.get("/rest/api/space").json()["results"] == []
        assert client.get(f"/rest/api/content/{dc.home_id}").status_code == 404
        assert client.post("/rest/api/content", json={"type": "page"}).status_code == 403
    assert dc.client.get("/rest/api/user/current").json()["username"] == "tieline"


def test_the_gateway_asks_for_the_right_family_of_scopes_and_has_lost_v1_content(cloud: Site) -> None:
    headers = {"authorization": f"Bearer {OAUTH_TOKEN}"}
    with httpx.Client(base_url=f"{cloud.url}/ex/confluence/{CLOUD_ID}", headers=headers) as client:
        first = client.get("/wiki/api/v2/pages", params={"limit": 1})
        assert first.json()["_links"]["next"].startswith("/wiki/api/v2/pages?")
        assert client.get("/api/v2/pages").status_code == 200
        gone = client.get(f"/wiki/rest/api/content/{cloud.home_id}")
        assert gone.status_code == 410
        assert "This deprecated endpoint has been removed" in gone.json()["message"]
        assert client.get("/wiki/rest/api/search", params={"cql": "type=page"}).status_code == 200
        cloud.simulator.scopes = frozenset({"read:page:confluence", "read:space-details:confluence"})
        refused = client.get("/wiki/rest/api/search", params={"cql": "type=page"})
        assert refused.json() == {"code": 401, "message": "Unauthorized; scope does not match"}
        assert client.get("/wiki/api/v2/spaces").status_code == 401
        assert client.get("/wiki/api/v2/pages").status_code == 200


def test_v1_content_works_on_the_site_url_until_it_is_switched_off(cloud: Site) -> None:
    assert cloud.client.get(f"{V1}/content/{cloud.home_id}").status_code == 200
    cloud.simulator.switch(v1_content_is_open=False)
    assert cloud.client.get(f"{V1}/content/{cloud.home_id}").status_code == 410


# -- pages, v2


def test_a_page_is_created_under_the_home_page_and_read_without_a_body(cloud: Site) -> None:
    made = cloud.create("状态页").json()
    assert (made["version"]["number"], made["parentId"], made["parentType"]) == (1, cloud.home_id, "page")
    assert cloud.client.get(f"{V2}/pages/{made['id']}").json()["body"] == {}
    body = cloud.client.get(f"{V2}/pages/{made['id']}", params={"body-format": "storage"}).json()["body"]
    assert body == {"storage": {"representation": "storage", "value": "<p>text</p>"}}
    top = cloud.client.post(f"{V2}/pages?root-level=true", json={"spaceId": cloud.space_id, "title": "Top"}).json()
    assert top["parentId"] is None


def test_an_update_needs_all_fields_and_the_next_version(cloud: Site) -> None:
    page_id = cloud.create("A").json()["id"]
    conflict = cloud.update(page_id, 3)
    assert conflict.status_code == 409
    assert title_of_error(conflict) == "Version must be incremented on update. Current version is: 1"
    assert cloud.update(page_id, 2).json()["version"]["number"] == 2
    for name in ("id", "status", "title", "body", "version"):
        missing: dict[str, Any] = {name: None}
        assert cloud.update(page_id, 3, **missing).status_code == 400
    assert cloud.update(page_id, 3, colour="red").status_code == 400
    assert cloud.update(page_id, 3, spaceId="1").status_code == 400
    versions = all_v2(cloud, f"{V2}/pages/{page_id}/versions", limit=1)
    assert [version["number"] for version in versions] == [2, 1]


def test_titles_are_unique_whatever_their_case_but_looked_up_with_it(cloud: Site) -> None:
    page_id = cloud.create("Weekly Report").json()["id"]
    taken = cloud.create("weekly report")
    assert taken.status_code == 400
    assert "title already exists" in title_of_error(taken)
    params = {"space-id": cloud.space_id, "title": "weekly report", "status": "current"}
    assert cloud.client.get(f"{V2}/pages", params=params).json()["results"] == []
    assert len(cloud.client.get(f"{V2}/pages", params={**params, "title": "Weekly Report"}).json()["results"]) == 1
    assert cloud.client.delete(f"{V2}/pages/{page_id}").status_code == 204
    assert cloud.client.get(f"{V2}/pages/{page_id}").json()["status"] == "trashed"
    again = cloud.create("weekly report")
    assert again.status_code == 200
    restored = cloud.update(page_id, 2, "Weekly Report")
    assert (restored.status_code, cloud.simulator.site.pages[page_id].status) == (400, "trashed")
    cloud.simulator.purge(again.json()["id"])
    assert cloud.update(page_id, 2, "Weekly Report").json()["status"] == "current"
    assert cloud.simulator.site.pages[page_id].latest.storage == "<p>text</p>"


def test_purge_takes_only_what_is_in_the_trash(cloud: Site) -> None:
    page_id = cloud.create("A").json()["id"]
    assert cloud.client.delete(f"{V2}/pages/{page_id}?purge=true").status_code == 400
    assert cloud.client.delete(f"{V2}/pages/{page_id}").status_code == 204
    assert cloud.client.delete(f"{V2}/pages/{page_id}?purge=true").status_code == 204
    assert cloud.client.get(f"{V2}/pages/{page_id}").status_code == 404


@pytest.mark.parametrize(
    ("storage", "words"),
    [
        ("<p>open", "[row,col {unknown-source}]: [1,"),
        ("<p>a</p>\n<p>b</i>", "Unexpected close tag </i>; expected </p>.\n at [row,col {unknown-source}]: [2,"),
        ("<p>a & b</p>", "Error parsing xhtml: Unexpected character"),
        ("<p>&nosuch;</p>", 'Undeclared general entity "nosuch"'),
        ("<x:y/>", 'Undeclared namespace prefix "x"'),
        ("<p>\x0b</p>", "Illegal character"),
        ("<p>&#8;</p>", "Illegal character entity"),
        ("<br>", "Error parsing xhtml"),
    ],
)
def test_storage_that_is_not_well_formed_is_refused(cloud: Site, storage: str, words: str) -> None:
    refused = cloud.create("A", storage)
    assert refused.status_code == 400
    assert title_of_error(refused).startswith("Error parsing xhtml: ")
    assert words in title_of_error(refused)
    assert cloud.simulator.page_named("TEAM", "A") is None


def test_what_is_fetched_never_equals_what_was_sent(cloud: Site) -> None:
    sent = (
        '<p>a&#160;b — "支付"</p><ac:structured-macro ac:schema-version="1" ac:name="code">'
        "<ac:plain-text-body><![CDATA[1 < 2 ]]]]><![CDATA[> 3]]></ac:plain-text-body></ac:structured-macro><br/>"
    )
    page_id = cloud.create("A", sent).json()["id"]
    kept = cloud.client.get(f"{V2}/pages/{page_id}?body-format=storage").json()["body"]["storage"]["value"]
    assert kept.startswith("<p>a&nbsp;b &mdash; &quot;支付&quot;</p>")
    assert '<ac:structured-macro ac:name="code" ac:schema-version="1" ac:local-id="' in kept
    assert 'ac:macro-id="' in kept
    assert "<![CDATA[1 < 2 ]]]]><![CDATA[> 3]]>" in kept
    assert kept.endswith("<br />")
    assert cloud.update(page_id, 2, storage=kept).json()["body"]["storage"]["value"] == kept


def test_a_body_above_five_megabytes_is_refused(cloud: Site) -> None:
    assert cloud.create("A", f"<p>{'x' * (5 * 1024 * 1024)}</p>").status_code == 413


def test_wrong_methods_paths_ids_and_types_are_refused(cloud: Site) -> None:
    assert cloud.client.patch(f"{V2}/pages").status_code == 405
    assert cloud.client.get(f"{V2}/nothing").status_code == 404
    assert "Expected type is long" in title_of_error(cloud.client.get(f"{V2}/pages/abc"))
    assert cloud.client.post(f"{V2}/pages", content=b"{}").status_code == 415
    assert (
        cloud.client.post(f"{V2}/pages", content=b"{", headers={"content-type": "application/json"}).status_code == 400
    )
    assert cloud.client.post(f"{V2}/pages", json=[]).status_code == 400
    assert cloud.update(cloud.home_id, 2, version=[2]).status_code == 400
    lone_surrogate = b'{"spaceId": "1", "title": "\\ud800"}'
    headers = {"content-type": "application/json"}
    assert cloud.client.post(f"{V2}/pages", content=lone_surrogate, headers=headers).status_code == 400
    assert cloud.client.get(f"{V2}/pages?body-format=wiki").status_code == 400
    assert cloud.client.get(f"{V2}/pages?sort=colour").status_code == 400
    assert cloud.client.get(f"{V2}/pages?cursor=made-up").status_code == 400


def test_drafts_are_published_as_version_one(cloud: Site) -> None:
    page_id = cloud.create("Draft", status="draft").json()["id"]
    assert cloud.client.get(f"{V2}/pages/{page_id}").status_code == 404
    assert cloud.client.get(f"{V2}/pages/{page_id}?get-draft=true").json()["status"] == "draft"
    assert cloud.update(page_id, 2, "Done").status_code == 409
    assert cloud.update(page_id, 1, "Done").json()["status"] == "current"


# -- lists


def test_lists_are_paged_by_cursor_with_a_capped_limit(cloud: Site) -> None:
    for number in range(300):
        cloud.simulator.create_page("TEAM", f"Page {number}")
    first = cloud.client.get(f"{V2}/pages", params={"space-id": cloud.space_id, "limit": 1000}).json()
    assert len(first["results"]) == 250
    everything = all_v2(cloud, f"{V2}/spaces/{cloud.space_id}/pages", limit=70)
    assert len({page["id"] for page in everything}) == len(everything) == 303
    newest = all_v2(cloud, f"{V2}/pages", limit=100, sort="-modified-date")
    instants = [page["version"]["createdAt"] for page in newest]
    assert instants == sorted(instants, reverse=True)


def test_archived_pages_are_listed_by_default_and_trashed_ones_are_not(cloud: Site) -> None:
    archived, trashed = (cloud.create(title).json()["id"] for title in ("old", "bin"))
    task = cloud.client.post(f"{V1}/content/archive", json={"pages": [{"id": int(archived)}]})
    assert task.status_code == 202
    assert cloud.client.get(f"{V1}/longtask/{task.json()['id']}").json()["finished"] is True
    cloud.simulator.trash(trashed)
    listed = {page["id"]: page["status"] for page in all_v2(cloud, f"{V2}/pages")}
    assert listed[archived] == "archived"
    assert trashed not in listed
    only = all_v2(cloud, f"{V2}/pages", status="trashed")
    assert [page["id"] for page in only] == [trashed]
    assert cloud.client.post(f"{V1}/content/archive", json={"pages": [{"id": 1}]}).status_code == 500


@pytest.mark.parametrize("kind", ["short_page", "empty_page", "repeated_page", "edited_between_pages"])
def test_page_faults_disturb_a_walk_but_lose_nothing(cloud: Site, kind: Any) -> None:
    for number in range(9):
        cloud.simulator.create_page("TEAM", f"Page {number}")
    undisturbed = {page["id"] for page in all_v2(cloud, f"{V2}/pages", limit=4)}
    cloud.simulator.faults.plan(Fault(kind, "GET .*/pages$", skip=1))
    walked = [page["id"] for page in all_v2(cloud, f"{V2}/pages", limit=4)]
    assert set(walked) == undisturbed
    assert (len(walked) > len(undisturbed)) == (kind == "repeated_page")
    edited = [page for page in cloud.simulator.site.pages.values() if page.latest.number > 1]
    assert len(edited) == (kind == "edited_between_pages")
    assert cloud.simulator.faults.pending() == []


def test_the_tree_can_be_read_and_changed(cloud: Site) -> None:
    parent, child, other = (cloud.create(title).json()["id"] for title in "ABC")
    assert cloud.update(child, 2, "B", parentId=parent).json()["parentId"] == parent
    assert cloud.update(parent, 2, "A", parentId=child).status_code == 400
    folder = cloud.simulator.create_folder("TEAM", "Box", parent_id=parent)
    assert [page["id"] for page in all_v2(cloud, f"{V2}/pages/{parent}/children")] == [child]
    direct = all_v2(cloud, f"{V2}/pages/{parent}/direct-children")
    assert [(page["id"], page["type"]) for page in direct] == [(child, "page"), (folder.id, "folder")]
    below = all_v2(cloud, f"{V2}/pages/{cloud.home_id}/descendants", limit=2)
    assert {(page["id"], page["depth"]) for page in below} >= {(parent, 1), (child, 2), (folder.id, 2), (other, 1)}
    above = [page["id"] for page in all_v2(cloud, f"{V2}/pages/{child}/ancestors")]
    assert above == [cloud.home_id, parent]
    assert cloud.client.put(f"{V1}/content/{other}/move/before/{child}").json() == {"pageId": other}
    assert [page["id"] for page in all_v2(cloud, f"{V2}/pages/{parent}/children")] == [other, child]
    assert (
        cloud.client.put(f"{V2}/pages/{other}/title", json={"status": "current", "title": "New"}).json()["title"]
        == "New"
    )
    cloud.simulator.trash(parent)
    assert cloud.client.get(f"{V2}/pages/{child}").json()["parentId"] == cloud.home_id
