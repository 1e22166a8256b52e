"""What people do in the browser, as calls for tests: they edit, move, bin and comment like colleagues, not like us."""

from __future__ import annotations

import threading

from sandbox.confluence import parts
from sandbox.confluence.access import TIELINE
from sandbox.confluence.site import Site
from sandbox.confluence.state import Attachment, Comment, Page


class Humans:
    """Edits by people. ``by`` is an account id, a user name, or empty for the page's author."""

    site: Site
    lock: threading.RLock

    def _by(self, page: Page, by: str) -> str:
        user = self.site.find_user(by)
        return user.account_id if user else by or page.author

    def create_page(self, space_key: str, title: str, storage: str = "", *, parent_id: str = "", by: str = "") -> Page:
        """A person writes a page; without a parent it hangs under the home page."""
        with self.lock:
            space = self.site.space_by_key(space_key)
            if space is None:
                raise KeyError(space_key)
            user = self.site.find_user(by)
            author = user.account_id if user else by or space.author
            return self.site.create_page(
                space, title, storage, author, parent_id=parent_id or space.homepage_id or None
            )

    def create_folder(self, space_key: str, title: str, *, parent_id: str = "") -> Page:
        with self.lock:
            space = self.site.space_by_key(space_key)
            if space is None:
                raise KeyError(space_key)
            parent = parent_id or space.homepage_id or None
            return self.site.create_page(space, title, "", space.author, parent_id=parent, kind="folder")

    def edit_page(
        self, page_id: str, *, storage: str | None = None, title: str | None = None, by: str = "", message: str = ""
    ) -> Page:
        """A new version with other text or title."""
        with self.lock:
            page = self.site.pages[page_id]
            kept = page.latest.storage if storage is None else storage
            self.site.save(page, title or page.title, kept, self._by(page, by), message)
            return page

    def move(self, page_id: str, parent_id: str | None) -> None:
        """Under another parent of the same space; None is the top of the space."""
        with self.lock:
            self.site.place(self.site.pages[page_id], parent_id)

    def trash(self, page_id: str) -> None:
        with self.lock:
            self.site.set_status(self.site.pages[page_id], "trashed")

    def archive(self, page_id: str) -> None:
        with self.lock:
            self.site.set_status(self.site.pages[page_id], "archived")

    def restore(self, page_id: str) -> None:
        with self.lock:
            self.site.set_status(self.site.pages[page_id], "current")

    def purge(self, page_id: str) -> None:
        """Gone for good, as if it had never been there."""
        with self.lock:
            self.site.forget(self.site.pages[page_id])

    def comment(self, page_id: str, text: str, *, by: str = "") -> Comment:
        """A footer comment; ``text`` is storage format."""
        with self.lock:
            page = self.site.pages[page_id]
            return parts.add_comment(self.site, page, text, self._by(page, by))

    def comment_inline(self, page_id: str, selection: str, text: str, *, by: str = "") -> Comment:
        """An inline comment on the first place where the selection stands."""
        with self.lock:
            page = self.site.pages[page_id]
            return parts.add_inline_comment(self.site, page, selection, text, self._by(page, by))

    def restrict(
        self, page_id: str, *, readers: tuple[str, ...] | None = None, editors: tuple[str, ...] | None = None
    ) -> None:
        """Who may read or edit, by account id, user name or ``group:name``; an empty tuple opens the page again."""
        with self.lock:
            page = self.site.pages[page_id]
            self.site.restrict(page, self._ids(readers), self._ids(editors))

    def _ids(self, names: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if names is None:
            return None
        users = [(name, self.site.find_user(name)) for name in names]
        return tuple(user.account_id if user else name for name, user in users)

    def hide_space(self, space_key: str, *, is_hidden: bool = True) -> None:
        """Take the integration account's access to a space away, or give it back."""
        with self.lock:
            space = self.site.space_by_key(space_key)
            if space is None:
                raise KeyError(space_key)
            space.is_hidden = is_hidden

    def label(self, page_id: str, *names: str) -> None:
        with self.lock:
            parts.add_labels(self.site, self.site.pages[page_id], [{"name": name} for name in names])

    def attach(self, page_id: str, name: str, data: bytes, *, by: str = "") -> Attachment:
        with self.lock:
            page = self.site.pages[page_id]
            known = page.attachments.get(name)
            if known is None:
                return parts.attach(self.site, page, name, data, self._by(page, by))
            parts.replace_data(self.site, self.site.attachments[known], data, self._by(page, by))
            return self.site.attachments[known]

    def page_named(self, space_key: str, title: str) -> Page | None:
        """For tests: the page of this title, whoever may see it."""
        space = self.site.space_by_key(space_key)
        return self.site.page_titled(space.id, title) if space else None

    def tieline_id(self) -> str:
        """The account id of the integration account."""
        return TIELINE.account_id
