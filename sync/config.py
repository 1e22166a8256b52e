"""``tieline.yaml``: what to connect, what to run, how much may be written. Every mistake is named with its line.

Secrets are never written there: credentials are ``env:NAME`` or ``file:PATH`` and are read when a connection is made.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import available_timezones

import msgspec
from pydantic import BaseModel, ConfigDict, Field

from sync.adoption_config import AdoptionConfig, adoption_problems, baseline_settings
from sync.core.addresses import is_address, passwords_in_url
from sync.core.baseline import JOB as BASELINE
from sync.core.brakes import Limits
from sync.core.errors import ConfigError, Problem
from sync.core.ports import ConnectionSettings, Connector
from sync.core.values import Language
from sync.mapping.validation import nearest, validated
from sync.mapping.yaml import Node, load
from sync.registry import connectors_by_name, jobs_by_name
from sync.remote import keep_secret

# Names a person signs in with; not secrets, though they may come from the environment as well.
PLAIN_CREDENTIALS = frozenset({"email", "user"})
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
    }
)


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


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
    census_every_minutes: int = Field(0, ge=0, le=1440)
    auth: dict[str, str] = Field(default_factory=dict)

    @property
    def extra(self) -> dict[str, Any]:
        """The connector's own settings: credentials may stand under ``auth`` or beside the others."""
        return {**(self.model_extra or {}), **self.auth}


class LimitsConfig(_Model):
    """The brakes on writing; see docs/trust.md."""

    max_changes: int = Field(200, ge=0)
    max_share: float = Field(0.5, ge=0, le=1)
    share_from: int = Field(30, ge=1)
    max_first_run_changes: int = Field(0, ge=0)


class ServeConfig(_Model):
    """The long-lived service: where it listens, and every how many minutes it runs a cycle."""

    host: str = "127.0.0.1"
    port: int = Field(8080, ge=0, le=65535)
    every_minutes: int = Field(10, ge=1, le=1440)
    public_url: str = ""  # where vendors' webhooks reach the service; empty: none are registered


class Config(_Model):
    """The whole of tieline.yaml. ``installation`` is part of every mark we leave and never changes."""

    installation: str = Field("tieline", pattern=r"^[a-z0-9][a-z0-9-]{0,23}$")
    database: str = "sqlite:///var/tieline.sqlite"
    mappings: str = "mappings"
    language: Language = "zh-CN"
    zone: str = "Asia/Shanghai"
    connections: dict[str, ConnectionConfig] = Field(min_length=1)
    jobs: dict[str, dict[str, Any]] = Field(default_factory=dict)
    adoption: AdoptionConfig = Field(default_factory=lambda: AdoptionConfig.model_validate({}))
    limits: LimitsConfig = Field(default_factory=lambda: LimitsConfig.model_validate({}))
    serve: ServeConfig = Field(default_factory=lambda: ServeConfig.model_validate({}))


class LoadedConfig(msgspec.Struct, frozen=True):
    """A valid configuration, the folder its relative paths start from, and its text with line numbers."""

    config: Config
    folder: Path
    node: Node
    file: str
    job_settings: Mapping[str, Any]

    def mapping_files(self) -> tuple[dict[str, bytes], dict[str, str]]:
        """The files of the mappings folder by the path an admin sees, and each connection's mapping among them."""
        folder, shown = self.path(self.config.mappings), Path(self.config.mappings)
        try:
            files = {
                str(shown / path.name): path.read_bytes() for path in sorted(folder.glob("*.yaml")) if path.is_file()
            }
        except OSError as error:
            raise ConfigError([Problem(str(folder), 0, "-", f"cannot be read: {error.strerror}")]) from error
        connections = {
            name: str(shown / (item.mapping or f"{name}.yaml")) for name, item in self.config.connections.items()
        }
        return files, connections

    def mapping_digests(self) -> dict[str, str]:
        """Per connection a digest of all that its derived rows depend on: its mapping, the connector's options, who is who, and this
        version of Tieline.
        """
        files, connections = self.mapping_files()
        shared = [content for name, content in files.items() if Path(name).name in ("people.yaml", "departments.yaml")]
        texts = {
            name: [files.get(file, b""), self._options_text(name), *shared, version("tieline").encode()]
            for name, file in connections.items()
        }
        return {name: hashlib.sha256(b"\0".join(parts)).hexdigest()[:32] for name, parts in texts.items()}

    def _options_text(self, name: str) -> bytes:
        connection = self.config.connections[name]
        allowed = connectors_by_name()[connection.type].options
        return json.dumps({key: connection.extra[key] for key in allowed if key in connection.extra}).encode()

    @property
    def limits(self) -> Limits:
        return Limits(**self.config.limits.model_dump())

    def path(self, relative: str) -> Path:
        """A path of the configuration, relative to its own folder."""
        return (self.folder / relative).resolve()

    def database_url(self) -> str:
        """The database URL; a relative SQLite file lies beside the configuration. ``TIELINE_DATABASE`` overrides it."""
        url = os.environ.get("TIELINE_DATABASE") or self.config.database
        is_hidden = url.startswith(("env:", "file:"))
        if is_hidden:
            url = _secret_text(url, self.folder)
        passwords = passwords_in_url(url)
        # A sentence may name scheme, host and port; of a text without a password nobody knows which part is the secret.
        keep_secret(*(passwords or ([url] if is_hidden else [])))
        prefix, _, file = url.partition(":///")
        if prefix == "sqlite" and file and not file.startswith("/"):
            return f"sqlite:///{self.path(file)}"
        return url


