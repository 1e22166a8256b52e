"""The Jira simulator keeps the fact sheet's promises, over real HTTP."""

import gzip
import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
import pytest

from sandbox.faults import Fault
from sandbox.jira import ACCOUNT_EMAIL, API_TOKEN, CLOUD_ID, PERSONAL_ACCESS_TOKEN, SCOPED_TOKEN, JiraSimulator, seed
from sandbox.jira.adf import problem
from sandbox.server import Sandbox
from sandbox.story import story
from tests.shared import SHARED

ARCHIVE = SHARED / "data/jira-archive"
ADF_SCHEMA = SHARED / "specs/adf/full.json"
START = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)


@dataclass
class Clock:
    now: datetime = START

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **length: float) -> None:
        self.now += timedelta(**length)


@dataclass
class Bench:
    """Both variants on loopback with the story in them."""

    clock: Clock = field(default_factory=Clock)

    def __post_init__(self) -> None:
        self.cloud_site = JiraSimulator("jira-cloud", "cloud", self.clock)
        self.server_site = JiraSimulator("jira-dc", "dc", self.clock)
        self.box = Sandbox([self.cloud_site, self.server_site]).start()
        for site in (self.cloud_site, self.server_site):
            seed(site, story(date(2026, 11, 23)), self.box.urls())
        root = self.box.url("jira-cloud")
        self.cloud = httpx.Client(base_url=f"{root}/rest/api/3", auth=(ACCOUNT_EMAIL, API_TOKEN))
        self.v2 = httpx.Client(base_url=f"{root}/rest/api/2", auth=(ACCOUNT_EMAIL, API_TOKEN))
        bearer = {"Authorization": f"Bearer {PERSONAL_ACCESS_TOKEN}"}
        self.server = httpx.Client(base_url=f"{self.box.url('jira-dc')}/rest/api/2", headers=bearer)

    def keys(self, jql: str) -> list[str]:
        answer = self.cloud.post("/search/jql", json={"jql": jql, "fields": ["key"]})
        assert answer.status_code == 200, answer.text
        return [issue["key"] for issue in answer.json()["issues"]]


@pytest.fixture
def bench() -> Iterator[Bench]:
    bench = Bench()
    yield bench
    for client in (bench.cloud, bench.v2, bench.server):
        client.close()
    bench.box.stop()


def text(words: str) -> dict[str, Any]:
    return {
        "type": "doc",
        "version": 1,
        "content": [{"type": "paragraph", "content": [{"type": "text", "text": words}]}],
    }


def test_doors_and_headers(bench: Bench) -> None:
    site, server = bench.box.url("jira-cloud"), bench.box.url("jira-dc")
    assert httpx.get(f"{site}/_edge/tenant_info").json() == {"cloudId": CLOUD_ID}
    scoped = (ACCOUNT_EMAIL, SCOPED_TOKEN)
    assert httpx.get(f"{site}/rest/api/3/myself", auth=scoped).status_code == 401
    assert httpx.get(f"{site}/ex/jira/{CLOUD_ID}/rest/api/3/myself", auth=scoped).status_code == 200
    assert httpx.get(f"{site}/rest/api/3/issue/PAY-1").status_code == 401
    assert httpx.get(f"{site}/rest/api/3/serverInfo").json()["deploymentType"] == "Cloud"
    assert bench.cloud.get("/myself").headers["x-aaccountid"] == bench.cloud.get("/myself").json()["accountId"]
    bad = {"Authorization": "Bearer gone"}
    assert httpx.get(f"{server}/rest/api/2/myself", headers=bad).status_code == 401
    fallen = httpx.get(f"{server}/rest/api/2/search?jql=project=FIN", headers=bad)
    assert (fallen.status_code, fallen.json()["total"], fallen.headers["x-ausername"]) == (200, 0, "anonymous")
    assert bench.server.get("/myself").headers["retry-after"] == "0"
    assert (
        httpx.get(f"{server}/rest/applinks/latest/listApplicationlinks", headers=bench.server.headers).status_code
        == 403
    )
    assert bench.server.get("/nothing").status_code == 404
    assert bench.cloud.put("/issueLinkType", json={}).status_code == 405


