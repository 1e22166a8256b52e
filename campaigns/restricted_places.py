"""Every place of the simulated sites where a text can stand, one by one: what a reader of that record sees there."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Place:
    """One text: a site, the record it stands on, what it is, and which."""

    site: str
    item: str
    kind: str
    id: str

    def __str__(self) -> str:
        return f"{self.site}/{self.item} {self.kind} {self.id}"


def places_of(sites: Mapping[str, Any]) -> Iterator[tuple[Place, str]]:
    """Every place with its text as it stands now; what a vendor keeps of the past is its own, but for the versions of pages."""
    for name in {"jc", "jd"} & sites.keys():
        yield from _jira(name, sites[name].site)
    yield from _trello(sites["tr"].state)
    for name in {"kc", "kd"} & sites.keys():
        yield from _confluence(name, sites[name].site)
    if "fs" in sites:
        for said in sites["fs"].state.messages.values():
            yield Place("fs", said.room, "message", said.id), _text(said.content)


def _text(*values: object) -> str:
    return json.dumps(values, ensure_ascii=False, default=str)


def _jira(name: str, site: Any) -> Iterator[tuple[Place, str]]:
    for issue in site.issues.values():
        key = str(issue.id)
        fields = (issue.summary, issue.description, issue.environment, issue.labels, issue.extra, issue.assignee)
        yield Place(name, key, "fields", ""), _text(*fields)
        yield Place(name, key, "properties", ""), _text(dict(issue.properties))
        for comment in issue.comments:
            yield Place(name, key, "comment", str(comment.id)), _text(comment.body, dict(comment.properties))
        for remote in issue.remote_links:
            yield (
                Place(name, key, "remote link", str(remote.id)),
                _text(remote.object, remote.global_id, remote.relationship, remote.application),
            )
        for file in issue.attachments:
            yield (
                Place(name, key, "attachment", str(file.id)),
                _text(file.filename, file.content.decode("utf-8", "replace")),
            )


def _trello(state: Any) -> Iterator[tuple[Place, str]]:
    for key, card in state.cards.items():
        labels = [state.labels[number]["name"] for number in card.get("idLabels", ()) if number in state.labels]
        yield Place("tr", key, "fields", ""), _text(card["name"], card["desc"], labels)
        for number in state.actions_of.get(key, ()):
            action = state.actions[number]
            if action["type"] == "commentCard":
                yield Place("tr", key, "comment", number), _text(action["data"]["text"])
        for attached in state.attachments.get(key, ()):
            yield Place("tr", key, "attachment", attached["id"]), _text(attached.get("name"), attached.get("url"))
        for checklist in (state.checklists[number] for number in state.checklists_of_card.get(key, ())):
            yield Place("tr", key, "checklist", checklist["id"]), _text(checklist["name"])
            for item in checklist["checkItems"]:
                yield Place("tr", key, "check item", item["id"]), _text(item["name"])
        for data in state.plugin_data.get(key, ()):
            yield Place("tr", key, "plugin data", str(data.get("id"))), _text(data)


def _confluence(name: str, site: Any) -> Iterator[tuple[Place, str]]:
    for page in site.pages.values():
        for version in page.versions:
            kind = "page" if version is page.latest else "old page"
            yield (
                Place(name, page.id, kind, str(version.number)),
                _text(version.title, version.message, version.storage),
            )
        yield Place(name, page.id, "labels", ""), _text(sorted(page.labels))
        for item in page.properties.values():
            yield Place(name, page.id, "property", item.key), _text(item.value)
        for title, key in page.attachments.items():
            latest = site.attachments[key].latest
            yield Place(name, page.id, "attachment", title), _text(title, latest.data.decode("utf-8", "replace"))
