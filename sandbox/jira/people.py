"""What colleagues and administrators do to the site behind the API's back: the Python face that tests and demos use."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any, Literal

from sandbox.jira.changes import FieldError, Reading, changed
from sandbox.jira.comment_api import with_comment, with_edited_comment, without_comment
from sandbox.jira.issue_api import new_issue, resolved_by
from sandbox.jira.link_api import link_issues, unlink
from sandbox.jira.state import Change, Comment, Issue, Json, Named, Project, Site, User

ACCOUNT_SPACE = uuid.UUID("6f1e2d3c-0000-4000-8000-000000000001")


class People:
    """Edits by people. An author is a user's key (default: the first colleague); unknown names raise KeyError."""

    def __init__(self, site: Site) -> None:
        self.site = site

    def add_user(self, key: str, name: str, email: str = "", **rest: Any) -> User:
        """A colleague; ids are made from the key, so they are the same every time."""
        number = self.site.next_id("user", 10100)
        own = {"server_key": f"JIRAUSER{number}", "login": key.replace("-", "."), **rest}
        account_id = f"712020:{uuid.uuid5(ACCOUNT_SPACE, key)}"
        self.site.users[key] = User(key, account_id, name=name, email=email or f"{key}@example.com", **own)
        return self.site.users[key]

    def add_project(self, key: str, name: str, lead: str = "tieline") -> Project:
        project = Project(str(self.site.next_id("project", 10000)), key, name, lead)
        self.site.projects[project.id] = project
        return project

    def issue(self, key: str) -> Issue:
        """The stored issue, by id or key, also where the integration account cannot see it."""
        with self.site.lock:
            return self.site.any_issue(key)

    def _author(self, author: str | None) -> User:
        others = [user for user in self.site.users.values() if user.key != self.site.account]
        return self.site.users[author] if author else (others or [self.site.users[self.site.account]])[0]

    def _values(self, fields: Mapping[str, Any]) -> Json:
        """REST spellings of fields to attributes. People may be given by key, dates as dates, status by name."""
        values: Json = {}
        for name, value in fields.items():
            if name == "status":
                values["status_id"] = self._status(value).id
            elif name in ("assignee", "reporter"):
                values[name] = self.site.users[value].key if value else None
            else:
                plain = value.isoformat() if isinstance(value, date) else value
                is_name = name in ("priority", "issuetype", "resolution") and isinstance(value, str)
                plain = list(plain) if isinstance(plain, tuple) else plain
                attribute, meant = Reading(self.site, is_adf=False).value(name, {"name": value} if is_name else plain)
                values[attribute] = meant
        return values

    def _status(self, name: str) -> Named:
        for status in self.site.statuses.values():
            if name in (status.id, *status.words.values()):
                return status
        raise FieldError(f"no status {name!r}")

    def create_issue(self, project: str, summary: str, author: str | None = None, **fields: Any) -> Issue:
        """A new issue; fields as in edit_issue."""
        with self.site.lock:
            home = self.site.project(project)
            if home is None:
                raise KeyError(project)
            values = self._values({"issuetype": "Task", "priority": "Medium", **fields})
            custom = {name: values.pop(name) for name in list(values) if name in self.site.custom_fields}
            key = self._author(author).key
            return new_issue(self.site, home.id, summary=summary, creator=key, reporter=key, extra=custom, **values)

    def edit_issue(self, key: str, author: str | None = None, **fields: Any) -> Issue:
        """Save fields as a person would: ``updated`` moves, the history gets one entry, a done status resolves."""
        with self.site.lock:
            issue, values = self.site.any_issue(key), self._values(fields)
            if "status_id" in values:
                values = {**resolved_by(self.site, issue, self.site.statuses[values["status_id"]]), **values}
            return changed(self.site, issue, values, self._author(author))

    def comment(
        self, key: str, body: str | Json, author: str | None = None, visibility: Json | None = None,
        properties: Mapping[str, Any] | None = None,
    ) -> Comment:  # fmt: skip
        with self.site.lock:
            now, who = self.site.now(), self._author(author).key
            number = self.site.next_id("comment", 10100)
            comment = Comment(number, who, body, now, now, who, visibility, dict(properties or {}))
            with_comment(self.site, self.site.any_issue(key), comment)
            return comment

    def _comment(self, key: str, comment_id: int | str) -> tuple[Issue, Comment]:
        issue = self.site.any_issue(key)
        return issue, next(comment for comment in issue.comments if comment.id == int(comment_id))

    def edit_comment(self, key: str, comment_id: int | str, body: str | Json, author: str | None = None) -> None:
        with self.site.lock:
            issue, comment = self._comment(key, comment_id)
            edited = replace(comment, body=body, updated=self.site.now(), update_author=self._author(author).key)
            with_edited_comment(self.site, issue, edited)

    def delete_comment(self, key: str, comment_id: int | str) -> None:
        with self.site.lock:
            issue, comment = self._comment(key, comment_id)
            without_comment(self.site, issue, comment.id)

    def link(self, type_name: str, source: str, target: str, author: str | None = None) -> int:
        """ "source <outward phrase> target"; gives the link's id."""
        with self.site.lock:
            kind = next(item for item in self.site.link_types.values() if type_name in item.words.values())
            ends = self.site.any_issue(source), self.site.any_issue(target)
            return link_issues(self.site, kind, *ends, self._author(author)).id

    def unlink(self, link_id: int | str, author: str | None = None) -> None:
        with self.site.lock:
            unlink(self.site, self.site.links[int(link_id)], self._author(author))

    def delete(self, key: str) -> None:
        with self.site.lock:
            self.site.drop(self.site.any_issue(key))

    def move_issue(self, key: str, project: str, author: str | None = None) -> Issue:
        """Move an issue to another project: it gets a new key, keeps its id, and the old key goes on answering."""
        with self.site.lock:
            issue, home, now = self.site.any_issue(key), self.site.project(project), self.site.now()
            if home is None:
                raise KeyError(project)
            new_key = f"{home.key}-{self.site.next_id(f'key of {home.key}', 1)}"
            item: Json = {"field": "Key", "fieldtype": "jira", "from": None, "fromString": issue.key, "to": None,
                          "toString": new_key}  # fmt: skip
            change = Change(self.site.next_id("change", 20001), self._author(author).key, now, (item,))
            moved = replace(issue, key=new_key, project_id=home.id, updated=now, history=(*issue.history, change))
            return self.site.put(moved)

    def hide_issue(self, key: str, *, is_hidden: bool = True) -> None:
        """Take the integration account's access to one issue away, or give it back."""
        with self.site.lock:
            hidden, number = self.site.hidden_issues, self.site.any_issue(key).id
            (hidden.add if is_hidden else hidden.discard)(number)
            self.site.revision += 1

    def hide_project(self, key: str, *, is_hidden: bool = True) -> None:
        with self.site.lock:
            (self.site.hidden_projects.add if is_hidden else self.site.hidden_projects.discard)(key)
            self.site.revision += 1

    def set_project_status(self, key: str, status: Literal["live", "archived", "deleted"]) -> None:
        with self.site.lock:
            project = self.site.project(key)
            if project is None:
                raise KeyError(key)
            self.site.projects[project.id] = replace(project, status=status)
            self.site.revision += 1

    def deny(self, permission: str, *, is_denied: bool = True) -> None:
        """Take a permission (``LINK_ISSUES`` …) from the integration account, or give it back."""
        with self.site.lock:
            denied = self.site.denied_permissions
            (denied.add if is_denied else denied.discard)(permission)
