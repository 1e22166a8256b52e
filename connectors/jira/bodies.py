"""What is sent to Jira: queries, links, remote links and comments as request bodies. Pure."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from connectors.jira.adf import adf_from_rich_text, plain_text
from connectors.jira.marks import MARK_PROPERTY, anchor, digest_of_body, kept_anchor, property_value
from connectors.jira.wiki import wiki_from_rich_text
from sync.core.errors import CannotExpress
from sync.core.marks import Kept
from sync.core.ports import ConnectionSettings, LinkEnd
from sync.core.rich_text import RichText
from sync.core.values import LinkSide

Body = dict[str, Any]
ALWAYS = (
    "summary", "status", "updated", "created", "duedate", "assignee", "project", "issuelinks", "parent", "labels",
    "priority", "issuetype", "security", "resolutiondate", "components",
)  # fmt: skip
# Jira's own limit for a comment (on Data Center the default of jira.text.field.character.limit).
MOST_CHARACTERS = 32_767
INTERNAL_NOTE: Body = {"key": "sd.public.comment", "value": {"internal": True}}
WORDS: Mapping[tuple[str, LinkSide], str] = {
    ("zh-CN", "waits_for"): "依赖于",
    ("zh-CN", "blocks"): "被依赖",
    ("en", "waits_for"): "depends on",
    ("en", "blocks"): "blocks",
}


def fields_wanted(settings: ConnectionSettings) -> list[str]:
    """The fields to ask for: what the mapping reads and what records always need. ``*all`` only when the settings say so."""
    names = [name.partition(".")[0].partition("[")[0] for name in settings.fields]
    return ["*all"] if "*all" in names else list(dict.fromkeys([*ALWAYS, *(name for name in names if name)]))


def jql(scope: str, since: datetime | None, overlap: timedelta) -> str:
    """Everything in a project, or what was updated since (minus the overlap), in an order that edits do not change.

    The bound is unquoted epoch milliseconds, floored to the minute: a quoted literal would be read in the calling user's zone.
    There is no upper bound.
    """
    project = scope.replace("\\", "\\\\").replace('"', '\\"')
    query = f'project = "{project}"'
    if since is not None:
        at = (since - overlap).astimezone(UTC).replace(second=0, microsecond=0)
        query += f" AND updated >= {max(0, int(at.timestamp() * 1000))}"
    return query + " ORDER BY key ASC"


def issue_link(type_id: str, type_name: str, subject: Body, other: Body) -> Body:
    """A native link: ``subject`` reads the type's outward words ("blocks") and therefore goes into inwardIssue.

    Never with a comment: posting a link twice makes no second link but would add its comment again.
    """
    return {"type": {"id": type_id, "name": type_name}, "inwardIssue": subject, "outwardIssue": other}


def remote_link(mark: str, other: LinkEnd, side: LinkSide, language: str) -> Body:
    """The whole remote link object: on an upsert by globalId Jira nulls every field that is left out."""
    return {
        "globalId": mark,
        "application": {"type": "org.tieline", "name": "Tieline"},
        "relationship": relationship(side, language),
        "object": {
            "url": other.url,
            "title": other.title or other.key or other.url,
            "summary": other.key if other.title else "",
            "status": {"resolved": other.is_done},
        },
    }


def relationship(side: LinkSide, language: str) -> str:
    """The words between the task and the other end, in the connection's language."""
    return WORDS["zh-CN" if language.startswith("zh") else "en", side]


def remote_link_version(link: Mapping[str, Any]) -> str:
    """A sum over what people can edit of a remote link; Jira keeps no version of it."""
    target = link.get("object") if isinstance(link.get("object"), dict) else {}
    status = (target or {}).get("status")
    kept = [
        str(link.get("globalId") or ""),
        str(link.get("relationship") or ""),
        *(str((target or {}).get(name) or "") for name in ("url", "title", "summary")),
        str(bool(isinstance(status, dict) and status.get("resolved"))),
    ]
    return f"{zlib.crc32(msgspec.json.encode(kept)):08x}"


def comment_cloud(mark: str, body: RichText, is_internal: bool, visibility: object = None) -> Body:
    """A v3 comment, born with its mark and the digest of its text: the property is part of the same request."""
    document = adf_from_rich_text(body)
    _need_room(plain_text(document))
    block = digest_of_body(document)
    properties: list[Body] = [{"key": MARK_PROPERTY, "value": property_value(mark, Kept(block, block))}]
    if is_internal:
        properties.append(INTERNAL_NOTE)
    shown = {"visibility": _visibility(visibility)} if isinstance(visibility, Mapping) else {}
    return {"body": document, "properties": properties, **shown}


def comment_dc(
    mark: str, body: RichText, is_internal: bool, logins: Mapping[str, str], visibility: object = None
) -> Body:
    """A v2 comment. Data Center's contract types a property's value as text only and does not promise properties on POST, so the
    mark is an invisible ``{anchor}`` on the last line, stored with the body in one step, and so is the digest of the text; the
    property follows as a second mark that survives a person's edit of the text.
    """
    wiki = wiki_from_rich_text(body, logins)
    kept = Kept(block_of_comment(body, is_cloud=False), digest_of_body(wiki))
    text = f"{wiki}\n{anchor(mark)}{kept_anchor(kept)}"
    _need_room(text)
    internal = {"properties": [INTERNAL_NOTE]} if is_internal else {}
    shown = {"visibility": _visibility(visibility)} if isinstance(visibility, Mapping) else {}
    return {"body": text, **internal, **shown}


def _need_room(text: str) -> None:
    if len(text) > MOST_CHARACTERS:
        raise CannotExpress(f"a Jira comment holds {MOST_CHARACTERS} characters, and this one has {len(text)}")


def _visibility(visibility: Mapping[str, Any]) -> Body:
    """As it was read, without what Jira only shows: a PUT that leaves it out would open the comment to everybody."""
    return {name: visibility[name] for name in ("type", "value", "identifier") if visibility.get(name)}


def block_of_comment(body: RichText, *, is_cloud: bool) -> str:
    """What our mark keeps of a comment with this body: a digest of its text, people by their names where logins must be asked for."""
    return digest_of_body(adf_from_rich_text(body) if is_cloud else wiki_from_rich_text(body))


def chunks(ids: Iterable[str], size: int) -> list[tuple[str, ...]]:
    """The ids in order, in groups of at most ``size``."""
    wanted = list(ids)
    return [tuple(wanted[start : start + size]) for start in range(0, len(wanted), size)]