def test_token_search_is_bare_bounded_and_paged(bench: Bench) -> None:
    jql = "project = PAY ORDER BY key ASC"
    answer = bench.cloud.post("/search/jql", json={"jql": jql}).json()
    assert answer == {"issues": [{"id": str(number)} for number in range(10001, 10005)], "isLast": True}
    page = {"jql": jql, "maxResults": 3, "fields": ["summary"]}
    first = bench.cloud.post("/search/jql", json=page).json()
    second = bench.cloud.post("/search/jql", json={**page, "nextPageToken": first["nextPageToken"]}).json()
    assert [issue["key"] for issue in first["issues"] + second["issues"]] == ["PAY-1", "PAY-2", "PAY-3", "PAY-4"]
    assert second["isLast"]
    assert "nextPageToken" not in second
    other = {**page, "jql": "project = PAY", "nextPageToken": first["nextPageToken"]}
    for bad in (other, {"jql": "ORDER BY key"}, {"jql": jql, "startAt": 0}, {"jql": jql, "expand": ["names"]}):
        assert bench.cloud.post("/search/jql", json=bad).status_code == 400, bad
    gone = bench.cloud.get("/search", params={"jql": jql})
    assert gone.status_code == 410
    assert "CHANGE-2046" in gone.text
    assert bench.cloud.post("/search/approximate-count", json={"jql": jql}).json() == {"count": 4}
    matches = bench.cloud.post(
        "/jql/match", json={"issueIds": [10001, 10002], "jqls": ["key = PAY-1", "foo = 1"]}
    ).json()
    assert matches["matches"][0] == {"matchedIssues": [10001], "errors": []}
    assert matches["matches"][1]["errors"]


@pytest.mark.parametrize(
    ("jql", "keys"),
    [
        ('status = "In Progress" ORDER BY key', ["PAY-1", "PAY-3"]),
        ("status != 进行中 AND project = PAY ORDER BY key DESC", ["PAY-4", "PAY-2"]),
        ("labels not in (支付)", []),  # every other issue has no label, and EMPTY rows are dropped
        ("NOT labels = other", ["PAY-1"]),
        ("project = PAY AND labels is EMPTY ORDER BY key", ["PAY-2", "PAY-3", "PAY-4"]),
        (
            "statusCategory = done OR (key in (PAY-1, 10004) AND NOT statusCategory = new) ORDER BY key",
            ["PAY-1", "PAY-2"],
        ),
        ("project = PAY AND assignee = 陈杰 ORDER BY created, key", ["PAY-2", "PAY-3"]),
        ("'Start date' >= 2026-11-20 AND cf[10015] is not EMPTY", ["PAY-4"]),
        ("duedate < 2026-11-27 ORDER BY duedate", ["PAY-2"]),
        ("updated >= -1d AND project = PAY ORDER BY key", ["PAY-1", "PAY-3"]),
    ],
)
def test_jql(bench: Bench, jql: str, keys: list[str]) -> None:
    assert bench.keys(jql) == keys


@pytest.mark.parametrize(
    ("jql", "words"),
    [
        ("foo = 1", "Field 'foo' does not exist or you do not have permission to view it."),
        ("project = NOPE", "The value 'NOPE' does not exist for the field 'project'."),
        ("key = PAY-99", "An issue with key 'PAY-99' does not exist"),
        ("project PAY", "Expecting operator but got 'PAY'"),
        ('updated >= "2026-11-23T09:00Z"', "is invalid. Valid formats include"),
        ("project = PAY project = PAY", "Expecting either 'OR' or 'AND'"),
        ("summary ~ 'x", "has not been completed"),
    ],
)
def test_jql_refused(bench: Bench, jql: str, words: str) -> None:
    answer = bench.cloud.post("/search/jql", json={"jql": jql})
    assert answer.status_code == 400
    assert words in answer.json()["errorMessages"][0]


def test_quoted_dates_are_in_the_callers_zone_and_epochs_are_not(bench: Bench) -> None:
    bench.clock.forward(hours=1)
    bench.cloud_site.edit_issue("PAY-4", summary="支付回调压测 2")  # 02:00 UTC, 10:00 in Shanghai
    assert bench.keys('updated >= "2026-11-23 10:00"') == ["PAY-4"]
    assert bench.keys('updated >= "2026-11-23 10:01"') == []
    bench.cloud_site.time_zone = "America/New_York"
    assert bench.keys('updated >= "2026-11-22 21:00"') == ["PAY-4"]
    assert bench.keys(f"updated >= {int(bench.clock.now.timestamp() * 1000)}") == ["PAY-4"]


