"""The Webhooks port on Data Center, for an account that administers Jira: one webhook, filtered to the collected projects.

``/rest/webhooks/1.0/webhook`` is no part of the REST API's contract; where it is missing or forbidden an admin registers by hand.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from msgspec import Struct, field

from connectors.jira.hooks import EVENTS
from connectors.jira.site import Site, part
from sync.core.errors import NotFound
from sync.core.hooks import Webhook

PATH = "/rest/webhooks/1.0/webhook"
FILTER = "issue-related-events-section"
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')


class _Registered(Struct):
    self: str = ""
    name: str = ""
    url: str = ""
    enabled: bool | None = None
    filters: dict[str, Any] | None = field(default_factory=dict)


class JiraWebhooks:
    """Registered under the name ``tieline <installation>``."""

    def __init__(self, site: Site) -> None:
        self.site = site

    def groups(self, scopes: Sequence[str]) -> Sequence[tuple[str, ...]]:
        """All projects in one filter."""
        return [tuple(dict.fromkeys(scopes))] if scopes else []

    def registered(self, known: Sequence[str]) -> Sequence[Webhook]:
        """All that Jira lists."""
        return [_shown(item) for item in self.site.remote.send("GET", PATH).read(list[_Registered])]

    def register(self, callback_url: str, scopes: tuple[str, ...], secret: str) -> Webhook:
        for item in self.registered(()):
            if item.callback_url == callback_url and set(item.scopes) == set(scopes):
                return self.renew(item, secret)
        reply = self.site.remote.send("POST", PATH, json=self._body(callback_url, scopes, secret))
        return _shown(reply.read(_Registered))

    def renew(self, webhook: Webhook, secret: str) -> Webhook:
        body = self._body(webhook.callback_url, webhook.scopes, secret)
        return _shown(self.site.remote.send("PUT", f"{PATH}/{part(webhook.id)}", json=body).read(_Registered))

    def remove(self, webhook: Webhook) -> None:
        headers = {"content-type": "application/json"}
        try:
            self.site.remote.send("DELETE", f"{PATH}/{part(webhook.id)}", headers=headers)
        except NotFound:
            return

    def _body(self, callback_url: str, scopes: tuple[str, ...], secret: str) -> dict[str, object]:
        query = f"project in ({', '.join(_quoted(scope) for scope in scopes)})"
        return {
            "name": f"tieline {self.site.settings.installation}",
            "url": callback_url,
            "events": list(EVENTS),
            "filters": {FILTER: query},
            "excludeBody": False,
            "enabled": True,
            "secret": secret,
        }


def _shown(item: _Registered) -> Webhook:
    query = str((item.filters or {}).get(FILTER) or "")
    scopes = tuple(re.sub(r"\\(.)", r"\1", text) for text in _QUOTED.findall(query))
    is_active = item.enabled is not False
    return Webhook(
        item.self.rstrip("/").rpartition("/")[2],
        item.url,
        scopes,
        is_active,
        "" if is_active else "switched off in Jira administration > System > WebHooks",
    )


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
