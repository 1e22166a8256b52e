"""Jira's payloads as generic records, and their raw form. Pure: bytes in, values out."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime
from typing import Any

import msgspec

from connectors.jira.adf import is_adf, plain_text
from connectors.jira.decipher import decipher
from sync.core.decode import UNREADABLE, decoded, unreadable
from sync.core.errors import Nonsense
from sync.core.ports import ConnectionSettings
from sync.core.values import Account, Link, Mention, RawRecord, Record, Ref
from sync.core.vendor_change import VendorChange

__all__ = ["account_from_user", "decipher", "raw_from_history", "raw_from_issue", "record_from_raw"]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)")
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_OLD_SPRINT = re.compile(r"com\.atlassian\.greenhopper\.service\.sprint\.Sprint@\w+\[(.*)\]", re.DOTALL)
_BRANCHES = (Account, dict, list)
# What people write stays text even where it looks like a date.
PROSE = frozenset({"summary", "description", "environment", "name", "displayName", "body", "value", "key", "id"})


class Keyed(msgspec.Struct):
    """A project, or a linked issue, as far as it names itself."""

    key: str = ""
    id: str | int = ""


class _LightFields(msgspec.Struct):
    updated: str | int | float = ""
    project: Keyed | None = None
    security: Any = None
    issuelinks: list[Keyed] | None = None


class LightIssue(msgspec.Struct):
    """The few things of an issue that are needed before it is mapped."""

    id: str | int
    key: str = ""
    fields: _LightFields | None = None

    @property
    def issue_id(self) -> str:
        return str(self.id)


def light_issue(payload: bytes | msgspec.Raw) -> LightIssue:
    """One pass over an issue's bytes. Raises Nonsense when it is not an issue."""
    try:
        return msgspec.json.decode(payload, type=LightIssue, strict=False)
    except msgspec.ValidationError:
        return _odd_light_issue(payload)
    except UNREADABLE as error:
        trouble = str(error)
    raise unreadable("an issue", payload, trouble)


def _odd_light_issue(payload: bytes | msgspec.Raw) -> LightIssue:
    """An issue of which some part has another shape than promised: only its id is needed, the rest is taken where it can be read."""
    data = decoded(payload, what="an issue")
    item_id = data.get("id") if isinstance(data, dict) else None
    if isinstance(item_id, bool) or not isinstance(item_id, str | int):
        raise Nonsense(expected="an issue with an id", sample=bytes(payload)[:200].decode(errors="replace"))
    fields = data.get("fields")
    if not isinstance(fields, dict):
        return LightIssue(item_id, fields=_LightFields(security="not told") if fields else None)
    updated, project = fields.get("updated"), fields.get("project")
    key, project_id = (project.get("key"), project.get("id")) if isinstance(project, dict) else (None, None)
    light = _LightFields(
        updated=updated if isinstance(updated, str | int | float) else "",
        project=Keyed(key, str(project_id or "")) if isinstance(key, str) else None,
        security=fields.get("security"),
        issuelinks=[Keyed(id=str(link["id"])) for link in _dicts(fields.get("issuelinks")) if link.get("id")],
    )
    return LightIssue(item_id, fields=light)


