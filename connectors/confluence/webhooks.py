"""The Webhooks port on Data Center, for an account that administers Confluence: one webhook for the whole site."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from connectors.confluence.hooks import EVENTS
from connectors.confluence.site import Site
from sync.core.errors import NotFound
from sync.core.hooks import Webhook
from sync.core.ports import ConnectionSettings

PATH = "/rest/api/webhooks"
PAGE = 100


class _Registered(Struct):
    id: int | str = ""
    name: str = ""
    url: str = ""
    active: bool | None = None


class _Listed(Struct):
    results: list[_Registered] = []
    size: int | None = None


class SiteWebhooks:
    """Registered under the name ``tieline <installation>``. Confluence cannot narrow a webhook to spaces: it watches them all."""

    def __init__(self, site: Site, settings: ConnectionSettings) -> None:
        self.site = site
        self.settings = settings

    def groups(self, scopes: Sequence[str]) -> Sequence[tuple[str, ...]]:
        """One for all spaces."""
        return [tuple(dict.fromkeys(scopes))] if scopes else []

    def registered(self, known: Sequence[str]) -> Sequence[Webhook]:
        """All that the site lists, page by page."""
        found: dict[str, Webhook] = {}
        start = 0
        while True:
            reply = self.site.remote.send("GET", PATH, params={"start": start, "limit": PAGE})
            items = reply.read(_Listed).results
            fresh = [item for item in map(self._shown, items) if item.id not in found]
            found.update((item.id, item) for item in fresh)
            if not fresh:
                return list(found.values())
            start += len(items)

    def register(self, callback_url: str, scopes: tuple[str, ...], secret: str) -> Webhook:
        for item in self.registered(()):
            if item.callback_url == callback_url:
                return self.renew(item, secret)
        reply = self.site.remote.send("POST", PATH, json=self._body(callback_url, secret))
        return self._shown(reply.read(_Registered))

    def renew(self, webhook: Webhook, secret: str) -> Webhook:
        body = self._body(webhook.callback_url, secret)
        return self._shown(self.site.remote.send("PUT", f"{PATH}/{webhook.id}", json=body).read(_Registered))

    def remove(self, webhook: Webhook) -> None:
        try:
            self.site.remote.send("DELETE", f"{PATH}/{webhook.id}")
        except NotFound:
            return

    def _body(self, callback_url: str, secret: str) -> dict[str, Any]:
        return {
            "name": f"tieline {self.settings.installation}",
            "url": callback_url,
            "active": True,
            "events": list(EVENTS),
            "configuration": {"secret": secret},
            "sslVerificationRequired": callback_url.startswith("https:"),
        }

    def _shown(self, item: _Registered) -> Webhook:
        is_active = item.active is not False
        detail = "" if is_active else "switched off in Confluence administration > Webhooks"
        return Webhook(str(item.id), item.url, self.settings.scopes, is_active, detail)
