"""Search: Cloud's token pages, Data Center's offset pages, counts, matches and bulk reading."""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sandbox.faults import FaultKind
from sandbox.http import Response
from sandbox.jira.call import Call, JiraError, Route, json_body, page_fault, spoiled
from sandbox.jira.jql import Clause, Group, JqlError, Query, query_from_text
from sandbox.jira.jql_match import Caller, predicate_from_query, sort_key
from sandbox.jira.show import (
    Choice,
    choice_from_names,
    history_page,
    names_of_fields,
    shown_change,
    shown_issue,
)
from sandbox.jira.state import Continuation, Issue, Json, Site

REMOVED = (
    "The requested API has been removed. Please migrate to the /rest/api/3/search/jql API. A full migration guideline is "
    "available at https://developer.atlassian.com/changelog/#CHANGE-2046"
)
UNBOUNDED = "Unbounded JQL queries are not allowed here. Please add a search restriction to your query."
BAD_TOKEN = "The provided next page token is invalid or expired. Please try again without one."
FULL_PAGE, BARE_PAGE, SERVER_CAP = 100, 5000, 1000
TOKEN_LIFE = timedelta(days=7)
Row = tuple[Any, ...]  # sort key of a matching issue; its last part is the issue's id


def _rows(call: Call, jql: str, strong: frozenset[int] = frozenset(), *, is_strict: bool = True) -> list[Row]:
    """The matching rows in order, as the index has them; ``strong`` issues are read past the index's lag.

    The last answer is kept while nothing changed, so that paging does not sort the site again for every page.
    """
    site, now = call.site, call.site.now()
    is_lagging = site.index_lag_s > 0 or site.index_delay_s is not None
    # With a lag each instant has an answer of its own.
    moment = now if is_lagging else now.replace(second=0, microsecond=0)
    about = (jql, site.revision, call.user, is_strict, strong, moment)
    if site.last_rows[0] == about:
        return site.last_rows[1]
    query = _query(call, jql)
    if call.user is None:
        return []
    caller = Caller(site, call.user, now, is_strict)
    try:
        fits, key = predicate_from_query(query, caller), sort_key(query, caller)
    except JqlError as error:
        raise JiraError(400, str(error)) from error
    candidates = [issue for issue in site.indexed(_projects(query, site)) if issue.id not in strong]
    candidates += [site.issues[number] for number in strong if number in site.issues]
    rows = sorted(key(issue) for issue in candidates if site.can_see(issue) and fits(issue))
    site.last_rows = (about, rows)
    return rows


def _projects(query: Query, site: Site) -> list[str] | None:
    """The one project that all rows must be in, None when the query names none: a whole site need not be looked through then."""
    where = query.where
    parts = where.parts if isinstance(where, Group) and where.is_all else (where,)
    for part in parts:
        if (
            isinstance(part, Clause)
            and (part.field.lower(), part.operator) == ("project", "=")
            and len(part.values) == 1
        ):
            text = part.values[0].text.lower()
            return [
                each.id for each in site.projects.values() if text in (each.key.lower(), each.id, each.name.lower())
            ]
    return None


def _query(call: Call, jql: str) -> Query:
    try:
        query = query_from_text(jql)
    except JqlError as error:
        raise JiraError(400, str(error)) from error
    if call.is_cloud and query.where is None:
        raise JiraError(400, UNBOUNDED)
    if call.is_cloud and len(query.order) > 7:
        raise JiraError(400, "The number of fields in the ORDER BY clause exceeds the limit of 7.")
    return query


def _issues(call: Call, rows: Sequence[Row], strong: frozenset[int] = frozenset()) -> list[Issue]:
    found = (call.site.issues.get(row[-1]) if row[-1] in strong else call.site.index_view(row[-1]) for row in rows)
    return [issue for issue in found if issue is not None]


def search_by_token(call: Call) -> Response:
    """Cloud's search: token pages without a total; ids only unless fields are asked for."""
    sent = _sent(call)
    jql = _text(sent, "jql")
    strong = _strong_ids(sent)
    choice = choice_from_names(_names(sent, "fields") or ["id"])
    size = max(1, min(call.number("maxResults", 50, sent), BARE_PAGE if choice.is_bare else FULL_PAGE))
    token, now = _text(sent, "nextPageToken"), call.site.now()
    here = _continuation(call, token, jql, now) if token else Continuation(jql, None, None, now + TOKEN_LIFE)
    kind = page_fault(call)
    rows = _rows(call, jql, strong)
    after = here.before if kind == "repeated_page" and token else here.after
    start = 0 if after is None else bisect_right(rows, after)
    page = rows[start : start + _size(kind, size, len(rows) - start)]
    answer: Json = {
        "issues": [_found(call, issue, choice, sent) for issue in _issues(call, page, strong)],
        "isLast": True,
    }
    if start + len(page) < len(rows) or kind in ("empty_page", "repeated_page"):
        answer |= {"nextPageToken": _next_token(call, here, page, token, kind), "isLast": False}
    if "names" in _expand(sent):
        answer["names"] = names_of_fields(call)
    _edit_one(call, page, kind)
    return json_body(answer)


