"""The story in Confluence: its spaces with home pages, the pages people wrote, and the people."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, time
from html import escape

from sandbox.confluence import parts
from sandbox.confluence.simulator import Confluence
from sandbox.confluence.state import Space, User
from sandbox.story import Story, StoryPerson, weekday

WRITTEN_DAYS_AGO = 10
TOOLS = (
    ("jira-cloud", "Jira（支付平台）"),
    ("jira-dc", "Jira（财务、市场）"),
    ("trello", "Trello 看板"),
)
_NAMESPACE = uuid.UUID("6f2d2b3c-52a5-4a7f-9d51-0c0ffee00002")


def user_from_person(person: StoryPerson) -> User:
    """A colleague's account; the same ids every time."""
    digest = uuid.uuid5(_NAMESPACE, person.key).hex
    return User(
        f"712020:{uuid.uuid5(_NAMESPACE, person.key)}", person.key.replace("-", "."), digest, person.name, person.email
    )


def seed(simulator: Confluence, story: Story, urls: Mapping[str, str]) -> None:
    """Put the story's spaces of this variant into an empty site, dated two weeks before the anchor day.

    ``urls`` are the public addresses of all simulators: the home page links to the tools that have one.
    """
    site = simulator.site
    users = {person.key: site.add_user(user_from_person(person)) for person in story.people}
    written = datetime.combine(weekday(story.anchor, -WRITTEN_DAYS_AGO), time(9), UTC)
    mine = [(key, name) for tool, key, name in story.spaces if tool == f"confluence-{simulator.variant}"]
    author = users[next(person.key for person in story.people if person.is_head)].account_id
    for key, name in mine:
        space = site.add_space(key, name, author, written)
        _write_home(simulator, space, urls)
    for page in story.pages:
        found = site.space_by_key(page.space)
        if found is None:
            continue
        parent = site.page_titled(found.id, page.parent) if page.parent else None
        made = site.create_page(
            found,
            page.title,
            page.storage,
            users[page.author].account_id,
            parent_id=parent.id if parent else found.homepage_id,
            when=written,
        )
        parts.add_labels(site, made, [{"name": name} for name in page.labels])


def _write_home(simulator: Confluence, space: Space, urls: Mapping[str, str]) -> None:
    """The home page as the space's admin left it: a line of welcome, links to the other tools, and what is below."""
    page = simulator.site.pages[space.homepage_id]
    links = "".join(
        f'<li><a href="{escape(urls[name])}">{escape(words)}</a></li>' for name, words in TOOLS if urls.get(name)
    )
    tools = f"<h2>各部门的工具</h2><ul>{links}</ul>" if links else ""
    storage = f'<p>{escape(space.name)}</p>{tools}<h2>页面</h2><ac:structured-macro ac:name="children" />'
    page.versions[-1] = replace(page.latest, storage=simulator.site.saved(storage))
