"""What hangs on a page, who may see it, and how it is searched, over real HTTP, as the fact sheet has it."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

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


# -- what hangs on a page


def test_properties_are_addressed_by_number_and_versioned_apart(cloud: Site) -> None:
    page_id = cloud.create("A").json()["id"]
    path = f"{V2}/pages/{page_id}/properties"
    made = cloud.client.post(path, json={"key": "tieline.sync", "value": {"sha256": "ab"}}).json()
    assert made["version"]["number"] == 1
    assert cloud.client.post(path, json={"key": "tieline.sync", "value": 1}).status_code == 400
    listed = cloud.client.get(path, params={"key": "tieline.sync"}).json()["results"]
    assert [item["id"] for item in listed] == [made["id"]]
    change = {"key": "tieline.sync", "value": {"sha256": "cd"}, "version": {"number": 2}}
    assert cloud.client.put(f"{path}/tieline.sync", json=change).status_code == 400
    assert cloud.client.put(f"{path}/{made['id']}", json=change).json()["value"] == {"sha256": "cd"}
    assert cloud.client.put(f"{path}/{made['id']}", json=change).status_code == 409
    assert cloud.client.post(path, json={"key": "big", "value": "x" * 40_000}).status_code == 413
    assert cloud.client.get(f"{V2}/pages/{page_id}").json()["version"]["number"] == 1
    assert cloud.client.delete(f"{path}/{made['id']}").status_code == 204
    assert cloud.client.get(f"{path}/{made['id']}").status_code == 404


def test_labels_are_written_by_v1_and_read_by_v2(cloud: Site) -> None:
    page_id = cloud.create("A").json()["id"]
    path = f"{V1}/content/{page_id}/label"
    added = cloud.client.post(
        path, json=[{"prefix": "global", "name": "Tieline"}, {"prefix": "global", "name": "支付"}]
    )
    assert [label["name"] for label in added.json()["results"]] == ["tieline", "支付"]
    assert cloud.client.post(path, json=[{"name": "two words"}]).status_code == 400
    assert cloud.client.delete(path, params={"name": "tieline"}).status_code == 204
    assert cloud.client.delete(path, params={"name": "tieline"}).status_code == 404
    assert [label["name"] for label in all_v2(cloud, f"{V2}/pages/{page_id}/labels")] == ["支付"]
    assert cloud.client.get(f"{V2}/pages/{page_id}").json()["version"]["number"] == 1


def test_attachments_are_added_replaced_and_downloaded_without_our_credentials(cloud: Site) -> None:
    page_id = cloud.create("A").json()["id"]
    path, headers = f"{V1}/content/{page_id}/child/attachment", {"X-Atlassian-Token": "no-check"}
    first = {"file": ("图 1.png", b"one\r\n--two", "image/png")}
    assert cloud.client.post(path, files=first).status_code == 403
    made = cloud.client.post(path, files=first, headers=headers, data={"comment": "v1"}).json()["results"][0]
    assert (made["title"], made["version"]["number"]) == ("图 1.png", 1)
    assert cloud.client.post(path, files=first, headers=headers).status_code == 400
    second = {"file": ("图 1.png", b"three", "image/png")}
    assert cloud.client.put(path, files=second, headers=headers).json()["results"][0]["version"]["number"] == 2
    third = cloud.client.post(f"{path}/{made['id']}/data", files=second, headers=headers).json()
    assert (third["id"], third["version"]["number"]) == (made["id"], 3)
    (listed,) = all_v2(cloud, f"{V2}/pages/{page_id}/attachments", filename="图 1.png")
    assert listed["fileSize"] == 5
    link = cloud.client.get("/wiki" + listed["downloadLink"])
    assert (link.status_code, httpx.URL(link.headers["location"]).host) == (302, "localhost")
    with httpx.Client() as stranger:
        assert stranger.get(link.headers["location"]).content == b"three"
        assert (
            stranger.get(f"{cloud.url}/wiki/download/attachments/{page_id}/图 1.png?version=1").content
            == b"one\r\n--two"
        )
    assert cloud.simulator.media_leaks == 0
    assert cloud.client.delete(f"{V2}/attachments/{made['id']}").status_code == 204
    assert all_v2(cloud, f"{V2}/pages/{page_id}/attachments") == []


def test_inline_comments_live_in_the_text_and_dangle_when_it_goes(cloud: Site) -> None:
    page_id = cloud.create("A", "<p>支付 <b>接口</b> 支付</p>").json()["id"]
    body = {"representation": "storage", "value": "<p>为什么？</p>"}
    where = {"textSelection": "支付", "textSelectionMatchCount": 2, "textSelectionMatchIndex": 1}
    payload = {"pageId": page_id, "body": body, "inlineCommentProperties": where}
    made = cloud.client.post(f"{V2}/inline-comments", json=payload)
    assert made.status_code == 201
    ref = made.json()["properties"]["inlineMarkerRef"]
    page = cloud.client.get(f"{V2}/pages/{page_id}?body-format=storage").json()
    marker = f'<ac:inline-comment-marker ac:ref="{ref}">支付</ac:inline-comment-marker>'
    assert page["body"]["storage"]["value"] == f"<p>支付 <b>接口</b> {marker}</p>"
    assert page["version"]["number"] == 1
    human = cloud.simulator.comment_inline(page_id, "接口", "<p>?</p>", by="li.na")
    cloud.update(page_id, 2, storage=f"<p>{marker}</p>")
    states = {c["id"]: c["resolutionStatus"] for c in all_v2(cloud, f"{V2}/pages/{page_id}/inline-comments")}
    assert states == {made.json()["id"]: "open", human.id: "dangling"}
    assert (
        cloud.client.post(f"{V2}/inline-comments", json={**payload, "inlineCommentProperties": {}}).status_code == 400
    )


def test_footer_comments_are_created_answered_and_edited(cloud: Site) -> None:
    page_id = cloud.create("A").json()["id"]
    body = {"representation": "storage", "value": "<p>好</p>"}
    made = cloud.client.post(f"{V2}/footer-comments", json={"pageId": page_id, "body": body})
    assert made.status_code == 201
    comment_id = made.json()["id"]
    answer = cloud.client.post(f"{V2}/footer-comments", json={"parentCommentId": comment_id, "body": body}).json()
    assert answer["parentCommentId"] == comment_id
    assert [c["id"] for c in all_v2(cloud, f"{V2}/pages/{page_id}/footer-comments")] == [comment_id]
    change = {"version": {"number": 2}, "body": {"representation": "storage", "value": "<p>改</p>"}}
    path = f"{V2}/footer-comments/{comment_id}"
    assert cloud.client.put(path, json=change).json()["body"]["storage"]["value"] == "<p>改</p>"
    assert cloud.client.put(path, json=change).status_code == 409
    assert cloud.client.delete(path).status_code == 204
    assert all_v2(cloud, f"{V2}/pages/{page_id}/footer-comments") == []


def test_users_are_told_by_account_id(cloud: Site) -> None:
    account_id = next(user.account_id for user in cloud.simulator.site.users.values() if user.username == "li.na")
    found = cloud.client.post(f"{V2}/users-bulk", json={"accountIds": [account_id, "stranger"]}).json()["results"]
    assert [user["displayName"] for user in found] == ["李娜"]
    assert cloud.client.get(f"{V1}/user/current").json()["accountId"] == cloud.simulator.tieline_id()


# -- who may see what


def test_inherited_read_restrictions_hide_children_as_if_they_were_not_there(cloud: Site) -> None:
    parent = cloud.create("Secret").json()["id"]
    child = cloud.create("Inside", parentId=parent).json()["id"]
    cloud.simulator.restrict(parent, readers=("li.na",))
    for page_id in (parent, child):
        assert cloud.client.get(f"{V2}/pages/{page_id}").status_code == 404
    assert not {parent, child} & {page["id"] for page in all_v2(cloud, f"{V2}/pages")}
    assert cloud.search("type = page and title = Inside").json()["totalSize"] == 0
    hidden = cloud.create("inside")
    assert "title already exists" in title_of_error(hidden)
    cloud.simulator.restrict(parent, readers=())
    cloud.simulator.restrict(child, editors=("li.na",))
    assert cloud.client.get(f"{V2}/pages/{child}").status_code == 200
    assert cloud.update(child, 2, "Inside").status_code == 404


def test_restrictions_are_read_and_written_through_v1(cloud: Site) -> None:
    page_id, me = cloud.create("A").json()["id"], cloud.simulator.tieline_id()
    path = f"{V1}/content/{page_id}/restriction"
    operations = cloud.client.get(path).json()["results"]
    assert [item["operation"] for item in operations] == ["read", "update"]
    wanted = [{"operation": "update", "restrictions": {"user": [{"type": "known", "accountId": me}], "group": []}}]
    assert cloud.client.get(f"{path}/byOperation/update/user", params={"accountId": me}).status_code == 404
    assert cloud.client.put(path, json=wanted).status_code == 200
    assert cloud.client.get(f"{path}/byOperation/update/user", params={"accountId": me}).status_code == 200
    cloud.simulator.switch(can_write_restrictions=False)
    assert cloud.client.put(path, json=wanted).status_code == 403


def test_a_space_without_access_is_not_there(cloud: Site) -> None:
    cloud.simulator.hide_space("TEAM")
    assert all_v2(cloud, f"{V2}/spaces", keys="TEAM") == []
    assert cloud.client.get(f"{V2}/spaces/{cloud.space_id}").status_code == 404
    assert cloud.client.get(f"{V2}/pages/{cloud.home_id}").status_code == 404


# -- search


def test_cql_finds_by_minute_and_marks_what_it_found(cloud: Site) -> None:
    cloud.create("延期说明", "<p>支付接口延期三天，测试顺延</p>")
    recent = cloud.search('space in ("TEAM") and type = page and lastmodified >= now("-40m") order by lastmodified asc')
    assert [hit["title"] for hit in recent.json()["results"]] == ["延期说明"]
    assert cloud.search('lastmodified >= "2026-11-23 09:00" and type = page').json()["totalSize"] == 1
    assert cloud.search('lastmodified > "2026-11-23 09:00" and type = page').json()["totalSize"] == 0
    cloud.clock.advance(minutes=41)
    assert cloud.search('type = page and lastmodified >= now("-40m")').json()["totalSize"] == 0
    found = cloud.search('text ~ "延期" and not label = "raci"').json()
    assert "@@@hl@@@延期@@@endhl@@@" in found["results"][0]["excerpt"]
    assert found["cqlQuery"] == 'text ~ "延期" and not label = "raci"'
    assert cloud.search("label = raci and space = TEAM").json()["results"][0]["content"]["type"] == "page"
    for bad in ("type = ", 'lastmodified > "2026-11-23 09:00:00"', "(type = page", "colour = red", ""):
        assert cloud.search(bad).status_code == 400


def test_cql_pages_are_followed_by_cursor(cloud: Site) -> None:
    cql, found = 'type = page and title ~ "Page" order by title', []
    for number in range(7):
        cloud.simulator.create_page("TEAM", f"Page {number}")
    params = {"limit": "3"}
    for _ in range(3):
        answer = cloud.search(cql, **params).json()
        found += [hit["content"]["title"] for hit in answer["results"]]
        following = answer["_links"].get("next")
        if following:
            assert following.startswith("/rest/api/search?")
            params = {"limit": "3", "cursor": httpx.URL(following).params["cursor"]}
    assert found == [f"Page {number}" for number in range(7)]
    assert following is None


def test_the_index_lags_while_reading_by_id_tells_the_truth(cloud: Site) -> None:
    page_id = cloud.create("A").json()["id"]
    cloud.clock.advance(minutes=5)
    cloud.simulator.index_lag_s = 60
    cloud.simulator.edit_page(page_id, title="B", by="li.na")
    stale = cloud.search(f"id = {page_id}", expand="content.version").json()["results"][0]["content"]
    assert (stale["title"], stale["version"]["number"]) == ("A", 1)
    assert cloud.client.get(f"{V2}/pages/{page_id}").json()["title"] == "B"
    cloud.simulator.trash(page_id)
    assert cloud.search(f"id = {page_id}").json()["totalSize"] == 1
    cloud.clock.advance(seconds=61)
    assert cloud.search(f"id = {page_id}").json()["totalSize"] == 0


# -- faults of the vendor


def test_the_vendors_own_429_and_500(cloud: Site, dc: Site) -> None:
    page_id = cloud.create("A").json()["id"]
    cloud.simulator.faults.plan(Fault("rate_limited", value=7), Fault("server_error", "PUT"))
    limited = cloud.client.get(f"{V2}/pages")
    assert (limited.status_code, limited.headers["retry-after"]) == (429, "7")
    assert limited.headers["ratelimit-reason"] == "confluence-quota-global-based"
    assert limited.headers["x-ratelimit-nearlimit"] == "true"
    failed = cloud.update(page_id, 2)
    assert failed.status_code == 500
    assert "StaleObjectStateException" in title_of_error(failed)
    assert cloud.update(page_id, 2).status_code == 200
    dc.simulator.faults.plan(Fault("rate_limited", value=2))
    limited = dc.client.get("/rest/api/space")
    assert (limited.status_code, limited.json()["statusCode"], limited.headers["retry-after"]) == (429, 429, "2")
