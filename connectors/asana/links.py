"""The half of the Tracker port that writes links: a native dependency between two tasks of Asana, an attached address to anywhere else."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from connectors.asana.records import link_id
from connectors.asana.shapes import ATTACHMENT_FIELDS, Attachment, Named
from connectors.asana.site import Site, part
from sync.core.errors import CannotExpress, Nonsense, NotFound, Refused
from sync.core.links import same_place
from sync.core.ports import LinkEnd, Written
from sync.core.values import LinkSide, Ref

MOST = 30  # dependencies and dependents of a task together
WORDS: dict[LinkSide, tuple[str, str]] = {"waits_for": ("等待", "Waits for"), "blocks": ("阻塞", "Blocks")}
LISTS: dict[LinkSide, str] = {"waits_for": "dependencies", "blocks": "dependents"}
OPPOSITE: dict[LinkSide, LinkSide] = {"waits_for": "blocks", "blocks": "waits_for"}
LONGEST_NAME = 255


class TaskLinks:
    """Writes links as the token's account. Neither kind can carry our mark: only the ledger knows which are ours."""

    site: Site

    def find_link(self, task: Ref, other: LinkEnd, side: LinkSide, mark: str) -> Written | None:
        """A dependency, or an attached address whose name says the same; whoever made it."""
        if self._is_native(other):
            is_there = other.ref.key in self._neighbours(task.key, side)
            return _native(task.key, other.ref.key, side, is_ours=False) if is_there else None
        _require_url(other)
        for item in self._attachments(task.key):
            if _says(item, side) and same_place(item.view_url or "", other.url):
                return _attached(item, is_ours=False)
        return None

    def add_link(self, task: Ref, other: LinkEnd, side: LinkSide, mark: str) -> Written:
        """Say it on the task; a dependency is read back, and undone when it says the reverse."""
        if self._is_native(other):
            return self._depend(task.key, other.ref.key, side)
        _require_url(other)
        return _attached(self.site.attach(task.key, self._name(other, side), other.url), is_ours=True)

    def remove_link(self, task: Ref, link: Written) -> None:
        """Take our link away; one already gone is no error. Raises Refused for a link not ours."""
        if not link.is_ours:
            raise Refused(f"link {link.id} on task {task.key} was not made by Tieline; it stays")
        predecessor, is_native, successor = link.id.partition(">")
        try:
            if is_native:
                self._remove_dependency(predecessor, successor)
            else:
                self.site.write("DELETE", f"/attachments/{part(link.id)}", object)
        except NotFound:
            return

    def _depend(self, gid: str, other: str, side: LinkSide) -> Written:
        if other in self._neighbours(gid, OPPOSITE[side]):
            raise Refused(f"tasks {gid} and {other} already wait for each other the other way round in Asana")
        for end in dict.fromkeys((gid, other)):
            if (count := sum(len(self._neighbours(end, each)) for each in LISTS)) >= MOST:
                raise Refused(
                    f"task {end} has {count} dependencies and dependents in Asana, which allows {MOST} together; take some away there"
                )
        name = LISTS[side]
        self.site.write("POST", f"/tasks/{part(gid)}/add{name.capitalize()}", object, {name: [other]})
        if other in self._neighbours(gid, OPPOSITE[side]):
            self._remove_dependency(*_ends(gid, other, OPPOSITE[side]))
            raise Nonsense(expected=f"task {gid} {side} {other}", found="the reverse; it was taken back")
        if other not in self._neighbours(gid, side):
            raise Nonsense(expected=f"task {gid} {side} {other}", found="no such dependency")
        return _native(gid, other, side, is_ours=True)

    def _remove_dependency(self, predecessor: str, successor: str) -> None:
        path = f"/tasks/{part(successor)}/removeDependencies"
        self.site.write("POST", path, object, {"dependencies": [predecessor]})

    def _neighbours(self, gid: str, side: LinkSide) -> set[str]:
        return {item.gid for item in self.site.items(f"/tasks/{part(gid)}/{LISTS[side]}", Named)}

    def _attachments(self, gid: str) -> Iterator[Attachment]:
        return self.site.items("/attachments", Attachment, parent=gid, opt_fields=ATTACHMENT_FIELDS)

    def _is_native(self, other: LinkEnd) -> bool:
        return other.ref.connection == self.site.settings.name

    def _name(self, other: LinkEnd, side: LinkSide) -> str:
        """``等待：PAY-77 支付接口开发``: people read which way it goes, and so do mappings."""
        chinese, english = WORDS[side]
        words = f"{chinese}：" if self.site.settings.language.startswith("zh") else f"{english}: "
        title = other.title if other.title.startswith(other.key) else f"{other.key} {other.title}"
        said = " ".join(title.split()) or other.url
        return f"{words}{said}"[:LONGEST_NAME]


def _says(item: Attachment, side: LinkSide) -> bool:
    name = (item.name or "").strip().casefold()
    return item.resource_subtype == "external" and name.startswith(tuple(word.casefold() for word in WORDS[side]))


def _require_url(other: LinkEnd) -> None:
    if not other.url.startswith(("http://", "https://")):
        raise CannotExpress(f"Asana links to other tools by address, and {other.ref} has none")


def _ends(gid: str, other: str, side: LinkSide) -> tuple[str, str]:
    return (other, gid) if side == "waits_for" else (gid, other)


def _native(gid: str, other: str, side: LinkSide, *, is_ours: bool) -> Written:
    identity = link_id(*_ends(gid, other, side))
    return Written(identity, _digest(identity), "", is_ours=is_ours)


def _attached(item: Attachment, *, is_ours: bool) -> Written:
    return Written(item.gid, _digest(item.name or "", item.view_url or ""), item.view_url or "", is_ours=is_ours)


def _digest(*texts: str) -> str:
    return hashlib.blake2b("\0".join(texts).encode(), digest_size=8).hexdigest()