def _dicts(value: object) -> list[dict[str, Any]]:
    """The objects of a list; nothing of anything else."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def raw_from_issue(
    light: LightIssue, payload: msgspec.Raw, connection: str, scope: str, field_set: str, fetched_at: datetime
) -> RawRecord:
    """The raw record of an issue's own bytes, of which ``light`` was read.

    The version is ``updated`` and, where there are links, a sum of their ids: it is not confirmed that Jira touches ``updated``
    of both ends when a link is made or removed.
    """
    fields = light.fields or _LightFields()
    links = ",".join(sorted(str(link.id) for link in fields.issuelinks or ()))
    return RawRecord(
        ref=Ref.of(connection, "task", light.issue_id),
        payload=bytes(payload),
        version=str(fields.updated) + (f"+{zlib.crc32(links.encode()):08x}" if links else ""),
        updated_at=instant_from(fields.updated) or fetched_at,
        fetched_at=fetched_at,
        field_set=field_set,
        scope=scope,
        visibility="restricted" if fields.security else "open",
    )


class _LightHistory(msgspec.Struct):
    id: Any = ""
    created: Any = None


def raw_from_history(
    issue_id: str, histories: Iterable[msgspec.Raw], connection: str, scope: str, fetched_at: datetime
) -> RawRecord:
    """All changes of one issue as one raw record ``{"issueId", "changeHistories"}``, each change once; entries that are none left out."""
    kept: dict[str, msgspec.Raw] = {}
    newest = EPOCH
    for history in histories:
        try:
            light = msgspec.json.decode(history, type=_LightHistory, strict=False)
        except msgspec.ValidationError:
            continue
        kept.setdefault(str(light.id or bytes(history).decode()), history)
        newest = max(newest, instant_from(light.created) or EPOCH)
    payload = msgspec.json.encode({"issueId": issue_id, "changeHistories": list(kept.values())})
    return RawRecord(
        ref=Ref.of(connection, "history", issue_id),
        payload=payload,
        version=f"{len(kept)}@{newest.isoformat()}",
        updated_at=newest,
        fetched_at=fetched_at,
        field_set="history",
        scope=scope,
    )


def instant_from(value: object) -> datetime | None:
    """An aware instant in UTC from Jira's text (``2026-11-23T09:15:42.123+0000``) or epoch seconds or milliseconds."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int | float):
        try:
            # changelog/bulkfetch gives numbers; whole milliseconds have left the range of seconds since 1973.
            return datetime.fromtimestamp(value / 1000 if abs(value) > 1e11 else value, UTC)
        except (ValueError, OverflowError, OSError):
            return None
    if not isinstance(value, str) or not _INSTANT.fullmatch(value):
        return None
    try:
        return datetime.fromisoformat(value).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _day_from(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if _DAY.fullmatch(text) else None
    except ValueError:
        return None


def account_from_user(user: Mapping[str, Any]) -> Account:
    """A user of Cloud (accountId only) or Data Center (stable key, login name)."""
    email = user.get("emailAddress")
    stable = user.get("accountId") or user.get("key") or user.get("name") or "unknown"
    login = None if user.get("accountId") else user.get("name")
    return Account(
        id=str(stable),
        name=str(user.get("displayName") or ""),
        email=str(email) if email else None,
        login=str(login) if login else None,
        is_active=user.get("active") is not False,
    )


def _is_user(value: Mapping[str, Any]) -> bool:
    return "accountId" in value or ("displayName" in value and ("name" in value or "key" in value))


def plain_value(value: object, name: str = "") -> Any:
    """A vendor value as plain data: people, days and instants recognised, ADF as text, a sprint's old text as a dict."""
    if isinstance(value, str):
        return value if name in PROSE else _text_value(value)
    if isinstance(value, list):
        return [plain_value(item, name) for item in value]
    if isinstance(value, dict):
        if is_adf(value):
            return plain_text(value)
        if _is_user(value):
            return account_from_user(value)
        return {key: plain_value(item, key) for key, item in value.items()}
    return value


def _text_value(text: str) -> Any:
    # Most texts are neither, and this is asked of every text of every issue: one look at the fifth character tells.
    if text[4:5] == "-":
        instant = instant_from(text)
        return instant if instant is not None else _day_from(text) or text
    if text.startswith("com.atlassian.greenhopper.") and (sprint := _OLD_SPRINT.fullmatch(text)):
        pairs = re.split(r",(?=\w+=)", sprint[1])
        named = dict(pair.split("=", 1) for pair in pairs if "=" in pair)
        return {key: None if item == "<null>" else plain_value(item, key) for key, item in named.items()}
    return text


def browse_base(settings: ConnectionSettings) -> str:
    """Where people open the site: never taken from ``self`` URLs, which name whatever the call came through."""
    return (settings.browse_base or settings.base_url).rstrip("/")


def record_from_raw(raw: RawRecord, settings: ConnectionSettings) -> Record:
    """An issue or a change history decoded once. Unknown and missing names are tolerated; Nonsense is not JSON of an object."""
    data = decoded(raw.payload)
    if not isinstance(data, dict):
        raise Nonsense(expected="a JSON object", sample=raw.payload[:200].decode(errors="replace"))
    try:
        return _history(raw, data) if raw.ref.kind == "history" else _issue(raw, data, settings)
    except RecursionError as error:
        raise Nonsense(
            expected="a value of bearable depth", sample=raw.payload[:200].decode(errors="replace")
        ) from error


def _history(raw: RawRecord, data: dict[str, Any]) -> Record:
    histories = [_change(item) for item in _dicts(data.get("changeHistories"))]
    issue_id = str(data.get("issueId") or raw.ref.key)
    values = {"issueId": issue_id, "changeHistories": histories}
    return Record(
        ref=raw.ref,
        key=raw.ref.key,
        title="",
        url="",
        updated_at=raw.updated_at,
        values=values,
        scope=raw.scope,
        visibility=raw.visibility,
        accounts=tuple(_accounts(values)),
        changes=tuple(_vendor_changes(issue_id, histories)),
    )


def _vendor_changes(issue_id: str, histories: Iterable[Mapping[str, Any]]) -> Iterator[VendorChange]:
    """Each changed field by the text that people saw, dates as the days they are: their text is in the site's own manner. Data Center
    names the field only, Cloud its id too."""
    for history in histories:
        for item in history["items"] if history["created"] else ():
            name, by = item.get("fieldId") or item.get("field"), history["author"].id if history["author"] else ""
            before, after = (_seen(item, raw, text) for raw, text in (("from", "fromString"), ("to", "toString")))
            yield VendorChange(issue_id, str(name or ""), before, after, history["created"], by)


def _seen(item: Mapping[str, Any], raw: str, text: str) -> str:
    value = item.get(raw)
    return value if isinstance(value, str) and _DAY.match(value) else str(item.get(text) or "")


def _change(history: dict[str, Any]) -> dict[str, Any]:
    """One change: ``id``, ``author``, ``created`` and ``items`` with field, from, to, fromString and toString as the vendor has them."""
    author = history.get("author")
    return {
        "id": str(history.get("id") or ""),
        "author": account_from_user(author) if isinstance(author, dict) else None,
        "created": instant_from(history.get("created")),
        "items": _dicts(history.get("items")),
    }


def _issue(raw: RawRecord, data: dict[str, Any], settings: ConnectionSettings) -> Record:
    fields = data.get("fields") if isinstance(data.get("fields"), dict) else {}
    values: dict[str, Any] = {name: plain_value(value, name) for name, value in (fields or {}).items()}
    key = str(data.get("key") or raw.ref.key)
    values |= {"id": str(data.get("id") or raw.ref.key), "key": key}
    past: tuple[str, ...] = ()
    changes: list[dict[str, Any]] = []
    if isinstance(changelog := data.get("changelog"), dict):
        changes = [_change(item) for item in _dicts(changelog.get("histories"))]
        values["changeHistories"] = changes
        past = tuple(_past_keys(changes))
    title = values.get("summary")
    base = browse_base(settings)
    return Record(
        ref=raw.ref,
        key=key,
        title=title if isinstance(title, str) else "",
        url=f"{base}/browse/{key}",
        updated_at=raw.updated_at,
        values=values,
        scope=raw.scope,
        visibility=raw.visibility,
        aliases=_aliases((key, *past), dict.fromkeys((base, settings.base_url.rstrip("/")))),
        links=tuple(_links((fields or {}).get("issuelinks"))),
        mentions=tuple(_attachments((fields or {}).get("attachment"))),
        accounts=tuple(_accounts(values)),
        changes=tuple(_vendor_changes(values["id"], changes)),
    )


def _aliases(keys: Iterable[str], bases: Iterable[str]) -> tuple[str, ...]:
    names = [name for key in keys for name in (key, *(f"{base}/browse/{key}" for base in bases if base))]
    return tuple(dict.fromkeys(names))


def _past_keys(changes: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """The keys an issue had before it was moved to another project; people still write them."""
    for change in changes:
        for item in change["items"]:
            if item.get("field") == "Key" and isinstance(item.get("fromString"), str):
                yield item["fromString"]


def _links(entries: object) -> Iterator[Link]:
    """An entry with ``outwardIssue`` reads "*this* outward-words *other*", one with ``inwardIssue`` "*this* inward-words *other*"."""
    for entry in _dicts(entries):
        said = entry.get("type")
        kind = said if isinstance(said, dict) else {"name": said}
        for side, words in (("outwardIssue", "outward"), ("inwardIssue", "inward")):
            if isinstance(other := entry.get(side), dict):
                shown = other.get("fields")
                yield Link(
                    id=str(entry.get("id") or ""),
                    type_id=str(kind.get("id") or ""),
                    type_name=str(kind.get("name") or ""),
                    is_outward=side == "outwardIssue",
                    words=str(kind.get(words) or ""),
                    other_id=str(other.get("id") or ""),
                    other_key=str(other.get("key") or ""),
                    other_title=str(shown.get("summary") or "") if isinstance(shown, dict) else "",
                )


def _attachments(entries: object) -> Iterator[Mention]:
    for entry in _dicts(entries):
        name = str(entry.get("filename") or "")
        yield Mention("attachment", str(entry.get("id") or ""), name, name)


def _accounts(value: object) -> Iterator[Account]:
    found: dict[str, Account] = {}
    _gather(value, found)
    yield from found.values()


def _gather(value: object, found: dict[str, Account]) -> None:
    if isinstance(value, Account):
        found.setdefault(value.id, value)
        return
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        if isinstance(item, _BRANCHES):
            _gather(item, found)
