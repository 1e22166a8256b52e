"""v1 searches: CQL over pages, attachments and comments, and people."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sandbox.confluence.call import Call, Route
from sandbox.confluence.cql import parse_cql, search_words
from sandbox.confluence.errors import bad_request
from sandbox.confluence.paging import decode_cursor, v1_page
from sandbox.confluence.site import Site
from sandbox.confluence.state import Attachment, Comment, Page, User, Version
from sandbox.confluence.storage import plain_text
from sandbox.confluence.v1_content import most_of
from sandbox.confluence.v1_shapes import (
    Expand,
    Shape,
    attachment_shape,
    comment_shape,
    content_path,
    content_shape,
    expand_of,
    user_shape,
)
from sandbox.confluence.v2_pages import touch
from sandbox.http import Response

EXCERPT_LENGTH = 200


@dataclass(slots=True)
class Hit:
    """One piece of content as the index has it, which may be older than the truth; a cql.Entry."""

    site: Site
    content: Page | Attachment | Comment
    page: Page
    version: Version  # of the page or comment; for attachments the page's
    title: str
    when: datetime

    def values(self, field: str) -> Iterable[str]:
        maker = _VALUES.get(field)
        return maker(self) if maker else ()

    def text(self, field: str) -> str:
        if field == "title" or isinstance(self.content, Attachment):
            return self.title
        return f"{self.title} {plain_text(self.version.storage)}" if field == "text" else ""

    def date(self, field: str) -> datetime:
        if field == "lastmodified":
            return self.when
        return self.content.created_at if isinstance(self.content, Page) else self.content.versions[0].when


@dataclass(frozen=True)
class Person:
    """A user as ``/search/user`` finds one; a cql.Entry."""

    user: User

    def values(self, field: str) -> Iterable[str]:
        return _names(self.user) if field == "user" else ()

    def text(self, field: str) -> str:
        return self.user.display_name

    def date(self, field: str) -> None:
        return None


def _labels(hit: Hit) -> Iterable[str]:
    return [name.partition(":")[2] for name in hit.content.labels] if isinstance(hit.content, Page) else ()


_VALUES: dict[str, Callable[[Hit], Iterable[str]]] = {
    "space": lambda hit: (hit.site.spaces[hit.page.space_id].key,),
    "type": lambda hit: (_type(hit.content),),
    "id": lambda hit: (hit.content.id,),
    "label": _labels,
    "ancestor": lambda hit: [each.id for each in hit.site.ancestors(hit.page)],
    "parent": lambda hit: (hit.page.parent_id or "",),
    "container": lambda hit: (hit.page.id,),
    "creator": lambda hit: _names(hit.site.user(hit.page.author)),
    "contributor": lambda hit: [n for version in hit.page.versions for n in _names(hit.site.user(version.by))],
}


def _indexed(call: Call) -> Iterable[Hit]:
    """All that the index knows and the user may see, newest state within the index lag."""
    site = call.site
    until = site.clock() - timedelta(seconds=site.index_lag_s)
    statuses = _statuses(call) | {"trashed"}  # what was trashed within the lag still shows
    for page in site.pages.values():
        version = site.indexed(page, until) if page.status in statuses else None
        if version is None or not site.can_see(page, call.user):
            continue
        yield Hit(site, page, page, version, version.title, version.when)
        for attachment_id in page.attachments.values():
            item = site.attachments[attachment_id]
            if item.latest.when <= until:
                yield Hit(site, item, page, version, item.title, item.latest.when)
        for comment_id in page.comments:
            comment = site.comments[comment_id]
            if comment.latest.when <= until:
                yield Hit(site, comment, page, comment.latest, comment.latest.title, comment.latest.when)


def _statuses(call: Call) -> set[str]:
    """``cqlcontext`` may ask for other statuses than current."""
    text = call.request.get("cqlcontext")
    if not text:
        return {"current"}
    try:
        return set(json.loads(text).get("contentStatuses") or ["current"])
    except (ValueError, AttributeError) as error:
        raise bad_request(f"Could not parse cqlcontext : {text}") from error


def _type(content: Page | Attachment | Comment) -> str:
    if isinstance(content, Page):
        return content.kind
    return "attachment" if isinstance(content, Attachment) else "comment"


def _names(user: User) -> tuple[str, ...]:
    return (user.account_id, user.username, user.user_key)


def _found(call: Call) -> list[Hit]:
    """The hits of the request's CQL in its order, or by id."""
    cql = call.request.get("cql")
    query = parse_cql(cql, now=call.site.clock(), zone=call.site.zone, current_user=call.user.account_id)
    hits = [hit for hit in _indexed(call) if query.test(hit)]
    for field, is_descending in reversed(query.order):
        hits.sort(key=_sort_key(field), reverse=is_descending)
    return hits