def test_server_search_pages_by_offset_with_a_silent_cap(bench: Bench) -> None:
    answer = bench.server.post(
        "/search", json={"jql": "", "maxResults": 5000, "startAt": 1, "fields": ["summary"], "expand": ["names"]}
    )
    found = answer.json()
    assert (found["startAt"], found["maxResults"], found["total"], len(found["issues"])) == (1, 1000, 3, 2)
    assert found["names"]["summary"] == "Summary"
    assert bench.server.post("/search", json={"jql": "", "expand": "names"}).status_code == 400


def test_a_link_reads_as_it_was_written_once(bench: Bench) -> None:
    body = {"type": {"id": "10000"}, "inwardIssue": {"key": "PAY-2"}, "outwardIssue": {"key": "PAY-3"}}
    for _ in range(2):
        answer = bench.cloud.post("/issueLink", json=body)
        assert (answer.status_code, answer.content) == (201, b"")
    [blocker] = bench.cloud.get("/issue/PAY-2", params={"fields": "issuelinks"}).json()["fields"]["issuelinks"]
    [blocked] = bench.cloud.get("/issue/PAY-3").json()["fields"]["issuelinks"]
    assert blocker["outwardIssue"]["key"] == "PAY-3"
    assert "inwardIssue" not in blocker
    assert blocked["inwardIssue"]["key"] == "PAY-2"
    assert blocker["id"] == blocked["id"]
    assert bench.cloud.delete(f"/issueLink/{blocker['id']}").status_code == 204
    assert bench.cloud.get("/issue/PAY-3").json()["fields"]["issuelinks"] == []
    assert bench.cloud.post("/issueLink", json={**body, "type": {"name": "is blocked by"}}).status_code == 404
    assert bench.cloud.post("/issueLink", json={**body, "outwardIssue": {"key": "X-1"}}).status_code == 404
    [seeded] = bench.server.get("/issue/FIN-1").json()["fields"]["issuelinks"]
    assert seeded["outwardIssue"]["key"] == "MKT-1"


def test_remote_link_upsert_forgets_what_is_not_sent(bench: Bench) -> None:
    url = "/issue/PAY-1/remotelink"
    target = {"url": "https://trello.example/c/1", "title": "支付流程测试", "summary": "x"}
    first = bench.cloud.post(url, json={"globalId": "tieline:pair=1", "relationship": "blocks", "object": target})
    again = bench.cloud.post(url, json={"globalId": "tieline:pair=1", "object": {"url": "https://b", "title": "b"}})
    assert (first.status_code, again.status_code, first.json()["id"]) == (201, 200, again.json()["id"])
    [link] = bench.cloud.get(url).json()
    assert "relationship" not in link
    assert "summary" not in link["object"]
    assert bench.cloud.get(url, params={"globalId": "tieline:pair=1"}).json()["id"] == link["id"]
    assert bench.cloud.post(url, json={"object": {"url": "https://b"}}).json()["errors"] == {
        "title": "'title' is required."
    }
    assert bench.cloud.post(url, json={"globalId": "g" * 256, "object": target}).status_code == 400
    assert bench.cloud.delete(url, params={"globalId": "tieline:pair=1"}).status_code == 204
    assert bench.cloud.get(url).json() == []


def test_comments(bench: Bench) -> None:
    url = "/issue/PAY-1/comment"
    sent = {
        "body": text("晚了 3 个工作日"),
        "visibility": {"type": "role", "value": "Developers"},
        "properties": [{"key": "tieline.marker", "value": {"op": "1"}}],
    }
    made = bench.cloud.post(url, json=sent).json()
    assert made["visibility"]["value"] == "Developers"
    assert bench.v2.get(f"{url}/{made['id']}").json()["body"] == "晚了 3 个工作日"
    bench.clock.forward(minutes=1)
    bench.cloud_site.comment("PAY-1", "收到", "li-na")
    shown = bench.cloud.get(url, params={"orderBy": "-created", "expand": "properties"}).json()["comments"]
    assert [comment["properties"] for comment in shown] == [[], [{"key": "tieline.marker", "value": {"op": "1"}}]]
    replaced = bench.cloud.put(f"{url}/{made['id']}", json={"body": text("新的")}).json()
    assert "visibility" not in replaced
    assert bench.cloud.put(f"{url}/{shown[0]['id']}", json={"body": text("not mine")}).status_code == 400
    assert bench.cloud.get(f"/comment/{made['id']}/properties/tieline.marker").json()["value"] == {"op": "1"}
    assert bench.cloud.post("/comment/list", json={"ids": [int(made["id"]), 1]}).json()["total"] == 1
    for body in (
        "words",
        text(""),
        {"type": "doc", "version": 1, "content": [{"type": "blink"}]},
        {"type": "doc", "version": 1, "content": []},
    ):
        assert bench.cloud.post(url, json={"body": body}).status_code == 400, body
    assert bench.v2.post(url, json={"body": text("x")}).status_code == 400
    assert (
        bench.server.post("/issue/FIN-1/comment", json={"body": "See [MKT|https://x]"}).json()["body"]
        == "See [MKT|https://x]"
    )
    assert bench.cloud.delete(f"{url}/{made['id']}").status_code == 204