def _size(kind: FaultKind | None, size: int, left: int) -> int:
    if kind == "empty_page":
        return 0
    return max(1, min(size, left) // 2) if kind == "short_page" and left > 1 else size


def _next_token(call: Call, here: Continuation, page: Sequence[Row], token: str, kind: FaultKind | None) -> str:
    if kind == "repeated_page" and token:
        return token
    after = here.after if kind == "repeated_page" or not page else page[-1]
    following = replace(here, after=after, before=here.after, expires=call.site.now() + TOKEN_LIFE)
    text = hashlib.sha256(f"{len(call.site.continuations)}:{following.jql}".encode()).hexdigest()
    call.site.continuations[text] = following
    return text


def _continuation(call: Call, token: str, jql: str, now: datetime) -> Continuation:
    found = call.site.continuations.get(token)
    if found is None or found.jql != jql or found.expires < now:
        raise JiraError(400, BAD_TOKEN)
    return found


def _edit_one(call: Call, page: Sequence[Row], kind: FaultKind | None) -> None:
    """edited_between_pages: somebody saves the page's first issue right after the page was made."""
    if kind == "edited_between_pages" and page and (issue := call.site.issues.get(page[0][-1])):
        call.site.put(replace(issue, updated=call.site.now()))


def _sent(call: Call) -> Json:
    """The parameters of either form. POST: fields an array, expand one comma string; GET: everything text."""
    known = ("jql", "fields", "expand", "nextPageToken", "maxResults", "properties", "fieldsByKeys", "reconcileIssues")
    if call.request.method == "POST":
        sent = call.body(*known)
        if not isinstance(sent.get("expand", ""), str | None):
            raise JiraError(400, "Invalid request payload. Refer to the REST API documentation and try again.")
        return sent
    lists = ("fields", "properties", "reconcileIssues")
    single = {name: call.request.get(name) for name in known if call.request.get_all(name) and name not in lists}
    return single | {name: _split(call.request.get_all(name)) for name in lists}


def _split(values: Sequence[str]) -> list[str]:
    return [part.strip() for value in values for part in value.split(",") if part.strip()]


def _text(sent: Json, name: str) -> str:
    value = sent.get(name)
    if value is not None and not isinstance(value, str):
        raise JiraError(400, f"The value of '{name}' must be a string.")
    return value or ""


def _names(sent: Json, name: str) -> list[str]:
    value = sent.get(name) or []
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise JiraError(400, f"The value of '{name}' must be a list of strings.")
    return value


def _strong_ids(sent: Json) -> frozenset[int]:
    numbers = sent.get("reconcileIssues") or []
    if not isinstance(numbers, list) or not all(str(number).isdigit() for number in numbers):
        raise JiraError(400, "reconcileIssues takes numeric issue ids.")
    if len(numbers) > 50:
        raise JiraError(400, "reconcileIssues takes at most 50 issue ids.")
    return frozenset(int(number) for number in numbers)


def _expand(sent: Json) -> frozenset[str]:
    value = sent.get("expand") or []
    return frozenset(_split([value] if isinstance(value, str) else value))


def _found(call: Call, issue: Issue, choice: Choice, sent: Json) -> Json:
    """An issue of a search answer: bare when only id or key is asked for, else with fields, history, properties."""
    properties = _names(sent, "properties")
    if len(properties) > 5:
        raise JiraError(400, "A maximum of 5 properties can be requested.")
    expand = _expand(sent)
    if choice.is_bare and call.is_cloud and not expand and not properties:
        bare = {"id": str(issue.id)}
        return bare if choice.only == {"id"} else {**bare, "key": issue.key, "self": f"{call.api}/issue/{issue.id}"}
    shown = shown_issue(call, issue, choice, expand - {"names"})
    if "changelog" in expand:
        shown["changelog"] = history_page(call, issue, 40)
    if properties:
        shown["properties"] = {key: issue.properties[key] for key in properties if key in issue.properties}
    return shown


def search_by_offset(call: Call) -> Response:
    """Data Center's search: startAt, maxResults (50, silently at most 1000) and total."""
    known = ("jql", "startAt", "maxResults", "fields", "expand", "validateQuery", "properties", "fieldsByKeys")
    if call.request.method == "POST":
        sent = call.body(*known)
        expand = sent.get("expand") or []
        if not isinstance(expand, list) or not all(isinstance(item, str) for item in expand):
            raise JiraError(
                400, "Can not deserialize instance of java.util.ArrayList out of VALUE_STRING token (expand)"
            )
    else:
        sent = {name: call.request.get(name) for name in known if call.request.get_all(name)}
        sent |= {name: _split(call.request.get_all(name)) for name in ("fields", "properties", "expand")}
    start, size = call.number("startAt", 0, sent), min(call.number("maxResults", 50, sent), SERVER_CAP)
    is_strict = str(sent.get("validateQuery", True)).lower() not in ("false", "none", "warn")
    rows = _rows(call, _text(sent, "jql"), is_strict=is_strict)
    kind = page_fault(call)
    start, size, page = spoiled(kind, start, size, rows)
    choice = choice_from_names(_names(sent, "fields") or ["*navigable"])
    answer: Json = {"expand": "schema,names", "startAt": start, "maxResults": size, "total": len(rows),
                    "issues": [_found(call, issue, choice, sent) for issue in _issues(call, page)]}  # fmt: skip
    if "names" in _expand(sent):
        answer["names"] = names_of_fields(call)
    _edit_one(call, page, kind)
    return json_body(answer)


def removed(_: Call) -> Response:
    raise JiraError(410, REMOVED)


def approximate_count(call: Call) -> Response:
    return json_body({"count": len(_rows(call, _text(call.body("jql"), "jql")))})


def match(call: Call) -> Response:
    """Which of the issues match which query; a bad query is an error of its own match."""
    sent = call.body("issueIds", "jqls")
    ids = sent.get("issueIds")
    if not isinstance(ids, list) or not all(str(number).isdigit() for number in ids):
        raise JiraError(400, "issueIds must be a list of numeric issue ids.")
    numbers = frozenset(int(number) for number in ids)
    matches = []
    for jql in _names(sent, "jqls"):
        try:
            found = {row[-1] for row in _rows(call, jql)}
            matches.append({"matchedIssues": sorted(numbers & found), "errors": []})
        except JiraError as error:
            matches.append({"matchedIssues": [], "errors": error.body["errorMessages"]})
    return json_body({"matches": matches})


def bulk_fetch(call: Call) -> Response:
    """Up to 100 issues by id or key, in id order; what is unknown or hidden is left out in silence."""
    sent = call.body("issueIdsOrKeys", "fields", "expand", "properties", "fieldsByKeys")
    issues = _wanted_issues(call, sent, most=100)
    expand = sent.get("expand") or []
    if not isinstance(expand, list) or not all(isinstance(item, str) for item in expand):
        raise JiraError(400, "Invalid request payload. Refer to the REST API documentation and try again.")
    choice = choice_from_names(_names(sent, "fields") or ["*navigable"])
    return json_body({"issues": [_found(call, issue, choice, sent) for issue in issues], "issueErrors": []})


def _wanted_issues(call: Call, sent: Json, most: int) -> list[Issue]:
    names = sent.get("issueIdsOrKeys")
    if not isinstance(names, list) or not names:
        raise JiraError(400, "issueIdsOrKeys must not be empty.")
    if len(names) > most:
        raise JiraError(400, f"The number of issue ids or keys exceeds the limit of {most}.")
    assert call.me
    found = (call.site.find(str(name)) for name in names)
    return sorted({issue.id: issue for issue in found if issue}.values(), key=lambda issue: issue.id)


def changelog_bulk_fetch(call: Call) -> Response:
    """The histories of up to 1000 issues, paged by entry, oldest first, grouped by issue."""
    sent = call.body("issueIdsOrKeys", "fieldIds", "maxResults", "nextPageToken")
    issues = _wanted_issues(call, sent, most=1000)
    wanted = frozenset(_names(sent, "fieldIds"))
    if len(wanted) > 10:
        raise JiraError(400, "fieldIds takes at most 10 field ids.")
    entries = [
        (change.at, issue.id, change)
        for issue in issues
        for change in issue.history
        if not wanted or any(item.get("fieldId") in wanted for item in change.items)
    ]
    entries.sort(key=lambda entry: (entry[0], entry[1], entry[2].id))
    token = _text(sent, "nextPageToken")
    start = int(token.removeprefix("entry-")) if token.startswith("entry-") else 0
    size = max(1, min(call.number("maxResults", 1000, sent), 10000))
    groups: dict[int, list[Json]] = {}
    for _, number, change in entries[start : start + size]:
        groups.setdefault(number, []).append(shown_change(call, change))
    logs = [{"issueId": str(number), "changeHistories": histories} for number, histories in groups.items()]
    answer: Json = {"issueChangeLogs": logs}
    if start + size < len(entries):
        answer["nextPageToken"] = f"entry-{start + size}"
    return json_body(answer)


CLOUD: tuple[Route, ...] = (
    ("GET", "/search/jql", search_by_token),
    ("POST", "/search/jql", search_by_token),
    ("GET", "/search", removed),
    ("POST", "/search", removed),
    ("POST", "/search/approximate-count", approximate_count),
    ("POST", "/jql/match", match),
    ("POST", "/issue/bulkfetch", bulk_fetch),
    ("POST", "/changelog/bulkfetch", changelog_bulk_fetch),
)
SERVER: tuple[Route, ...] = (("GET", "/search", search_by_offset), ("POST", "/search", search_by_offset))
