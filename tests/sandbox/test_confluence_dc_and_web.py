"""Data Center, what a reader sees, seeds and real payloads, over real HTTP, as the fact sheet has it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from sandbox.confluence import Confluence
from sandbox.confluence.seed import seed
from sandbox.story import story
from tests.sandbox.confluence_sites import (
    ANCHOR,
    V2,
    Clock,
    Site,
    all_v2,
    running_cloud,
    running_dc,
)


@pytest.fixture
def cloud() -> Iterator[Site]:
    with running_cloud() as site:
        yield site


@pytest.fixture
def dc() -> Iterator[Site]:
    with running_dc() as site:
        yield site


# -- Data Center


def dc_page(title: str, storage: str = "<p>text</p>", **more: Any) -> dict[str, Any]:
    body = {"storage": {"value": storage, "representation": "storage"}}
    return {"type": "page", "title": title, "space": {"key": "OPS"}, "body": body, **more}


def test_data_center_writes_pages_through_v1(dc: Site) -> None:
    made = dc.client.post("/rest/api/content", json=dc_page("Plan", ancestors=[{"id": dc.home_id}]))
    assert made.status_code == 200
    page_id = made.json()["id"]
    assert made.json()["_links"]["webui"] == "/display/OPS/Plan"
    plain = dc.client.get(f"/rest/api/content/{page_id}").json()
    assert ("body" in plain, "version" in plain, plain["_expandable"]["body"]) == (False, True, "")
    conflict = dc.client.put(f"/rest/api/content/{page_id}", json=dc_page("Plan", version={"number": 5}))
    assert (conflict.status_code, conflict.json()["statusCode"]) == (409, 409)
    assert conflict.json()["message"] == "Version must be incremented on update. Current version is: 1"
    changed = dc_page("Plan", "<p>new</p>", version={"number": 2, "message": "m"}, id=page_id)
    answer = dc.client.put(f"/rest/api/content/{page_id}", json=changed).json()
    assert (answer["version"]["number"], answer["body"]["storage"]["value"]) == (2, "<p>new</p>")
    taken = dc.client.post("/rest/api/content", json=dc_page("PLAN"))
    assert (taken.status_code, "title already exists" in taken.json()["message"]) == (400, True)
    broken = dc.client.post("/rest/api/content", json=dc_page("X", "<p>"))
    assert broken.json()["message"].startswith("Error parsing xhtml: ")
    assert dc.client.post("/rest/api/content", json=dc_page("X", colour="red")).status_code == 400
    assert dc.client.delete(f"/rest/api/content/{page_id}").status_code == 204
    assert dc.client.get(f"/rest/api/content/{page_id}").status_code == 404
    assert dc.client.get(f"/rest/api/content/{page_id}?status=trashed").json()["status"] == "trashed"


def test_data_center_finds_expands_and_lowers_limits(dc: Site) -> None:
    for number in range(120):
        dc.simulator.create_page("OPS", f"Page {number}")
    expand = "body.storage,version,ancestors,space,metadata.labels"
    params: dict[str, str | int] = {"spaceKey": "OPS", "limit": 500, "expand": expand}
    page = dc.client.get("/rest/api/content", params=params).json()
    assert (page["limit"], page["size"], len(page["results"])) == (50, 50, 50)
    assert page["results"][-1]["ancestors"][-1]["id"] == dc.home_id
    titles: set[str] = set()
    following = "/rest/api/content?spaceKey=OPS&limit=50"
    while following:
        page = dc.client.get(following).json()
        titles |= {item["title"] for item in page["results"]}
        following = page["_links"].get("next", "")
    assert len(titles) == 122
    assert dc.client.get("/rest/api/content?spaceKey=OPS&title=page 1").json()["size"] == 0
    assert dc.client.get("/rest/api/content?spaceKey=NONE").status_code == 404


def test_data_center_keeps_properties_by_key(dc: Site) -> None:
    path = f"/rest/api/content/{dc.home_id}/property"
    assert dc.client.get(f"{path}/tieline.sync").status_code == 404
    assert dc.client.post(path, json={"key": "tieline.sync", "value": {"v": 1}}).status_code == 200
    change = {"key": "tieline.sync", "value": {"v": 2}, "version": {"number": 2}}
    assert dc.client.put(f"{path}/tieline.sync", json=change).json()["version"]["number"] == 2
    assert dc.client.put(f"{path}/tieline.sync", json=change).status_code == 409
    assert dc.client.delete(f"{path}/tieline.sync").status_code == 204


def test_data_center_has_neither_v2_nor_put_of_attachments(dc: Site) -> None:
    assert dc.client.get("/api/v2/pages").status_code == 404
    files = {"file": ("a.txt", b"1", "text/plain")}
    headers = {"X-Atlassian-Token": "nocheck"}
    path = f"/rest/api/content/{dc.home_id}/child/attachment"
    assert dc.client.put(path, files=files, headers=headers).status_code == 405
    assert dc.client.post(path, files=files, headers=headers).status_code == 200
    download = dc.client.get(path).json()["results"][0]["_links"]["download"]
    assert dc.client.get(download).content == b"1"
    with httpx.Client() as client:
        outside = client.get(dc.url.removesuffix("/confluence") + "/rest/api/space", headers=dc.client.headers)
    assert outside.status_code == 404


# -- what people see, seeds and real payloads

RICH = """<h2>Plan</h2><ac:structured-macro ac:name="toc"/><ac:structured-macro ac:name="warning">
<ac:parameter ac:name="title">小心</ac:parameter><ac:rich-text-body><p>x &lt;script&gt;</p></ac:rich-text-body></ac:structured-macro>
<p><ac:structured-macro ac:name="status"><ac:parameter ac:name="colour">Red</ac:parameter><ac:parameter ac:name="title">延期
</ac:parameter></ac:structured-macro><ac:link><ri:user ri:account-id="USER"/></ac:link></p>
<ac:image ac:width="60" ac:alt="chart"><ri:attachment ri:filename="图.png"/></ac:image>
<table><tbody><tr><th><p>Key</p></th></tr></tbody></table><a href="javascript:alert(1)">bad</a>
<ac:structured-macro ac:name="code"><ac:plain-text-body><![CDATA[1 < 2]]></ac:plain-text-body></ac:structured-macro>
<ac:structured-macro ac:name="expand"><ac:rich-text-body><p>more</p></ac:rich-text-body></ac:structured-macro>
<ac:task-list><ac:task><ac:task-id>1</ac:task-id><ac:task-status>complete</ac:task-status>
<ac:task-body>done</ac:task-body></ac:task></ac:task-list><ac:link><ri:page ri:content-title="会议室预订须知"/></ac:link>"""


def test_a_reader_sees_the_rendered_page(cloud: Site) -> None:
    user = next(user for user in cloud.simulator.site.users.values() if user.username == "li.na")
    page = cloud.simulator.create_page("TEAM", "<b>标题</b>", RICH.replace("USER", user.account_id))
    cloud.simulator.attach(page.id, "图.png", b"png")
    cloud.simulator.label(page.id, "raci")
    cloud.simulator.comment(page.id, "<p>看到了</p>", by="li.na")
    with httpx.Client() as browser:
        shown = browser.get(f"{cloud.url}/wiki/spaces/TEAM/pages/{page.id}/any+slug")
    assert shown.headers["content-type"].startswith("text/html")
    for words in (
        "<h1>&lt;b&gt;标题&lt;/b&gt;</h1>",
        '<h2 id="h-1">Plan</h2>',
        'href="#h-1">Plan</a>',
        '<div class="panel panel-warning"><p class="panel-title"><strong>小心</strong></p>',
        "x &lt;script&gt;",
        '<span class="status status-red">',
        "@李娜",
        f'src="/wiki/download/attachments/{page.id}/%E5%9B%BE.png" alt="chart" width="60"',
        "<th><p>Key</p></th>",
        "<pre><code>1 &lt; 2</code></pre>",
        "<details>",
        "☑ done",
        "会议室预订须知</a>",
        "看到了",
        "raci",
    ):
        assert words in shown.text
    assert "javascript:" not in shown.text


def test_every_listed_page_opens_without_signing_in(cloud: Site, dc: Site) -> None:
    with httpx.Client() as browser:
        for site in (cloud, dc):
            root = site.url.removesuffix("/confluence")
            listed = site.simulator.pages()
            assert len(listed) >= 3
            for title, path in listed:
                shown = browser.get(root + path)
                assert (shown.status_code, title.split(" (")[0] in shown.text) == (200, True)
        assert "Start here." in browser.get(f"{dc.url}/display/OPS/Welcome").text
        assert browser.get(f"{dc.url}/pages/viewpage.action?pageId=1").status_code == 404
        assert 'href="http://jira.example"' in browser.get(f"{cloud.url}/wiki/spaces/TEAM/pages/{cloud.home_id}").text


def test_the_same_seed_gives_the_same_ids() -> None:
    sites = [Confluence("confluence-cloud", Clock()) for _ in range(2)]
    for simulator in sites:
        seed(simulator, story(ANCHOR), {})
    first, second = ([(p.id, p.title, p.latest.storage, p.author) for p in s.site.pages.values()] for s in sites)
    assert first == second
    assert [title for _, title, *_ in first] == ["跨部门协作 Home", "年度用户增长计划", "会议室预订须知"]


def test_real_payloads_of_both_versions_become_state(cloud: Site) -> None:
    v2 = cloud.create("A", "<p>real</p>").json() | {"id": "777001", "title": "Loaded", "parentId": "777002"}
    v2["version"]["number"] = 9
    v1: dict[str, Any] = {
        "id": "777002",
        "type": "page",
        "status": "current",
        "title": "Parent",
        "space": {"id": 888, "key": "REAL", "name": "Real"},
        "version": {
            "number": 3,
            "when": "2021-05-01T10:00:00.000+02:00",
            "by": {"accountId": "x1", "displayName": "Xi"},
        },
        "body": {"storage": {"value": "<p>v1</p>", "representation": "storage"}},
        "metadata": {"labels": {"results": [{"prefix": "global", "name": "old", "id": "5"}]}},
    }
    with httpx.Client(base_url=cloud.url) as client:
        lines = "\n".join(json.dumps(item) for item in (v2, v1, v1))
        assert client.post("/_sandbox/load", content=lines.encode()).json() == {"loaded": {"page": 3}, "problems": []}
        assert client.post("/_sandbox/load", content=b'{"key": "PAY-1"}').status_code == 422
    assert cloud.client.get(f"{V2}/pages/777001").json()["version"]["number"] == 9
    assert cloud.update("777001", 10, "Loaded").status_code == 200
    parent = cloud.client.get(f"{V2}/pages/777002?body-format=storage&include-labels=true").json()
    assert parent["version"]["createdAt"] == "2021-05-01T08:00:00.000Z"
    assert parent["body"]["storage"]["value"] == "<p>v1</p>"
    assert [label["name"] for label in parent["labels"]["results"]] == ["old"]
    assert [page["id"] for page in all_v2(cloud, f"{V2}/pages/777002/children")] == ["777001"]
