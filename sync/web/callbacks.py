"""Where vendors call back, with which secret they sign, and who registers it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import msgspec

from sync.config import LoadedConfig, connection_settings, read_secret
from sync.connection_config import WEBHOOK_SECRET, variant_of
from sync.core.errors import ConfigError, Problem
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


def secret_problems(loaded: LoadedConfig) -> Iterator[Problem]:
    """Secrets of webhooks that cannot be read. A run does without them; whoever checks should know."""
    for name in loaded.config.connections:
        try:
            webhook_settings(loaded, name, ())
        except ConfigError as error:
            path = f"connections.{name}.{WEBHOOK_SECRET}"
            for item in error.problems:
                yield Problem(loaded.file, loaded.node.line(path), path, f"{item.path}: {item.text}", item.hint)


def webhook_notes(loaded: LoadedConfig) -> Iterator[str]:
    """What is missing for webhooks to reach us, in sentences; nothing where nobody asked for any."""
    for name, connection in loaded.config.connections.items():
        way, url, has_secret = webhook_way(loaded, name), callback_url(loaded, name), WEBHOOK_SECRET in connection.extra
        if url and way and not has_secret:
            yield f"{name}: no webhooks, as it has no webhook_secret (docs/webhooks.md)"
        if has_secret and way == "by_hand":
            address = url or f"<address of this service>/hooks/{name}"
            yield f"{name}: an admin registers the webhook by hand: {address} (docs/webhooks.md)"
        if has_secret and way == "registered" and not url:
            yield f"{name}: no webhook is registered, as serve.public_url is not set (docs/webhooks.md)"
