"""Plain pages of what a team sees in its browser: projects, and an issue with its links, comments and history."""

from __future__ import annotations

import re
from html import escape

from sandbox.jira.reference import CATEGORIES
from sandbox.jira.rendering import html_from_document, html_from_wiki
from sandbox.jira.state import Issue, Json, Project, Site, word
from sandbox.look import page

MAX_LISTED = 500


def page_list(site: Site) -> list[tuple[str, str]]:
    """(title, path): issues with most comments and links first, then the projects."""
    telling = sorted(site.issues.values(), key=lambda issue: (-len(issue.comments) - len(issue.links), issue.id))
    issues = [(f"{issue.key} {issue.summary}", f"/browse/{issue.key}") for issue in telling[:50]]
    return [*issues, *((project.name, f"/browse/{project.key}") for project in site.projects.values())]


def page_for(site: Site, name: str, path: str) -> str | None:
    """The HTML page at this path, None where there is none."""
    if path in ("/", "/projects"):
        rows = "".join(f"<li>{_anchor(project.key, project.name)}</li>" for project in site.projects.values())
        return page(name, f"<h1>{escape(name)}</h1><ul>{rows}</ul>")
    found = re.fullmatch(r"/browse/([^/]+)", path)
    if not found:
        return None
    if project := site.project(found[1]):
        return _project_page(site, project)
    try:
        return _issue_page(site, site.any_issue(found[1]))
    except KeyError:
        return None


def _anchor(key: str, text: str) -> str:
    return f'<a href="/browse/{escape(key)}">{escape(key)}</a> {escape(text)}'


def _project_page(site: Site, project: Project) -> str:
    mine = [issue for issue in site.issues.values() if issue.project_id == project.id]
    rows = "".join(
        f"<tr><td>{_anchor(issue.key, issue.summary)}</td><td>{escape(_status(site, issue))}</td>"
        f"<td>{escape(_person(site, issue.assignee))}</td><td>{issue.due or ''}</td></tr>"
        for issue in mine[:MAX_LISTED]
    )
    body = f"<h1>{escape(project.name)}</h1><table>{rows}</table><p class=quiet>{len(mine)}</p>"
    return page(project.name, body)


def _status(site: Site, issue: Issue) -> str:
    status = site.statuses[issue.status_id]
    category = word(CATEGORIES[status.category][1], site.language) if status.category in CATEGORIES else ""
    name = word(status.words, site.language)
    return name if category in ("", name) else f"{name} ({category})"


def _person(site: Site, key: str | None) -> str:
    return site.users[key].name if key else ""


def _issue_page(site: Site, issue: Issue) -> str:
    custom = {word(item["words"], site.language): issue.extra.get(field) for field, item in site.custom_fields.items()}
    facts = {
        "Status": _status(site, issue), "Assignee": _person(site, issue.assignee), "Reporter": _person(site, issue.reporter),
        "Due": issue.due, **custom, "Labels": " ".join(issue.labels),
        "Security": (issue.security or {}).get("name"), "Updated": issue.updated.isoformat(timespec="seconds"),
    }  # fmt: skip
    rows = "".join(
        f"<tr><th>{escape(name)}</th><td>{escape(str(value))}</td></tr>" for name, value in facts.items() if value
    )
    parts = [f"<h1>{escape(issue.key)} {escape(issue.summary)}</h1><table>{rows}</table>"]
    parts.append(f"<h2>Description</h2>{_text(issue.description)}")
    parts.append(f"<h2>Links</h2><ul>{''.join(_links(site, issue))}</ul><h2>Web links</h2><ul>{_web_links(issue)}</ul>")
    parts.append(f"<h2>Comments</h2>{_comments(site, issue)}<h2>History</h2><table>{_history(site, issue)}</table>")
    return page(f"{issue.key} {issue.summary}", "".join(parts))


def _links(site: Site, issue: Issue) -> list[str]:
    shown = []
    for link in (site.links[number] for number in issue.links if number in site.links):
        kind, is_source = site.link_types[link.type_id], link.source == issue.id
        phrase = word(kind.outward if is_source else kind.inward, site.language)
        other = link.target if is_source else link.source
        stub = site.stubs.get(other, {"key": "", "fields": {"summary": ""}})
        ends = site.issues.get(other)
        key, summary = (ends.key, ends.summary) if ends else (stub["key"], stub["fields"]["summary"])
        shown.append(f"<li>{escape(phrase)} {_anchor(key, summary)}</li>")
    return shown


def _web_links(issue: Issue) -> str:
    shown = []
    for link in issue.remote_links:
        url, title = str(link.object["url"]), escape(str(link.object["title"]))
        is_web = url.startswith(("http://", "https://"))
        name = f'<a href="{escape(url)}" rel="noreferrer">{title}</a>' if is_web else title
        shown.append(
            f"<li>{escape(link.relationship or '')} {name} {escape(str(link.object.get('summary') or ''))}</li>"
        )
    return "".join(shown)


def _comments(site: Site, issue: Issue) -> str:
    return "".join(
        f'<div class="box"><small>{escape(_person(site, comment.author))} {comment.created.isoformat(timespec="seconds")}'
        f"</small>{_text(comment.body)}</div>"
        for comment in issue.comments
    )


def _text(body: str | Json | None) -> str:
    if isinstance(body, str):
        return html_from_wiki(body)
    return html_from_document(body) if body else ""


def _history(site: Site, issue: Issue) -> str:
    return "".join(
        f"<tr><td>{change.at.isoformat(timespec='seconds')}</td><td>{escape(_person(site, change.author))}</td>"
        f"<td>{escape(str(item['field']))}</td><td>{escape(str(item['fromString'] or ''))} → "
        f"{escape(str(item['toString'] or ''))}</td></tr>"
        for change in reversed(issue.history)
        for item in change.items
    )