def test_edit_transition_history_and_delete(bench: Bench) -> None:
    before = bench.cloud.get("/issue/PAY-4").json()["fields"]["updated"]
    bench.clock.forward(minutes=5)
    fields = {"duedate": "2026-12-09", "priority": {"id": "1"}, "labels": ["a", "b"], "customfield_10015": None}
    assert bench.cloud.put("/issue/PAY-4", json={"fields": fields}).status_code == 204
    assert (
        bench.cloud.put("/issue/PAY-4", json={"update": {"labels": [{"remove": "a"}, {"add": "c"}]}}).status_code == 204
    )
    bad = bench.cloud.put("/issue/PAY-4", json={"fields": {"nope": 1, "summary": "a\nb", "duedate": "soon"}})
    assert bad.status_code == 400
    assert set(bad.json()["errors"]) == {"nope", "summary", "duedate"}
    assert bench.cloud.post("/issue/PAY-4/transitions", json={"transition": {"id": "99"}}).status_code == 400
    assert bench.cloud.post("/issue/PAY-4/transitions", json={"transition": {"id": "31"}}).status_code == 204
    after = bench.cloud.get("/issue/PAY-4").json()["fields"]
    assert (after["labels"], after["status"]["name"], after["resolution"]["id"]) == (["b", "c"], "已完成", "10000")
    assert after["updated"] > before
    changes = bench.cloud.get("/issue/PAY-4/changelog").json()["values"]
    moved = [item for change in changes for item in change["items"] if item.get("fieldId") in ("duedate", "status")]
    assert [(item["field"], item["to"]) for item in moved] == [("duedate", "2026-12-09"), ("status", "10001")]
    bulk = bench.cloud.post(
        "/changelog/bulkfetch", json={"issueIdsOrKeys": ["PAY-4", "PAY-1"], "fieldIds": ["duedate"]}
    ).json()
    assert [log["issueId"] for log in bulk["issueChangeLogs"]] == ["10001", "10004"]
    english = {"X-Force-Accept-Language": "true", "Accept-Language": "en"}
    assert bench.cloud.get("/issue/PAY-4", headers=english).json()["fields"]["status"]["name"] == "Done"
    assert bench.cloud.put("/issue/PAY-4?notifyUsers=false", json={"fields": {}}).status_code == 403
    assert bench.cloud.delete("/issue/PAY-4").status_code == 204
    assert bench.cloud.get("/issue/PAY-4").status_code == 404
    assert bench.cloud.get("/issue/PAY-1").json()["fields"]["issuelinks"] == []


def test_create_bulk_fetch_properties_attachments_and_moves(bench: Bench) -> None:
    assert set(bench.cloud.post("/issue", json={"fields": {}}).json()["errors"]) == {"project", "issuetype", "summary"}
    fields = {
        "project": {"key": "PAY"},
        "issuetype": {"name": "任务"},
        "summary": "新任务",
        "description": text("为什么"),
    }
    made = bench.cloud.post("/issue", json={"fields": fields}).json()
    assert made["key"] == "PAY-5"
    assert bench.v2.get("/issue/PAY-5").json()["fields"]["description"] == "为什么"
    bulk = bench.cloud.post(
        "/issue/bulkfetch", json={"issueIdsOrKeys": ["PAY-5", "PAY-1", "X-1"], "fields": ["summary"]}
    ).json()
    assert ([issue["key"] for issue in bulk["issues"]], bulk["issueErrors"]) == (["PAY-1", "PAY-5"], [])
    assert bench.cloud.post("/issue/bulkfetch", json={"issueIdsOrKeys": ["PAY-1"] * 101}).status_code == 400
    mark = "/issue/PAY-5/properties/tieline.mark"
    assert [bench.cloud.put(mark, json={"n": n}).status_code for n in (1, 2)] == [201, 200]
    assert bench.cloud.get(mark).json() == {"key": "tieline.mark", "value": {"n": 2}}
    assert bench.cloud.put(mark, json="x" * 32768).status_code == 400
    files = {"file": ("图.png", b"\x89PNG\r\n", "image/png")}
    assert bench.cloud.post("/issue/PAY-5/attachments", files=files).status_code == 403
    [item] = bench.cloud.post("/issue/PAY-5/attachments", files=files, headers={"X-Atlassian-Token": "no-check"}).json()
    assert (item["filename"], item["size"]) == ("图.png", 6)
    assert bench.cloud.get(item["content"], follow_redirects=True).content == b"\x89PNG\r\n"
    bench.cloud_site.add_project("NEW", "新项目")
    bench.cloud_site.move_issue("PAY-5", "NEW")
    assert bench.cloud.get("/issue/PAY-5").json()["key"] == "NEW-1"
    bench.cloud_site.set_project_status("NEW", "archived")
    assert bench.cloud.get("/issue/NEW-1").status_code == 404
    assert bench.cloud.get("/project/search?status=archived").json()["values"][0]["key"] == "NEW"


