"""Saying on an issue that it waits for, or blocks, another item: a native link inside the site, a remote link to another tool."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import structlog

from connectors.jira.bodies import issue_link, relationship, remote_link, remote_link_version
from connectors.jira.site import Site, issue_path, link_types, part
from sync.core.errors import AccessDenied, CannotExpress, Nonsense, NotFound, Refused
from sync.core.ports import LinkEnd, Written
from sync.core.values import LinkSide, Ref

log = structlog.get_logger()
NATIVE, REMOTE = "issuelink/", "remotelink/"


class LinkType(msgspec.Struct, frozen=True):
    """The link type that says "blocks": ``is_symmetric`` when both its phrases read alike."""

    id: str
    name: str
    is_symmetric: bool


class _LinkedFields(msgspec.Struct):
    issuelinks: list[dict[str, Any] | None] | None = None


class _Linked(msgspec.Struct):
    """An issue read by id with its links and, for our marks on them, its entity properties."""

    key: str = ""
    fields: _LinkedFields = msgspec.field(default_factory=_LinkedFields)
    properties: dict[str, Any] | None = None

    @property
    def links(self) -> list[dict[str, Any]]:
        return [entry for entry in self.fields.issuelinks or () if entry]


class JiraLinks:
    """The link half of a Tracker. A written link's id is ``issuelink/<id>`` or ``remotelink/<id>``."""

    def __init__(self, site: Site) -> None:
        self.site = site

    def find_link(self, task: Ref, other: LinkEnd, side: LinkSide, mark: str) -> Written | None:
        """Ours or anybody's; ``is_ours`` only where our mark stands beside it."""
        if other.ref.connection == self.site.settings.name:
            return self._find_native(self._read(task), self._link_type(), other, side, mark)
        return self._find_remote(task, other, side, mark)

    def _find_native(self, issue: _Linked, kind: LinkType, other: LinkEnd, side: LinkSide, mark: str) -> Written | None:
        same = [entry for entry in _entries(issue, kind, other) if _says(entry, self._is_subject(side), kind)]
        ours = [entry for entry in same if _is_marked(issue, entry, mark)]
        return self._native(issue, (ours or same)[0], bool(ours)) if same else None

    def _find_remote(self, task: Ref, other: LinkEnd, side: LinkSide, mark: str) -> Written | None:
        links = self._remote_links(task)
        ours = [link for link in links if link.get("globalId") == mark]
        words = relationship(side, self.site.settings.language)
        theirs = [link for link in links if _leads_to(link, other.url, words)]
        found = ours or theirs
        return self._remote(found[0], is_ours=bool(ours)) if found else None

    def add_link(self, task: Ref, other: LinkEnd, side: LinkSide, mark: str) -> Written:
        """What is there already is not written again; a link that reads the wrong way round is undone and raises Nonsense."""
        if other.ref.connection == self.site.settings.name:
            issue, kind = self._read(task), self._link_type()
            found = self._find_native(issue, kind, other, side, mark)
            return found or self._add_native(task, issue, kind, other, side, mark)
        if found := self._find_remote(task, other, side, mark):
            return found
        if not other.url:
            raise CannotExpress(f"a remote link needs a URL, and {other.ref} has none")
        body = remote_link(mark, other, side, self.site.settings.language)
        reply = self.site.write("POST", f"{issue_path(task)}/remotelink", body).read(dict[str, Any])
        return self._remote(body | {"id": reply.get("id")}, is_ours=True)

    def remove_link(self, task: Ref, link: Written) -> None:
        """Only what we made; a link already gone is no error."""
        if not link.is_ours:
            raise Refused(f"the link {link.id} was made by somebody else; it stays")
        try:
            if link.id.startswith(NATIVE):
                self.site.ask(lambda jira: jira.delete_issue_link(link.id.removeprefix(NATIVE)))
            else:
                self.site.write("DELETE", f"{issue_path(task)}/remotelink/{part(link.id.removeprefix(REMOTE))}")
        except NotFound:
            log.debug("link_already_gone", link=link.id)
        if link.id.startswith(NATIVE):
            self._forget(task, link.id.removeprefix(NATIVE))

    def _add_native(
        self, task: Ref, issue: _Linked, kind: LinkType, other: LinkEnd, side: LinkSide, mark: str
    ) -> Written:
        before = {str(entry.get("id")) for entry in issue.links}
        here: dict[str, Any] = {"key": issue.key} if issue.key else {"id": task.key}
        there: dict[str, Any] = {"key": other.key} if other.key else {"id": other.ref.key}
        subject, target = (here, there) if self._is_subject(side) else (there, here)
        # Not by the library's create_issue_link: it sends "comment": null, which the contract does not know, and swaps the two
        # ends when the type's name happens to be another type's inward phrase.
        self.site.write("POST", "/issueLink", issue_link(kind.id, kind.name, subject, target))
        after = self._read(task)
        made = [entry for entry in _entries(after, kind, other) if str(entry.get("id")) not in before]
        if not made:
            raise Nonsense(expected=f"the new link on {issue.key}", found=f"{len(after.links)} other links")
        if not _says(made[0], self._is_subject(side), kind):
            self.site.ask(lambda jira: jira.delete_issue_link(str(made[0]["id"])))
            raise Nonsense(
                f"the link type {kind.name} reads the other way round on this site; the link was removed again",
                expected=f"{issue.key} {side} {other.key}",
                found="the reverse",
            )
        self._remember(task, str(made[0]["id"]), mark)
        return self._native(after, made[0], is_ours=True)

    def _is_subject(self, side: LinkSide) -> bool:
        """Whether the task reads the type's outward words: for "blocks" the predecessor does, for "depends on" the successor."""
        is_predecessor = side == "blocks"
        outward = str(self.site.option("link_outward", "predecessor"))
        return is_predecessor == (outward == "predecessor")

    def _link_type(self) -> LinkType:
        wanted = str(self.site.option("link_type", "Blocks"))
        kinds = link_types(self.site)
        for kind in kinds:
            if wanted in (str(kind.get("id")), kind.get("name")):
                is_symmetric = kind.get("inward") == kind.get("outward")
                return LinkType(str(kind["id"]), str(kind["name"]), is_symmetric)
        names = ", ".join(str(kind.get("name")) for kind in kinds)
        raise NotFound(f"this site has no link type {wanted!r} (option link_type); it has: {names}")

    def _read(self, task: Ref) -> _Linked:
        return self.site.get(issue_path(task), fields="issuelinks", properties="*all").read(_Linked)

    def _remember(self, task: Ref, link_id: str, mark: str) -> None:
        """A native link has no room for a mark; it stands beside it, as a property of the issue. The ledger knows the link anyway,
        so an account that may not edit issues only loses that a second look tells whose link it is.
        """
        try:
            self.site.write("PUT", f"{issue_path(task)}/properties/{_property(link_id)}", {"mark": mark})
        except (AccessDenied, NotFound, Refused) as error:
            log.info("link_mark_not_kept", task=task, link=link_id, reason=str(error))

    def _forget(self, task: Ref, link_id: str) -> None:
        try:
            self.site.write("DELETE", f"{issue_path(task)}/properties/{_property(link_id)}")
        except (AccessDenied, NotFound, Refused):
            log.debug("link_mark_already_gone", task=task, link=link_id)

    def _native(self, issue: _Linked, entry: Mapping[str, Any], is_ours: bool) -> Written:
        link_id = str(entry["id"])
        # An issue link cannot be edited, so its id is its version.
        return Written(NATIVE + link_id, link_id, self.site.browse_url(issue.key), is_ours=is_ours)

    def _remote(self, link: Mapping[str, Any], is_ours: bool) -> Written:
        target = link.get("object") or {}
        return Written(
            f"{REMOTE}{link.get('id')}", remote_link_version(link), str(target.get("url") or ""), is_ours=is_ours
        )

    def _remote_links(self, task: Ref) -> list[dict[str, Any]]:
        """All remote links of an issue: one unpaged read answers both whether ours and whether anybody's is there."""
        return self.site.get(f"{issue_path(task)}/remotelink").read(list[dict[str, Any]])


