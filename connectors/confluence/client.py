"""Connecting: one Remote per connection, the adapter for its variant, and the ports over it."""

from __future__ import annotations

import base64
import hashlib
from urllib.parse import urlsplit

from connectors.confluence.answers import decipher
from connectors.confluence.knowledge_base import PageWriter
from connectors.confluence.site import Site
from connectors.confluence.source import PageSource
from connectors.confluence.webhooks import SiteWebhooks
from sync.core.ports import ConnectionSettings
from sync.remote import Pace, Remote, keep_secret

GATEWAY = "https://api.atlassian.com"


class Confluence(PageSource, PageWriter):
    """One Confluence site: the Source and KnowledgeBase ports."""

    def __init__(self, site: Site, settings: ConnectionSettings) -> None:
        PageSource.__init__(self, site, settings)
        PageWriter.__init__(self, site, settings)
        self.remote: Remote = site.remote
        self.webhooks = SiteWebhooks(site, settings)

    def close(self) -> None:
        self.remote.close()


def connect(settings: ConnectionSettings, pace: Pace) -> Confluence:
    """A connection ready for use; nothing is sent yet. ``pace`` is the connector's own, for what the settings leave open."""
    authorization = _authorization(settings)
    pace = Pace(
        settings.requests_per_second or pace.requests_per_second,
        settings.in_flight or pace.in_flight,
        product="confluence",
        # Cloud counts for the whole site, Data Center for each account.
        account=hashlib.sha256(authorization.encode()).hexdigest()[:12] if settings.variant == "dc" else "",
    )
    remote = Remote(settings.name, api_base(settings), {"authorization": authorization}, decipher, pace)
    return Confluence(_site(settings, remote), settings)


def _site(settings: ConnectionSettings, remote: Remote) -> Site:
    # Each adapter is imported where it is needed: atlassian-python-api takes half a second.
    if settings.variant == "dc":
        from connectors.confluence.data_center import DataCenter

        return DataCenter(remote)
    from connectors.confluence.cloud import Cloud

    return Cloud(remote, has_properties=bool(settings.options.get("properties")))


def api_base(settings: ConnectionSettings) -> str:
    """Where requests go. Cloud: the site, without ``/wiki``; with the option ``cloud_id`` the gateway's path for that site."""
    base = settings.base_url.rstrip("/")
    if settings.variant == "dc":
        return base
    base = base.removesuffix("/wiki")
    cloud_id = settings.options.get("cloud_id")
    if not cloud_id or "/ex/confluence/" in base:
        return base
    host = urlsplit(base).hostname or ""
    gateway = GATEWAY if host.endswith(".atlassian.net") else base
    return f"{gateway}/ex/confluence/{cloud_id}"


def _authorization(settings: ConnectionSettings) -> str:
    token = settings.credentials.get("token", "")
    email = settings.credentials.get("email", "")
    keep_secret(token)
    if settings.variant == "dc" or not email:
        return f"Bearer {token}"
    pair = base64.b64encode(f"{email}:{token}".encode()).decode()
    keep_secret(pair)
    return f"Basic {pair}"