def test_the_index_lags_behind_unless_reconciled(bench: Bench) -> None:
    bench.cloud_site.index_lag_s = 60
    bench.cloud_site.edit_issue("PAY-1", duedate=date(2026, 12, 31))
    late = {"jql": "duedate = 2026-12-31", "fields": ["duedate"]}
    assert bench.cloud.get("/issue/PAY-1").json()["fields"]["duedate"] == "2026-12-31"
    assert bench.cloud.post("/search/jql", json=late).json()["issues"] == []
    strong = bench.cloud.post("/search/jql", json={**late, "reconcileIssues": [10001]}).json()["issues"]
    assert [issue["fields"]["duedate"] for issue in strong] == ["2026-12-31"]
    bench.clock.forward(seconds=61)
    assert len(bench.cloud.post("/search/jql", json=late).json()["issues"]) == 1


def test_writes_on_one_issue_are_limited(bench: Bench) -> None:
    answers = [bench.cloud.put("/issue/PAY-1/properties/n", json=number) for number in range(21)]
    assert {answer.status_code for answer in answers[:20]} == {200, 201}
    assert answers[20].status_code == 429
    assert answers[20].headers["ratelimit-reason"] == "jira-per-issue-on-write"
    assert int(answers[20].headers["retry-after"]) >= 1
    assert bench.cloud.put("/issue/PAY-2/properties/n", json=1).status_code == 201
    bench.server_site.faults.plan(Fault("rate_limited", value=7))
    html = bench.server.get("/myself")
    assert (html.status_code, html.headers["retry-after"], html.text[:6]) == (429, "7", "<html>")


def test_page_faults(bench: Bench) -> None:
    page = {"jql": "project = PAY ORDER BY key", "maxResults": 2, "fields": ["key"]}

    def ask(token: str = "") -> tuple[list[str], str]:
        answer = bench.cloud.post("/search/jql", json=page | ({"nextPageToken": token} if token else {})).json()
        return [issue["key"] for issue in answer["issues"]], answer.get("nextPageToken", "")

    bench.cloud_site.faults.plan(Fault("empty_page"), Fault("short_page"))
    empty, token = ask()
    assert empty == []
    short, token = ask(token)
    assert short == ["PAY-1"]
    bench.cloud_site.faults.plan(Fault("repeated_page"))
    assert ask(token) == (["PAY-1", "PAY-2"], token)
    assert ask(token)[0] == ["PAY-2", "PAY-3"]
    bench.server_site.faults.plan(Fault("edited_between_pages"))
    bench.clock.forward(minutes=1)
    by_offset = {"jql": "ORDER BY updated ASC, key ASC", "maxResults": 1, "fields": ["key"]}
    first = bench.server.post("/search", json=by_offset).json()["issues"][0]["key"]
    rest = [
        bench.server.post("/search", json={**by_offset, "startAt": start}).json()["issues"][0]["key"]
        for start in (1, 2)
    ]
    assert rest[-1] == first  # the edited one moved to the end, and somebody was missed


def test_restricted_and_hidden_issues(bench: Bench) -> None:
    assert bench.cloud.get("/issue/PAY-3").json()["fields"]["security"]["id"] == "10200"
    bench.cloud_site.hide_issue("PAY-3")
    assert bench.cloud.get("/issue/PAY-3").status_code == 404
    bench.cloud_site.hide_project("PAY")
    assert bench.cloud.get("/project/search").json()["values"] == []
    assert bench.cloud.post("/search/jql", json={"jql": "project = PAY"}).status_code == 400


