"""Many changes at once, without the parsing of ``site``: every body is one that the site has saved before."""

from __future__ import annotations

from datetime import datetime

from sandbox.confluence.site import Site
from sandbox.confluence.state import Page, Space, Version


def create(site: Site, space: Space, title: str, storage: str, by: str, at: datetime, parent_id: str | None) -> Page:
    """A new page with a body in the form in which the server keeps it. Titles must be free."""
    page = Page(site.new_id(), space.id, "current", at, by, [Version(1, at, by, title, storage)], parent_id)
    site.insert(page)
    return page


def edit(site: Site, page: Page, title: str, by: str, at: datetime) -> None:
    """One version more, with another title (which must be free) or the same, and the same body."""
    site.retitle(page, Version(page.latest.number + 1, at, by, title, page.latest.storage))


def move_to_space(site: Site, page: Page, space: Space, parent_id: str | None) -> None:
    """A page without children into another space, under its home page; the version stays, as the vendor's Move does it."""
    site.carry_over(page, space, parent_id)
