"""One connection of ``tieline.yaml``: its settings, what it signs in with, and every mistake in them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from sync.core.addresses import is_address
from sync.core.errors import Problem
from sync.core.options import option_problem
from sync.core.ports import Connector
from sync.core.values import Language
from sync.mapping.validation import nearest
from sync.mapping.yaml import Node
from sync.registry import connectors_by_name

# Names a person signs in with; not secrets, though they may come from the environment as well.
PLAIN_CREDENTIALS = frozenset({"email", "user", "tenant", "client_id"})
_CONNECTION_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")
WEBHOOK_SECRET = "webhook_secret"  # noqa: S105 - the setting's name
RESERVED_NAME = "tieline"  # refs of what YAML defines begin with it: tieline:person:zhang-wei
COMMON_SETTINGS = frozenset(
    {
        "type",
        "variant",
        "auth",
        "base_url",
        "browse_base",
        "mapping",
        "language",
        "zone",
        "requests_per_second",
        "in_flight",
        "calls_per_run",
        "census_every_minutes",
        "every_minutes",
    }
)


class ConnectionConfig(BaseModel):
    """One configured account. Beside these settings stand the connector's own credentials and options."""

    model_config = ConfigDict(extra="allow", frozen=True)

    type: str
    variant: str = ""
    base_url: str = ""
    browse_base: str = ""
    mapping: str = ""
    language: Language | None = None
    zone: str = ""
    requests_per_second: float = Field(0.0, ge=0)
    in_flight: int = Field(0, ge=0, le=64)
    calls_per_run: int = Field(0, ge=0)  # 0: no limit; see docs/rate-limits.md
    every_minutes: int = Field(0, ge=0, le=10_080)  # 0: read with every cycle
    census_every_minutes: int = Field(0, ge=0, le=1440)
    auth: dict[str, str] = Field(default_factory=dict)

    @property
    def extra(self) -> dict[str, Any]:
        """The connector's own settings: credentials may stand under ``auth`` or beside the others."""
        return {**(self.model_extra or {}), **self.auth}


def connection_problems(connections: Mapping[str, ConnectionConfig], node: Node, file: str) -> list[Problem]:
    """What is wrong with the connections, each with its line."""
    problems: list[Problem] = []
    known = connectors_by_name()
    for name, connection in connections.items():

        def problem(setting: str, text: str, hint: str = "", name: str = name) -> None:
            path = f"connections.{name}" + (f".{setting}" if setting else "")
            problems.append(Problem(file, node.line(path), path, text, hint))

        if not _CONNECTION_NAME.fullmatch(name):
            problem("", f"{name!r} is not a connection name", "small letters, digits and - only, no - first")
        if name == RESERVED_NAME:
            problem("", f"{name!r} is Tieline's own name", "call it after the tool and its purpose, such as jira-main")
        if connection.type not in known:
            problem("type", f"{connection.type!r} is not a connector", nearest(connection.type, known))
            continue
        manifest = known[connection.type]
        if variant_of(connection, manifest) not in manifest.variants:
            problem("variant", f"{connection.variant!r}: expected {' or '.join(manifest.variants)}")
            continue
        if not (connection.base_url or manifest.default_base_url):
            problem("base_url", "missing", "the site's address, such as https://acme.atlassian.net")
        for setting in ("base_url", "browse_base"):
            if getattr(connection, setting) and not is_address(getattr(connection, setting)):
                problem(setting, "not an address", "https://host, without user or password")
        _credential_problems(connection, manifest, problem)
    return problems


def variant_of(connection: ConnectionConfig, manifest: Connector) -> str:
    """The connection's variant; one need not be written where there is only one."""
    return connection.variant or (manifest.variants[0] if len(manifest.variants) == 1 else "")


def reach_of(connection: ConnectionConfig, manifest: Connector) -> tuple[str, ...]:
    """What a chat reaches: ``people`` one by one, and ``rooms`` that it makes."""
    return manifest.reaches(variant_of(connection, manifest), connection.extra) if manifest.reaches else ()


def credentials_of(connection: ConnectionConfig, manifest: Connector) -> tuple[str, ...]:
    """The credentials this connection signs in with: the usual ones, or the other set when that is what is written or was begun; and those
    of the optional ones that are written."""
    variant = variant_of(connection, manifest)
    usual, other = manifest.credentials[variant], manifest.other_credentials.get(variant, ())
    written = {names: sum(name in connection.extra for name in names) for names in (usual, other)}
    if other and (written[other] == len(other) or written[other] > written[usual]):
        usual = other
    return (*usual, *(name for name in manifest.optional_credentials.get(variant, ()) if name in connection.extra))


def _credential_problems(connection: ConnectionConfig, manifest: Connector, problem: Callable[..., None]) -> None:
    wanted, extra = credentials_of(connection, manifest), connection.extra
    for name in wanted:
        value = extra.get(name)
        if value is None:
            problem(name, "missing", f"write {name}: env:SOME_NAME or file:/run/secrets/some-name")
        elif str(value) in ("env:", "file:"):
            problem(
                name, "names nothing", f"write {value} and the name of the {'variable' if value == 'env:' else 'file'}"
            )
        elif name not in PLAIN_CREDENTIALS | {*manifest.plain_credentials} and not str(value).startswith(
            ("env:", "file:")
        ):
            problem(name, "a secret may not stand in this file", "write env:NAME or file:PATH and change the secret")
    _webhook_problems(connection, manifest, problem)
    _half_set_problems(connection, manifest, problem)
    allowed = {*wanted, *manifest.options, *COMMON_SETTINGS, WEBHOOK_SECRET}
    for name in extra:
        if name not in allowed:
            problem(name, f"not a setting of {manifest.name}", nearest(name, allowed))
    _option_problems(connection, manifest, problem)


def _half_set_problems(connection: ConnectionConfig, manifest: Connector, problem: Callable[..., None]) -> None:
    for name, others in manifest.wants_beside.items():
        missing = [other for other in others if other not in connection.extra]
        if name in connection.extra and missing:
            problem(name, f"does nothing without {' and '.join(missing)}", f"write that too, or leave {name} out")


def _option_problems(connection: ConnectionConfig, manifest: Connector, problem: Callable[..., None]) -> None:
    options = {name: value for name, value in connection.extra.items() if name in manifest.options}
    for name, value in options.items():
        if found := option_problem(manifest.option_kinds.get(name, "text"), value):
            problem(name, *found)
    for setting, text, hint in (
        manifest.check_options(variant_of(connection, manifest), options) if manifest.check_options else ()
    ):
        problem(setting, text, hint)


def _webhook_problems(connection: ConnectionConfig, manifest: Connector, problem: Callable[..., None]) -> None:
    value, variant = connection.extra.get(WEBHOOK_SECRET), variant_of(connection, manifest)
    if value is None:
        return
    if variant not in manifest.webhooks:
        text = f"{manifest.name} {variant} sends no webhooks that we could check"
        problem(WEBHOOK_SECRET, text, "leave it out; polling reads everything")
    elif not str(value).startswith(("env:", "file:")):
        problem(
            WEBHOOK_SECRET, "a secret may not stand in this file", "write env:NAME or file:PATH and change the secret"
        )