def test_pages_escape_what_people_wrote(bench: Bench) -> None:
    bench.cloud_site.comment("PAY-1", "<script>alert(1)</script>")
    shown = httpx.get(f"{bench.box.url('jira-cloud')}/browse/PAY-1")
    assert shown.status_code == 200
    assert "&lt;script&gt;" in shown.text
    assert "<script>" not in shown.text
    assert all(httpx.get(bench.box.url("jira-cloud") + path).status_code == 200 for _, path in bench.cloud_site.pages())


def _archive() -> list[dict[str, Any]]:
    if not ARCHIVE.exists():
        pytest.skip("the real Jira payloads of shared/ are not here")
    return [json.loads(line) for path in sorted(ARCHIVE.glob("*.gz")) for line in gzip.open(path)]


def _ends(issue: dict[str, Any]) -> set[tuple[str, str, str, str]]:
    links = issue["fields"]["issuelinks"]
    sides = [(link, side) for link in links for side in ("inwardIssue", "outwardIssue") if side in link]
    return {(link["id"], side, link[side]["key"], link["type"]["name"]) for link, side in sides}


@pytest.mark.parametrize(
    "order", [sorted, lambda lines: random.Random(7).sample(lines, len(lines))], ids=["given", "mixed"]
)
def test_the_archive_comes_back_as_it_was(order: Callable[[list[str]], list[str]]) -> None:
    payloads = {issue["key"]: issue for issue in _archive()}
    site = JiraSimulator("jira-dc", "dc")
    for key in order(list(payloads)):
        site.load(payloads[key])
    bearer = {"Authorization": f"Bearer {PERSONAL_ACCESS_TOKEN}"}
    with Sandbox([site]) as box, httpx.Client(base_url=f"{box.url('jira-dc')}/rest/api/2", headers=bearer) as server:
        ask = {
            "jql": "project in (ALOY, MOD, DAEMON) ORDER BY key",
            "maxResults": 1000,
            "fields": ["issuelinks", "status", "parent", "comment"],
        }
        found: list[dict[str, Any]] = []
        while len(found) < len(payloads):
            found += server.post("/search", json={**ask, "startAt": len(found)}).json()["issues"]
    assert len({issue["id"] for issue in found}) == len(payloads)
    for issue in found:
        real = payloads[issue["key"]]
        assert issue["id"] == real["id"]
        assert _ends(issue) >= _ends(real)
        assert issue["fields"]["status"]["name"] == real["fields"]["status"]["name"]
        assert issue["fields"].get("parent", {}).get("key") == real["fields"].get("parent", {}).get("key")
        assert len(issue["fields"]["comment"]["comments"]) == len(real["fields"]["comment"]["comments"])


def test_documents_are_judged_as_the_schema_judges_them() -> None:
    if not ADF_SCHEMA.exists():
        pytest.skip("Atlassian's ADF schema of shared/ is not here")
    import jsonschema

    judge = jsonschema.Draft4Validator(json.loads(ADF_SCHEMA.read_text()))
    link = {"type": "link", "attrs": {"href": "https://x"}}
    blocks: list[dict[str, Any]] = [
        {"type": "paragraph"},
        {"type": "paragraph", "content": [{"type": "text", "text": "a", "marks": [link, {"type": "strong"}]}]},
        {"type": "paragraph", "content": [{"type": "text", "text": ""}]},
        {"type": "paragraph", "content": [{"type": "text", "text": "a", "marks": [{"type": "blink"}]}]},
        {"type": "paragraph", "content": [{"type": "paragraph"}]},
        {"type": "heading", "attrs": {"level": 7}},
        {"type": "heading", "attrs": {"level": 2}},
        {"type": "bulletList", "content": []},
        {"type": "bulletList", "content": [{"type": "listItem", "content": [{"type": "paragraph"}]}]},
        {"type": "bulletList", "content": [{"type": "paragraph"}]},
        {"type": "panel", "attrs": {"panelType": "info"}, "content": [{"type": "paragraph"}]},
        {"type": "panel", "content": [{"type": "paragraph"}]},
        {"type": "rule"},
        {"type": "codeBlock", "content": [{"type": "text", "text": "x"}]},
        {
            "type": "table",
            "content": [{"type": "tableRow", "content": [{"type": "tableCell", "content": [{"type": "paragraph"}]}]}],
        },
        {"type": "marquee", "content": []},
        {"type": "text", "text": "loose"},
    ]
    for block in blocks:
        document = {"type": "doc", "version": 1, "content": [block]}
        assert (problem(document) is None) == judge.is_valid(document), block
