"""What ``tieline doctor`` tries on a Confluence site: reading only, and the missing permission in Confluence's own words."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec

from connectors.confluence.records import LABEL, Item
from connectors.confluence.site import Site
from sync.core.errors import Conflict, TielineError
from sync.core.ports import ConnectionSettings, Probe

SIGN_IN = {
    True: "make an API token under id.atlassian.com > Security > API tokens and give it with its e-mail",
    False: "make a personal access token under the profile picture > Settings > Personal access tokens",
}
VIEW = "Space settings > Space permissions: give this account View (and Add page, Add attachment to publish there)"


def probe_site(site: Site, settings: ConnectionSettings) -> Iterator[Probe]:
    """One probe per operation the connection needs, nothing changed."""
    yield _probe("sign in", lambda: f"as {site.caller().account.name}", SIGN_IN[site.is_cloud])
    for key in settings.scopes:
        yield _probe(f"see space {key}", lambda key=key: f"id {site.check_space(key)}", VIEW)  # type: ignore[misc]
        yield from _probe_space(site, key)
    yield Probe("write pages", None, "cannot be told without writing", VIEW)


def _probe_space(site: Site, key: str) -> Iterator[Probe]:
    found: list[str] = []

    def read() -> str:
        items = next(site.pages(key, "ids"), [])
        found.extend(_first_id(item) for item in items[:1])
        return f"{len(items)} or more pages"

    def search() -> str:
        next(site.labelled(key, LABEL), [])
        return "search by label works"

    yield _probe(f"read pages of {key}", read, VIEW)
    search_cure = "scope search:confluence; without it pages renamed by hand are looked for by reading the whole space"
    yield _probe(f"search in {key}", search, search_cure)
    if not found:
        return
    page_id = found[0]
    yield _probe("read restrictions", lambda: f"restricted: {site.is_restricted(page_id)}", _RESTRICTIONS)
    yield _probe(
        "read page properties", lambda: "ok" if site.publication(page_id) is None else "a page of ours", _PROPERTIES
    )
    yield _probe("list attachments", lambda: f"{len(site.files(page_id))} files", _FILES)


_RESTRICTIONS = (
    "classic scope read:confluence-content.all; without it every page counts as restricted (option restrictions: false "
    "declares all pages open)"
)
_PROPERTIES = "granular scope read:page:confluence (Cloud), or View in Space permissions"
_FILES = "granular scope read:attachment:confluence (Cloud), or View in Space permissions"


def _first_id(item: bytes) -> str:
    return str(msgspec.json.decode(item, type=Item, strict=False).id)


def _probe(operation: str, attempt: Callable[[], str], cure: str) -> Probe:
    try:
        return Probe(operation, True, attempt())
    except Conflict as error:
        return Probe(operation, None, str(error))
    except TielineError as error:
        return Probe(operation, False, str(error), cure)