def load_config(path: Path) -> LoadedConfig:
    """Read and check tieline.yaml. Raises ConfigError naming every problem with its line."""
    file = str(path)
    try:
        text = path.read_bytes()
    except OSError as error:
        hint = "`tieline init` writes a first one; --config or TIELINE_CONFIG names another place"
        raise ConfigError([Problem(file, 0, "-", f"cannot be read: {error.strerror}", hint)]) from error
    node = load(text, file)
    config = validated(Config, node, file)
    problems = [
        *_database_problems(config, node, file),
        *_public_url_problems(config, node, file),
        *_connection_problems(config, node, file),
        *_zone_problems(config, node, file),
    ]
    settings, job_problems = _job_settings(config, node, file)
    connectors = {name: item.type for name, item in config.connections.items()}
    problems += adoption_problems(config.adoption, config.jobs, connectors, node, file)
    if config.adoption.page:
        settings[BASELINE] = baseline_settings(config.adoption.page)
    if problems + job_problems:
        raise ConfigError(problems + job_problems)
    return LoadedConfig(config, path.resolve().parent, node, file, settings)


def _database_problems(config: Config, node: Node, file: str) -> list[Problem]:
    if not passwords_in_url(config.database):
        return []
    hint = "write the whole URL as env:NAME or file:PATH and change the password"
    return [Problem(file, node.line("database"), "database", "a password may not stand in this file", hint)]


def _public_url_problems(config: Config, node: Node, file: str) -> list[Problem]:
    text = config.serve.public_url
    url = urlsplit(text)
    is_plain = url.scheme in ("http", "https") and url.hostname and not (url.username or url.query or url.fragment)
    if not text or is_plain:
        return []
    hint = "such as https://tieline.example.org, without user, query or fragment; /hooks/<connection> is added to it"
    return [Problem(file, node.line("serve.public_url"), "serve.public_url", "not an address", hint)]


def _connection_problems(config: Config, node: Node, file: str) -> list[Problem]:
    problems: list[Problem] = []
    known = connectors_by_name()
    for name, connection in config.connections.items():

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


def credentials_of(connection: ConnectionConfig, manifest: Connector) -> tuple[str, ...]:
    """The credentials this connection signs in with: the usual ones, or the other set when that is what is written."""
    variant = variant_of(connection, manifest)
    other = manifest.other_credentials.get(variant, ())
    return other if other and all(name in connection.extra for name in other) else manifest.credentials[variant]


def _credential_problems(connection: ConnectionConfig, manifest: Connector, problem: Any) -> None:
    wanted, extra = credentials_of(connection, manifest), connection.extra
    for name in wanted:
        value = extra.get(name)
        if value is None:
            problem(name, "missing", f"write {name}: env:SOME_NAME or file:/run/secrets/some-name")
        elif name not in PLAIN_CREDENTIALS and not str(value).startswith(("env:", "file:")):
            problem(name, "a secret may not stand in this file", "write env:NAME or file:PATH and change the secret")
    _webhook_problems(connection, manifest, problem)
    allowed = {*wanted, *manifest.options, *COMMON_SETTINGS, WEBHOOK_SECRET}
    for name in extra:
        if name not in allowed:
            problem(name, f"not a setting of {manifest.name}", nearest(name, allowed))