def _sort_key(field: str) -> Callable[[Hit], Any]:
    if field in ("lastmodified", "created"):
        return lambda hit: hit.date(field)
    if field == "title":
        return lambda hit: hit.title.casefold()
    return lambda hit: tuple(hit.values(field))


def _start(call: Call) -> int:
    """Where a page begins: the cursor decides where there is one; ``start`` may be ignored on Cloud."""
    if call.is_cloud and (cursor := call.request.get("cursor")):
        place = decode_cursor(cursor)
        return int(place[0]) if place else 0
    if call.is_cloud and call.settings.search_ignores_start:
        return 0
    return call.number("start", 0, 10**9, least=0)


def _search_page(call: Call, shape: Callable[[Hit], Shape], most: int, *, has_total: bool) -> Response:
    hits = _found(call)
    extra: dict[str, Any] = {}
    if has_total:
        extra = {"totalSize": len(hits), "cqlQuery": call.request.get("cql"), "searchDuration": 12}
    return v1_page(
        call, hits, shape, most=most, touch=lambda hit: touch(call, hit.page), start=_start(call), extra=extra
    )


def search(call: Call) -> Response:
    """Results with title, excerpt and the content inside."""
    names = expand_of(call)
    expand = frozenset(name.removeprefix("content.") for name in names if name.startswith("content."))
    words, wanted = search_words(call.request.get("cql")), call.request.get("excerpt") or "highlight"

    def shape(hit: Hit) -> Shape:
        path = content_path(call, hit.page)
        space = call.site.spaces[hit.page.space_id]
        return {
            "content": _content(call, hit, expand),
            "title": _highlighted(hit.title, words) if wanted == "highlight" else hit.title,
            "excerpt": _excerpt(hit, words, wanted),
            "url": path,
            "resultGlobalContainer": {"title": space.name, "displayUrl": f"/spaces/{space.key}"},
            "breadcrumbs": [],
            "entityType": "content",
            "iconCssClass": f"aui-icon content-type-{_type(hit.content)}",
            "lastModified": call.time(hit.when),
            "friendlyLastModified": hit.when.strftime("%b %d, %Y"),
            "score": 0.0,
        }

    return _search_page(call, shape, most_of(expand), has_total=True)


def search_content(call: Call) -> Response:
    """Bare content objects."""
    expand = expand_of(call)
    return _search_page(
        call, lambda hit: _content(call, hit, expand), most_of(expand), has_total=call.is_cloud is False
    )


def _content(call: Call, hit: Hit, expand: Expand) -> Shape:
    if isinstance(hit.content, Attachment):
        return attachment_shape(call, hit.content, expand)
    if isinstance(hit.content, Comment):
        return comment_shape(call, hit.content, expand)
    shape = content_shape(call, hit.content, expand, hit.version)
    return {**shape, "status": hit.content.status}


def _excerpt(hit: Hit, words: list[str], wanted: str) -> str:
    """The start of the text, from shortly before the first hit; hits stand between the vendor's marks."""
    if wanted == "none" or isinstance(hit.content, Attachment):
        return ""
    text = plain_text(hit.version.storage)
    at = min((found for word in words if (found := text.casefold().find(word.casefold())) >= 0), default=0)
    cut = text[max(0, at - 40) : max(0, at - 40) + EXCERPT_LENGTH]
    return _highlighted(cut, words) if wanted == "highlight" else cut


def _highlighted(text: str, words: list[str]) -> str:
    if not words:
        return text
    pattern = re.compile("|".join(re.escape(word) for word in words), re.IGNORECASE)
    return pattern.sub(lambda match: f"@@@hl@@@{match[0]}@@@endhl@@@", text)


def search_users(call: Call) -> Response:
    """People whose name holds the words of ``user.fullname ~ "…"``."""
    query = parse_cql(call.request.get("cql"), now=call.site.clock(), current_user=call.user.account_id)

    users = [user for user in call.site.users.values() if query.test(Person(user))]
    return v1_page(
        call,
        users,
        lambda user: {"user": user_shape(call, user), "title": user.display_name, "entityType": "user"},
        start=_start(call),
        extra={"totalSize": len(users), "cqlQuery": call.request.get("cql")},
    )


ROUTES: tuple[Route, ...] = (
    ("GET", "/rest/api/search", search),
    ("GET", "/rest/api/content/search", search_content),
)
CLOUD: tuple[Route, ...] = (("GET", "/rest/api/search/user", search_users),)
