"""What stands at the sites of the company that is killed with SIGKILL, without what differs between two worlds (addresses, ids, instants)."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator

from sandbox.world import World

MARK = re.compile(r"tieline[:.]demo[:.]([0-9a-f]{16})")
Thing = tuple[str, ...]


def things(world: World) -> Counter[Thing]:
    """Everything that has to stand there exactly once, whatever was killed."""
    found = [*_jira(world), *_trello(world), *_pages(world), *_asana(world), *_yuque(world), *_tables(world)]
    return Counter([*found, *_feishu(world)])


def said_at_most_once(world: World) -> Counter[Thing]:
    """What was said where nobody can look: a message whose answer was lost with its run is never said again, and may be missing."""
    ding = [(one.room, one.kind, _marks(json.dumps(one.content))) for one in world.dingtalk.state.said]
    wecom = [
        (one.room, one.kind, _words(json.dumps(one.content, ensure_ascii=False))) for one in world.wecom.state.said
    ]
    return Counter([*ding, *wecom])


def _jira(world: World) -> Iterator[Thing]:
    site = world.jira_cloud.site
    for issue in site.issues.values():
        for comment in issue.comments:
            dumped = json.dumps([comment.body, dict(comment.properties)], ensure_ascii=False)
            yield (issue.key, "comment", _marks(dumped), _words(dumped))
        for remote in issue.remote_links:
            yield (
                issue.key,
                "remote link",
                str(remote.relationship),
                str(remote.object["title"]),
                _marks(str(remote.global_id)),
            )
        for number in issue.links:
            link = site.links[number]
            yield (issue.key, "link", site.issues[link.source].key, site.issues[link.target].key)


def _trello(world: World) -> Iterator[Thing]:
    state = world.trello.state
    names = {card["shortLink"]: card["name"] for card in state.cards.values()}
    for key, card in state.cards.items():
        for action in (state.actions[number] for number in state.actions_of.get(key, ())):
            if action["type"] == "commentCard":
                yield (card["name"], "comment", _marks(action["data"]["text"]), _words(action["data"]["text"]))
        for attached in state.attachments.get(key, ()):
            end = attached["url"].rpartition("/")[2]
            yield (card["name"], "attachment", names.get(end, end))
        for checklist in (state.checklists[number] for number in state.checklists_of_card.get(key, ())):
            yield (card["name"], "checklist", checklist["name"])
            for item in checklist["checkItems"]:
                end = item["name"].rpartition("/")[2]
                yield (card["name"], "check item", names.get(end, end))


def _pages(world: World) -> Iterator[Thing]:
    site = world.confluence_cloud.site
    for page in site.pages.values():
        files = sorted((name, len(site.attachments[key].versions)) for name, key in page.attachments.items())
        marks = sum(1 for item in page.properties.values() if MARK.search(json.dumps(item.value)))
        labels = sorted(page.labels)
        # A retrospective is one of an episode: its mark names the instant at which that began, which is each world's own.
        mark = "" if "global:retrospective" in labels else _marks(page.latest.storage)
        yield (page.title, "page", page.status, f"{files} {labels} {marks} properties", mark)


def _asana(world: World) -> Iterator[Thing]:
    state = world.asana.state
    for task in state.tasks.values():
        for story in task.stories:
            if story.subtype == "comment_added":
                yield (task.name, "comment", _marks(story.html), _words(story.html))
        for attached in task.attachments:
            yield (task.name, "attachment", attached.name)
        for other in task.dependencies:
            yield (task.name, "waits for", state.tasks[other].name)


def _yuque(world: World) -> Iterator[Thing]:
    for book in world.yuque.state.books.values():
        listed = Counter(node.doc_id for node in book.toc)
        for doc in book.current():
            yield (doc.title, "document", str(listed[doc.id]), _marks(doc.body), str(len(doc.body) > 0))


def _tables(world: World) -> Iterator[Thing]:
    for item in world.tableau.state.datasources.values():
        yield (item.name, "data source", item.project.name, _marks(item.description))
    for workspace in world.powerbi.state.workspaces.values():
        for dataset in workspace.datasets.values():
            told = sorted(
                (table.name, len(table.rows))
                for table in dataset.tables.values()
                if not table.name.startswith("tieline_demo")
            )
            yield (dataset.name, "dataset", workspace.name, str(told))


def _feishu(world: World) -> Iterator[Thing]:
    state = world.feishu.state
    for said in state.messages.values():
        dumped = json.dumps(said.content, ensure_ascii=False)
        room = state.chats[said.room].name if said.room in state.chats else said.room  # or somebody's own chat
        yield (room, said.msg_type, _marks(dumped), _words(dumped))


def _marks(dumped: str) -> str:
    return " ".join(sorted(set(MARK.findall(dumped))))


def _words(dumped: str) -> str:
    """The text without addresses and digests, which differ between worlds and with them."""
    return re.sub(r"https?://[^\s\"')\]]+|[0-9a-f]{12,}|712020:[0-9a-f-]+|\s+", " ", dumped)
