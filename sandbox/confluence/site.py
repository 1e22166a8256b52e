"""The stateful heart of the simulator: spaces and pages, titles, the tree, versions and who may see what."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, Literal

from sandbox.confluence.errors import Refusal, bad_request, no_content, not_found
from sandbox.confluence.state import Attachment, Comment, Kind, Page, Property, Space, Status, User, Version
from sandbox.confluence.storage import StorageError, marker_refs, rewrite

Variant = Literal["cloud", "dc"]
MAX_BODY_BYTES = 5 * 1024 * 1024
MAX_TITLE_LENGTH = 255
CONFLICT = "Version must be incremented on update. Current version is: {}"
_NAMESPACE = uuid.UUID("6f2d2b3c-52a5-4a7f-9d51-0c0ffee00001")


class Site:
    """One Confluence site's state and the rules for changing it. All refusals are ``Refusal`` with the vendor's words."""

    def __init__(self, variant: Variant, clock: Callable[[], datetime]) -> None:
        self.variant = variant
        self.clock = clock
        self.users: dict[str, User] = {}
        self.spaces: dict[str, Space] = {}
        self.pages: dict[str, Page] = {}
        self.pages_of_space: dict[str, dict[str, None]] = {}
        self.attachments: dict[str, Attachment] = {}
        self.comments: dict[str, Comment] = {}
        self.label_ids: dict[str, str] = {}  # one id per label on the whole site
        self.index_lag_s = 0.0
        self.webhooks: Any = None
        self.on_event: Callable[[str, Page], None] = lambda *_: None
        self.index_delay_s: Callable[[], float] | None = (
            None  # a delay of its own for each version, instead of the same lag
        )
        self.zone: tzinfo = UTC  # in which CQL reads times
        self._space_ids: dict[str, str] = {}
        self._titles: dict[tuple[str, str], str] = {}
        self._waiting: dict[str, list[str]] = {}  # loaded children whose parent has not been loaded yet
        self._indexed_from: dict[tuple[str, int], datetime] = {}
        self._has_read_restrictions = False
        self._last_id = 98304
        self._last_uuid = 0

    def new_id(self) -> str:
        self._last_id += 1
        return str(self._last_id)

    def new_uuid(self) -> str:
        """The next uuid; the same ones in the same order on every run."""
        self._last_uuid += 1
        return str(uuid.uuid5(_NAMESPACE, str(self._last_uuid)))

    def reserve_id(self, content_id: str) -> None:
        """Keep loaded ids from being given out again."""
        if content_id.isdigit():
            self._last_id = max(self._last_id, int(content_id))

    # -- people and spaces

    def add_user(self, user: User) -> User:
        self.users[user.account_id] = user
        return user

    def user(self, account_id: str) -> User:
        """The user of an account id; a stranger's name is the id."""
        return self.users.get(account_id) or User(account_id, account_id, account_id, account_id, "")

    def find_user(self, word: str) -> User | None:
        """By account id, user name or user key."""
        if word in self.users:
            return self.users[word]
        return next((user for user in self.users.values() if word in (user.username, user.user_key)), None)

    def add_space(
        self,
        key: str,
        name: str,
        author: str,
        when: datetime | None = None,
        *,
        space_id: str = "",
        has_home: bool = True,
    ) -> Space:
        """A new space with its home page; a loaded space waits for its own (``has_home=False``)."""
        space = Space(space_id or self.new_id(), key, name, when or self.clock(), author)
        self.reserve_id(space.id)
        self.spaces[space.id] = space
        self.pages_of_space[space.id] = {}
        self._space_ids[key] = space.id
        if has_home:
            space.homepage_id = self.create_page(space, f"{name} Home", "", author, when=when).id
        return space

    def space_by_key(self, key: str) -> Space | None:
        return self.spaces.get(self._space_ids.get(key, ""))

    def visible_space(self, space: Space | None, what: str = "Not Found") -> Space:
        if space is None or space.is_hidden:
            raise not_found(what)
        return space

    # -- looking

    def ancestors(self, page: Page) -> list[Page]:
        """From the top of the tree down to the parent."""
        chain: list[Page] = []
        parent = self.pages.get(page.parent_id or "")
        while parent is not None:
            chain.append(parent)
            parent = self.pages.get(parent.parent_id or "")
        return chain[::-1]

    def descendants(self, page: Page) -> Iterator[Page]:
        for child_id in page.children:
            child = self.pages[child_id]
            yield child
            yield from self.descendants(child)

    def can_see(self, page: Page, user: User) -> bool:
        """Read restrictions are inherited: one closed ancestor hides the whole branch."""
        if self.spaces[page.space_id].is_hidden or not user.account_id:
            return False
        if not self._has_read_restrictions:
            return True
        return all(_admits(each.readers, user) for each in (page, *self.ancestors(page)))

    def seen_page(self, page_id: str, user: User) -> Page:
        """The page in any status, or 404 when there is none or the user may not see it."""
        page = self.pages.get(page_id)
        if page is None or not self.can_see(page, user):
            raise no_content(page_id)
        return page

    def editable_page(self, page_id: str, user: User) -> Page:
        """The page when the user may change it; a restricted page says 404, not 403 (confluencebuilder PR#1111)."""
        page = self.seen_page(page_id, user)
        if not _admits(page.editors, user):
            raise no_content(page_id)
        return page

    def page_titled(self, space_id: str, title: str) -> Page | None:
        """The current or archived page of exactly this title, case and all."""
        page = self.pages.get(self._titles.get((space_id, title.casefold()), ""))
        return page if page is not None and page.title == title else None

    # -- changing

    def create_page(
        self,
        space: Space,
        title: str,
        storage: str,
        by: str,
        *,
        parent_id: str | None = None,
        status: Status = "current",
        kind: Kind = "page",
        message: str = "",
        when: datetime | None = None,
        page_id: str = "",
    ) -> Page:
        """A new page. Refuses a title that another current or archived page of the space has in any case."""
        if kind == "page":
            self._check_title(space, title, None, status)
        when = when or self.clock()
        page = Page(
            page_id or self.new_id(),
            space.id,
            status,
            when,
            by,
            [Version(1, when, by, title, self.saved(storage), message)],
            parent_id,
            kind,
        )
        self.insert(page)
        self.on_event("page_created", page)
        return page

    def insert(self, page: Page) -> None:
        """Put a page into every index."""
        self.reserve_id(page.id)
        self.pages[page.id] = page
        self.pages_of_space[page.space_id][page.id] = None
        self.note_version(page)
        page.children += [child for child in self._waiting.pop(page.id, []) if child in self.pages]
        if page.parent_id in self.pages:
            self.pages[page.parent_id or ""].children.append(page.id)
        elif page.parent_id is not None:
            self._waiting.setdefault(page.parent_id, []).append(page.id)
        self._claim_title(page)

    def forget(self, page: Page) -> None:
        """Take a page out of every index; what hung below it moves up to its parent."""
        self._release_title(page)
        for child_id in list(page.children):
            self.place(self.pages[child_id], page.parent_id)
        if page.parent_id in self.pages:
            self.pages[page.parent_id or ""].children.remove(page.id)
        for attachment_id in page.attachments.values():
            del self.attachments[attachment_id]
        for comment_id in page.comments:
            del self.comments[comment_id]
        del self.pages[page.id], self.pages_of_space[page.space_id][page.id]
        self.on_event("page_removed", page)

    def save(self, page: Page, title: str, storage: str, by: str, message: str = "", *, is_minor: bool = False) -> None:
        """Add a version. Inline comments whose marker has gone are left dangling."""
        self._check_title(self.spaces[page.space_id], title, page, page.status)
        kept = self.saved(storage)
        self._release_title(page)
        number = page.latest.number + 1
        page.versions.append(Version(number, self.clock(), by, title, kept, message, is_minor))
        self.note_version(page)
        self._claim_title(page)
        inline = [c for c in map(self.comments.__getitem__, page.comments) if c.kind == "inline"]
        if inline:
            refs = marker_refs(kept)
            for comment in inline:
                if comment.marker_ref not in refs and comment.resolution != "resolved":
                    comment.resolution = "dangling"
        self.on_event("page_updated", page)

    def retitle(self, page: Page, version: Version) -> None:
        """Add a version whose body is one the site has saved before; its title must be free."""
        self._release_title(page)
        page.versions.append(version)
        self.note_version(page)
        self._claim_title(page)

    def carry_over(self, page: Page, space: Space, parent_id: str | None) -> None:
        """Move a page without children to another space, keeping its id and version; its title must be free there."""
        self._check_title(space, page.title, page, page.status)
        self._release_title(page)
        del self.pages_of_space[page.space_id][page.id]
        if page.parent_id in self.pages:
            self.pages[page.parent_id or ""].children.remove(page.id)
        page.space_id, page.parent_id = space.id, parent_id
        self.pages_of_space[space.id][page.id] = None
        if parent_id in self.pages:
            self.pages[parent_id or ""].children.append(page.id)
        self._claim_title(page)

    def publish(self, page: Page, title: str, storage: str, by: str, message: str = "") -> None:
        """Turn a draft into a current page of version 1."""
        self._check_title(self.spaces[page.space_id], title, page, "current")
        page.versions = [Version(1, self.clock(), by, title, self.saved(storage), message)]
        page.status = "current"
        self._claim_title(page)
        self.on_event("page_created", page)

    def set_marked_storage(self, page: Page, storage: str) -> None:
        """Replace the latest body in place: setting an inline marker makes no new version."""
        page.versions[-1] = replace(page.latest, storage=storage)

    def set_status(self, page: Page, status: Status) -> None:
        """Trash, archive or restore. Trashed pages give their title up; restoring needs it free."""
        self._check_title(self.spaces[page.space_id], page.title, page, status)
        self._release_title(page)
        if status == "trashed":
            for child_id in list(page.children):
                self.place(self.pages[child_id], page.parent_id)
        page.status = status
        page.trashed_at = self.clock() if status == "trashed" else None
        self._claim_title(page)
        if status in ("trashed", "current"):
            self.on_event("page_trashed" if status == "trashed" else "page_restored", page)

    def place(self, page: Page, parent_id: str | None, *, index: int | None = None) -> None:
        """Hang a page under a parent of its own space (None: top of the space), at a place among its siblings."""
        parent = self.check_place(page, parent_id)
        old = self.pages.get(page.parent_id or "")
        if old is not None:
            old.children.remove(page.id)
        page.parent_id = parent_id
        if parent is not None:
            parent.children.insert(len(parent.children) if index is None else index, page.id)
        self.on_event("page_moved", page)

    def check_place(self, page: Page, parent_id: str | None) -> Page | None:
        """The parent when the page may hang under it; 400 for another space, the page itself or its descendants."""
        parent = self.pages.get(parent_id or "")
        if parent_id is not None and (parent is None or parent.space_id != page.space_id):
            raise bad_request(f"Parent page with id {parent_id} does not exist in this space")
        if parent is not None and (parent is page or page in self.ancestors(parent)):
            raise bad_request("Cannot set a page's parent to itself or to one of its descendants")
        return parent

    def restrict(self, page: Page, readers: tuple[str, ...] | None, editors: tuple[str, ...] | None) -> None:
        """Set who may read or edit; None leaves a list as it is, an empty one opens the page."""
        page.readers = page.readers if readers is None else readers
        page.editors = page.editors if editors is None else editors
        self._has_read_restrictions = self._has_read_restrictions or bool(page.readers)

    # -- what the search index knows

    def indexed(self, page: Page, until: datetime) -> Version | None:
        """The newest version that the index had seen by then; None when the page was not yet or no longer in it."""
        if page.status == "draft" or page.kind == "folder" or (page.trashed_at and page.trashed_at <= until):
            return None
        now = self.clock()
        return next((each for each in reversed(page.versions) if self._is_indexed(page, each, until, now)), None)

    def note_version(self, page: Page) -> None:
        """Draw the delay with which a new version comes into the index."""
        if self.index_delay_s is not None:
            self._indexed_from[page.id, page.latest.number] = self.clock() + timedelta(seconds=self.index_delay_s())

    def _is_indexed(self, page: Page, version: Version, until: datetime, now: datetime) -> bool:
        known = self._indexed_from.get((page.id, version.number))
        return version.when <= until if known is None else known <= now

    # -- rules

    def saved(self, storage: str) -> str:
        """What the server keeps of a body. 413 above 5 MB, 400 when it is not well-formed."""
        if len(storage.encode("utf-8", "surrogatepass")) > MAX_BODY_BYTES:
            raise Refusal(413, "Request body is too large. Maximum size is 5 MB")
        try:
            return rewrite(storage, self.new_uuid, has_local_ids=self.variant == "cloud")
        except StorageError as error:
            raise bad_request(str(error)) from error

    def check_version(self, current: int, number: int | None) -> None:
        """Optimistic lock: the new number is the current one plus one."""
        if number is None:
            raise bad_request("Must supply an incremented version when updating Content. No version supplied.")
        if number != current + 1:
            raise Refusal(409, CONFLICT.format(current))

    def _check_title(self, space: Space, title: str, page: Page | None, status: Status) -> None:
        if status in ("draft", "trashed"):
            return
        if not title.strip():
            raise bad_request("Title cannot be blank")
        if len(title) > MAX_TITLE_LENGTH:
            raise bad_request("Title cannot be longer than 255 characters.")
        holder = self._titles.get((space.id, title.casefold()))
        if holder is not None and (page is None or holder != page.id):
            raise bad_request(
                "A page with this title already exists: A page already exists with the same TITLE in this space"
                if self.variant == "cloud"
                else f"A page with this title already exists: A page already exists with the title {title} "
                f"in the space with key {space.key}"
            )

    def _claim_title(self, page: Page) -> None:
        if page.kind == "page" and page.status in ("current", "archived"):
            self._titles[page.space_id, page.title.casefold()] = page.id

    def _release_title(self, page: Page) -> None:
        key = (page.space_id, page.title.casefold())
        if self._titles.get(key) == page.id:
            del self._titles[key]


def _admits(allowed: tuple[str, ...], user: User) -> bool:
    return not allowed or user.account_id in allowed or any(f"group:{name}" in allowed for name in user.groups)


def property_by_key(properties: dict[str, Property], key: str) -> Property | None:
    return next((item for item in properties.values() if item.key == key), None)