def _webhook_problems(connection: ConnectionConfig, manifest: Connector, problem: Any) -> None:
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


def _zone_problems(config: Config, node: Node, file: str) -> list[Problem]:
    zones = {
        "zone": config.zone,
        **{f"connections.{name}.zone": item.zone for name, item in config.connections.items()},
    }
    known = available_timezones()
    return [
        Problem(
            file, node.line(path), path, f"{zone!r} is not a time zone", nearest(zone, known) or "such as Asia/Shanghai"
        )
        for path, zone in zones.items()
        if zone and zone not in known
    ]


def _job_settings(config: Config, node: Node, file: str) -> tuple[dict[str, Any], list[Problem]]:
    settings: dict[str, Any] = {}
    problems: list[Problem] = []
    known = jobs_by_name()
    for name, values in config.jobs.items():
        path = f"jobs.{name}"
        if name not in known:
            problems.append(Problem(file, node.line(path), path, f"{name!r} is not a job", nearest(name, known)))
            continue
        try:
            settings[name] = msgspec.convert(values, known[name].settings)
        except msgspec.ValidationError as error:
            problems.append(Problem(file, node.line(path), path, str(error)))
            continue
        for place in (settings[name], *getattr(settings[name], "pages", ())):
            connection = getattr(place, "connection", None)
            if connection is not None and connection not in config.connections:
                hint = nearest(connection, config.connections)
                problems.append(Problem(file, node.line(path), path, f"{connection!r} is not a connection", hint))
    return settings, problems


def read_secret(reference: str, folder: Path) -> str:
    """The secret behind ``env:NAME`` or ``file:PATH``. Raises ConfigError naming what is missing; the value is never shown."""
    value = _secret_text(reference, folder)
    keep_secret(value)
    return value


def _secret_text(reference: str, folder: Path) -> str:
    kind, _, name = reference.partition(":")
    if kind == "env":
        value = os.environ.get(name, "")
        if not value:
            raise ConfigError([Problem("environment", 0, name, "not set or empty", f"it is asked for as {reference}")])
    else:
        try:
            data = (folder / name).read_bytes()
        except OSError as error:
            raise ConfigError([Problem(str(folder / name), 0, reference, f"cannot be read: {error}")]) from error
        text = _utf8(data)
        if text is None:
            raise ConfigError([Problem(str(folder / name), 0, reference, "cannot be read: not UTF-8")])
        value = text.strip()
    return value


def _utf8(data: bytes) -> str | None:
    """The text; None when it is something else. The error that would tell holds all of the secret, so it ends here."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None


def connection_settings(
    loaded: LoadedConfig, name: str, scopes: tuple[str, ...], fields: tuple[str, ...], with_secrets: bool = True
) -> ConnectionSettings:
    """A connection's settings, by default with its secrets read. Raises ConfigError when one is missing."""
    config = loaded.config.connections[name]
    manifest = connectors_by_name()[config.type]
    extra = config.extra
    credentials = {}
    for wanted in (*credentials_of(config, manifest), *PLAIN_CREDENTIALS) if with_secrets else ():
        if (value := extra.get(wanted)) is not None:
            is_reference = str(value).startswith(("env:", "file:"))
            credentials[wanted] = read_secret(str(value), loaded.folder) if is_reference else str(value)
    variant = variant_of(config, manifest)
    return ConnectionSettings(
        name=name,
        type=config.type,
        base_url=config.base_url or manifest.default_base_url,
        variant=variant,
        browse_base=config.browse_base,
        installation=loaded.config.installation,
        language=config.language or loaded.config.language,
        zone=config.zone or loaded.config.zone,
        scopes=scopes,
        fields=fields,
        credentials=credentials,
        options={key: value for key, value in extra.items() if key in manifest.options},
        requests_per_second=config.requests_per_second or manifest.requests_per_second.get(variant, 20.0),
        in_flight=config.in_flight or manifest.in_flight,
    )
