"""Run by ``test_mcp_atlassian.py`` in the judge's own environment, with the judge's own settings in environment variables.

Imports nothing of ours: it does what an assistant would do with the published MCP server's Python clients, and checks
each answer as that client understood it.
"""

from __future__ import annotations

import sys

from mcp_atlassian.confluence import ConfluenceFetcher  # type: ignore[import-not-found]
from mcp_atlassian.jira import JiraFetcher  # type: ignore[import-not-found]


def work_in_jira() -> None:
    jira = JiraFetcher()
    assert not jira.config.is_cloud
    found = jira.search_issues("project = MKT ORDER BY key", limit=10)
    assert [issue.key for issue in found.issues] == ["MKT-1", "MKT-2"], found
    assert found.total == 2
    first = jira.get_issue("MKT-1")
    assert (first.summary, first.status.name) == ("Channel campaign launch", "To Do"), first
    made = jira.create_issue("MKT", "来自助手的任务", "Task", description="**说明**", labels=["mcp"])
    again = jira.get_issue(made.key)
    assert (again.summary, again.labels) == ("来自助手的任务", ["mcp"]), again
    jira.update_issue(made.key, {"summary": "改过的任务"})
    assert jira.get_issue(made.key).summary == "改过的任务"
    comment = jira.add_comment(made.key, "比计划晚 **3** 个工作日")
    assert [each["id"] for each in jira.get_issue_comments(made.key)] == [comment["id"]]
    assert "Blocks" in {kind.name for kind in jira.get_issue_link_types()}
    ends = {"inwardIssue": {"key": "MKT-1"}, "outwardIssue": {"key": made.key}}
    jira.create_issue_link({"type": {"name": "Blocks"}, **ends})
    links = jira.get_issue(made.key, fields="*all").issuelinks
    assert [link.inward_issue.key for link in links] == ["MKT-1"], links
    place = {"url": "https://trello.example/c/1", "title": "支付流程测试"}
    jira.create_remote_issue_link(made.key, {"object": place, "relationship": "blocks"})
    assert [link["object"]["url"] for link in jira.get_remote_issue_links(made.key)] == [place["url"]]
    transitions = {each["name"]: each["id"] for each in jira.get_available_transitions(made.key)}
    assert transitions
    jira.transition_issue(made.key, next(iter(transitions.values())))
    labelled = jira.search_issues(f"labels = mcp AND key = {made.key} AND updated >= -1d")
    assert [issue.key for issue in labelled.issues] == [made.key]
    assert {"FIN", "MKT"} <= {project["key"] for project in jira.get_all_projects()}
    jira.delete_issue(made.key)
    assert jira.search_issues("project = MKT").total == 2


def work_in_confluence() -> None:
    confluence = ConfluenceFetcher()
    assert not confluence.config.is_cloud
    assert {space["key"] for space in confluence.get_spaces()["results"]} >= {"OPS"}
    welcome = confluence.get_page_by_title("OPS", "Welcome")
    assert "Start here." in welcome.content, welcome
    made = confluence.create_page("OPS", "助手写的页", "# 状态\n\n一切正常", parent_id=welcome.id)
    again = confluence.get_page_content(made.id)
    assert again.title == "助手写的页"
    assert "一切正常" in again.content
    assert again.version.number == 1
    updated = confluence.update_page(made.id, "助手改的页", "# 状态\n\n晚 3 个工作日", version_comment="改")
    assert updated.version.number == 2
    assert "晚 3 个工作日" in confluence.get_page_content(made.id).content
    assert made.id in {page.id for page in confluence.get_page_children(welcome.id)}
    assert [page.id for page in confluence.get_page_ancestors(made.id)][-1] == welcome.id
    comment = confluence.add_comment(made.id, "已读")
    assert comment is not None
    assert [each.id for each in confluence.get_page_comments(made.id)] == [comment.id]
    confluence.add_page_label(made.id, "raci")
    assert [label.name for label in confluence.get_page_labels(made.id)] == ["raci"]
    assert made.id in {page.id for page in confluence.search('type = page and label = "raci"')}
    assert made.id in {page.id for page in confluence.search('title ~ "助手改的页" and space = OPS')}
    assert confluence.delete_page(made.id)
    assert made.id not in {page.id for page in confluence.get_page_children(welcome.id)}


{"jira": work_in_jira, "confluence": work_in_confluence}[sys.argv[1]]()
sys.stdout.write(f"{sys.argv[1]} done\n")