def _property(link_id: str) -> str:
    return f"tieline.link.{part(link_id)}"


def _is_marked(issue: _Linked, entry: Mapping[str, Any], mark: str) -> bool:
    value = (issue.properties or {}).get(_property(str(entry.get("id"))))
    return isinstance(value, dict) and value.get("mark") == mark


def _entries(issue: _Linked, kind: LinkType, other: LinkEnd) -> list[dict[str, Any]]:
    """The issue's links of this type to the other end, by its stable id (by key where the site shows no id)."""
    found = []
    for entry in issue.links:
        end, said = entry.get("outwardIssue") or entry.get("inwardIssue"), entry.get("type")
        if not isinstance(end, dict) or not isinstance(said, dict):
            continue
        is_other = str(end["id"]) == other.ref.key if end.get("id") else end.get("key") == other.key
        if is_other and str(said.get("id")) == kind.id:
            found.append(entry)
    return found


def _says(entry: Mapping[str, Any], is_subject: bool, kind: LinkType) -> bool:
    """An entry shows the *other* end: with ``outwardIssue`` this issue reads the outward words."""
    return kind.is_symmetric or (entry.get("outwardIssue") is not None) == is_subject


def _leads_to(link: Mapping[str, Any], url: str, words: str) -> bool:
    """A link a person made to the URL says enough; one that a Tieline made only if it says the same thing."""
    if not url or (link.get("object") or {}).get("url") != url:
        return False
    return not str(link.get("globalId") or "").startswith("tieline:") or link.get("relationship") == words
