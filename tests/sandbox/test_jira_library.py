"""Third-party judges: the published Jira clients, unpatched, work against the simulator."""

import io
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from jira import JIRA, JIRAError

from sandbox.jira import ACCOUNT_EMAIL, API_TOKEN, PERSONAL_ACCESS_TOKEN, JiraSimulator, seed
from sandbox.server import Sandbox
from sandbox.story import story

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore:Unable to gather applicationlinks")
DOCUMENT = {
    "type": "doc",
    "version": 1,
    "content": [{"type": "paragraph", "content": [{"type": "text", "text": "已链接"}]}],
}


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    simulators = [JiraSimulator("jira-cloud", "cloud"), JiraSimulator("jira-dc", "dc")]
    with Sandbox([*simulators]) as box:
        for simulator in simulators:
            seed(simulator, story(date(2026, 11, 23)), box.urls())
            simulator.add_project("BULK", "批量")
            for number in range(230):
                simulator.create_issue("BULK", f"第 {number} 件")
        yield box


def client(box: Sandbox, name: str) -> JIRA:
    if name == "jira-cloud":
        return JIRA(
            server=box.url(name), options={"rest_api_version": "3"}, basic_auth=(ACCOUNT_EMAIL, API_TOKEN), timeout=10
        )
    return JIRA(server=box.url(name), token_auth=PERSONAL_ACCESS_TOKEN, timeout=10)


@pytest.mark.parametrize("name", ["jira-cloud", "jira-dc"])
def test_the_jira_library(box: Sandbox, name: str) -> None:
    jira: Any = client(box, name)
    body: Any = DOCUMENT if name == "jira-cloud" else "已链接"
    found = jira.search_issues("project = BULK ORDER BY key", maxResults=0)
    assert len({issue.key for issue in found}) == 230
    a, b = found[0].key, found[1].key
    assert jira.issue(a, expand="changelog").fields.project.key == "BULK"
    jira.create_issue_link("Blocks", a, b)
    assert jira.issue(a).fields.issuelinks[0].outwardIssue.key == b
    assert jira.issue(b).fields.issuelinks[0].inwardIssue.key == a
    comment = jira.add_comment(a, body)
    assert [item.id for item in jira.comments(a)] == [comment.id]
    comment.update(body=body)
    link = {"url": "https://trello.example/c/1", "title": "卡片"}
    assert jira.add_remote_link(a, link, globalId="g:1").id == jira.add_remote_link(a, link, globalId="g:1").id
    assert len(jira.remote_links(a)) == 1
    jira.transition_issue(a, jira.transitions(a)[2]["id"])
    assert jira.issue(a).fields.resolutiondate
    made = jira.create_issue(project="BULK", summary="库建的", issuetype={"id": "10002"}, duedate="2026-12-01")
    made.update(fields={"summary": "改名"})
    assert jira.issue(made.key).fields.summary == "改名"
    item = jira.add_attachment(made, io.BytesIO(b"bytes"), filename="a.bin")
    assert jira.attachment(item.id).get() == b"bytes"
    made.delete()
    with pytest.raises(JIRAError) as missing:
        jira.issue(made.key)
    assert missing.value.status_code == 404
    assert {kind.name for kind in jira.issue_link_types()} >= {"Blocks"}
    assert jira.myself()["timeZone"] == "Asia/Shanghai"
    assert [project.key for project in jira.projects()]


def test_atlassian_python_api_on_data_center(box: Sandbox) -> None:
    from atlassian import Jira

    jira: Any = Jira(url=box.url("jira-dc"), token=PERSONAL_ACCESS_TOKEN, cloud=False)
    assert jira.jql("project = BULK ORDER BY key", limit=100)["total"] >= 230
    jira.create_issue_link(
        {"type": {"name": "Blocks"}, "inwardIssue": {"key": "BULK-11"}, "outwardIssue": {"key": "BULK-12"}}
    )
    assert jira.issue("BULK-11")["fields"]["issuelinks"][0]["outwardIssue"]["key"] == "BULK-12"
    made = jira.issue_add_comment("BULK-11", "已链接")
    assert jira.issue_edit_comment("BULK-11", made["id"], "改了", notify_users=True)["body"] == "改了"
    for _ in range(2):
        jira.create_or_update_issue_remote_links("BULK-11", "https://x.example", "卡片", global_id="g:1")
    assert len(jira.get_issue_remote_links("BULK-11")) == 1
    jira.set_issue_property("BULK-11", "tieline.mark", {"n": 1})
    assert jira.get_issue_property("BULK-11", "tieline.mark")["value"] == {"n": 1}
    jira.set_issue_status("BULK-11", "Done")
    assert jira.issue("BULK-11")["fields"]["status"]["name"] == "Done"
    assert jira.issue_create({"project": {"key": "BULK"}, "summary": "新", "issuetype": {"name": "Task"}})["key"]
    upload = io.BytesIO(b"bytes")
    upload.name = "a.bin"
    assert jira.add_attachment_object("BULK-11", upload)[0]["size"] == 5


def test_atlassian_python_api_on_cloud(box: Sandbox) -> None:
    from atlassian.jira import JiraCloud

    jira: Any = JiraCloud(url=box.url("jira-cloud"), username=ACCOUNT_EMAIL, password=API_TOKEN, api_version=3)
    keys: list[str] = []
    token = None
    while True:
        answer = jira.enhanced_jql("project = BULK", fields="key", nextPageToken=token, limit=100)
        keys += [issue["key"] for issue in answer["issues"]]
        token = answer.get("nextPageToken")
        if not token:
            break
    assert len(set(keys)) == len(keys) >= 230
    answer = jira.bulk_fetch_issues({"issueIdsOrKeys": keys[:3], "fields": ["summary"]})
    assert len(answer["issues"]) == 3
