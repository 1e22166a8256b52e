"""What stands at the simulated sites, in a form that two companies can be compared by: addresses and ids that differ are left out."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from sandbox.jira.simulator import JiraSimulator
from tests.end_to_end.company import Company

MARK = re.compile(r"tieline[:.]demo[:.][0-9a-f]{16}")
Thing = tuple[str, str, str]  # site and item, kind, and what tells it from others


def _mark(text: str) -> str:
    return " ".join(sorted({found.replace(".", ":") for found in MARK.findall(text)}))


def jira_things(site: str, jira: JiraSimulator) -> Iterator[Thing]:
    for issue in jira.site.issues.values():
        for comment in issue.comments:
            yield f"{site} {issue.key}", "comment", _mark(f"{comment.properties} {comment.body}")
        for remote in issue.remote_links:
            yield f"{site} {issue.key}", "link", str(remote.object["title"])
        for number in issue.links:
            link = jira.site.links[number]
            yield f"{site} {issue.key}", "link", f"{link.source} {link.target}"


def trello_things(company: Company) -> Iterator[Thing]:
    state = company.world.trello.state
    for key, card in state.cards.items():
        for action in (state.actions[number] for number in state.actions_of.get(key, ())):
            if action["type"] == "commentCard":
                yield f"trello {card['name']}", "comment", _mark(action["data"]["text"])
        for attached in state.attachments.get(key, ()):
            yield f"trello {card['name']}", "link", attached["url"].rpartition("/")[2]
        for checklist in state.checklists_of_card.get(key, ()):
            for item in state.checklists[checklist]["checkItems"]:
                yield f"trello {card['name']}", "check item", item["name"].rpartition("/")[2]


def page_things(company: Company) -> Iterator[Thing]:
    for simulator in (company.world.confluence_cloud, company.world.confluence_dc):
        for page in simulator.site.pages.values():
            files = sorted(page.attachments)
            yield f"{simulator.name} {page.title}", f"page {page.status} {files}", _mark(page.latest.storage)


def table_things(company: Company) -> Iterator[Thing]:
    for workspace in company.world.powerbi.state.workspaces.values():
        for dataset in workspace.datasets.values():
            yield f"powerbi {dataset.name}", "table", " ".join(sorted(dataset.tables))


def message_things(company: Company) -> Iterator[Thing]:
    for said in company.world.feishu.state.messages.values():
        yield f"feishu {said.room}", "message", _mark(str(said.content))


def things(company: Company) -> Counter[Thing]:
    """Every comment, link, page, table and message at all sites."""
    world = company.world
    found = [*jira_things("cloud", world.jira_cloud), *jira_things("dc", world.jira_dc), *trello_things(company)]
    return Counter([*found, *page_things(company), *table_things(company), *message_things(company)])
