"""Where vendors call back, with which secret they sign, and who registers it."""

from __future__ import annotations

from typing import Literal

import msgspec

from sync.config import WEBHOOK_SECRET, LoadedConfig, connection_settings, read_secret, variant_of
from sync.core.ports import ConnectionSettings
from sync.registry import connectors_by_name


def webhook_way(loaded: LoadedConfig, name: str) -> Literal["registered", "by_hand", ""]:
    """How webhooks of this connection come to be: by our own registration, by an admin's hand, or not at all."""
    config = loaded.config.connections[name]
    manifest = connectors_by_name()[config.type]
    return manifest.webhooks.get(variant_of(config, manifest), "")


def callback_url(loaded: LoadedConfig, name: str) -> str:
    """Where this connection's webhooks are sent; "" without ``serve.public_url``."""
    base = loaded.config.serve.public_url.rstrip("/")
    return f"{base}/hooks/{name}" if base else ""


def webhook_settings(loaded: LoadedConfig, name: str, scopes: tuple[str, ...]) -> ConnectionSettings:
    """A connection's settings with the secret of its webhooks and no other. Raises ConfigError when that cannot be read; collecting
    does not need it.
    """
    settings = connection_settings(loaded, name, scopes, (), with_secrets=False)
    reference = loaded.config.connections[name].extra.get(WEBHOOK_SECRET)
    credentials = {} if reference is None else {WEBHOOK_SECRET: read_secret(str(reference), loaded.folder)}
    return msgspec.structs.replace(settings, credentials=credentials)
